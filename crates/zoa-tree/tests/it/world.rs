//! A tree and the few words with which tests speak to it.
//!
//! Each call applies one transaction, with a clock that goes a millisecond a transaction.

use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::CreateFlags;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;
use zoa_proto::OpCode;
use zoa_proto::PeerId;
use zoa_proto::Perms;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::jute::Writer;
use zoa_proto::request::Create;
use zoa_proto::request::Delete;
use zoa_proto::request::SetAcl;
use zoa_proto::request::SetData;
use zoa_tree::Access;
use zoa_tree::AclHandle;
use zoa_tree::Applied;
use zoa_tree::HashKey;
use zoa_tree::Identities;
use zoa_tree::IdentitiesBuf;
use zoa_tree::Identity;
use zoa_tree::MultiApplied;
use zoa_tree::Outcome;
use zoa_tree::Owner;
use zoa_tree::PASSWORD_LEN;
use zoa_tree::Settings;
use zoa_tree::Tree;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

/// The session that speaks unless another is named; open from the start.
pub(crate) const SESSION: SessionId = SessionId(0x1111);
pub(crate) const OTHER: SessionId = SessionId(0x2222);
pub(crate) const PASSWORD: [u8; PASSWORD_LEN] = *b"0123456789abcdef";
pub(crate) const OWNER: Owner = Owner {
    server: PeerId(1),
    connection: 1,
};

/// Everything to everybody.
pub(crate) const OPEN: &[(u32, &str, &str)] = &[(31, "world", "anyone")];

/// A tree is read by many threads while one applies.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Tree>();
};

/// What a transaction gave, owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Heard {
    pub(crate) zxid: Zxid,
    pub(crate) result: Result<Done, ErrorCode>,
    /// Kind and path of each trigger, such as "NodeCreated /a".
    pub(crate) triggers: Vec<String>,
    /// The ACL of each trigger.
    pub(crate) acls: Vec<AclHandle>,
}

/// What was done, owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Done {
    Opened(i32),
    Attached(i32, Option<Owner>),
    Closed(Owner),
    Created(String, Option<Stat>),
    Deleted,
    DataSet(Stat),
    AclSet(Stat),
    Multi(Vec<DoneInMulti>),
    Synced,
    Founded,
    Raised,
    Reconfigured(String, Stat),
}

/// What one operation of a multi did, owned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum DoneInMulti {
    Created(String, Option<Stat>),
    Deleted,
    DataSet(Stat),
    Checked,
    Error(Option<ErrorCode>),
}

impl Heard {
    fn of(outcome: Outcome<'_>) -> Self {
        let triggers = outcome.triggers.iter();
        let acls = triggers
            .clone()
            .map(|trigger| trigger.acl.clone())
            .collect();
        Self {
            zxid: outcome.zxid,
            acls,
            triggers: triggers
                .map(|trigger| format!("{:?} {}", trigger.kind, trigger.path))
                .collect(),
            result: outcome.result.map(|applied| match applied {
                Applied::SessionOpened { timeout_ms } => Done::Opened(timeout_ms),
                Applied::SessionAttached {
                    timeout_ms,
                    previous_owner,
                } => Done::Attached(timeout_ms, previous_owner),
                Applied::SessionClosed { owner } => Done::Closed(owner),
                Applied::Created { path, stat } => Done::Created(path.into_owned(), stat),
                Applied::Deleted => Done::Deleted,
                Applied::DataSet(stat) => Done::DataSet(stat),
                Applied::AclSet(stat) => Done::AclSet(stat),
                Applied::Multi(results) => {
                    Done::Multi(results.into_iter().map(DoneInMulti::of).collect())
                }
                Applied::Synced => Done::Synced,
                Applied::MembersFounded => Done::Founded,
                Applied::SemanticsRaised => Done::Raised,
                Applied::Reconfigured { config, stat } => Done::Reconfigured(config, stat),
            }),
        }
    }

    /// The error; fails the test if there is none.
    #[track_caller]
    pub(crate) fn error(&self) -> ErrorCode {
        *self.result.as_ref().expect_err("an error was expected")
    }

    /// The path of what was created; fails the test if nothing was.
    #[track_caller]
    pub(crate) fn created(&self) -> &str {
        match &self.result {
            Ok(Done::Created(path, _)) => path,
            other => panic!("nothing was created: {other:?}"),
        }
    }

    /// The results of a multi; fails the test if it was none.
    #[track_caller]
    pub(crate) fn multi(&self) -> &[DoneInMulti] {
        match &self.result {
            Ok(Done::Multi(results)) => results,
            other => panic!("this is no multi: {other:?}"),
        }
    }
}

impl DoneInMulti {
    fn of(applied: MultiApplied<'_>) -> Self {
        match applied {
            MultiApplied::Created { path, stat } => Self::Created(path.into_owned(), stat),
            MultiApplied::Deleted => Self::Deleted,
            MultiApplied::DataSet(stat) => Self::DataSet(stat),
            MultiApplied::Checked => Self::Checked,
            MultiApplied::Error(error) => Self::Error(error),
        }
    }
}

/// A tree and who speaks to it.
pub(crate) struct World {
    pub(crate) tree: Tree,
    pub(crate) term: u64,
    pub(crate) time_ms: i64,
    pub(crate) session: SessionId,
    pub(crate) owner: Owner,
    pub(crate) identities: IdentitiesBuf,
    pub(crate) settings: Settings,
}

impl World {
    /// A tree with the session `SESSION`.
    pub(crate) fn new() -> Self {
        Self::with_key(HashKey([7, 8]))
    }

