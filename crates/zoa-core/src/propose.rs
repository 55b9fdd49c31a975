//! What the core says to replication: these bytes, in this order. It knows nothing of how they are replicated.

use bytes::Bytes;
use zoa_tree::Outcome;
use zoa_tree::Txn;

/// Transactions that are to be proposed, in order. All of one turn share one allocation.
#[derive(Debug, Default)]
pub struct Proposals {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    round: u64,
}

impl Proposals {
    /// Whether there is nothing to propose.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many transactions there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// In which round of the core the first of them was put there, for [`crate::Core::drop_orphans`].
    pub fn round(&self) -> u64 {
        self.round
    }

    /// To be called with the core's round before it is looked whether the connection may still propose.
    pub(crate) fn begin(&mut self, round: u64) {
        if self.ends.is_empty() {
            self.round = round;
        }
    }

    /// Takes all of them out.
    pub fn take(&mut self) -> Vec<Bytes> {
        let bytes = Bytes::from(std::mem::take(&mut self.bytes));
        let mut start = 0;
        let slices = self.ends.drain(..).map(|end| {
            let txn = bytes.slice(start..end);
            start = end;
            txn
        });
        slices.collect()
    }

    /// Adds one; returns how many bytes it has.
    pub(crate) fn push(&mut self, txn: &Txn<'_>) -> usize {
        let start = self.bytes.len();
        txn.encode(&mut self.bytes);
        self.ends.push(self.bytes.len());
        self.bytes.len() - start
    }
}

/// One transaction that replication has committed.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The term it was proposed in: it decides the epoch of the zxid.
    pub term: u64,
    /// Its place in the replicated log.
    pub index: u64,
    /// What was proposed.
    pub bytes: Bytes,
    /// Whether it also changes who replicates, if the tree accepts it: then there is a [`Verdict`] on it.
    pub is_change: bool,
}

/// What the tree says to an entry that changes who replicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its place in the replicated log.
    pub index: u64,
    /// Whether the change is to be made.
    pub accepted: bool,
}

impl Verdict {
    /// The verdict that follows from applying an entry, if it is a change.
    pub(crate) fn on(entry: &Committed, outcome: &Outcome<'_>) -> Option<Self> {
        entry.is_change.then_some(Self {
            index: entry.index,
            accepted: outcome.result.is_ok(),
        })
    }
}
