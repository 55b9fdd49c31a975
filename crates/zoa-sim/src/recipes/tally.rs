//! What the recipes of a run did, in numbers; and how much of each a hundred seeds must show.

use std::fmt;

/// Counters of the scenarios of recipes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each counts what it names")]
pub struct RecipeTally {
    pub processes: u64,
    pub holds: u64,
    pub holds_lost: u64,
    pub refused: u64,
    pub rounds: u64,
    pub sessions_ended: u64,
    pub results: u64,
    pub dead_letters: u64,
    /// Dead letters that were tried again.
    pub revived: u64,
    /// Runs on three servers.
    pub ensembles: u64,
    /// How often another of these servers led than before.
    pub leader_changes: u64,
    /// Sessions that had ended while their clients still counted on them.
    pub outlived: u64,
}

impl RecipeTally {
    /// Adds the numbers of another run.
    pub fn add(&mut self, other: &Self) {
        self.processes += other.processes;
        self.holds += other.holds;
        self.holds_lost += other.holds_lost;
        self.refused += other.refused;
        self.rounds += other.rounds;
        self.sessions_ended += other.sessions_ended;
        self.results += other.results;
        self.dead_letters += other.dead_letters;
        self.revived += other.revived;
        self.ensembles += other.ensembles;
        self.leader_changes += other.leader_changes;
        self.outlived += other.outlived;
    }

    /// What happened too rarely in so many seeds to call them a test.
    #[must_use]
    pub fn missing(&self, seeds: u64) -> Vec<String> {
        let least = [
            ("rounds", self.rounds, 400),
            ("processes", self.processes, 400),
            ("sessions ended", self.sessions_ended, 20),
            ("runs on three servers", self.ensembles, 20),
            ("changes of leader", self.leader_changes, 20),
        ];
        let short = least
            .iter()
            .filter(|(_, count, least)| *count < least * seeds / 100);
        short
            .map(|(name, count, least)| {
                format!(
                    "{count} {name}, at least {} are expected",
                    least * seeds / 100
                )
            })
            .collect()
    }
}

impl fmt::Display for RecipeTally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} processes, {} rounds, {} holds ({} lost), {} not given in time, {} sessions ended, {} results, {} dead letters, {} tried again; \
             {} runs on three servers, {} changes of leader, {} sessions counted on after their end",
            self.processes,
            self.rounds,
            self.holds,
            self.holds_lost,
            self.refused,
            self.sessions_ended,
            self.results,
            self.dead_letters,
            self.revived,
            self.ensembles,
            self.leader_changes,
            self.outlived
        )
    }
}

#[cfg(test)]
mod tests {
    use super::RecipeTally;

    #[test]
    fn a_run_in_which_nothing_happens_is_found_wanting() {
        assert_eq!(RecipeTally::default().missing(100).len(), 5);
        assert!(RecipeTally::default().missing(0).is_empty());
    }
}
