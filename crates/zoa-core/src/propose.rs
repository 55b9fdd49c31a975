//! What the core says to replication: these bytes, in this order. It knows nothing of how they are replicated.

use bytes::Bytes;
use zoa_tree::Txn;

/// Transactions that are to be proposed, in order. All of one turn share one allocation.
#[derive(Debug, Default)]
pub struct Proposals {
    bytes: Vec<u8>,
    ends: Vec<usize>,
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
}
