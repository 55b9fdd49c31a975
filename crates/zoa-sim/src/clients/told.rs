//! What a production client tells its user, in plain values of the test kit's.
//!
//! Invariant: nothing told is left out or made better; paths are written as the server has them, so that they can be compared.

use super::ask::join;
use zoa_client_core::Event;
use zoa_client_core::Outcome as ClientOutcome;
use zoa_client_core::Reason;
use zoa_client_core::SessionEvent;
use zoa_client_core::WatchFired;
use zoa_proto::ErrorCode;
use zoa_proto::EventKind as WireKind;
use zoa_proto::Reply;
use zoa_proto::jute::Writer;
use zoa_testkit::op::Answer;
use zoa_testkit::op::EventKind;
use zoa_testkit::op::Op;
use zoa_testkit::op::Outcome;
use zoa_testkit::wire;

/// Tags from here on are those of logins, which have an order of their own.
pub(super) const LOGIN_TAG: u32 = 1 << 30;

/// Something told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Session(SessionEvent),
    /// A request's end.
    Outcome(u32, Verdict),
    Watch(ToldWatch),
    /// Watches that are gone without having fired: whose, and where.
    Gone(String, Vec<u32>),
    /// Something to log.
    Notice(zoa_client_core::Notice),
}

/// A watch event for some watchers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ToldWatch {
    pub(crate) kind: EventKind,
    pub(crate) path: String,
    /// `None` for what was made up when the watches were set again.
    pub(crate) zxid: Option<i64>,
    pub(crate) watchers: Vec<u32>,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Answered, with this zxid; the body as the user sees it.
    Done(i64, Outcome),
    NotApplied(Reason),
    Unknown(Reason),
}

/// Takes down an event; `op_of` knows what was asked under a tag, as the user asked it.
pub(super) fn take_down<'o>(
    event: Event<'_, u32>,
    chroot: &str,
    op_of: impl Fn(u32) -> Option<&'o Op>,
) -> Result<Told, String> {
    Ok(match event {
        Event::Session(event) => Told::Session(event),
        Event::Outcome { tag, outcome } => {
            let op = op_of(tag).ok_or_else(|| format!("an outcome for tag {tag}, never given"))?;
            Told::Outcome(tag, verdict(op, outcome)?)
        }
        Event::Watch(fired) => Told::Watch(watch(&fired, chroot)?),
        Event::WatchGone(gone) => {
            let path = join(chroot, &gone.path);
            Told::Gone(path, numbers(&gone.watchers)?)
        }
        Event::Notice(notice) => Told::Notice(notice),
    })
}

fn verdict(op: &Op, outcome: ClientOutcome<'_>) -> Result<Verdict, String> {
    Ok(match outcome {
        ClientOutcome::Done { zxid, result } => Verdict::Done(zxid.to_wire(), body(op, result)?),
        ClientOutcome::NotApplied(reason) => Verdict::NotApplied(reason),
        ClientOutcome::Unknown(reason) => Verdict::Unknown(reason),
    })
}

/// The reply written out again, and read by the test kit: a reply to another kind of request does not come out whole.
fn body(op: &Op, result: Result<Reply<'_>, ErrorCode>) -> Result<Outcome, String> {
    let reply = match result {
        Ok(reply) => reply,
        Err(code) => return Ok(Err(code.to_wire())),
    };
    let mut bytes = Vec::new();
    reply.encode(&mut Writer::new(&mut bytes));
    match wire::answer::decode(op, &bytes) {
        Ok(answer) => Ok(Ok(answer)),
        Err(wrong) => Err(format!("{reply:?} in answer to {op:?}: {wrong}")),
    }
}

fn watch(fired: &WatchFired<'_>, chroot: &str) -> Result<ToldWatch, String> {
    Ok(ToldWatch {
        kind: kind_of(fired.kind),
        path: join(chroot, fired.path),
        zxid: fired.zxid.map(zoa_proto::Zxid::to_wire),
        watchers: numbers(fired.watchers)?,
    })
}

const fn kind_of(kind: WireKind) -> EventKind {
    match kind {
        WireKind::NodeCreated => EventKind::NodeCreated,
        WireKind::NodeDeleted => EventKind::NodeDeleted,
        WireKind::NodeDataChanged => EventKind::NodeDataChanged,
        WireKind::NodeChildrenChanged => EventKind::NodeChildrenChanged,
    }
}

fn numbers(watchers: &[zoa_client_core::WatcherId]) -> Result<Vec<u32>, String> {
    let number = |watcher: &zoa_client_core::WatcherId| {
        u32::try_from(watcher.0).map_err(|_| format!("{watcher:?} was never given"))
    };
    watchers.iter().map(number).collect()
}

/// What was on the wire, as a client tells it: addWatch says its error in the body, too.
pub(super) fn as_told(outcome: &Outcome) -> Outcome {
    match outcome {
        Ok(Answer::Count(code)) if *code < 0 => Err(*code),
        other => other.clone(),
    }
}
