//! Watches over reconnects: each event for a reason and told once, none lost, and always before a reply that shows what it tells of
//! (G-28).
//!
//! Judged by what was committed, not by what the client's table holds: at every reply that the user was told, with the zxid it
//! carries, every watch that a change up to there concerns must have been told of. What nobody may read needs not be told.
//!
//! ```text
//!   told:     reply at z0 sets the watch .... events .... reply at z
//!   changes:       (z0 ........................ z]   any that concerns it?  then it must be among the events
//! ```

use super::Trial;
use crate::clients::Tally;
use crate::clients::ask;
use crate::clients::told::LOGIN_TAG;
use crate::clients::told::Told;
use crate::clients::told::ToldWatch;
use crate::clients::told::Verdict;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use zoa_testkit::history::Connection;
use zoa_testkit::model::allows;
use zoa_testkit::op::EventKind;
use zoa_testkit::op::Op;
use zoa_testkit::op::Outcome;
use zoa_testkit::op::code;
use zoa_testkit::op::perm;

/// A change that watches hear of.
#[derive(Debug)]
struct Change {
    zxid: i64,
    kind: EventKind,
    path: String,
    /// Everyone may hear of it.
    is_open: bool,
}

impl Change {
    fn event(&self) -> (i64, EventKind, String) {
        (self.zxid, self.kind, self.path.clone())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Of a znode that was there.
    Data,
    /// Of one that was not.
    Exist,
    Child,
    Persistent,
    Recursive,
}

/// A watch, by what its user was told.
#[derive(Debug)]
struct Watch {
    kind: Kind,
    path: String,
    zxid: i64,
    /// The connection on which it was set, or set again, and from which zxid on it hears of everything.
    armed: (usize, i64),
    /// Told, or removed.
    is_over: bool,
    /// Events and how often: one transaction may change the same children several times.
    told: BTreeMap<(i64, EventKind, String), usize>,
}

/// Judges all watches; how many there were.
pub(super) fn check(trial: &mut Trial<'_>) -> u64 {
    let mut bench = Bench::new(trial);
    let mut wrong = Vec::new();
    for (_, told) in &trial.life.told {
        match told {
            Told::Outcome(tag, verdict) if *tag < LOGIN_TAG => {
                bench.hear_outcome(trial, (*tag, verdict), &mut wrong);
            }
            Told::Watch(fired) => bench.hear_event(fired, &mut wrong),
            Told::Gone(path, watchers) => bench.hear_gone((path, watchers), &mut wrong),
            Told::Outcome(..) | Told::Session(_) | Told::Notice(_) => {}
        }
    }
    for what in wrong {
        trial.report("G-28", &what);
    }
    bench.set
}

struct Bench {
    changes: Vec<Change>,
    /// Positions of the changes of each path.
    by_path: BTreeMap<String, Vec<usize>>,
    watches: BTreeMap<u32, Watch>,
    set: u64,
}

impl Bench {
    fn new(trial: &Trial<'_>) -> Self {
        let mut bench = Self {
            changes: Vec::new(),
            by_path: BTreeMap::new(),
            watches: BTreeMap::new(),
            set: 0,
        };
        for (_, step) in &trial.case.replayed.steps {
            for fired in &step.fired {
                let path = fired.event.path.clone();
                let here = bench.by_path.entry(path.clone()).or_default();
                here.push(bench.changes.len());
                bench.changes.push(Change {
                    zxid: fired.event.zxid,
                    kind: fired.event.kind,
                    path,
                    is_open: allows(&fired.acl, perm::READ, &[]),
                });
            }
        }
        bench
    }

    fn of_path(&self, path: &str) -> impl DoubleEndedIterator<Item = &Change> {
        let here = self.by_path.get(path).into_iter().flatten();
        here.filter_map(|at| self.changes.get(*at))
    }

