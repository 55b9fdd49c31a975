//! The operations without a watch, each one request.

use zoa_client_core::Submission;
use zoa_client_core::WatchRemoval;
use zoa_proto::Acl;
use zoa_proto::AclList;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::Request;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::WatcherType;
use zoa_proto::request;

use super::Client;
use crate::answer::Answer;
use crate::answer::Children;
use crate::answer::Created;
use crate::answer::Identity;
use crate::answer::MultiAnswer;
use crate::answer::MultiDone;
use crate::answer::MultiFound;
use crate::answer::NodeAcl;
use crate::answer::NodeData;
use crate::create::CreateOptions;
use crate::create::Data;
use crate::error::ErrorKind;
use crate::multi::Multi;
use crate::multi::MultiRead;
use crate::pending::Finish;
use crate::pending::Pending;

/// Where a server keeps the configuration of its ensemble, whatever the client's chroot.
pub(super) const CONFIG_PATH: &str = "/zookeeper/config";

/// Makes a result out of the one kind of answer that the core reads for an operation.
macro_rules! answer {
    ($($pattern:pat => $value:expr),+ $(,)?) => {
        |result, _| match result? {
            $($pattern => Ok($value),)+
            _ => unreachable!("the core reads a reply by its operation"),
        }
    };
}
pub(super) use answer;

/// A change of the ensemble; see [`Client::reconfig`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reconfig<'a> {
    /// Servers to add or change, separated by commas: `server.1=host:2888:3888;2181`.
    pub joining: Option<&'a str>,
    /// Ids of servers to remove, separated by commas.
    pub leaving: Option<&'a str>,
    /// All servers from now on, separated by commas; instead of the two above.
    pub new_members: Option<&'a str>,
    /// The version the configuration must have; -1 is any.
    pub config_id: i64,
}

