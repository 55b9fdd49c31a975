//! One connection's messages, walked along with the model: which event is due where, and what each reply should say.
//!
//! Invariant (reference, section 2.1): all events of zxids up to z come before any reply that carries z; the reply that set a
//! watch comes before that watch's event. So the events of a connection are determined, message by message. What the client
//! did not live to see is not missed.

use super::Expected;
use super::watches::Watches;
use crate::applied::Entry;
use crate::history::Call;
use crate::history::CallId;
use crate::history::Connection;
use crate::history::ConnectionId;
use crate::history::End;
use crate::history::Received;
use crate::model::Fired;
use crate::model::Model;
use crate::model::Step;
use crate::model::allows;
use crate::op::Answer;
use crate::op::Event;
use crate::op::EventKind;
use crate::op::Identity;
use crate::op::Op;
use crate::op::Outcome;
use crate::op::RearmLists;
use crate::op::code;
use crate::op::perm;
use crate::people;
use std::collections::BTreeMap;
use std::collections::VecDeque;

/// What is wrong with a connection's stream of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StreamFaultKind {
    /// A reply shows a state whose events should have come before it, and did not (G-07).
    EventMissing,
    /// An event that no watch of this connection and no change accounts for (G-07).
    EventUnaccounted,
    /// An event on a znode that the connection may not read (G-08).
    EventForbidden,
    /// An event of a watch whose setting was not answered before (G-09).
    EventBeforeItsReply,
    /// setWatches made up other events than those that were missed (G-07).
    RearmWrong,
    /// A message carries a smaller zxid than one before it on the same connection (G-04).
    ZxidWentBack,
    /// A message carries a zxid that no committed entry has (G-02).
    ZxidUnknown,
    /// Bytes that are no message.
    Nonsense,
}

/// One fault in a connection's stream; the first of a connection hides those behind it.
#[derive(Clone, Debug)]
pub struct StreamFault {
    /// Which connection.
    pub connection: ConnectionId,
    /// The position of the message at which it shows.
    pub position: usize,
    /// What is wrong.
    pub kind: StreamFaultKind,
    /// For people.
    pub what: String,
}

/// What the replay knows at the zxid it stands at.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) model: &'a Model,
    pub(super) steps: &'a [(Entry, Step)],
    pub(super) entry_of_call: &'a BTreeMap<CallId, usize>,
}

/// Whether an event must, may or must not be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Permit {
    Required,
    /// An authentication was on its way: either verdict is right.
    Optional,
    Forbidden,
}

#[derive(Debug)]
struct Awaited {
    event: Event,
    permit: Permit,
    /// Events of ephemerals that go with their session: the order among them is free.
    any_order: bool,
}

/// A connection's messages and how far they have been accounted for.
#[derive(Debug)]
pub(super) struct Stream<'h> {
    id: ConnectionId,
    connection: &'h Connection,
    cursor: usize,
    highest: i64,
    identities: Vec<Identity>,
    /// Those it had for certain at the zxid of the last message that carries one.
    identities_then: Vec<Identity>,
    watches: Watches,
    awaited: VecDeque<Awaited>,
    /// Events that setWatches made up, until its reply comes.
    made_up: Vec<(EventKind, String)>,
    fault: Option<StreamFault>,
}

impl<'h> Stream<'h> {
    pub(super) fn new(id: ConnectionId, connection: &'h Connection) -> Self {
        Self {
            id,
            connection,
            cursor: 0,
            highest: 0,
            identities: vec![Identity::new("ip", &connection.address)],
            identities_then: vec![Identity::new("ip", &connection.address)],
            watches: Watches::default(),
            awaited: VecDeque::new(),
            made_up: Vec::new(),
            fault: None,
        }
    }

