//! The judge of one production client: what it told its user, beside what was on its wires and what was committed.
//!
//! The server's side of every wire is judged elsewhere; here the client is. Invariant: a judge believes the tap and the replay, and
//! what the client says of itself is only ever the thing that is checked.

mod outcomes;
mod sessions;
mod watches;

use super::Life;
use super::Tally;
use super::Tap;
use super::told::Told;
use super::told::Verdict;
use std::collections::BTreeMap;
use zoa_testkit::checkers::Case;
use zoa_testkit::checkers::Violation;
use zoa_testkit::history::Call;
use zoa_testkit::history::CallId;
use zoa_testkit::history::Connection;
use zoa_testkit::history::ConnectionId;
use zoa_testkit::op::Op;

/// One client's case.
struct Trial<'a> {
    life: &'a Life,
    case: Case<'a>,
    /// Its connections, in the order of opening.
    connections: Vec<(ConnectionId, &'a Connection)>,
    /// What it sent under each tag; once, if it is right.
    calls: BTreeMap<u32, Vec<(CallId, &'a Call)>>,
    /// Committed entries under each tag.
    entries: BTreeMap<u32, u64>,
    violations: Vec<Violation>,
}

impl Trial<'_> {
    fn report(&mut self, guarantee: &'static str, what: &str) {
        let what = format!("client {}: {what}", self.life.id.0);
        self.violations.push(Violation { guarantee, what });
    }
}

/// Judges a client, and counts what it met.
pub(crate) fn judge(life: &Life, case: Case<'_>, tally: &mut Tally) -> Vec<Violation> {
    let mut trial = Trial {
        connections: case
            .history
            .iter()
            .filter(|(_, connection)| connection.client == life.id)
            .collect(),
        life,
        case,
        calls: BTreeMap::new(),
        entries: BTreeMap::new(),
        violations: Vec::new(),
    };
    trial.find_calls();
    trial.find_entries();
    for wrong in &life.wrong {
        trial.report(wrong.0, &wrong.1);
    }
    outcomes::check(&mut trial);
    sessions::check(&mut trial);
    tally.watches += watches::check(&mut trial);
    count(&trial, tally);
    trial.violations
}

impl Trial<'_> {
    fn find_calls(&mut self) {
        for (id, connection) in &self.connections {
            for (position, call) in connection.calls.iter().enumerate() {
                if let Ok(tag @ 1..) = u32::try_from(call.xid) {
                    let id = CallId {
                        connection: *id,
                        position,
                    };
                    self.calls.entry(tag).or_default().push((id, call));
                }
            }
        }
    }

    fn find_entries(&mut self) {
        let owners: Vec<_> = self
            .connections
            .iter()
            .filter_map(|(_, connection)| connection.owner)
            .collect();
        for entry in self.case.applied.entries() {
            if let (Ok(tag @ 1..), true) = (u32::try_from(entry.xid), owners.contains(&entry.owner))
            {
                *self.entries.entry(tag).or_default() += 1;
            }
        }
    }
}

fn count(trial: &Trial<'_>, tally: &mut Tally) {
    for (_, told) in &trial.life.told {
        match told {
            Told::Outcome(_, verdict) => {
                let counter = match verdict {
                    Verdict::Done(_, Ok(_)) => &mut tally.succeeded,
                    Verdict::Done(_, Err(_)) => &mut tally.failed,
                    Verdict::NotApplied(_) => &mut tally.not_applied,
                    Verdict::Unknown(_) => &mut tally.unknown,
                };
                *counter += 1;
                outcomes::count(verdict, tally);
            }
            Told::Session(event) => sessions::count(*event, tally),
            Told::Watch(fired) => watches::count(fired, tally),
            Told::Gone(_, watchers) => tally.removed += watchers.len() as u64,
            Told::Notice(notice) => sessions::count_notice(notice, tally),
        }
    }
    tally.moved += moves(trial);
    for (number, (_, connection)) in trial.connections.iter().enumerate() {
        let (pieces, paths) = Tap::rearmed(connection);
        tally.set_watches += pieces;
        tally.rearmed += paths;
        let logins = connection.calls.iter();
        let logins = logins.filter(|call| matches!(call.op, Op::AddAuth { .. }));
        tally.logins_repeated += if number > 0 { logins.count() as u64 } else { 0 };
    }
}

/// How often the session was attached to on another server than before.
fn moves(trial: &Trial<'_>) -> u64 {
    let attached = trial.connections.iter();
    let attached = attached.filter(|(_, connection)| connection.session().is_some());
    let owners = attached.filter_map(|(_, connection)| connection.owner);
    let servers: Vec<u8> = owners.map(|owner| owner.server).collect();
    let pairs = servers.iter().zip(servers.iter().skip(1));
    pairs.filter(|(one, next)| one != next).count() as u64
}
