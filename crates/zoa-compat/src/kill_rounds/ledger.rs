//! What one connection asked for, in order, and which states of its directory that allows.
//!
//! A connection writes only below a directory of its own, one session, first in first out. So after a
//! crash the directory must be as after some *prefix* of what was asked, no shorter than what was
//! acknowledged: nothing acknowledged lost, nothing refused visible, nothing out of order (G-02, G-03).

use std::collections::BTreeSet;

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// A new child.
    Create(u64),
    /// An old child goes.
    Delete(u64),
    /// The directory's own data.
    Set(u64),
    /// Two children and the data, all or nothing.
    Multi { first: u64, second: u64, set: u64 },
    /// Refused, whatever the state: the server must answer with an error, and nothing may be seen of it.
    Refused,
}

/// The directory: its children and its data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directory {
    pub(crate) children: BTreeSet<u64>,
    pub(crate) data: u64,
}

impl Directory {
    pub(crate) fn apply(&mut self, write: &Write) {
        match write {
            Write::Create(child) => {
                self.children.insert(*child);
            }
            Write::Delete(child) => {
                self.children.remove(child);
            }
            Write::Set(data) => self.data = *data,
            Write::Multi { first, second, set } => {
                self.children.extend([*first, *second]);
                self.data = *set;
            }
            Write::Refused => {}
        }
    }
}

/// The writes of one round on top of a state that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    known: Directory,
    asked: Vec<Write>,
    acknowledged: usize,
}

impl Ledger {
    /// What the directory is when all that was asked succeeds.
    pub(crate) fn expected(&self) -> Directory {
        let mut directory = self.known.clone();
        self.asked.iter().for_each(|write| directory.apply(write));
        directory
    }

    pub(crate) fn ask(&mut self, write: Write) {
        self.asked.push(write);
    }

    /// The next write that waits for its answer.
    pub(crate) fn next_waiting(&self) -> Option<&Write> {
        self.asked.get(self.acknowledged)
    }

    pub(crate) fn acknowledge(&mut self) {
        self.acknowledged += 1;
        assert!(
            self.acknowledged <= self.asked.len(),
            "an answer to a write that was not asked"
        );
    }

    pub(crate) fn waiting(&self) -> usize {
        self.asked.len() - self.acknowledged
    }

    /// Holds the directory as found against what is allowed; on success the found state becomes the known one.
    pub(crate) fn settle(&mut self, found: &Directory) -> Result<(), String> {
        let mut directory = self.known.clone();
        let (certain, open) = self.asked.split_at(self.acknowledged);
        certain.iter().for_each(|write| directory.apply(write));
        let acknowledged = directory.clone();
        let mut fits = directory == *found;
        for write in open {
            directory.apply(write);
            fits |= directory == *found;
        }
        if !fits {
            return Err(format!(
                "{} of {} writes were acknowledged; data {} (acknowledged {}), children missing {:?}, children too many {:?}; open writes {open:?}",
                self.acknowledged,
                self.asked.len(),
                found.data,
                acknowledged.data,
                acknowledged
                    .children
                    .difference(&found.children)
                    .collect::<Vec<_>>(),
                found
                    .children
                    .difference(&acknowledged.children)
                    .collect::<Vec<_>>(),
            ));
        }
        *self = Self {
            known: found.clone(),
            asked: Vec::new(),
            acknowledged: 0,
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    //! Goal: each way of losing or inventing a write is found, and a sound recovery is not.

    use super::*;

    fn directory(children: &[u64], data: u64) -> Directory {
        Directory {
            children: children.iter().copied().collect(),
            data,
        }
    }

    fn ledger(acknowledged: usize) -> Ledger {
        let mut ledger = Ledger::default();
        [
            Write::Create(1),
            Write::Refused,
            Write::Set(2),
            Write::Multi {
                first: 3,
                second: 4,
                set: 5,
            },
            Write::Delete(1),
        ]
        .into_iter()
        .for_each(|write| ledger.ask(write));
        (0..acknowledged).for_each(|_| ledger.acknowledge());
        ledger
    }

    #[test]
    fn any_prefix_from_the_acknowledged_one_on_is_sound() {
        for found in [
            directory(&[1], 2),
            directory(&[1, 3, 4], 5),
            directory(&[3, 4], 5),
        ] {
            assert_eq!(ledger(3).settle(&found), Ok(()));
        }
    }

    #[test]
    fn a_lost_acknowledged_write_is_found() {
        assert!(ledger(3).settle(&directory(&[1], 0)).is_err());
        assert!(ledger(1).settle(&directory(&[], 0)).is_err());
        assert!(ledger(5).settle(&directory(&[1, 3, 4], 5)).is_err());
    }

    #[test]
    fn half_a_multi_is_found() {
        assert!(ledger(3).settle(&directory(&[1, 3], 2)).is_err());
        assert!(ledger(3).settle(&directory(&[1, 3, 4], 2)).is_err());
    }

    #[test]
    fn a_later_write_without_an_earlier_one_is_found() {
        assert!(ledger(0).settle(&directory(&[], 2)).is_err());
    }

    #[test]
    fn a_phantom_is_found() {
        assert!(ledger(3).settle(&directory(&[1, 99], 2)).is_err());
    }
}
