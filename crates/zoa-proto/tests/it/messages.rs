//! Strategies that make any message of the protocol.
//!
//! Messages borrow, strategies must own: what they borrow is leaked. That is a few megabytes over
//! a whole test run, and saves an owned twin of every record.

use proptest::prelude::*;
use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::AddWatchMode;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::CreateFlags;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;
use zoa_proto::MultiResult;
use zoa_proto::MultiResults;
use zoa_proto::OpCode;
use zoa_proto::PathList;
use zoa_proto::Perms;
use zoa_proto::Reply;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::WatchedEvent;
use zoa_proto::WatcherType;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::reply::ClientInfo;
use zoa_proto::reply::ClientInfoList;
use zoa_proto::request;

/// An empty buffer that lives for ever.
fn scratch() -> &'static mut Vec<u8> {
    Box::leak(Box::default())
}

/// Any string, also those that are no path.
pub(crate) fn string() -> impl Strategy<Value = &'static str> {
    prop_oneof!["(/[a-z]{1,4}){0,4}", ".{0,8}"].prop_map(|text| &*text.leak())
}

pub(crate) fn buffer() -> impl Strategy<Value = Option<&'static [u8]>> {
    prop::option::of(bytes())
}

fn bytes() -> impl Strategy<Value = &'static [u8]> {
    prop::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| &*bytes.leak())
}

pub(crate) fn paths() -> impl Strategy<Value = PathList<'static>> {
    prop::collection::vec(string(), 0..5).prop_map(|paths| PathList::collect_into(paths, scratch()))
}

pub(crate) fn acl() -> impl Strategy<Value = AclList<'static>> {
    let entry = (any::<u32>(), string(), string()).prop_map(|(perms, scheme, id)| AclRef {
        perms: Perms(perms),
        scheme,
        id,
    });
    prop::collection::vec(entry, 0..4).prop_map(|acl| AclList::collect_into(acl, scratch()))
}

fn identities() -> impl Strategy<Value = ClientInfoList<'static>> {
    let info = (string(), string()).prop_map(|(scheme, user)| ClientInfo { scheme, user });
    prop::collection::vec(info, 0..4)
        .prop_map(|infos| ClientInfoList::collect_into(infos, scratch()))
}

fn version() -> impl Strategy<Value = Version> {
    any::<i32>().prop_map(Version)
}

fn zxid() -> impl Strategy<Value = Zxid> {
    any::<u64>().prop_map(Zxid)
}

/// A zxid that a client may claim to have seen: on the wire it is not negative.
fn zxid_seen() -> impl Strategy<Value = Zxid> {
    (0..=i64::MAX).prop_map(Zxid::from_wire)
}

pub(crate) fn stat() -> impl Strategy<Value = Stat> {
    let zxids = (zxid(), zxid(), zxid());
    let times = (any::<i64>(), any::<i64>(), any::<i64>());
    let counts = (version(), version(), version(), any::<i32>(), any::<i32>());
    (zxids, times, counts).prop_map(|(zxids, times, counts)| Stat {
        czxid: zxids.0,
        mzxid: zxids.1,
        pzxid: zxids.2,
        ctime_ms: times.0,
        mtime_ms: times.1,
        ephemeral_owner: SessionId(times.2),
        version: counts.0,
        cversion: counts.1,
        aversion: counts.2,
        data_length: counts.3,
        num_children: counts.4,
    })
}

pub(crate) fn error() -> impl Strategy<Value = ErrorCode> {
    prop::sample::select(ErrorCode::ALL)
}

fn create(
    flags: impl Strategy<Value = CreateFlags>,
) -> impl Strategy<Value = request::Create<'static>> {
    (string(), buffer(), acl(), flags).prop_map(|(path, data, acl, flags)| request::Create {
        path,
        data,
        acl,
        flags,
    })
}

fn create_ttl(
    flags: impl Strategy<Value = CreateFlags>,
) -> impl Strategy<Value = request::CreateTtl<'static>> {
    (create(flags), any::<i64>()).prop_map(|(create, ttl_ms)| request::CreateTtl {
        path: create.path,
        data: create.data,
        acl: create.acl,
        flags: create.flags,
        ttl_ms,
    })
}

fn any_flags() -> impl Strategy<Value = CreateFlags> {
    any::<i32>().prop_map(CreateFlags)
}