    /// A reply: first every event up to its zxid must have been told; then it may set a watch.
    fn hear_outcome(
        &mut self,
        trial: &Trial<'_>,
        (tag, verdict): (u32, &Verdict),
        wrong: &mut Vec<String>,
    ) {
        let Verdict::Done(zxid, outcome) = verdict else {
            return;
        };
        let call = trial.calls.get(&tag).and_then(|calls| calls.first());
        let Some((call, _)) = call else { return };
        let Some(connection) = trial.case.history.connection(call.connection) else {
            return;
        };
        self.arm_again((call.connection.0, connection));
        for (number, watch) in &self.watches {
            if let Some(missed) = self.missed(watch, (call.connection.0, *zxid)) {
                wrong.push(format!(
                    "the reply to request {tag} at {zxid:#x} came before watch {number} {watch:x?} was told of {missed}"
                ));
            }
        }
        // One report is enough: what was missed once is missed at every later reply.
        let missing: Vec<u32> = self
            .watches
            .iter()
            .filter(|(_, watch)| self.missed(watch, (call.connection.0, *zxid)).is_some())
            .map(|(number, _)| *number)
            .collect();
        for number in missing {
            self.watches.remove(&number);
        }
        let at = usize::try_from(tag).unwrap_or(0).wrapping_sub(1);
        let asked = trial.life.asked.get(at);
        let meant = asked.map(|asked| ask::under(trial.life.chroot, &asked.op));
        if let Some((kind, path)) = meant.and_then(|op| set_by(&op, outcome)) {
            let watch = Watch {
                kind,
                path,
                zxid: *zxid,
                armed: (call.connection.0, *zxid),
                is_over: false,
                told: BTreeMap::new(),
            };
            self.watches.insert(tag, watch);
            self.set += 1;
        }
    }

    /// On a new connection a persistent watch hears of what comes after the answer to its setWatches.
    fn arm_again(&mut self, (id, connection): (usize, &Connection)) {
        for watch in self.watches.values_mut() {
            if watch.armed.0 != id && !watch.is_over {
                let zxid = rearmed_at(connection, watch);
                watch.armed = (id, zxid.unwrap_or(watch.armed.1));
            }
        }
    }

    /// What this watch should have been told of by then, and was not.
    fn missed(&self, watch: &Watch, (connection, zxid): (usize, i64)) -> Option<String> {
        let set_here = watch.armed.0 == connection;
        if watch.is_over || !set_here {
            return None;
        }
        let is_due = |change: &&Change| change.is_open && change.zxid <= zxid;
        // A change that it may not hear of uses a one-shot watch up on the server, as in the original.
        let is_hidden = |change: &Change| {
            !change.is_open
                && change.zxid > watch.zxid
                && change.zxid <= zxid
                && concerns(watch, change)
        };
        let is_once = !matches!(watch.kind, Kind::Persistent | Kind::Recursive);
        if is_once && self.of_path(&watch.path).any(is_hidden) {
            return None;
        }
        match watch.kind {
            Kind::Persistent | Kind::Recursive => {
                let first = self
                    .changes
                    .partition_point(|change| change.zxid <= watch.armed.1);
                let due = self.changes.iter().skip(first);
                let due = due.take_while(|change| change.zxid <= zxid);
                let mut counts = BTreeMap::new();
                for change in due.filter(|change| change.is_open && concerns(watch, change)) {
                    *counts.entry(change.event()).or_insert(0) += 1;
                }
                let told = |event| watch.told.get(event).copied().unwrap_or(0);
                let missed = counts.iter().find(|(event, count)| told(event) < **count);
                missed.map(|(event, count)| format!("{event:x?} {count} times"))
            }
            Kind::Exist => {
                // What came and went while nobody was connected is not told.
                let there = |change: &&Change| {
                    matches!(change.kind, EventKind::NodeCreated | EventKind::NodeDeleted)
                };
                let last = self
                    .of_path(&watch.path)
                    .rev()
                    .find(|change| change.zxid <= zxid && there(change));
                let armed_zxid = watch.armed.1;
                let here = self.of_path(&watch.path).find(|change| {
                    is_due(change) && change.zxid > armed_zxid && concerns(watch, change)
                });
                let is_there = last.filter(|change| {
                    change.zxid > watch.zxid
                        && change.is_open
                        && change.kind == EventKind::NodeCreated
                });
                here.or(is_there).map(|change| format!("{change:x?}"))
            }
            Kind::Data | Kind::Child => self
                .of_path(&watch.path)
                .find(|change| {
                    is_due(change) && change.zxid > watch.zxid && concerns(watch, change)
                })
                .map(|change| format!("{change:x?}")),
        }
    }

    fn hear_event(&mut self, fired: &ToldWatch, wrong: &mut Vec<String>) {
        let unique: BTreeSet<u32> = fired.watchers.iter().copied().collect();
        if unique.is_empty() || unique.len() != fired.watchers.len() {
            wrong.push(format!("{fired:x?} to nobody, or to one twice"));
        }
        for number in unique {
            let Some(watch) = self.watches.get(&number) else {
                wrong.push(format!("{fired:x?} to {number}, who watches nothing"));
                continue;
            };
            if let Err(what) = self.check_event(watch, fired) {
                wrong.push(format!("{fired:x?} to {number} {watch:x?}: {what}"));
            }
            if let Some(watch) = self.watches.get_mut(&number) {
                watch.is_over |= !matches!(watch.kind, Kind::Persistent | Kind::Recursive);
                if let Some(zxid) = fired.zxid {
                    let event = (zxid, fired.kind, fired.path.clone());
                    *watch.told.entry(event).or_default() += 1;
                }
            }
        }
    }