    /// The changes of one entry pass by this connection's watches.
    pub(super) fn hear(&mut self, fired: &[Fired], any_order: bool) {
        let gone =
            self.connection.end != End::StillOpen && self.cursor >= self.connection.received.len();
        if fired.is_empty() || gone || self.fault.is_some() {
            return;
        }
        let soon = self.identities_soon(fired.first().map_or(0, |fired| fired.event.zxid));
        for change in fired {
            if !self.watches.trigger(change.event.kind, &change.event.path) {
                continue;
            }
            let permit = if allows(&change.acl, perm::READ, &self.identities_then) {
                Permit::Required
            } else if allows(&change.acl, perm::READ, &soon) {
                Permit::Optional
            } else {
                Permit::Forbidden
            };
            self.awaited.push_back(Awaited {
                event: change.event.clone(),
                permit,
                any_order,
            });
        }
    }

    fn is_over(&self) -> bool {
        self.fault.is_some() || self.cursor >= self.connection.received.len()
    }

    /// The identities this connection may have had when `zxid` was applied: an authentication's reply carries no zxid.
    fn identities_soon(&self, zxid: i64) -> Vec<Identity> {
        let mut soon = self.identities.clone();
        for (_, message) in self.connection.received.iter().skip(self.cursor) {
            match message {
                Received::Event(event) if event.zxid >= zxid => break,
                Received::Event(_) | Received::Nonsense(_) => {}
                Received::Reply(position) => {
                    let Some(call) = self.connection.calls.get(*position) else {
                        continue;
                    };
                    match (&call.op, call.reply()) {
                        (Op::AddAuth { scheme, auth }, _) => people::add(&mut soon, scheme, auth),
                        (_, Some((_, replied, _))) if replied >= zxid => break,
                        _ => {}
                    }
                }
            }
        }
        soon
    }

    /// Accounts for all messages that carry no later zxid than the model's.
    pub(super) fn advance(&mut self, view: View<'_>, expected: &mut BTreeMap<CallId, Expected>) {
        while !self.is_over() {
            let Some((_, message)) = self.connection.received.get(self.cursor) else {
                return;
            };
            let accounted = match message {
                Received::Event(event) => self.take_event(view, event),
                Received::Reply(position) => self.take_reply(view, *position, expected),
                Received::Nonsense(what) => {
                    self.fail(StreamFaultKind::Nonsense, what.clone());
                    true
                }
            };
            if !accounted {
                return;
            }
            self.cursor += 1;
        }
    }

    /// What is left when all entries have been applied.
    pub(super) fn finish(mut self) -> Option<StreamFault> {
        if !self.is_over() {
            self.fail(
                StreamFaultKind::ZxidUnknown,
                "a message of a zxid that was never committed".to_owned(),
            );
        }
        let due = self
            .awaited
            .iter()
            .find(|awaited| awaited.permit == Permit::Required);
        if let (Some(due), End::StillOpen) = (due, self.connection.end) {
            let what = format!(
                "{} never came to a connection that is still open",
                due.event
            );
            self.fail(StreamFaultKind::EventMissing, what);
        }
        self.fault
    }

    fn fail(&mut self, kind: StreamFaultKind, what: String) {
        if self.fault.is_none() {
            self.fault = Some(StreamFault {
                connection: self.id,
                position: self.cursor,
                kind,
                what,
            });
        }
    }

    fn take_event(&mut self, view: View<'_>, event: &Event) -> bool {
        if event.zxid == -1 {
            self.made_up.push((event.kind, event.path.clone()));
            return true;
        }
        if event.zxid > view.model.zxid() {
            return false;
        }
        if event.zxid < self.highest {
            self.fail(
                StreamFaultKind::ZxidWentBack,
                format!("{event} behind {}", crate::op::hex(self.highest)),
            );
            return true;
        }
        self.highest = event.zxid;
        self.identities_then.clone_from(&self.identities);
        match self.take_awaited(event) {
            Some(Permit::Required | Permit::Optional) => {}
            Some(Permit::Forbidden) => {
                self.fail(StreamFaultKind::EventForbidden, event.to_string())
            }
            None if self.a_later_call_watches(event) => {
                self.fail(StreamFaultKind::EventBeforeItsReply, event.to_string());
            }
            None => {
                let due = self
                    .awaited
                    .front()
                    .map_or_else(|| "none".to_owned(), |awaited| awaited.event.to_string());
                self.fail(
                    StreamFaultKind::EventUnaccounted,
                    format!("{event}, while the next due was: {due}"),
                );
            }
        }
        true
    }

