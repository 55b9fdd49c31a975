//! The leader's clock and settings in the transactions that it proposes.
//!
//! A transaction is made where its client is, with that server's clock and settings. What decides is the leader's (G-16): it writes its
//! own into those that others forward, when it gives them to the replication. It is *not* a judge of what is in a transaction.
//!
//! Invariant: along the log of a leader's term time never runs backwards, whatever its clock does and however the transactions of its own
//! clients overtook each other on their way here.

use bytes::Bytes;
use bytes::BytesMut;
use zoa_tree::Settings;
use zoa_tree::Txn;

/// See the module.
#[derive(Debug)]
pub(super) struct Stamp {
    settings: Settings,
    /// What the clock says, in milliseconds since 1970.
    wall_ms: i64,
    /// The latest time in what was proposed.
    last_ms: i64,
}

impl Stamp {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            wall_ms: i64::MIN,
            last_ms: i64::MIN,
        }
    }

    /// What the clock says now.
    pub(super) fn tell(&mut self, wall_ms: i64) {
        self.wall_ms = wall_ms;
    }

    /// Of this server's clients: they have its clock and its settings. Only one that is overtaken gets another time.
    pub(super) fn own(&mut self, proposals: &mut [Bytes]) {
        for proposal in proposals {
            let Some(time_ms) = Txn::time_ms_of(proposal) else {
                continue;
            };
            if time_ms >= self.last_ms {
                self.last_ms = time_ms;
                continue;
            }
            // In place, unless others hold a part of the same memory.
            let taken = std::mem::take(proposal).try_into_mut();
            let mut bytes = taken.unwrap_or_else(|shared| BytesMut::from(&shared[..]));
            Txn::put_time_ms(&mut bytes, self.last_ms);
            *proposal = bytes.freeze();
        }
    }

    /// Of another server's clients. They are copied, all into one piece: what they came in is shared with the rest of what was read from
    /// that peer, and would be kept as long as they are.
    pub(super) fn forwarded(&mut self, proposals: &[Bytes]) -> Vec<Bytes> {
        self.last_ms = self.last_ms.max(self.wall_ms);
        let len = proposals.iter().map(Bytes::len).sum();
        let mut copied = BytesMut::with_capacity(len);
        for proposal in proposals {
            let start = copied.len();
            copied.extend_from_slice(proposal);
            if let Some(bytes) = copied.get_mut(start..) {
                Txn::put_time_ms(bytes, self.last_ms);
                Txn::put_settings(bytes, self.settings);
            }
        }
        let mut copied = copied.freeze();
        let lens = proposals.iter().map(Bytes::len);
        lens.map(|len| copied.split_to(len)).collect()
    }
}