impl Client {
    /// Creates a znode and gives its path, with its number if it is sequential.
    ///
    /// A [`CreateMode`] will do for the options; [`CreateOptions`] has an ACL and a TTL too.
    pub fn create<'d>(
        &self,
        path: &str,
        data: impl Into<Data<'d>>,
        options: impl Into<CreateOptions>,
    ) -> Pending<String> {
        let (data, options) = (data.into(), options.into());
        self.send_create(
            (path, data, |create| Request::Create(create)),
            &options,
            answer!(Answer::Path(path) => path, Answer::Created(created) => created.path),
        )
    }

    /// Creates a znode and gives path and stat. Servers before 3.5 do not know it.
    pub fn create2<'d>(
        &self,
        path: &str,
        data: impl Into<Data<'d>>,
        options: impl Into<CreateOptions>,
    ) -> Pending<Created> {
        let (data, options) = (data.into(), options.into());
        self.send_create(
            (path, data, |create| Request::Create2(create)),
            &options,
            answer!(Answer::Created(created) => created),
        )
    }

    /// The operation's code, and not its flags, decides whether a container or a TTL znode is made.
    fn send_create<R>(
        &self,
        (path, data, plain): (
            &str,
            Data<'_>,
            for<'r> fn(request::Create<'r>) -> Request<'r>,
        ),
        options: &CreateOptions,
        finish: Finish<R>,
    ) -> Pending<R> {
        let mut scratch = Vec::new();
        let acl = AclList::collect_into(options.acl_refs(), &mut scratch);
        let create = request::Create {
            path,
            data: data.0,
            acl,
            flags: options.mode.flags(),
        };
        let request = match options.mode {
            CreateMode::Container => Request::CreateContainer(create),
            CreateMode::PersistentWithTtl | CreateMode::PersistentSequentialWithTtl => {
                Request::CreateTtl(request::CreateTtl {
                    path,
                    data: data.0,
                    acl,
                    flags: create.flags,
                    ttl_ms: options.ttl_ms(),
                })
            }
            CreateMode::Persistent
            | CreateMode::Ephemeral
            | CreateMode::PersistentSequential
            | CreateMode::EphemeralSequential => plain(create),
        };
        self.send(request, path, finish)
    }

    /// Deletes a znode without children.
    pub fn delete(&self, path: &str, version: Version) -> Pending<()> {
        let request = Request::Delete(request::Delete { path, version });
        self.send(request, path, answer!(Answer::Empty => ()))
    }

    /// Deletes a container that has no children, as the servers themselves do. Only useful for tests and tools.
    pub fn delete_container(&self, path: &str) -> Pending<()> {
        let request = Request::DeleteContainer(request::DeleteContainer { path });
        self.send(request, path, answer!(Answer::Empty => ()))
    }

    /// The stat of a znode; `None` when it does not exist.
    pub fn exists(&self, path: &str) -> Pending<Option<Stat>> {
        let watch = false;
        let request = Request::Exists(request::Exists { path, watch });
        self.send(request, path, |result, _| stat_if_found(result))
    }

    /// The data and stat of a znode.
    pub fn get_data(&self, path: &str) -> Pending<NodeData> {
        let watch = false;
        let request = Request::GetData(request::GetData { path, watch });
        self.send(request, path, answer!(Answer::Data(data) => data))
    }

    /// Sets the data of a znode.
    pub fn set_data<'d>(
        &self,
        path: &str,
        data: impl Into<Data<'d>>,
        version: Version,
    ) -> Pending<Stat> {
        let data = data.into().0;
        let request = Request::SetData(request::SetData {
            path,
            data,
            version,
        });
        self.send(request, path, answer!(Answer::Stat(stat) => stat))
    }

    /// The ACL and stat of a znode.
    pub fn get_acl(&self, path: &str) -> Pending<NodeAcl> {
        let request = Request::GetAcl(request::GetAcl { path });
        self.send(request, path, answer!(Answer::Acl(acl) => acl))
    }

    /// Sets the ACL of a znode; the version is that of the ACL.
    pub fn set_acl(&self, path: &str, acl: &[Acl], version: Version) -> Pending<Stat> {
        let mut scratch = Vec::new();
        let acl = AclList::collect_into(acl.iter().map(Acl::as_ref), &mut scratch);
        let request = Request::SetAcl(request::SetAcl { path, acl, version });
        self.send(request, path, answer!(Answer::Stat(stat) => stat))
    }

    /// The names of a znode's children, in no order.
    pub fn get_children(&self, path: &str) -> Pending<Vec<String>> {
        let watch = false;
        let request = Request::GetChildren(request::GetChildren { path, watch });
        self.send(request, path, answer!(Answer::Names(names) => names))
    }

    /// The names of a znode's children, in no order, and its stat.
    pub fn get_children2(&self, path: &str) -> Pending<Children> {
        let watch = false;
        let request = Request::GetChildren2(request::GetChildren { path, watch });
        self.send(
            request,
            path,
            answer!(Answer::Children(children) => children),
        )
    }

    /// How many znodes are below this one, at any depth.
    pub fn get_all_children_number(&self, path: &str) -> Pending<i32> {
        let request = Request::GetAllChildrenNumber(request::GetAllChildrenNumber { path });
        self.send(request, path, answer!(Answer::Count(count) => count))
    }

    /// The paths of this session's ephemerals that start with `prefix`, as plain text; empty for all.
    pub fn get_ephemerals(&self, prefix: &str) -> Pending<Vec<String>> {
        let request = Request::GetEphemerals(request::GetEphemerals { prefix });
        self.send(request, prefix, answer!(Answer::Names(paths) => paths))
    }

    /// Waits until the server has seen all that was written before, through whichever server: reads after it are up to date.
    pub fn sync(&self, path: &str) -> Pending<()> {
        let request = Request::Sync(request::Sync { path });
        self.send(request, path, answer!(Answer::Path(_) => ()))
    }

    /// Applies several operations together or not at all; what each did, in their order.
    ///
    /// When one is refused, the error's kind is [`ErrorKind::Multi`] and says which.
    pub fn multi(&self, multi: &Multi) -> Pending<Vec<MultiDone>> {
        multi.encoded(|ops| {
            self.send(Request::Multi(ops), "", |result, _| match result? {
                Answer::Multi(answers) => all_done(answers),
                _ => unreachable!("the core reads a reply by its operation"),
            })
        })
    }

    /// Answers several reads together; each is found or refused by itself, in their order. Servers before 3.6 do not know it.
    pub fn multi_read(&self, reads: &MultiRead) -> Pending<Vec<Result<MultiFound, ErrorCode>>> {
        reads.encoded(|ops| {
            self.send(
                Request::MultiRead(ops),
                "",
                answer!(Answer::Multi(answers) => each_found(answers)),
            )
        })
    }

    /// Changes the ensemble; gives the new configuration and its stat.
    pub fn reconfig(&self, reconfig: Reconfig<'_>) -> Pending<NodeData> {
        let Reconfig {
            joining,
            leaving,
            new_members,
            config_id,
        } = reconfig;
        let request = Request::Reconfig(request::Reconfig {
            joining,
            leaving,
            new_members,
            config_id,
        });
        self.send(request, "", answer!(Answer::Data(data) => data))
    }

    /// The configuration of the ensemble, whatever the chroot.
    pub fn get_config(&self) -> Pending<NodeData> {
        let request = Request::GetData(request::GetData {
            path: CONFIG_PATH,
            watch: false,
        });
        let submission = Submission {
            request,
            watcher: None,
            outside_chroot: true,
        };
        let sent = self.shared().submit(submission, CONFIG_PATH);
        Pending::new(sent, None, answer!(Answer::Data(data) => data))
    }

    /// Whether the server keeps such a watch of this session on the path; `NOWATCHER` when it does not.
    pub fn check_watches(&self, path: &str, watcher_type: WatcherType) -> Pending<()> {
        let request = Request::CheckWatches(request::ChangeWatches { path, watcher_type });
        self.send(request, path, answer!(Answer::Empty => ()))
    }

    /// Removes everybody's watches of this type from the path; their streams hear of it. To remove one's own, drop it.
    ///
    /// With [`Removal::Local`] they are removed here also when the server cannot be asked, or knows of none.
    pub fn remove_watches(
        &self,
        path: &str,
        watcher_type: WatcherType,
        removal: Removal,
    ) -> Pending<()> {
        let removal = WatchRemoval {
            path,
            watcher_type,
            watcher: None,
            local: removal == Removal::Local,
        };
        let sent = self
            .shared()
            .submit_with(OpCode::RemoveWatches, path, |core, now_ms, tag| {
                core.remove_watches(now_ms, removal, tag)
            });
        Pending::new(sent, None, answer!(Answer::Empty => ()))
    }

    /// Adds an identity to this and every later connection, e.g. `digest` and `user:password`. A refusal ends the session.
    pub fn add_auth(&self, scheme: &str, auth: &[u8]) -> Pending<()> {
        let sent = self
            .shared()
            .submit_with(OpCode::Auth, "", |core, now_ms, tag| {
                core.add_auth(now_ms, scheme, auth, tag)
            });
        Pending::new(sent, None, answer!(Answer::Empty => ()))
    }

    /// The identities of the connection, as the server sees them. Servers before 3.8 do not know it.
    pub fn who_am_i(&self) -> Pending<Vec<Identity>> {
        self.send(
            Request::WhoAmI,
            "",
            answer!(Answer::Identities(identities) => identities),
        )
    }

    /// One step of a SASL exchange: the client's token, and the server's in return.
    pub fn sasl(&self, token: &[u8]) -> Pending<Option<Vec<u8>>> {
        let request = Request::Sasl(request::Sasl { token: Some(token) });
        self.send(request, "", answer!(Answer::Token(token) => token))
    }

    fn send<R>(&self, request: Request<'_>, path: &str, finish: Finish<R>) -> Pending<R> {
        Pending::new(self.shared().submit(request.into(), path), None, finish)
    }
}