    pub(crate) fn with_key(key: HashKey) -> Self {
        let mut world = Self {
            tree: Tree::new(key),
            term: 1,
            time_ms: 1000,
            session: SESSION,
            owner: OWNER,
            identities: IdentitiesBuf::default(),
            settings: Settings::NONE,
        };
        world.open(SESSION);
        world
    }

    pub(crate) fn open(&mut self, session: SessionId) -> Heard {
        let speaker = std::mem::replace(&mut self.session, session);
        let heard = self.apply(TxnOp::OpenSession {
            timeout_ms: 30_000,
            password: PASSWORD,
        });
        self.session = speaker;
        heard
    }

    /// Who the connection is known as from here on.
    pub(crate) fn be(&mut self, who: &[(&str, &str)]) {
        let identities = who.iter().map(|(scheme, id)| Identity { scheme, id });
        self.identities = identities.collect();
    }

    fn txn<'a>(&'a self, op: TxnOp<'a>) -> Txn<'a> {
        Txn {
            session: self.session,
            owner: self.owner,
            xid: Xid(1),
            time_ms: self.time_ms,
            settings: self.settings,
            identities: self.identities.as_ref(),
            op,
        }
    }

    /// The bytes of a transaction that is not applied.
    pub(crate) fn encoded(&self, op: TxnOp<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.txn(op).encode(&mut bytes);
        bytes
    }

    pub(crate) fn apply(&mut self, op: TxnOp<'_>) -> Heard {
        self.time_ms += 1;
        // What is applied is what comes out of the log.
        let bytes = self.encoded(op);
        let txn = self.txn(op);
        let decoded = Txn::decode(&bytes).expect("what was encoded decodes");
        assert_eq!(decoded, txn);
        let term = self.term;
        Heard::of(self.tree.apply(term, &decoded))
    }

    pub(crate) fn request(&mut self, request: &Request<'_>) -> Heard {
        let mut body = Vec::new();
        request.encode(&mut Writer::new(&mut body));
        self.apply(TxnOp::Request {
            op: request.op(),
            body: &body,
        })
    }

    pub(crate) fn raw(&mut self, op: OpCode, body: &[u8]) -> Heard {
        self.apply(TxnOp::Request { op, body })
    }

    /// create with flags, data "data" and an ACL.
    pub(crate) fn create_with(
        &mut self,
        path: &str,
        flags: i32,
        acl: &[(u32, &str, &str)],
    ) -> Heard {
        let mut scratch = Vec::new();
        let create = Create {
            path,
            data: Some(b"data"),
            acl: acl_list(acl, &mut scratch),
            flags: CreateFlags(flags),
        };
        self.request(&Request::Create(create))
    }

    pub(crate) fn create(&mut self, path: &str) -> Heard {
        self.create_with(path, 0, OPEN)
    }

    pub(crate) fn create_mode(&mut self, path: &str, mode: CreateMode) -> Heard {
        self.create_with(path, mode.flags().0, OPEN)
    }

    pub(crate) fn delete(&mut self, path: &str, version: i32) -> Heard {
        self.request(&Request::Delete(Delete {
            path,
            version: Version(version),
        }))
    }

    pub(crate) fn set_data(&mut self, path: &str, data: &[u8], version: i32) -> Heard {
        self.request(&Request::SetData(SetData {
            path,
            data: Some(data),
            version: Version(version),
        }))
    }

    pub(crate) fn set_acl(&mut self, path: &str, acl: &[(u32, &str, &str)], version: i32) -> Heard {
        let mut scratch = Vec::new();
        self.request(&Request::SetAcl(SetAcl {
            path,
            acl: acl_list(acl, &mut scratch),
            version: Version(version),
        }))
    }

    pub(crate) fn multi(&mut self, ops: &[MultiOp<'_>]) -> Heard {
        let mut scratch = Vec::new();
        let ops = MultiOps::collect_into(ops.iter().copied(), &mut scratch);
        self.request(&Request::Multi(ops))
    }

    pub(crate) fn stat(&self, path: &str) -> Stat {
        let node = self.tree.find(path);
        node.unwrap_or_else(|| panic!("{path} is not there")).stat()
    }

    pub(crate) fn exists(&self, path: &str) -> bool {
        self.tree.find(path).is_some()
    }

    pub(crate) fn access(&self) -> Access<'_> {
        Access {
            identities: self.identities.as_ref(),
            skip_acl: self.settings.contains(Settings::SKIP_ACL),
        }
    }

    /// The names of the children, sorted.
    pub(crate) fn children(&self, path: &str) -> Vec<String> {
        let node = self.tree.find(path).expect("it is there");
        let mut names: Vec<String> = node.children().map(str::to_owned).collect();
        names.sort_unstable();
        names
    }

    /// The session's ephemerals, sorted.
    pub(crate) fn ephemerals(&self, session: SessionId, prefix: &str) -> Vec<String> {
        let mut paths = Vec::new();
        self.tree
            .read_ephemerals(session, prefix, &mut |path| paths.push(path.to_owned()));
        paths.sort_unstable();
        paths
    }
}

pub(crate) const NOBODY: Access<'_> = Access {
    identities: Identities::NONE,
    skip_acl: false,
};

/// An ACL as it is sent.
pub(crate) fn acl_list<'s>(acl: &[(u32, &str, &str)], scratch: &'s mut Vec<u8>) -> AclList<'s> {
    let entries = acl.iter().map(|(perms, scheme, id)| AclRef {
        perms: Perms(*perms),
        scheme,
        id,
    });
    AclList::collect_into(entries, scratch)
}
