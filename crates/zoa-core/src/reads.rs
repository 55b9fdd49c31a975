//! Requests that change nothing: answered from this server's tree, in the task that decoded them or, behind a write, by the apply loop.
//!
//! Whoever calls [`serve`] holds the tree's lock, shared or exclusive, over the whole call: the watch, the look and the reply are one
//! step (G-07, G-09). Lists longer than one step are not served here but in `connection/listing.rs`.

pub(crate) mod ephemerals;
pub(crate) mod rearm;
mod watching;

use std::sync::Arc;

use zoa_proto::Acls;
use zoa_proto::ErrorCode;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;
use zoa_proto::MultiResult;
use zoa_proto::PathList;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::SessionId;
use zoa_proto::VectorItem;
use zoa_proto::jute::Writer;
use zoa_proto::request;
use zoa_tree::Access;
use zoa_tree::IdentitiesBuf;
use zoa_tree::NodeRef;
use zoa_tree::Settings;
use zoa_tree::Tree;

use crate::auth;
use crate::core::Core;
use crate::lane::Lane;
use crate::limits::MULTI_READ_REPLY_LEN_MAX;
use crate::watches::Kinds;
pub(crate) use watching::Watching;

/// Who reads.
pub(crate) struct Reader<'a> {
    pub(crate) core: &'a Core,
    pub(crate) lane: &'a Arc<Lane>,
    pub(crate) identities: &'a IdentitiesBuf,
    pub(crate) session: SessionId,
}

impl Reader<'_> {
    pub(crate) fn access(&self) -> Access<'_> {
        Access {
            identities: self.identities.as_ref(),
            skip_acl: self.core.config.settings.contains(Settings::SKIP_ACL),
        }
    }
}

/// One read request.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// All of it, header included.
    pub(crate) bytes: &'a [u8],
    /// Milliseconds since it came in.
    pub(crate) waited_ms: u64,
}

impl<'a> Frame<'a> {
    /// A request that is answered in the turn in which it came: in less than the clock of the core can tell.
    pub(crate) fn at_once(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            waited_ms: 0,
        }
    }
}

/// Answers one read request, given as its whole frame, into the outbox.
pub(crate) fn serve(
    reader: &Reader<'_>,
    tree: &Tree,
    watching: &mut Watching<'_>,
    frame: Frame<'_>,
) {
    let Ok((header, body)) = RequestHeader::decode(frame.bytes) else {
        return;
    };
    let Some(op) = header.op() else { return };
    let replying = Replying {
        reader,
        tree,
        header,
    };
    match Request::decode(op, body) {
        Err(_) => replying.error(ErrorCode::MarshallingError),
        Ok(request) => replying.answer(&request, watching),
    }
    reader.core.stats.read_latency.record(frame.waited_ms, 1);
}

struct Replying<'a> {
    reader: &'a Reader<'a>,
    tree: &'a Tree,
    header: RequestHeader,
}