fn known_flags() -> impl Strategy<Value = CreateFlags> {
    prop::sample::select(&CreateMode::ALL[..]).prop_map(CreateMode::flags)
}

fn get_data() -> impl Strategy<Value = request::GetData<'static>> {
    (string(), any::<bool>()).prop_map(|(path, watch)| request::GetData { path, watch })
}

fn get_children() -> impl Strategy<Value = request::GetChildren<'static>> {
    (string(), any::<bool>()).prop_map(|(path, watch)| request::GetChildren { path, watch })
}

fn set_data() -> impl Strategy<Value = request::SetData<'static>> {
    (string(), buffer(), version()).prop_map(|(path, data, version)| request::SetData {
        path,
        data,
        version,
    })
}

fn delete() -> impl Strategy<Value = request::Delete<'static>> {
    (string(), version()).prop_map(|(path, version)| request::Delete { path, version })
}

fn check() -> impl Strategy<Value = request::Check<'static>> {
    (string(), version()).prop_map(|(path, version)| request::Check { path, version })
}

fn write_op() -> impl Strategy<Value = MultiOp<'static>> {
    prop_oneof![
        create(known_flags()).prop_map(MultiOp::Create),
        create(known_flags()).prop_map(MultiOp::Create2),
        create(known_flags()).prop_map(MultiOp::CreateContainer),
        create_ttl(known_flags()).prop_map(MultiOp::CreateTtl),
        delete().prop_map(MultiOp::Delete),
        set_data().prop_map(MultiOp::SetData),
        check().prop_map(MultiOp::Check),
    ]
}

fn read_op() -> impl Strategy<Value = MultiOp<'static>> {
    prop_oneof![
        get_data().prop_map(MultiOp::GetData),
        get_children().prop_map(MultiOp::GetChildren),
    ]
}

/// Operations that a multi takes.
pub(crate) fn write_ops() -> impl Strategy<Value = Vec<MultiOp<'static>>> {
    prop::collection::vec(write_op(), 0..6)
}

/// Operations that a multiRead takes.
pub(crate) fn read_ops() -> impl Strategy<Value = Vec<MultiOp<'static>>> {
    prop::collection::vec(read_op(), 0..6)
}

fn multi(
    ops: impl Strategy<Value = Vec<MultiOp<'static>>>,
) -> impl Strategy<Value = MultiOps<'static>> {
    ops.prop_map(|ops| MultiOps::collect_into(ops, scratch()))
}

pub(crate) fn results() -> impl Strategy<Value = Vec<MultiResult<'static>>> {
    let result = prop_oneof![
        (string(), prop::option::of(stat()))
            .prop_map(|(path, stat)| MultiResult::Created { path, stat }),
        Just(MultiResult::Deleted),
        stat().prop_map(MultiResult::DataSet),
        Just(MultiResult::Checked),
        (buffer(), stat()).prop_map(|(data, stat)| MultiResult::Data { data, stat }),
        paths().prop_map(MultiResult::Children),
        prop::option::of(error()).prop_map(MultiResult::Error),
    ];
    prop::collection::vec(result, 0..6)
}

fn watches() -> impl Strategy<Value = request::ChangeWatches<'static>> {
    let watcher_type = prop::sample::select(&WatcherType::ALL[..]);
    (string(), watcher_type)
        .prop_map(|(path, watcher_type)| request::ChangeWatches { path, watcher_type })
}

fn set_watches() -> impl Strategy<Value = request::SetWatches<'static>> {
    (zxid_seen(), paths(), paths(), paths()).prop_map(
        |(relative_zxid, data_watches, exist_watches, child_watches)| request::SetWatches {
            relative_zxid,
            data_watches,
            exist_watches,
            child_watches,
        },
    )
}

fn set_watches2() -> impl Strategy<Value = request::SetWatches2<'static>> {
    (set_watches(), paths(), paths()).prop_map(
        |(standard, persistent_watches, persistent_recursive_watches)| request::SetWatches2 {
            relative_zxid: standard.relative_zxid,
            data_watches: standard.data_watches,
            exist_watches: standard.exist_watches,
            child_watches: standard.child_watches,
            persistent_watches,
            persistent_recursive_watches,
        },
    )
}

fn reconfig() -> impl Strategy<Value = request::Reconfig<'static>> {
    let members = || prop::option::of(string());
    (members(), members(), members(), any::<i64>()).prop_map(
        |(joining, leaving, new_members, config_id)| request::Reconfig {
            joining,
            leaving,
            new_members,
            config_id,
        },
    )
}

