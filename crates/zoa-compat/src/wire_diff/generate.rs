//! Chooses the next step from the seed and from what the left server has said so far.
//!
//! Three kinds of step: operations meant to succeed (`wishes`), one directed maker for each error that an
//! operation can have (`directed`), and what happens to connections. The mix keeps more than 60 % good.

mod directed;
mod fixture;
mod wishes;

use super::knowledge::Knowledge;
use super::moments::Moments;
use super::step::Attach;
use super::step::Request;
use super::step::Slot;
use super::step::Step;
use super::step::Visit;
use crate::random::Random;
use crate::wire::Acl;
use crate::wire::op;
pub(crate) use fixture::fixture;

/// How many sessions work at once. Slot 0 is the superuser's and never closes.
pub(crate) const SLOTS: usize = 6;

/// The id and the digest that no session here ever has.
const NOBODY: &str = "nobody:AAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The generator's state.
pub(crate) struct Generator {
    pub(crate) random: Random,
    pub(crate) knowledge: Knowledge,
    names: u64,
    directed_at: usize,
    /// The digest users that each session's connection has authenticated as.
    users: Vec<Vec<String>>,
}

/// What the generator may know of a session.
pub(crate) struct SlotState {
    pub(crate) attached: bool,
    pub(crate) has_session: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    Wish,
    Directed,
    Batch,
    Drop,
    Steal,
    Close,
    Raw,
    Visit,
}