impl Replying<'_> {
    fn answer(&self, request: &Request<'_>, watching: &mut Watching<'_>) {
        match request {
            Request::Ping => self.ok(|_| {}),
            Request::Exists(exists) => self.exists(exists, watching),
            Request::GetData(get) => self.get_data(get, watching),
            Request::GetChildren(get) => {
                self.get_children(get, watching, encode_children);
            }
            Request::GetChildren2(get) => self.get_children(get, watching, |node, writer| {
                encode_children(node, writer);
                node.stat().encode(writer);
            }),
            Request::GetAcl(get) => self.get_acl(get),
            Request::GetAllChildrenNumber(get) => {
                let found = self.tree.read_children_count_all(get.path, &self.access());
                self.reply(found, |count, writer| writer.int(count));
            }
            Request::MultiRead(multi) => self.ok(|writer| self.multi_read(multi, writer)),
            Request::AddWatch(add) => {
                if self.watch(watching, true, add.path, watching::kinds_of_mode(add.mode)) {
                    // An ErrorResponse of four bytes, as the original sends it.
                    self.ok(|writer| writer.int(0));
                }
            }
            Request::CheckWatches(check) => {
                let held = watching.held(self.reader.lane, check.path);
                self.watcher_found(held.intersects(watching::kinds_of_type(check.watcher_type)));
            }
            Request::RemoveWatches(remove) => {
                let kinds = watching::kinds_of_type(remove.watcher_type);
                let removed = watching.remove(self.reader.lane, remove.path, kinds);
                self.watcher_found(!removed.is_none());
            }
            Request::WhoAmI => self.who_am_i(),
            // Served at a later stage.
            Request::Sasl(_) => self.error(ErrorCode::Unimplemented),
            Request::Create(_)
            | Request::Create2(_)
            | Request::CreateContainer(_)
            | Request::CreateTtl(_)
            | Request::Delete(_)
            | Request::DeleteContainer(_)
            | Request::SetData(_)
            | Request::SetAcl(_)
            | Request::Sync(_)
            | Request::Check(_)
            | Request::Multi(_)
            | Request::Reconfig(_)
            | Request::Auth(_)
            | Request::SetWatches(_)
            | Request::SetWatches2(_)
            | Request::GetEphemerals(_)
            | Request::CloseSession => {
                unreachable!("only reads are brought here: see connection/admit.rs")
            }
        }
    }

    fn access(&self) -> Access<'_> {
        self.reader.access()
    }

    fn exists(&self, exists: &request::Exists<'_>, watching: &mut Watching<'_>) {
        let found = self.tree.read_exists(exists.path, &self.access());
        // The watch stands also when there is no such znode, but not when it may not be read.
        let may_watch = matches!(found, Ok(_) | Err(ErrorCode::NoNode));
        let wanted = exists.watch && may_watch;
        if self.watch(watching, wanted, exists.path, Kinds::DATA) {
            self.reply(found, |stat, writer| stat.encode(writer));
        }
    }

    fn get_data(&self, get: &request::GetData<'_>, watching: &mut Watching<'_>) {
        let found = self.tree.read_data(get.path, &self.access());
        if self.watch(watching, get.watch && found.is_ok(), get.path, Kinds::DATA) {
            self.reply(found, |(data, stat), writer| {
                writer.buffer(data);
                stat.encode(writer);
            });
        }
    }

    fn get_children(
        &self,
        get: &request::GetChildren<'_>,
        watching: &mut Watching<'_>,
        encode: impl FnOnce(NodeRef<'_>, &mut Writer<'_>),
    ) {
        let found = self.tree.read_children(get.path, &self.access());
        if self.watch(watching, get.watch && found.is_ok(), get.path, Kinds::CHILD) {
            self.reply(found, encode);
        }
    }

    fn get_acl(&self, get: &request::GetAcl<'_>) {
        let found = self.tree.read_acl(get.path, &self.access());
        self.reply(found, |(acl, stat), writer| {
            writer.count(acl.len());
            acl.for_each(&mut |entry| Acls::encode(&entry, writer));
            stat.encode(writer);
        });
    }

    fn who_am_i(&self) {
        self.ok(|writer| {
            let shown: Vec<_> = self.reader.identities.as_ref().iter().collect();
            writer.count(shown.len());
            for identity in shown {
                writer.ustring(identity.scheme);
                writer.ustring(auth::shown_user(&identity));
            }
        });
    }

    /// Each operation has its own result; those that would make the reply too long have an error in its place.
    fn multi_read(&self, multi: &MultiOps<'_>, writer: &mut Writer<'_>) {
        let mut names = Vec::new();
        let mut room = MULTI_READ_REPLY_LEN_MAX;
        for op in multi.iter() {
            let result = match op {
                MultiOp::GetData(get) => self.multi_data(get.path, &mut room),
                MultiOp::GetChildren(get) => self.multi_children(get.path, &mut room).map(|node| {
                    MultiResult::Children(PathList::collect_into(node.children(), &mut names))
                }),
                MultiOp::Create(_)
                | MultiOp::Create2(_)
                | MultiOp::CreateContainer(_)
                | MultiOp::CreateTtl(_)
                | MultiOp::Delete(_)
                | MultiOp::SetData(_)
                | MultiOp::Check(_) => {
                    unreachable!("a multiRead with writes in it does not decode")
                }
            };
            result
                .unwrap_or_else(|error| MultiResult::Error(Some(error)))
                .encode(writer);
        }
        MultiResult::encode_end(writer);
    }

    fn multi_data(&self, path: &str, room: &mut usize) -> Result<MultiResult<'_>, ErrorCode> {
        let (data, stat) = self.tree.read_data(path, &self.access())?;
        take_room(room, data.map_or(0, <[u8]>::len))?;
        Ok(MultiResult::Data { data, stat })
    }

    fn multi_children(&self, path: &str, room: &mut usize) -> Result<NodeRef<'_>, ErrorCode> {
        let node = self.tree.read_children(path, &self.access())?;
        let names_len = usize::try_from(node.children_names_len()).unwrap_or(usize::MAX);
        let count = usize::try_from(node.children_count()).unwrap_or(usize::MAX);
        // Four bytes in front of each name.
        take_room(room, names_len.saturating_add(count.saturating_mul(4)))?;
        Ok(node)
    }

    /// Registers a watch if it is wanted; answers an error and says `false` when the connection may hold no more.
    fn watch(&self, watching: &mut Watching<'_>, wanted: bool, path: &str, kinds: Kinds) -> bool {
        if !wanted || watching.add(self.reader.lane, path, kinds).is_ok() {
            return true;
        }
        self.error(ErrorCode::MarshallingError);
        false
    }

    fn watcher_found(&self, is_found: bool) {
        if is_found {
            self.ok(|_| {});
        } else {
            self.error(ErrorCode::NoWatcher);
        }
    }

    fn reply<T>(&self, found: Result<T, ErrorCode>, body: impl FnOnce(T, &mut Writer<'_>)) {
        match found {
            Ok(found) => self.ok(|writer| body(found, writer)),
            Err(error) => self.error(error),
        }
    }

    fn ok(&self, body: impl FnOnce(&mut Writer<'_>)) {
        let header = self.reply_header(None);
        self.reader
            .lane
            .lock()
            .reply(self.header.op(), header, body);
    }

    fn error(&self, error: ErrorCode) {
        let header = self.reply_header(Some(error));
        self.reader
            .lane
            .lock()
            .reply(self.header.op(), header, |_| {});
    }

    fn reply_header(&self, error: Option<ErrorCode>) -> ReplyHeader {
        ReplyHeader {
            xid: self.header.xid,
            zxid: self.tree.last_zxid(),
            error,
        }
    }
}

/// Takes the length of one result out of what a reply may hold.
fn take_room(room: &mut usize, len: usize) -> Result<(), ErrorCode> {
    *room = room.checked_sub(len).ok_or(ErrorCode::MarshallingError)?;
    Ok(())
}

fn encode_children(node: NodeRef<'_>, writer: &mut Writer<'_>) {
    let children = node.children();
    writer.count(children.len());
    children.for_each(|name| writer.ustring(name));
}
