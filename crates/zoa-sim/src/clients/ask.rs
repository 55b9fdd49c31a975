//! What users ask, handed to a production client: the test kit's operations as its requests, and as the server will see them.
//!
//! Requests are made from bytes that the test kit encodes, so a mistake of the codec shows as a difference on the wire.
//! Invariant: [`under`] is written from what a chroot means, not from the client's code.

use zoa_client_core::Client;
use zoa_client_core::Submission;
use zoa_client_core::SubmitError;
use zoa_client_core::WatchRemoval;
use zoa_client_core::WatcherId;
use zoa_proto::OpCode;
use zoa_proto::Request;
use zoa_proto::WatcherType;
use zoa_testkit::op::Answer;
use zoa_testkit::op::Op;
use zoa_testkit::op::SubAnswer;
use zoa_testkit::op::flag;
use zoa_testkit::wire;

/// Bytes before the body: length, xid, opcode.
const HEAD_LEN: usize = 12;

/// Hands an operation to the client; `None` when it is none that a user can ask for.
pub(super) fn submit(
    client: &mut Client<u32>,
    (now_ms, tag): (u64, u32),
    op: &Op,
    whose: Option<u32>,
) -> Option<Result<(), SubmitError>> {
    if let Op::RemoveWatches { path, kind } = op {
        let removal = WatchRemoval {
            path,
            watcher_type: watcher_type(*kind)?,
            watcher: whose.map(|watcher| WatcherId(watcher.into())),
            local: tag.is_multiple_of(2),
        };
        let taken = client.remove_watches(now_ms, removal, tag);
        return Some(taken.map_err(|rejected| rejected.error));
    }
    let bytes = wire::request::encode(0, op);
    let opcode = OpCode::from_wire(wire::request::opcode_of(op))?;
    let request = Request::decode(opcode, bytes.get(HEAD_LEN..)?).ok()?;
    let watcher = sets_watch(op).then_some(WatcherId(tag.into()));
    let submission = Submission {
        watcher,
        ..Submission::from(request)
    };
    let taken = client.submit(now_ms, submission, tag);
    Some(taken.map_err(|rejected| rejected.error))
}

const fn watcher_type(kind: i32) -> Option<WatcherType> {
    Some(match kind {
        1 => WatcherType::Children,
        2 => WatcherType::Data,
        3 => WatcherType::Any,
        4 => WatcherType::Persistent,
        5 => WatcherType::PersistentRecursive,
        _ => return None,
    })
}

/// Whether an operation asks for a watch.
pub(super) const fn sets_watch(op: &Op) -> bool {
    matches!(
        op,
        Op::GetData { watch: true, .. }
            | Op::Exists { watch: true, .. }
            | Op::GetChildren { watch: true, .. }
            | Op::AddWatch { .. }
    )
}

/// A path of the user's as the server has it.
pub(super) fn join(chroot: &str, path: &str) -> String {
    match (chroot, path) {
        ("", _) => path.to_owned(),
        (_, "/") => chroot.to_owned(),
        _ => format!("{chroot}{path}"),
    }
}

/// The operation as the server sees it.
pub(super) fn under(chroot: &str, op: &Op) -> Op {
    if chroot.is_empty() {
        return op.clone();
    }
    let mut op = op.clone();
    match &mut op {
        // The name that the server completes may be empty: "/" stays a slash at the end.
        Op::Create { path, flags, .. }
            if matches!(
                *flags,
                flag::PERSISTENT_SEQUENTIAL | flag::EPHEMERAL_SEQUENTIAL
            ) =>
        {
            *path = format!("{chroot}{path}");
        }
        Op::CreateTtl {
            path,
            flags: flag::PERSISTENT_SEQUENTIAL_WITH_TTL,
            ..
        } => *path = format!("{chroot}{path}"),
        Op::Create { path, .. }
        | Op::CreateContainer { path, .. }
        | Op::CreateTtl { path, .. }
        | Op::Delete { path, .. }
        | Op::SetData { path, .. }
        | Op::SetAcl { path, .. }
        | Op::Check { path, .. }
        | Op::Sync { path }
        | Op::GetData { path, .. }
        | Op::Exists { path, .. }
        | Op::GetAcl { path }
        | Op::GetChildren { path, .. }
        | Op::CountDescendants { path }
        | Op::AddWatch { path, .. }
        | Op::CheckWatches { path, .. }
        | Op::RemoveWatches { path, .. } => *path = join(chroot, path),
        Op::GetEphemerals { prefix } if prefix.is_empty() => *prefix = chroot.to_owned(),
        Op::GetEphemerals { prefix } => *prefix = join(chroot, prefix),
        Op::Multi(ops) | Op::MultiRead(ops) => {
            for inner in ops {
                *inner = under(chroot, inner);
            }
        }
        Op::CloseSession
        | Op::Ping
        | Op::WhoAmI
        | Op::AddAuth { .. }
        | Op::SetWatches { .. }
        | Op::Reconfig { .. } => {}
    }
    op
}

/// An answer that the user was given, as the server must have given it.
pub(super) fn rooted(chroot: &str, answer: Answer) -> Answer {
    if chroot.is_empty() {
        return answer;
    }
    match answer {
        Answer::Path(path) => Answer::Path(join(chroot, &path)),
        Answer::PathStat(path, stat) => Answer::PathStat(join(chroot, &path), stat),
        Answer::Ephemerals(paths) => {
            Answer::Ephemerals(paths.iter().map(|path| join(chroot, path)).collect())
        }
        Answer::Multi(subs) => {
            let root = |sub| match sub {
                SubAnswer::Created(path) => SubAnswer::Created(join(chroot, &path)),
                SubAnswer::CreatedWithStat(path, stat) => {
                    SubAnswer::CreatedWithStat(join(chroot, &path), stat)
                }
                other => other,
            };
            Answer::Multi(subs.into_iter().map(root).collect())
        }
        other => other,
    }
}
