//! What a run has to say: counters, violations, and how to see it again.

use crate::clients::Tally;
use crate::recipes::RecipeTally;
use crate::trace::Trace;
use crate::world::Options;
use crate::world::Scenario;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use zoa_testkit::applied::Applied;
use zoa_testkit::applied::Asked;
use zoa_testkit::applied::Entry;
use zoa_testkit::checkers::Violation;
use zoa_testkit::clock::SimTime;
use zoa_testkit::faults::Fault;
use zoa_testkit::history::Connection;
use zoa_testkit::history::ConnectionId;
use zoa_testkit::history::History;
use zoa_testkit::history::Received;
use zoa_testkit::model::Step;
use zoa_testkit::op::Op;
use zoa_testkit::op::code;

/// How many violations of one run are shown, beside the first of each guarantee.
const SHOWN_MAX: usize = 6;

/// What a run did, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each counts what it names")]
pub struct Counters {
    pub calls: u64,
    pub acknowledged: u64,
    pub succeeded: u64,
    pub events: u64,
    pub connections: u64,
    pub entries: u64,
    pub expiries: u64,
    pub reconfigs: u64,
    pub reconfigs_refused: u64,
    pub reaped: u64,
    pub whole_power_cuts: u64,
    pub at_places: u64,
    pub healing_ms_max: u64,
    pub starts: u64,
    pub kills: u64,
    pub power_cuts: u64,
    pub log_failures: u64,
    pub snapshots: u64,
    pub snapshots_failed: u64,
    pub strangers: u64,
    pub happenings: u64,
    pub disk_ops: u64,
    pub sim_ms: u64,
    pub leaders: u64,
    pub links: u64,
    pub frames: u64,
    pub snapshots_sent: u64,
    pub members_changed: u64,
    pub wipes: u64,
    pub rules_raised: u64,
    pub taken_back: u64,
    pub refused_too_old: u64,
    pub gluttons: u64,
    pub elections: u64,
    pub elections_slow: u64,
    pub elections_lost: u64,
    pub election_ms_max: u64,
}

impl Counters {
    pub(crate) fn add_history(&mut self, history: &History, applied: &Applied, ended_at: SimTime) {
        for (_, _, call) in history.calls() {
            self.calls += 1;
            if let Some((_, _, outcome)) = call.reply() {
                self.acknowledged += 1;
                self.succeeded += u64::from(outcome.is_ok());
            }
        }
        let messages = history
            .iter()
            .flat_map(|(_, connection)| &connection.received);
        self.events = messages
            .filter(|(_, message)| matches!(message, Received::Event(_)))
            .count() as u64;
        self.connections = history.connections.len() as u64;
        self.entries = applied.len() as u64;
        self.expiries = applied
            .entries()
            .filter(|entry| entry.asked == Asked::Expire)
            .count() as u64;
        let raises = |entry: &Entry| matches!(entry.asked, Asked::RaiseSemantics(_));
        self.rules_raised = u64::from(applied.entries().any(raises));
        self.sim_ms = ended_at.as_ms();
    }

    /// Counts what entries did.
    pub(crate) fn add_steps(&mut self, steps: &[(Entry, Step)]) {
        for (entry, step) in steps {
            match &entry.asked {
                Asked::Request(Op::Reconfig { .. }) if step.outcome.is_ok() => self.reconfigs += 1,
                Asked::Request(Op::Reconfig { .. }) => self.reconfigs_refused += 1,
                Asked::Refuse(code::RECONFIG_IN_PROGRESS | code::NEW_CONFIG_NO_QUORUM) => {
                    self.reconfigs_refused += 1;
                }
                Asked::Reap { .. } => self.reaped += u64::from(step.outcome.is_ok()),
                _ => {}
            }
        }
    }