    /// Finds an event among those that may come next and forgets it and all that were passed over.
    fn take_awaited(&mut self, event: &Event) -> Option<Permit> {
        let mut found = None;
        for (position, awaited) in self.awaited.iter().enumerate() {
            if awaited.event == *event {
                found = Some((position, awaited.permit, awaited.any_order));
                break;
            }
            let may_pass = awaited.permit != Permit::Required
                || (awaited.any_order && awaited.event.zxid == event.zxid);
            if !may_pass {
                return None;
            }
        }
        let (position, permit, any_order) = found?;
        self.awaited.remove(position);
        if !any_order {
            self.awaited.drain(..position);
        }
        Some(permit)
    }

    /// Whether a call whose reply is still to come sets a watch that this event could be of.
    fn a_later_call_watches(&self, event: &Event) -> bool {
        self.connection
            .received
            .iter()
            .skip(self.cursor)
            .any(|(_, message)| {
                let Received::Reply(position) = message else {
                    return false;
                };
                let Some(call) = self.connection.calls.get(*position) else {
                    return false;
                };
                match &call.op {
                    Op::GetData { path, watch: true }
                    | Op::Exists { path, watch: true }
                    | Op::GetChildren {
                        path, watch: true, ..
                    } => *path == event.path,
                    Op::AddWatch { path, .. } => event.path.starts_with(path.as_str()),
                    _ => false,
                }
            })
    }

    fn take_reply(
        &mut self,
        view: View<'_>,
        position: usize,
        expected: &mut BTreeMap<CallId, Expected>,
    ) -> bool {
        let connection = self.connection;
        let Some(call) = connection.calls.get(position) else {
            return true;
        };
        let Some((_, zxid, outcome)) = call.reply() else {
            return true;
        };
        let id = CallId {
            connection: self.id,
            position,
        };
        // A sync takes no zxid, so its reply's may be reached before the sync itself is.
        let not_yet = view
            .entry_of_call
            .get(&id)
            .is_some_and(|entry| *entry >= view.steps.len());
        if zxid > view.model.zxid() || (not_yet && matches!(call.op, Op::Sync { .. })) {
            return false;
        }
        // Authentication replies carry no zxid, nor do refusals of what could not be read.
        if zxid > 0 {
            if zxid < self.highest {
                let what = format!(
                    "{:?} at {} behind {}",
                    call.op,
                    crate::op::hex(zxid),
                    crate::op::hex(self.highest)
                );
                self.fail(StreamFaultKind::ZxidWentBack, what);
                return true;
            }
            self.highest = zxid;
            self.identities_then.clone_from(&self.identities);
            if let Some(missing) = self
                .awaited
                .iter()
                .find(|awaited| awaited.permit == Permit::Required)
            {
                let what = format!(
                    "{} was due before the reply to {:?} at {}",
                    missing.event,
                    call.op,
                    crate::op::hex(zxid)
                );
                self.fail(StreamFaultKind::EventMissing, what);
                return true;
            }
            self.awaited.clear();
        }
        // A reply that came too late to be laid beside its own state expects nothing: ZxidWentBack has said why.
        if (zxid <= 0 || zxid == view.model.zxid())
            && let Some(answer) = self.expect(view, id, call, outcome)
        {
            expected.insert(id, answer);
        }
        true
    }

    /// What this call should be told here; nothing when the log does not have it, for which G-02 has its own words.
    fn expect(
        &mut self,
        view: View<'_>,
        id: CallId,
        call: &Call,
        seen: &Outcome,
    ) -> Option<Expected> {
        let zxid = call.reply().map_or(0, |(_, zxid, _)| zxid);
        if call.op.is_proposed() {
            let (_, step) = view
                .entry_of_call
                .get(&id)
                .and_then(|position| view.steps.get(*position))?;
            return Some(Expected {
                zxid: step.zxid,
                outcome: answer_of(&call.op, &step.outcome),
            });
        }
        let outcome = match view.model.read(
            &call.op,
            self.connection.session().unwrap_or(0),
            &self.identities,
        ) {
            Some(outcome) => outcome,
            None => self.expect_local(view, call, seen),
        };
        self.register(&call.op, &outcome);
        Some(Expected { zxid, outcome })
    }

