//! Replays the committed entries through the model and says what every client should have seen.
//!
//! This is the key trick of the whole harness: every reply and event carries a zxid, so the total order is observable, and no
//! search is needed. Entries are applied in their order; at each zxid the replies and events that carry it are laid beside
//! what the model gives. The verdicts are left to [`crate::checkers`].
//!
//! Invariant: one pass, O(n log n); what is expected of a connection follows from the entries and from that connection's own
//! messages, never from another client's. Serves G-01 to G-15.
//!
//! ```text
//!   entries:    e1 ---- e2 ---- e3 ---- e4 ...          (the model steps through them)
//!   connection:  [events of e2] [reply of e2] [read at e2] [event of e4] [reply of e4]
//! ```

mod stream;
pub(crate) mod watches;

#[cfg(test)]
mod tests;

pub use stream::StreamFault;
pub use stream::StreamFaultKind;

use crate::applied::Applied;
use crate::applied::Asked;
use crate::applied::Entry;
use crate::applied::Owner;
use crate::clock::SimTime;
use crate::history::CallId;
use crate::history::ConnectionId;
use crate::history::History;
use crate::model::Model;
use crate::model::Step;
use crate::op::Outcome;
use std::collections::BTreeMap;
use stream::Stream;

/// What a reply should have said.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The zxid of the reply: an entry's own for a write, the reader's for a read.
    pub zxid: i64,
    /// Its body or error.
    pub outcome: Outcome,
}

/// From when to when a session lived, by the committed entries.
#[derive(Clone, Debug)]
pub struct SessionLife {
    /// The zxid that began it.
    pub opened_zxid: i64,
    /// The secret for re-attaching.
    pub password: Vec<u8>,
    /// The zxid that ended it, when it was heard of, and whether the session clock asked for it.
    pub ended: Option<SessionEnd>,
}

/// The end of a session.
#[derive(Clone, Copy, Debug)]
pub struct SessionEnd {
    /// The zxid that ended it.
    pub zxid: i64,
    /// When that was committed.
    pub at: SimTime,
    /// Whether the session clock asked for it, and not the client.
    pub expired: bool,
}

/// What should have been seen.
#[derive(Debug, Default)]
pub struct Replayed {
    /// Every entry with what it did, in the order of the log.
    pub steps: Vec<(Entry, Step)>,
    /// The entry of each call that went through the log.
    pub entry_of_call: BTreeMap<CallId, usize>,
    /// Entries of client requests that no client sent, or that one sent once and the log holds twice.
    pub phantoms: Vec<usize>,
    /// For each call that was answered: what the answer should have been. Missing when the zxid of the reply fits nowhere.
    pub expected: BTreeMap<CallId, Expected>,
    /// Where the order of events and replies is not what it should be.
    pub stream_faults: Vec<StreamFault>,
    /// The zxid at which the first leader of an ensemble wrote down who its servers are.
    pub founded_at: Option<i64>,
    /// All sessions that ever were.
    pub sessions: BTreeMap<i64, SessionLife>,
    /// The state after the last entry.
    pub model: Model,
}

/// Lays a history beside the committed entries.
pub fn replay(history: &History, applied: &Applied) -> Replayed {
    let mut replayed = Replayed::default();
    match_calls(history, applied, &mut replayed);
    let mut streams: Vec<Stream<'_>> = history
        .iter()
        .map(|(id, connection)| Stream::new(id, connection))
        .collect();
    let position_of: BTreeMap<CallId, usize> = replayed.entry_of_call.clone();
    let mut model = Model::default();
    for entry in applied.entries() {
        let step = model.apply(entry);
        note_session(&mut replayed.sessions, entry, &step);
        if matches!(entry.asked, Asked::FoundMembers(_)) && step.outcome.is_ok() {
            replayed.founded_at = Some(step.zxid);
        }
        let any_order = step.ended_session.is_some();
        replayed.steps.push((entry.clone(), step));
        let Some((_, step)) = replayed.steps.last() else {
            continue;
        };
        for stream in &mut streams {
            stream.hear(&step.fired, any_order);
        }
        let view = stream::View {
            model: &model,
            steps: &replayed.steps,
            entry_of_call: &position_of,
        };
        for stream in &mut streams {
            stream.advance(view, &mut replayed.expected);
        }
    }
    for stream in streams {
        replayed.stream_faults.extend(stream.finish());
    }
    replayed.model = model;
    replayed
}

