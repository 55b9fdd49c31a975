//! What the recipes of a run said, all users together, and what of it cannot be.
//!
//! A hold is *believed* while its process lives, it was not given back or told to be lost, and its session is surely alive by its
//! own client. Two believed holds that exclude each other are a violation, whatever the server did.
//!
//! Of several servers, one that is cut off from the others goes on answering for a while, and its clients count on sessions that
//! have ended elsewhere (G-11). Nobody can tell these but who asks for their fencing token, which is lower than that of whoever came
//! after them; so they are counted, and their holds believed no more.
//!
//! Invariant: it is told at once, in the order in which the world lets things happen.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use zoa_testkit::checkers::Violation;
use zoa_testkit::clock::SimTime;

use super::desk;
use super::desk::Shared;
use super::tally::RecipeTally;

/// How a hold goes together with others of the same path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// With no other.
    Exclusive,
    /// With those of this kind.
    Shared,
    /// With so many others.
    OneOf(usize),
}

#[derive(Debug)]
struct Holder {
    path: String,
    user: usize,
    desk: Shared,
    kind: Kind,
}

impl Holder {
    /// Whether whoever holds it thinks that it may act by it now.
    fn may_act(&self, now: SimTime) -> bool {
        let desk = desk::at(&self.desk);
        !desk.is_dead() && desk.alive_until > now
    }

    /// Whether its session has ended, which its server cannot know.
    fn has_outlived(&self) -> bool {
        desk::at(&self.desk).has_outlived
    }

    /// Whether it may act by it now.
    fn is_believed(&self, now: SimTime) -> bool {
        self.may_act(now) && !self.has_outlived()
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) violations: Vec<String>,
    pub(crate) tally: RecipeTally,
    holders: BTreeMap<u64, Holder>,
    next: u64,
    /// There are several servers, and the one that a user speaks to may be behind the others.
    pub(crate) is_ensemble: bool,
    /// The highest token of each path.
    tokens: BTreeMap<String, u64>,
    /// Things that were offered, and how often each was taken.
    pub(super) items: BTreeMap<String, Item>,
    /// Numbers that scripts count together, by name.
    pub(super) sums: BTreeMap<String, i64>,
    /// Names that scripts collect, by name.
    pub(super) sets: BTreeMap<String, BTreeSet<String>>,
}

/// Something that may be taken once.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Item {
    /// Whether it is known to be there; it may be there without.
    pub(super) is_offered: bool,
    pub(super) taken: u64,
}

impl Ledger {
    /// What cannot be, as violations.
    pub(crate) fn judge(&mut self) -> Vec<Violation> {
        self.look_for_lost_items();
        let all = self.violations.drain(..);
        all.map(|what| Violation {
            guarantee: "G-30",
            what,
        })
        .collect()
    }

    pub(super) fn wrong(&mut self, what: String) {
        self.violations.push(what);
    }

    /// A hold was given to a user; the number to give it back under.
    pub(super) fn acquired(
        &mut self,
        (path, kind): (&str, Kind),
        (user, desk): (usize, &Shared),
        token: Option<u64>,
    ) -> u64 {
        let now = desk::at(desk).at;
        let holder = Holder {
            path: path.to_owned(),
            user,
            desk: desk.clone(),
            kind,
        };
        if !holder.may_act(now) {
            self.wrong(format!(
                "{now}: {path} was given to user {user}, whose session may have expired"
            ));
        }
        if !holder.has_outlived() {
            self.look_for_rivals(&holder, now);
            if let Some(token) = token {
                self.check_token(&holder, token, now);
            }
        }
        self.tally.holds += 1;
        self.next += 1;
        self.holders.insert(self.next, holder);
        self.next
    }

    fn look_for_rivals(&mut self, holder: &Holder, now: SimTime) {
        let Holder {
            path, user, kind, ..
        } = holder;
        let others = self.holders.values();
        let others = others.filter(|other| other.path == *path && other.is_believed(now));
        let rivals: Vec<usize> = others
            .filter(|other| !(*kind == Kind::Shared && other.kind == Kind::Shared))
            .map(|other| other.user)
            .collect();
        let allowed = match kind {
            Kind::Exclusive | Kind::Shared => 0,
            Kind::OneOf(count) => count.saturating_sub(1),
        };
        if rivals.len() > allowed {
            self.wrong(format!(
                "{now}: {path} was given to user {user} while {rivals:?} held it"
            ));
        }
    }

    fn check_token(&mut self, holder: &Holder, token: u64, now: SimTime) {
        let Holder { path, user, .. } = holder;
        let highest = self.tokens.entry(path.clone()).or_default();
        if token <= *highest {
            let highest = *highest;
            self.wrong(format!(
                "{now}: user {user} got {path} with token {token}, after one with {highest}"
            ));
        } else {
            *highest = token;
        }
    }

    /// A hold is over: given back, or known to be lost.
    pub(super) fn ended(&mut self, number: u64) {
        self.holders.remove(&number);
    }

    /// Every item that was surely put was taken in the end, but for those that went with a take that did not come to its end.
    fn look_for_lost_items(&mut self) {
        let lost: Vec<&String> = self
            .items
            .iter()
            .filter(|(_, item)| item.is_offered && item.taken == 0)
            .map(|(name, _)| name)
            .collect();
        let under_way = self.sums.get("takes under way").copied().unwrap_or(0);
        if i64::try_from(lost.len()).unwrap_or(i64::MAX) > under_way {
            let what = format!(
                "{} items are lost, with {under_way} takes cut off: {lost:?}",
                lost.len()
            );
            self.wrong(what);
        }
    }

    /// The numbers of the holds of a path that are believed.
    pub(super) fn believed_numbers(&self, path: &str, now: SimTime) -> BTreeSet<u64> {
        let holders = self.holders.iter();
        let believed = holders.filter(|(_, holder)| holder.path == path && holder.is_believed(now));
        believed.map(|(number, _)| *number).collect()
    }

    /// The paths of all holds that are believed.
    pub(super) fn believed_paths(&self, now: SimTime) -> BTreeSet<String> {
        let believed = self
            .holders
            .values()
            .filter(|holder| holder.is_believed(now));
        believed.map(|holder| holder.path.clone()).collect()
    }

    /// Adds a name to a set; whether it was not there.
    pub(super) fn note(&mut self, set: &str, name: &str) -> bool {
        let set = self.sets.entry(set.to_owned()).or_default();
        set.insert(name.to_owned())
    }

    pub(super) fn has(&self, set: &str, name: &str) -> bool {
        self.sets.get(set).is_some_and(|set| set.contains(name))
    }

    pub(super) fn count(&self, set: &str) -> usize {
        self.sets.get(set).map_or(0, BTreeSet::len)
    }

    pub(super) fn all(&self, set: &str) -> BTreeSet<String> {
        self.sets.get(set).cloned().unwrap_or_default()
    }

    /// A sum that scripts keep.
    pub(super) fn sum(&mut self, name: &str) -> &mut i64 {
        self.sums.entry(name.to_owned()).or_default()
    }
}