/// Whether watches are removed only if the server agrees.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Removal {
    /// The server must know of the watches.
    OnServer,
    /// They are removed here in any case.
    Local,
}

/// A znode that does not exist is an answer here, and no error.
pub(super) fn stat_if_found(result: Result<Answer, ErrorKind>) -> Result<Option<Stat>, ErrorKind> {
    match result {
        Ok(Answer::Stat(stat)) => Ok(Some(stat)),
        Ok(_) => unreachable!("the core reads a reply by its operation"),
        Err(ErrorKind::Code(ErrorCode::NoNode)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// In a failed multi every result is an error: none before the one that failed, its own, and one for those after it.
fn all_done(answers: Vec<MultiAnswer>) -> Result<Vec<MultiDone>, ErrorKind> {
    let failed = answers.iter().enumerate().find_map(|(index, answer)| {
        let MultiAnswer::Error(Some(code)) = answer else {
            return None;
        };
        Some(ErrorKind::Multi { index, code: *code })
    });
    if let Some(failed) = failed {
        return Err(failed);
    }
    let done = answers.into_iter().map(|answer| match answer {
        MultiAnswer::Done(done) => Ok(done),
        // A server that mixes them breaks the protocol.
        MultiAnswer::Found(_) | MultiAnswer::Error(_) => {
            Err(ErrorKind::Code(ErrorCode::MarshallingError))
        }
    });
    done.collect()
}

fn each_found(answers: Vec<MultiAnswer>) -> Vec<Result<MultiFound, ErrorCode>> {
    let found = answers.into_iter().map(|answer| match answer {
        MultiAnswer::Found(found) => Ok(found),
        MultiAnswer::Error(Some(code)) => Err(code),
        // A server that mixes them breaks the protocol.
        MultiAnswer::Done(_) | MultiAnswer::Error(None) => Err(ErrorCode::MarshallingError),
    });
    found.collect()
}