/// Finds the entry of each proposed call by its connection, as the server numbered it, and its xid.
fn match_calls(history: &History, applied: &Applied, replayed: &mut Replayed) {
    let mut sent: BTreeMap<(Owner, i32), CallId> = BTreeMap::new();
    for (id, connection, call) in history.calls() {
        if let (true, Some(owner)) = (call.op.is_proposed(), connection.owner) {
            let twice = sent.insert((owner, call.xid), id);
            assert!(
                twice.is_none(),
                "simulated clients use no xid twice on a connection"
            );
        }
    }
    for (position, entry) in applied.entries().enumerate() {
        let from_client = match &entry.asked {
            Asked::Request(_) | Asked::Sync | Asked::Close | Asked::Refuse(_) => true,
            Asked::Open { .. }
            | Asked::Attach { .. }
            | Asked::Expire
            | Asked::FoundMembers(_)
            | Asked::RaiseSemantics(_)
            | Asked::Reap { .. }
            | Asked::Unreadable(_) => false,
        };
        if !from_client {
            continue;
        }
        match sent.get(&(entry.owner, entry.xid)) {
            Some(call) if !replayed.entry_of_call.contains_key(call) => {
                replayed.entry_of_call.insert(*call, position);
            }
            Some(_) | None => replayed.phantoms.push(position),
        }
    }
}

fn note_session(sessions: &mut BTreeMap<i64, SessionLife>, entry: &Entry, step: &Step) {
    if let (Asked::Open { password, .. }, Ok(_)) = (&entry.asked, &step.outcome) {
        let life = SessionLife {
            opened_zxid: step.zxid,
            password: password.clone(),
            ended: None,
        };
        sessions.insert(entry.session, life);
    }
    if let Some(life) = step
        .ended_session
        .and_then(|session| sessions.get_mut(&session))
    {
        let expired = matches!(entry.asked, Asked::Expire);
        life.ended = Some(SessionEnd {
            zxid: step.zxid,
            at: entry.committed_at,
            expired,
        });
    }
}

impl Replayed {
    /// What an answered call should have been told.
    pub fn expected(&self, call: CallId) -> Option<&Expected> {
        self.expected.get(&call)
    }

    /// The entry of a call, with what it did.
    pub fn step_of(&self, call: CallId) -> Option<&(Entry, Step)> {
        self.steps.get(*self.entry_of_call.get(&call)?)
    }

    /// The stream faults of one kind.
    pub fn faults(&self, kind: StreamFaultKind) -> impl Iterator<Item = &StreamFault> {
        self.stream_faults
            .iter()
            .filter(move |fault| fault.kind == kind)
    }

    /// The last zxid.
    pub fn last_zxid(&self) -> i64 {
        self.model.zxid()
    }

    /// The entries that a connection's opening led to.
    pub fn attachments_of(
        &self,
        history: &History,
        id: ConnectionId,
    ) -> impl Iterator<Item = &(Entry, Step)> {
        let connection = history.connection(id);
        let owner = connection.and_then(|connection| connection.owner);
        let from = connection
            .map(|connection| connection.opened_at)
            .unwrap_or_default();
        let to = connection
            .and_then(|connection| connection.ended_at)
            .unwrap_or(SimTime(u64::MAX));
        self.steps.iter().filter(move |(entry, _)| {
            matches!(entry.asked, Asked::Open { .. } | Asked::Attach { .. })
                && Some(entry.owner) == owner
                && (from..=to).contains(&entry.committed_at)
        })
    }
}
