//! What a server among others is told of its place: whether it serves, whether it leads, what it holds instead of its tree.
//!
//! ```text
//!   set_serving  who is taken on; a change ends every connection          No -> words say so
//!   set_role     what the four-letter words say
//!   set_leading  whose session clock counts: only the leader's
//!   touches      a follower's: who was heard of here -> the leader's clock
//! ```
//!
//! It knows no peers, no votes and no Raft: all of this is decided elsewhere and said here. Serves G-03, G-04, G-11 and G-12.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use bytes::Bytes;
use zoa_proto::SessionId;
use zoa_tree::Touch;
use zoa_tree::Tree;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

use crate::core::Core;
use crate::lane::Attachment;
use crate::lane::ConnectionNumber;
use crate::lane::Lane;
use crate::lane::LaneState;
use crate::limits::TOUCH_AGE_MS_MAX;
use crate::moment::Moment;
use crate::session_clock::SessionClock;

/// Whom this server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// Nobody: it knows no leader, or is not as far as one has been.
    No,
    /// Those who said that reading is enough for them, from what it has.
    ReadOnly,
    /// Everybody.
    Full,
}

impl Serving {
    pub(crate) const fn to_byte(self) -> u8 {
        match self {
            Self::No => 0,
            Self::ReadOnly => 1,
            Self::Full => 2,
        }
    }

    const fn of_byte(byte: u8) -> Self {
        match byte {
            0 => Self::No,
            1 => Self::ReadOnly,
            _ => Self::Full,
        }
    }
}

impl Role {
    /// As `srvr` and `mntr` call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Looking => "looking",
            Self::Leader => "leader",
            Self::Follower => "follower",
            Self::Observer => "observer",
        }
    }

    /// As `mntr` calls the state of a server of an ensemble.
    pub(crate) const fn peer_state(self) -> Option<&'static str> {
        match self {
            Self::Standalone => None,
            Self::Looking => Some("looking"),
            Self::Leader => Some("leading - broadcast"),
            Self::Follower => Some("following - broadcast"),
            Self::Observer => Some("observing - broadcast"),
        }
    }
}

/// What this server is in its ensemble, for the four-letter words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// There is no ensemble.
    #[default]
    Standalone,
    /// It knows no leader.
    Looking,
    /// It leads.
    Leader,
    /// It votes and follows.
    Follower,
    /// It follows without a vote.
    Observer,
}

impl Core {
    /// Says whom this server serves from here on. At a change all connections end: what they were promised holds no more. Sessions
    /// live on in the tree.
    pub fn set_serving(&self, serving: Serving) {
        let before = self.serving.swap(serving.to_byte(), Ordering::SeqCst);
        if before != serving.to_byte() && before != Serving::No.to_byte() {
            self.end_connections();
        }
    }

    /// Whom this server serves.
    pub fn serving(&self) -> Serving {
        Serving::of_byte(self.serving.load(Ordering::SeqCst))
    }

    /// Says what the four-letter words call this server.
    pub fn set_role(&self, role: Role) {
        *self.role.lock() = role;
    }

    pub(crate) fn role(&self) -> Role {
        *self.role.lock()
    }

    /// Says whether this server leads. Only a leader's session clock counts; a new one gives every session its full timeout (G-11).
    pub fn set_leading(&self, leads: bool, now: Moment) {
        self.clock.lock().set_running(leads, now.mono_ms);
    }

    /// Appends which sessions were heard of here since the last call, in the order of their ids, and those that wait for an answer
    /// of this server. For the leader, which is to have them within half a tick (`CoreConfig::tick_ms`).
    pub fn take_touches(&self, now: Moment, touches: &mut Vec<Touch>) {
        let from = touches.len();
        let mut heard = std::mem::take(&mut *self.parted.lock());
        for lane in self.lanes_now() {
            heard.extend(lane.lock().take_touch(Some(now.mono_ms)));
        }
        let age_of = |at_ms: u64| now.mono_ms.saturating_sub(at_ms).min(TOUCH_AGE_MS_MAX);
        touches.extend(heard.into_iter().map(|(session, at_ms)| Touch {
            session,
            age_ms: u32::try_from(age_of(at_ms)).unwrap_or(u32::MAX),
        }));
        if let Some(taken) = touches.get_mut(from..) {
            taken.sort_unstable_by_key(|touch| touch.session);
        }
    }

    /// Takes note of sessions that another server has heard of.
    pub fn handle_touches(&self, now: Moment, touches: &[Touch]) {
        let clock = self.clock.lock();
        for touch in touches {
            let at_ms = now.mono_ms.saturating_sub(u64::from(touch.age_ms));
            clock.touch(touch.session, at_ms);
        }
    }