fn add_watch() -> impl Strategy<Value = request::AddWatch<'static>> {
    let mode =
        prop::sample::select(&[AddWatchMode::Persistent, AddWatchMode::PersistentRecursive][..]);
    (string(), mode).prop_map(|(path, mode)| request::AddWatch { path, mode })
}

fn auth() -> impl Strategy<Value = request::Auth<'static>> {
    (any::<i32>(), string(), buffer()).prop_map(|(auth_type, scheme, auth)| request::Auth {
        auth_type,
        scheme,
        auth,
    })
}

/// Any request of an operation, for all that a client may send.
pub(crate) fn request_of(op: OpCode) -> BoxedStrategy<Request<'static>> {
    match op {
        OpCode::Create => create(any_flags()).prop_map(Request::Create).boxed(),
        OpCode::Create2 => create(any_flags()).prop_map(Request::Create2).boxed(),
        OpCode::CreateContainer => create(any_flags())
            .prop_map(Request::CreateContainer)
            .boxed(),
        OpCode::CreateTtl => create_ttl(any_flags()).prop_map(Request::CreateTtl).boxed(),
        OpCode::Delete => delete().prop_map(Request::Delete).boxed(),
        OpCode::DeleteContainer => string()
            .prop_map(|path| Request::DeleteContainer(request::DeleteContainer { path }))
            .boxed(),
        OpCode::Exists => (string(), any::<bool>())
            .prop_map(|(path, watch)| Request::Exists(request::Exists { path, watch }))
            .boxed(),
        OpCode::GetData => get_data().prop_map(Request::GetData).boxed(),
        OpCode::SetData => set_data().prop_map(Request::SetData).boxed(),
        OpCode::GetAcl => string()
            .prop_map(|path| Request::GetAcl(request::GetAcl { path }))
            .boxed(),
        OpCode::SetAcl => (string(), acl(), version())
            .prop_map(|(path, acl, version)| {
                Request::SetAcl(request::SetAcl { path, acl, version })
            })
            .boxed(),
        OpCode::GetChildren => get_children().prop_map(Request::GetChildren).boxed(),
        OpCode::GetChildren2 => get_children().prop_map(Request::GetChildren2).boxed(),
        OpCode::GetAllChildrenNumber => string()
            .prop_map(|path| Request::GetAllChildrenNumber(request::GetAllChildrenNumber { path }))
            .boxed(),
        OpCode::GetEphemerals => string()
            .prop_map(|prefix| Request::GetEphemerals(request::GetEphemerals { prefix }))
            .boxed(),
        OpCode::Sync => string()
            .prop_map(|path| Request::Sync(request::Sync { path }))
            .boxed(),
        OpCode::Check => check().prop_map(Request::Check).boxed(),
        OpCode::Multi => multi(write_ops()).prop_map(Request::Multi).boxed(),
        OpCode::MultiRead => multi(read_ops()).prop_map(Request::MultiRead).boxed(),
        OpCode::Reconfig => reconfig().prop_map(Request::Reconfig).boxed(),
        OpCode::CheckWatches => watches().prop_map(Request::CheckWatches).boxed(),
        OpCode::RemoveWatches => watches().prop_map(Request::RemoveWatches).boxed(),
        OpCode::SetWatches => set_watches().prop_map(Request::SetWatches).boxed(),
        OpCode::SetWatches2 => set_watches2().prop_map(Request::SetWatches2).boxed(),
        OpCode::AddWatch => add_watch().prop_map(Request::AddWatch).boxed(),
        OpCode::Auth => auth().prop_map(Request::Auth).boxed(),
        OpCode::Sasl => buffer()
            .prop_map(|token| Request::Sasl(request::Sasl { token }))
            .boxed(),
        OpCode::WhoAmI => Just(Request::WhoAmI).boxed(),
        OpCode::Ping => Just(Request::Ping).boxed(),
        OpCode::CloseSession => Just(Request::CloseSession).boxed(),
        OpCode::Notification | OpCode::CreateSession | OpCode::Error => {
            panic!("{op:?} is no request")
        }
    }
}

/// The operations that a client may send.
pub(crate) fn client_ops() -> Vec<OpCode> {
    OpCode::ALL
        .iter()
        .copied()
        .filter(|op| op.is_client_request())
        .collect()
}

