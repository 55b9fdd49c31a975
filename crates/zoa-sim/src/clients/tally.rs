//! What users and their clients met in a run, in numbers; and how much of each a hundred seeds must show.
//!
//! Invariant: a scenario that does nothing proves nothing, so every kind of happening has a minimum above zero.

use std::fmt;

/// Declares the counters with the least number of each in a hundred seeds.
macro_rules! tally {
    ($($name:ident $words:literal $least:literal),+ $(,)?) => {
        /// Counters of the clients' scenario.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[expect(missing_docs, reason = "each counts what it names")]
        pub struct Tally {
            $(pub $name: u64,)+
        }

        impl Tally {
            /// Adds the numbers of another run.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)+
            }

            /// What happened too rarely in so many seeds to call them a test.
            #[must_use]
            pub fn missing(&self, seeds: u64) -> Vec<String> {
                let mut missing = Vec::new();
                $(
                    let least = $least * seeds / 100;
                    if self.$name < least {
                        missing.push(format!("{} {}, at least {least} are expected", self.$name, $words));
                    }
                )+
                missing
            }
        }

        impl fmt::Display for Tally {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let all = [$((self.$name, $words)),+];
                for (position, (count, words)) in all.into_iter().enumerate() {
                    let comma = if position == 0 { "" } else { ", " };
                    write!(f, "{comma}{count} {words}")?;
                }
                Ok(())
            }
        }
    };
}

tally! {
    clients "clients" 100,
    chroots "with a chroot" 20,
    takeovers "with a ticket" 10,
    requests "requests taken" 10_000,
    refused "not taken" 100,
    succeeded "done" 1_000,
    failed "done with an error" 1_000,
    not_applied "not applied" 100,
    unknown "unknown" 100,
    request_timeouts "timed out" 20,
    connections "connections to the server" 500,
    reattached "sessions attached again" 100,
    moved "sessions moved to another server" 20,
    ensembles "runs on three servers" 20,
    leader_changes "changes of leader" 20,
    resets "cut in mid-reply" 10,
    cut_requests "cut in mid-request" 10,
    silences "given up as silent" 10,
    unresolved "names unresolved" 10,
    unconnected "refused or unanswered connects" 100,
    fakes "connections to strangers" 20,
    protocol_errors "strangers found out" 10,
    stale "reports of old connections" 10,
    pauses "pauses" 20,
    jumps "clock jumps" 20,
    doubts "sessions in doubt" 10,
    expired "sessions expired" 10,
    expired_by_silence "given up by silence" 5,
    auth_failed "logins refused" 5,
    closed "sessions closed" 30,
    closed_unheard "closed without an answer" 5,
    deaths "processes died" 20,
    logins "logins" 50,
    logins_repeated "logins repeated" 20,
    set_watches "setWatches sent" 100,
    rearmed "watches set again" 300,
    watches "watches set" 1_000,
    created "created events" 100,
    deleted "deleted events" 100,
    changed "data events" 100,
    children "children events" 100,
    made_up "events of what was missed" 50,
    removed "watches removed" 20,
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn a_run_in_which_nothing_happens_is_found_wanting() {
        let mut tally = Tally::default();
        let missing = tally.missing(100);
        assert!(missing.iter().any(|line| line.contains("unknown")));
        tally.unknown = 100;
        assert_eq!(tally.missing(100).len(), missing.len() - 1);
        assert!(tally.missing(0).is_empty());
    }
}