    /// Ends every connection that waits for the answer to a write or to its attachment, of which nobody knows any more whether it
    /// will come true; no other.
    ///
    /// What such a connection has proposed meanwhile must not come true either, since something before it may not have (G-03): see
    /// [`Self::drop_orphans`].
    ///
    /// Expiries that a leader had proposed are proposed again: it may go on leading, and nobody else would find these sessions silent.
    /// One that comes true twice finds no session the second time. Unused containers are found again by the next search.
    pub fn end_unanswered(&self) {
        let lanes = self.lanes_now();
        let wakers = lanes.iter().filter_map(|lane| {
            let mut state = lane.lock();
            let waits = !state.pipeline.is_empty() || state.is_attaching();
            if !waits || state.has_ended() {
                return None;
            }
            state.end();
            state.take_waker()
        });
        wakers.for_each(Waker::wake);
        self.clock.lock().retry();
        self.begin_round();
    }

    /// The number of the round that runs: a new one begins when connections were ended whose proposals may not come true.
    pub(crate) fn round(&self) -> u64 {
        self.round.load(Ordering::SeqCst)
    }

    /// After the connections have ended: who sees the new round sees their end as well.
    pub(crate) fn begin_round(&self) {
        self.round.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes out what must not be proposed any more: transactions of connections that have ended since they were put there.
    /// `round` is [`crate::Proposals::round`] of these. For the thread that calls [`Self::end_unanswered`], right
    /// before it hands the proposals on.
    pub fn drop_orphans(&self, round: u64, proposals: &mut Vec<Bytes>) {
        if round == self.round() {
            return;
        }
        proposals.retain(|bytes| {
            let Ok(txn) = Txn::decode(bytes) else {
                return true;
            };
            match txn.op {
                TxnOp::OpenSession { .. }
                | TxnOp::AttachSession { .. }
                | TxnOp::CloseSession
                | TxnOp::Request { .. }
                | TxnOp::Refuse { .. }
                | TxnOp::Sync => {
                    let lane = self.lane(ConnectionNumber(txn.owner.connection));
                    lane.is_some_and(|lane| !lane.lock().has_ended())
                }
                // Nobody's.
                TxnOp::ExpireSession
                | TxnOp::FoundMembers { .. }
                | TxnOp::Reap { .. }
                | TxnOp::RaiseSemantics { .. } => true,
            }
        });
    }

    /// Puts a received snapshot in the place of the tree, which is returned: giving its memory back takes its time. All connections
    /// end; their clients come back and set their watches again.
    pub fn install(&self, tree: Tree, (index, term): (u64, u64), now: Moment) -> Tree {
        let mut held = self.tree.write();
        // Under the lock, and before anything of the new tree can be seen: who watches has not been told what changed (G-07).
        self.end_connections();
        let before = std::mem::replace(&mut *held, tree);
        held.succeed(&before);
        let mut clock = self.clock.lock();
        let mut anew = SessionClock::new(self.config.tick_ms, *clock.hasher());
        anew.set_running(clock.is_running(), now.mono_ms);
        for session in held.sessions() {
            let is_remote = session.owner().server != self.config.server;
            anew.attach(session.id(), (session.timeout_ms(), is_remote), now.mono_ms);
        }
        *clock = anew;
        drop(clock);
        self.recovered(index, term);
        drop(held);
        self.begin_round();
        before
    }

    /// All lanes, taken out so that none of their locks is taken under that of the registry.
    pub(crate) fn lanes_now(&self) -> Vec<Arc<Lane>> {
        let lanes = self.lanes.lock();
        lanes.by_number.values().map(Arc::clone).collect()
    }
}

impl LaneState {
    /// The session and when it was heard of last, if nobody was told that yet. Who waits for this server's answer `now_ms` is not
    /// silent; a connection that is over waits no more.
    pub(crate) fn take_touch(&mut self, now_ms: Option<u64>) -> Option<(SessionId, u64)> {
        let waiting_ms = now_ms.filter(|_| self.waits_for_the_server());
        let (session, heard_ms) = match &self.attachment {
            // Nobody else knows it.
            Attachment::Session { .. } if self.is_local => return None,
            Attachment::Session { session, pulse, .. } => (
                *session,
                waiting_ms.unwrap_or_else(|| pulse.load(Ordering::Relaxed)),
            ),
            // Its password was right, as far as this server can tell.
            Attachment::Requested {
                session,
                is_known: true,
                ..
            } => (*session, now_ms?),
            Attachment::None | Attachment::Requested { .. } => return None,
        };
        let is_new = self.told_ms.replace(heard_ms) != Some(heard_ms);
        is_new.then_some((session, heard_ms))
    }

    /// Whether the answer to its connect request is on its way.
    pub(crate) fn is_attaching(&self) -> bool {
        matches!(self.attachment, Attachment::Requested { .. })
    }
}

#[cfg(test)]
mod tests;