    fn check_event(&self, watch: &Watch, fired: &ToldWatch) -> Result<(), &'static str> {
        if watch.is_over {
            return Err("it was over");
        }
        let is_cause = |change: &&Change| {
            change.zxid > watch.zxid
                && match fired.zxid {
                    Some(zxid) => change.zxid == zxid && change.kind == fired.kind,
                    // Made up from what was there: some change must have led to it.
                    None => true,
                }
        };
        if !self.of_path(&fired.path).any(|change| is_cause(&change)) {
            return Err("without a reason");
        }
        let as_change = Change {
            zxid: fired.zxid.unwrap_or(0),
            kind: fired.kind,
            path: fired.path.clone(),
            is_open: true,
        };
        if !concerns(watch, &as_change) {
            return Err("it does not concern it");
        }
        if fired.zxid.is_some() {
            let told = watch.told.get(&as_change.event()).copied().unwrap_or(0);
            let same = self.of_path(&fired.path);
            let happened = same.filter(|change| change.event() == as_change.event());
            if told >= happened.count() {
                return Err("once more");
            }
        }
        let last = watch.told.keys().next_back().map(|(zxid, ..)| *zxid);
        if fired.zxid < last && fired.zxid.is_some() {
            return Err("after a later one");
        }
        Ok(())
    }

    fn hear_gone(&mut self, (path, watchers): (&str, &[u32]), wrong: &mut Vec<String>) {
        for number in watchers {
            match self.watches.get_mut(number) {
                Some(watch) if watch.path == path && !watch.is_over => watch.is_over = true,
                Some(watch) => wrong.push(format!("{number} {watch:x?} is gone from {path}")),
                // It was reported already, and taken out.
                None => {}
            }
        }
    }
}

/// Whether a watch hears of a change.
fn concerns(watch: &Watch, change: &Change) -> bool {
    let is_here = change.path == watch.path;
    let of_children = change.kind == EventKind::NodeChildrenChanged;
    match watch.kind {
        Kind::Data | Kind::Exist => is_here && !of_children,
        Kind::Child => is_here && (of_children || change.kind == EventKind::NodeDeleted),
        Kind::Persistent => is_here,
        Kind::Recursive => {
            let below = change.path.strip_prefix(watch.path.trim_end_matches('/'));
            !of_children && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    }
}

/// The zxid of the answer to the setWatches that names the watch, on this connection.
fn rearmed_at(connection: &Connection, watch: &Watch) -> Option<i64> {
    connection.calls.iter().find_map(|call| {
        let Op::SetWatches { lists, .. } = &call.op else {
            return None;
        };
        let list = match watch.kind {
            Kind::Data => &lists.data,
            Kind::Exist => &lists.exist,
            Kind::Child => &lists.child,
            Kind::Persistent => &lists.persistent,
            Kind::Recursive => &lists.recursive,
        };
        let (_, zxid, _) = call.reply()?;
        list.contains(&watch.path).then_some(zxid)
    })
}

/// The watch that a reply has set.
fn set_by(op: &Op, outcome: &Outcome) -> Option<(Kind, String)> {
    match (op, outcome) {
        (Op::GetData { path, watch: true } | Op::Exists { path, watch: true }, Ok(_)) => {
            Some((Kind::Data, path.clone()))
        }
        (Op::Exists { path, watch: true }, Err(code::NO_NODE)) => Some((Kind::Exist, path.clone())),
        (
            Op::GetChildren {
                path, watch: true, ..
            },
            Ok(_),
        ) => Some((Kind::Child, path.clone())),
        (Op::AddWatch { path, mode: 0 }, Ok(_)) => Some((Kind::Persistent, path.clone())),
        (Op::AddWatch { path, mode: 1 }, Ok(_)) => Some((Kind::Recursive, path.clone())),
        _ => None,
    }
}

pub(super) fn count(fired: &ToldWatch, tally: &mut Tally) {
    let counter = match fired.kind {
        EventKind::NodeCreated => &mut tally.created,
        EventKind::NodeDeleted => &mut tally.deleted,
        EventKind::NodeDataChanged => &mut tally.changed,
        EventKind::NodeChildrenChanged => &mut tally.children,
    };
    *counter += 1;
    tally.made_up += u64::from(fired.zxid.is_none());
}