    /// Adds the numbers of another run.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.acknowledged += other.acknowledged;
        self.succeeded += other.succeeded;
        self.events += other.events;
        self.connections += other.connections;
        self.entries += other.entries;
        self.expiries += other.expiries;
        self.reconfigs += other.reconfigs;
        self.reconfigs_refused += other.reconfigs_refused;
        self.reaped += other.reaped;
        self.whole_power_cuts += other.whole_power_cuts;
        self.at_places += other.at_places;
        self.healing_ms_max = self.healing_ms_max.max(other.healing_ms_max);
        self.starts += other.starts;
        self.kills += other.kills;
        self.power_cuts += other.power_cuts;
        self.log_failures += other.log_failures;
        self.snapshots += other.snapshots;
        self.snapshots_failed += other.snapshots_failed;
        self.strangers += other.strangers;
        self.happenings += other.happenings;
        self.disk_ops += other.disk_ops;
        self.sim_ms += other.sim_ms;
        self.leaders += other.leaders;
        self.links += other.links;
        self.frames += other.frames;
        self.snapshots_sent += other.snapshots_sent;
        self.members_changed += other.members_changed;
        self.wipes += other.wipes;
        self.rules_raised += other.rules_raised;
        self.taken_back += other.taken_back;
        self.refused_too_old += other.refused_too_old;
        self.gluttons += other.gluttons;
        self.elections += other.elections;
        self.elections_slow += other.elections_slow;
        self.elections_lost += other.elections_lost;
        self.election_ms_max = self.election_ms_max.max(other.election_ms_max);
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} calls, {} acknowledged ({} ok), {} events, {} connections, {} entries, {} expiries, {} reconfigs ({} refused), {} reaped, {} whole-ensemble power cuts, {} crashes at named places, all well {} ms after the last fault at most, {} starts, {} kills, \
             {} power cuts, {} log failures, {} snapshots ({} failed), {} strangers, {} simulated seconds; {} leaders, {} links, {} frames, {} snapshots sent, \
             {} changes of members, {} wiped disks, newer rules in {} ensembles, {} servers started with the program before ({} refused), {} gluttons; {} elections ({} longer than one timeout, {} without a winner before), of {} ms at most",
            self.calls,
            self.acknowledged,
            self.succeeded,
            self.events,
            self.connections,
            self.entries,
            self.expiries,
            self.reconfigs,
            self.reconfigs_refused,
            self.reaped,
            self.whole_power_cuts,
            self.at_places,
            self.healing_ms_max,
            self.starts,
            self.kills,
            self.power_cuts,
            self.log_failures,
            self.snapshots,
            self.snapshots_failed,
            self.strangers,
            self.sim_ms / 1000,
            self.leaders,
            self.links,
            self.frames,
            self.snapshots_sent,
            self.members_changed,
            self.wipes,
            self.rules_raised,
            self.taken_back,
            self.refused_too_old,
            self.gluttons,
            self.elections,
            self.elections_slow,
            self.elections_lost,
            self.election_ms_max
        )
    }
}

/// The verdict on one run.
#[derive(Debug)]
pub struct Report {
    /// What decided the run.
    pub options: Options,
    /// The faults that happened.
    pub plan: Vec<Fault>,
    /// How many kinds of them.
    pub fault_kinds: BTreeSet<&'static str>,
    /// What went wrong.
    pub violations: Vec<Violation>,
    /// What happened, in numbers.
    pub counters: Counters,
    /// What production clients and their users met.
    pub clients: Tally,
    /// What recipes did.
    pub recipes: RecipeTally,
    /// What happened last.
    pub trace: Trace,
    /// What the clients did and saw.
    pub history: History,
    /// What was committed.
    pub entries: Vec<Entry>,
}