const KINDS: &[(usize, Kind)] = &[
    (50, Kind::Wish),
    (66, Kind::Directed),
    (5, Kind::Batch),
    (2, Kind::Drop),
    (1, Kind::Steal),
    (1, Kind::Close),
    (1, Kind::Raw),
    (2, Kind::Visit),
];

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            knowledge: Knowledge::default(),
            names: 0,
            directed_at: 0,
            users: vec![Vec::new(); SLOTS],
        }
    }

    /// A connection is new: it has authenticated as nobody.
    pub(crate) fn connection_is_new(&mut self, slot: Slot) {
        if let Some(users) = self.users.get_mut(slot) {
            users.clear();
        }
    }

    pub(crate) fn next(&mut self, slots: &[SlotState], moments: &Moments) -> Step {
        if let Some(step) = self.bring_back(slots) {
            return step;
        }
        let attached: Vec<Slot> = slots
            .iter()
            .enumerate()
            .filter(|(_, state)| state.attached)
            .map(|(slot, _)| slot)
            .collect();
        let Some(slot) = self.random.pick(&attached).copied() else {
            return Step::Visit(Visit::OldClient);
        };
        // Slot 0 holds the ephemerals of the fixture and may not go.
        let ordinary = slot != 0;
        match self.random.weighted(KINDS) {
            Some(Kind::Directed) if ordinary => self.directed(slot, moments),
            Some(Kind::Batch) => {
                let count = 2 + self.random.below(7);
                let requests = (0..count)
                    .flat_map(|_| self.wish_in_order(slot, moments))
                    .collect();
                Step::Requests { slot, requests }
            }
            Some(Kind::Drop) if ordinary => Step::Drop { slot },
            Some(Kind::Steal) if ordinary => Step::Attach {
                slot,
                how: Attach::Steal,
            },
            Some(Kind::Close) if ordinary => self.close(slot, moments),
            Some(Kind::Raw) if ordinary => self.raw(slot),
            Some(Kind::Visit) => Step::Visit(self.visit()),
            _ => {
                let requests = self.wish(slot, moments);
                Step::Requests { slot, requests }
            }
        }
    }

    /// Sessions without a connection come back soon, not always in the right way.
    fn bring_back(&mut self, slots: &[SlotState]) -> Option<Step> {
        let away: Vec<Slot> = slots
            .iter()
            .enumerate()
            .filter(|(_, state)| !state.attached)
            .map(|(slot, _)| slot)
            .collect();
        let slot = *self.random.pick(&away)?;
        if slot != 0 && !self.random.chance(35) {
            return None;
        }
        if !slots.get(slot)?.has_session {
            return Some(Step::Open { slot });
        }
        let how = self.random.weighted(&[
            (6, Attach::Right),
            (2, Attach::OldClient),
            (1, Attach::WrongPassword),
            (1, Attach::FutureZxid),
        ])?;
        Some(Step::Attach { slot, how })
    }

    /// A wish that may stand in a row of requests. Two may not, since what the reference answers then
    /// depends on its threads: auth is answered on arrival, before or after what was sent earlier; and a
    /// write behind a setACL is checked against the old ACL until the setACL is applied
    /// (PrepRequestProcessor keeps the new version, not the new list, of what is outstanding).
    fn wish_in_order(&mut self, slot: Slot, moments: &Moments) -> Vec<Request> {
        let mut requests = self.wish(slot, moments);
        requests.retain(|request| request.op != op::AUTH && request.op != op::SET_ACL);
        requests
    }

    fn close(&mut self, slot: Slot, moments: &Moments) -> Step {
        let mut requests = if self.random.chance(50) {
            self.wish_in_order(slot, moments)
        } else {
            Vec::new()
        };
        requests.push(Request::new(op::CLOSE_SESSION, Vec::new(), "close"));
        Step::Requests { slot, requests }
    }

    fn raw(&mut self, slot: Slot) -> Step {
        let choices: [(&[u8], &'static str); 5] = [
            (&[0xff, 0xff, 0xff, 0xff, 0, 0], "a negative length"),
            (&[0x00, 0x10, 0x00, 0x00], "a frame one byte too long"),
            (&[0x7f, 0xff, 0xff, 0xff, 1], "the largest length"),
            (b"GET / HTTP/1.1\r\n\r\n", "HTTP on an open session"),
            (&[0x80, 0x00, 0x00, 0x00], "the smallest length"),
        ];
        let (bytes, label) = choices
            .get(self.random.below(choices.len()))
            .copied()
            .unwrap_or((&[0xff; 4], "ones"));
        Step::Raw {
            slot,
            bytes: bytes.to_vec(),
            label,
        }
    }

    fn visit(&mut self) -> Visit {
        let timeouts = [0, -1, 1, 4_000, 10_000, i32::MAX, i32::MIN];
        match self.random.below(6) {
            0 | 1 => Visit::Timeout(self.random.pick(&timeouts).copied().unwrap_or(0)),
            2 => Visit::UnknownSession,
            3 => Visit::OldClient,
            4 => Visit::PasswordLen(
                [0, 1, 15, 17, 200]
                    .get(self.random.below(5))
                    .copied()
                    .unwrap_or(0),
            ),
            _ => {
                let choices: [&[u8]; 4] = [
                    &[0xff, 0xff, 0xff, 0xff],
                    &[0, 0, 0, 5, 1, 2, 3, 4, 5],
                    &[0x16, 3, 1, 2, 0, 1, 0],
                    &[0, 0x20, 0, 0],
                ];
                Visit::Garbage(
                    self.random
                        .pick(&choices)
                        .copied()
                        .unwrap_or_default()
                        .to_vec(),
                )
            }
        }
    }

    fn directed(&mut self, slot: Slot, moments: &Moments) -> Step {
        self.directed_at += 1;
        let requests = directed::make(self, self.directed_at, moments);
        Step::Requests { slot, requests }
    }

    /// A name that no znode had before.
    fn fresh_name(&mut self) -> String {
        self.names += 1;
        let stems = [
            "n",
            "node-",
            "\u{e4}\u{4e2d}\u{6587}-",
            "a.b.",
            "...",
            "with space ",
            "_c_guid-lock-",
        ];
        let stem = self.random.pick(&stems).copied().unwrap_or("n");
        format!("{stem}{}", self.names)
    }

    fn data(&mut self) -> Option<Vec<u8>> {
        let len = match self.random.below(20) {
            0 => return None,
            1 | 2 => 0,
            3 => 1 + self.random.below(20_000),
            _ => 1 + self.random.below(60),
        };
        Some(self.random.bytes(len))
    }

    /// An ACL that a create may carry, and whether it shuts anyone out.
    fn acl(&mut self, slot: Slot) -> (Vec<Acl>, bool) {
        let alone = self.users.get(slot).is_some_and(|users| users.len() == 1);
        match self.random.below(24) {
            0 => (vec![Acl::new(31, "digest", NOBODY)], true),
            1 => (
                vec![
                    Acl::new(1, "world", "anyone"),
                    Acl::new(31, "ip", "127.0.0.1"),
                ],
                false,
            ),
            2 => (vec![Acl::new(31, "ip", "127.0.0.0/8")], false),
            3 => (vec![Acl::new(31, "ip", "10.1.2.3")], true),
            4 => (vec![Acl::new(9, "world", "anyone")], true),
            5 => (
                vec![
                    Acl::new(31, "world", "anyone"),
                    Acl::new(31, "world", "anyone"),
                ],
                false,
            ),
            // With several identities the reference expands `auth` in the order of a hash set.
            6 | 7 if alone => (vec![Acl::new(31, "auth", "")], true),
            8 => (
                vec![
                    Acl::new(17, "digest", NOBODY),
                    Acl::new(31, "world", "anyone"),
                ],
                false,
            ),
            _ => (Acl::open(), false),
        }
    }
}