pub(crate) fn any_request() -> impl Strategy<Value = Request<'static>> {
    prop::sample::select(client_ops()).prop_flat_map(request_of)
}

/// Any reply body of an operation; `None` for those that have none of their own.
pub(crate) fn reply_to(op: OpCode) -> Option<BoxedStrategy<Reply<'static>>> {
    Some(match op {
        OpCode::Delete
        | OpCode::DeleteContainer
        | OpCode::Ping
        | OpCode::Auth
        | OpCode::SetWatches
        | OpCode::SetWatches2
        | OpCode::CheckWatches
        | OpCode::RemoveWatches
        | OpCode::CloseSession => Just(Reply::Empty).boxed(),
        OpCode::Create | OpCode::Sync => string().prop_map(Reply::Path).boxed(),
        OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => (string(), stat())
            .prop_map(|(path, stat)| Reply::PathAndStat { path, stat })
            .boxed(),
        OpCode::Exists | OpCode::SetData | OpCode::SetAcl => stat().prop_map(Reply::Stat).boxed(),
        OpCode::GetData | OpCode::Reconfig => (buffer(), stat())
            .prop_map(|(data, stat)| Reply::Data { data, stat })
            .boxed(),
        OpCode::GetAcl => (acl(), stat())
            .prop_map(|(acl, stat)| Reply::Acl { acl, stat })
            .boxed(),
        OpCode::GetChildren | OpCode::GetEphemerals => paths().prop_map(Reply::Children).boxed(),
        OpCode::GetChildren2 => (paths(), stat())
            .prop_map(|(children, stat)| Reply::ChildrenAndStat { children, stat })
            .boxed(),
        OpCode::GetAllChildrenNumber => any::<i32>().prop_map(Reply::Count).boxed(),
        OpCode::AddWatch => prop::option::of(error())
            .prop_map(Reply::ErrorResponse)
            .boxed(),
        OpCode::WhoAmI => identities().prop_map(Reply::WhoAmI).boxed(),
        OpCode::Sasl => buffer().prop_map(Reply::Sasl).boxed(),
        OpCode::Multi | OpCode::MultiRead => results()
            .prop_map(|results| Reply::Multi(MultiResults::collect_into(results, scratch())))
            .boxed(),
        OpCode::Check | OpCode::Notification | OpCode::CreateSession | OpCode::Error => {
            return None;
        }
    })
}

/// Any reply with the operation it answers.
pub(crate) fn any_reply() -> impl Strategy<Value = (OpCode, Reply<'static>)> {
    let ops: Vec<_> = OpCode::ALL
        .iter()
        .copied()
        .filter(|op| reply_to(*op).is_some())
        .collect();
    prop::sample::select(ops).prop_flat_map(|op| {
        (
            Just(op),
            reply_to(op).expect("those with a reply were kept"),
        )
    })
}

pub(crate) fn reply_header() -> impl Strategy<Value = ReplyHeader> {
    (any::<i32>(), zxid(), prop::option::of(error())).prop_map(|(xid, zxid, error)| ReplyHeader {
        xid: Xid(xid),
        zxid,
        error,
    })
}

pub(crate) fn event() -> impl Strategy<Value = WatchedEvent<'static>> {
    let kind = prop::sample::select(&EventKind::ALL[..]);
    (kind, string(), zxid()).prop_map(|(kind, path, zxid)| WatchedEvent { kind, path, zxid })
}

pub(crate) fn connect_request() -> impl Strategy<Value = ConnectRequest<'static>> {
    let numbers = (any::<i32>(), any::<i32>(), any::<i64>());
    (
        numbers,
        zxid_seen(),
        bytes(),
        prop::option::of(any::<bool>()),
    )
        .prop_map(
            |((protocol_version, timeout_ms, session), last_zxid_seen, password, read_only)| {
                ConnectRequest {
                    protocol_version,
                    last_zxid_seen,
                    timeout_ms,
                    session: SessionId(session),
                    password,
                    read_only,
                }
            },
        )
}

pub(crate) fn connect_response() -> impl Strategy<Value = ConnectResponse<'static>> {
    connect_request().prop_map(|request| ConnectResponse {
        protocol_version: request.protocol_version,
        timeout_ms: request.timeout_ms,
        session: request.session,
        password: request.password,
        read_only: request.read_only,
    })
}
