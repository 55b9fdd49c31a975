//! What a check said of a bug: how it noticed, and at which seed.
//!
//! Invariant: a check that fails for another reason than the guarantees the bug breaks has not caught it.

use std::collections::BTreeSet;

use anyhow::Result;
use anyhow::bail;

/// How a check noticed a bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught {
    /// The guarantees it found broken, or `a test`, `an assertion`, or `the check` when it does not speak of guarantees.
    pub by: String,
    /// The first seed at which it did, when there are seeds.
    pub seed: Option<u64>,
}

/// Reads the output of a check that has failed with a bug in that breaks these guarantees.
///
/// # Errors
/// When the check speaks of guarantees, and none of them is one of the bug's.
pub(super) fn read(output: &str, breaks: &[String]) -> Result<Caught> {
    let found = broken(output);
    let named: Vec<&str> = breaks
        .iter()
        .map(String::as_str)
        .filter(|guarantee| found.contains(guarantee))
        .collect();
    let by = if !named.is_empty() {
        named.join(" ")
    } else if output.contains("test result: FAILED") {
        "a test".to_owned()
    } else if output.contains("panicked at ") {
        "an assertion".to_owned()
    } else if found.is_empty() {
        "the check".to_owned()
    } else {
        let found: Vec<&str> = found.into_iter().collect();
        bail!(
            "the check finds {} broken, and none of {}",
            found.join(" "),
            breaks.join(" ")
        );
    };
    Ok(Caught {
        by,
        seed: first_seed(output),
    })
}

/// Every `G-nn` before the word `broken`.
fn broken(output: &str) -> BTreeSet<&str> {
    let lines = output.lines().filter_map(|line| {
        let (before, _) = line.split_once(" broken:")?;
        before.split_whitespace().next_back()
    });
    lines.filter(|word| word.starts_with("G-")).collect()
}

/// The smallest seed that a line tells how to replay.
fn first_seed(output: &str) -> Option<u64> {
    let replays = output.lines().filter_map(|line| {
        let (_, seed) = line.split_once("--seed ")?;
        seed.split_whitespace().next()?.parse().ok()
    });
    replays.min()
}

#[cfg(test)]
mod tests {
    use super::Caught;
    use super::read;

    fn check(output: &str) -> Option<Caught> {
        read(output, &["G-02".to_owned(), "G-19".to_owned()]).ok()
    }

    fn caught(by: &str, seed: Option<u64>) -> Option<Caught> {
        Some(Caught {
            by: by.to_owned(),
            seed,
        })
    }

    #[test]
    fn the_guarantees_of_the_bug_and_the_first_seed_are_told() {
        let output = "G-19 broken: lost\nreplay: zoa-sim --seed 12\nG-01 broken: no\nG-19 broken: lost\nreplay: zoa-sim --seed 7 --points\n";
        assert_eq!(check(output), caught("G-19", Some(7)));
    }

    #[test]
    fn a_check_that_fails_over_something_else_has_not_caught_the_bug() {
        assert_eq!(check("G-07 broken: late\nreplay: zoa-sim --seed 3\n"), None);
    }

    #[test]
    fn an_assertion_and_a_check_without_guarantees_count() {
        let panic =
            "a panic in seed 4; replay: zoa-sim --seed 4\nthread 'x' panicked at y.rs:1:2:\n";
        assert_eq!(check(panic), caught("an assertion", Some(4)));
        assert_eq!(
            check("12 of 100 writes were late\n"),
            caught("the check", None)
        );
    }
}