impl Report {
    /// Whether nothing went wrong.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// The connections of a session, one a line, and the entries about it.
    pub fn session(&self, hex: &str) -> String {
        let session = i64::from_str_radix(hex.trim_start_matches("0x"), 16).unwrap_or(0);
        let connections = self.history.iter().filter(|(_, connection)| {
            connection.asked.session == session || connection.session() == Some(session)
        });
        let mut lines: Vec<String> = connections
            .map(|(id, connection)| {
                let Connection { opened_at, owner, answered, ended_at, end, .. } = connection;
                format!("connection {} opened {opened_at} {owner:?} answered {answered:?} {end:?} {ended_at:?}", id.0)
            })
            .collect();
        lines.extend(
            self.entries
                .iter()
                .filter(|entry| entry.session == session && is_about_session(entry))
                .map(|entry| {
                    format!(
                        "entry {} term {} at {} {:?} {:?}",
                        entry.index, entry.term, entry.committed_at, entry.owner, entry.asked
                    )
                }),
        );
        lines.join("\n") + "\n"
    }

    /// One connection as its client saw it, for people who look for a cause.
    pub fn connection(&self, id: ConnectionId) -> String {
        let Some(connection) = self.history.connection(id) else {
            return "no such connection\n".to_owned();
        };
        let mut lines = vec![
            format!(
                "client {:?} opened at {}: {:?}",
                connection.client, connection.opened_at, connection.asked
            ),
            format!(
                "owner {:?}, answered {:?}, end {:?} {:?}",
                connection.owner, connection.answered, connection.end, connection.ended_at
            ),
        ];
        for (position, call) in connection.calls.iter().enumerate() {
            lines.push(format!(
                "  {} call {position} xid {}: {:?}",
                call.invoked_at, call.xid, call.op
            ));
        }
        for (at, message) in &connection.received {
            lines.push(match message {
                Received::Reply(position) => {
                    let reply = connection
                        .calls
                        .get(*position)
                        .and_then(|call| call.reply());
                    format!("  {at} reply to call {position}: {reply:x?}")
                }
                Received::Event(event) => format!("  {at} event {event}"),
                Received::Nonsense(what) => format!("  {at} nonsense: {what}"),
            });
        }
        lines.join("\n") + "\n"
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: {}", self.options.seed, self.counters)?;
        if self.options.scenario.has_scripts() {
            writeln!(f, "of recipes: {}", self.recipes)?;
        }
        if self.options.scenario != Scenario::Server {
            writeln!(f, "of users and their clients: {}", self.clients)?;
        }
        if self.is_clean() {
            return Ok(());
        }
        writeln!(f, "faults:")?;
        for fault in &self.plan {
            writeln!(f, "  {fault}")?;
        }
        writeln!(f, "the last happenings:\n{}", self.trace.tail())?;
        self.write_violations(f)?;
        let Options {
            seed,
            scenario,
            plan,
            ..
        } = self.options;
        writeln!(f, "replay: {}{plan}", replay_command(seed, scenario))
    }
}

impl Report {
    /// The first violation of each guarantee, more of the same as there is room, and how many there are of each: one mistake
    /// of the server often shows in several places.
    fn write_violations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut room = SHOWN_MAX;
        for violation in &self.violations {
            let count = counts.entry(violation.guarantee).or_default();
            *count += 1;
            if *count == 1 || room > 0 {
                room = room.saturating_sub(1);
                writeln!(f, "{violation}")?;
            }
        }
        let counts: Vec<String> = counts
            .iter()
            .map(|(guarantee, count)| format!("{guarantee} {count} times"))
            .collect();
        writeln!(f, "broken in all: {}", counts.join(", "))
    }
}

fn is_about_session(entry: &Entry) -> bool {
    matches!(
        entry.asked,
        Asked::Open { .. } | Asked::Attach { .. } | Asked::Close | Asked::Expire
    )
}

/// The one command that shows a run again.
pub fn replay_command(seed: u64, scenario: Scenario) -> String {
    let scenario = match scenario {
        Scenario::Server => "",
        Scenario::Clients => "--scenario clients ",
        Scenario::Recipes => "--scenario recipes ",
        Scenario::Ensemble => "--scenario ensemble ",
        Scenario::Farm => "--scenario farm ",
    };
    format!("cargo run --profile sim -p zoa-sim -- {scenario}--seed {seed}")
}