    /// Operations that concern the connection and not the tree.
    fn expect_local(&mut self, view: View<'_>, call: &Call, seen: &Outcome) -> Outcome {
        match &call.op {
            Op::Ping => Ok(Answer::Done),
            Op::AddAuth { scheme, auth } => {
                if seen.is_ok() {
                    people::add(&mut self.identities, scheme, auth);
                }
                if people::is_scheme(scheme) {
                    Ok(Answer::Done)
                } else {
                    Err(people::AUTH_FAILED)
                }
            }
            Op::AddWatch { path, mode } => {
                if self.watches.add(path, *mode) {
                    Ok(Answer::Done)
                } else {
                    Err(code::MARSHALLING)
                }
            }
            Op::CheckWatches { path, kind } => found(self.watches.check(path, *kind)),
            Op::RemoveWatches { path, kind } => found(self.watches.remove(path, *kind)),
            Op::SetWatches {
                relative_zxid,
                lists,
            } => {
                self.rearm(view.model, *relative_zxid, lists);
                Ok(Answer::Done)
            }
            _ => Err(code::UNIMPLEMENTED),
        }
    }

    /// A read that was answered has set its watch; exists sets one also on what is not there.
    fn register(&mut self, op: &Op, outcome: &Outcome) {
        match (op, outcome) {
            (Op::GetData { path, watch: true }, Ok(_))
            | (Op::Exists { path, watch: true }, Ok(_) | Err(code::NO_NODE)) => {
                self.watches.watch_data(path)
            }
            (
                Op::GetChildren {
                    path, watch: true, ..
                },
                Ok(_),
            ) => self.watches.watch_children(path),
            _ => {}
        }
    }

    fn rearm(&mut self, model: &Model, since: i64, lists: &RearmLists) {
        let mut due = Vec::new();
        for path in &lists.data {
            match model.node(Model::read_path(path)) {
                None => due.push((EventKind::NodeDeleted, path.clone())),
                Some(node) if node.mzxid > since => {
                    due.push((EventKind::NodeDataChanged, path.clone()))
                }
                Some(_) => self.watches.watch_data(path),
            }
        }
        for path in &lists.exist {
            match model.node(Model::read_path(path)) {
                Some(_) => due.push((EventKind::NodeCreated, path.clone())),
                None => self.watches.watch_data(path),
            }
        }
        for path in &lists.child {
            match model.node(Model::read_path(path)) {
                None => due.push((EventKind::NodeDeleted, path.clone())),
                Some(node) if node.pzxid > since => {
                    due.push((EventKind::NodeChildrenChanged, path.clone()))
                }
                Some(_) => self.watches.watch_children(path),
            }
        }
        for path in &lists.persistent {
            self.watches.add(path, super::watches::add_mode::PERSISTENT);
        }
        for path in &lists.recursive {
            self.watches
                .add(path, super::watches::add_mode::PERSISTENT_RECURSIVE);
        }
        let seen = std::mem::take(&mut self.made_up);
        if seen != due {
            self.fail(
                StreamFaultKind::RearmWrong,
                format!(
                    "since {}: {seen:?} instead of {due:?}",
                    crate::op::hex(since)
                ),
            );
        }
    }
}

fn found(found: Option<bool>) -> Outcome {
    match found {
        Some(true) => Ok(Answer::Done),
        Some(false) => Err(code::NO_WATCHER),
        None => Err(code::MARSHALLING),
    }
}

/// Sync is told its own path; the model's answer is enough for all others.
fn answer_of(op: &Op, outcome: &Outcome) -> Outcome {
    match (op, outcome) {
        (Op::Sync { path }, Ok(_)) => Ok(Answer::Path(path.clone())),
        _ => outcome.clone(),
    }
}
