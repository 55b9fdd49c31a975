//! Snapshots of peers that are loaded and wait to take the place of the state.
//!
//! Invariant: one stays no longer than until the replication has said whether it is to be installed: each is a whole second tree.

use zoa_ensemble::Effect;
use zoa_raft::LogPosition;

use super::Arrived;

/// See the module.
#[derive(Default)]
pub(super) struct Arrivals(Vec<Arrived>);

impl Arrivals {
    /// Keeps what has arrived if one of the effects that followed is to install it.
    pub(super) fn keep(&mut self, arrived: Arrived, effects: &[Effect]) {
        let wanted = effects.iter().any(|effect| {
            matches!(effect, Effect::InstallSnapshot { position, .. } if *position == arrived.position)
        });
        if wanted {
            self.0.push(arrived);
        } else {
            let index = arrived.position.index.0;
            tracing::info!(
                index,
                "the snapshot that has arrived is not needed any more"
            );
        }
    }

    /// The one that is to be installed.
    pub(super) fn take(&mut self, position: LogPosition) -> Option<Arrived> {
        let at = self.0.iter().position(|it| it.position == position)?;
        Some(self.0.remove(at))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use zoa_log::LogIndex;
    use zoa_raft::Members;
    use zoa_tree::HashKey;
    use zoa_tree::Tree;

    use super::*;

    fn at(index: u64) -> LogPosition {
        LogPosition {
            index: LogIndex(index),
            term: 1,
        }
    }

    fn arrived(index: u64) -> Arrived {
        Arrived {
            position: at(index),
            message: Bytes::new(),
            tree: Box::new(Tree::new(HashKey([1, 2]))),
        }
    }

    fn install(index: u64) -> Effect {
        Effect::InstallSnapshot {
            position: at(index),
            members: Members::default(),
        }
    }

    #[test]
    fn two_that_arrive_together_are_both_there_when_they_are_installed() {
        let mut arrivals = Arrivals::default();
        arrivals.keep(arrived(5), &[install(5)]);
        arrivals.keep(arrived(9), &[install(9)]);
        assert!(arrivals.take(at(5)).is_some());
        assert!(arrivals.take(at(9)).is_some());
    }

    #[test]
    fn one_that_is_not_to_be_installed_is_let_go_of() {
        let mut arrivals = Arrivals::default();
        arrivals.keep(arrived(5), &[]);
        arrivals.keep(arrived(5), &[Effect::Unknown, install(4)]);
        assert!(arrivals.0.is_empty());
    }
}
