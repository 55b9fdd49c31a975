//! The scenarios that are cut at every operation.
//!
//! What they are not: long. Each is about one thing the log does, with segments of four blocks.

use zoa_log::HardState;
use zoa_log::Persist;
use zoa_log::testing::entry;

use super::model::Step;

/// Where a snapshot from the leader ends in the scenarios that install one.
const INSTALLED: u64 = 50;

/// Orders of one entry each, `lens` bytes long, from `first` on, in `term`.
fn singles(first: u64, term: u64, lens: &[usize]) -> Vec<Step> {
    let numbered = (first..).zip(lens);
    numbered
        .map(|(index, len)| Step::Persist(vec![run(index, term, &[*len])]))
        .collect()
}

/// One order of several entries.
fn run(first: u64, term: u64, lens: &[usize]) -> Persist {
    let entries: Vec<_> = (first..)
        .zip(lens)
        .map(|(index, len)| entry(index, term, *len))
        .collect();
    Persist {
        number: first,
        hard_state: Some(HardState {
            term,
            vote: 1,
            commit: if first > INSTALLED { INSTALLED } else { 0 },
        }),
        entries,
    }
}

fn vote(term: u64, vote: u64, commit: u64) -> Persist {
    Persist {
        number: 0,
        hard_state: Some(HardState { term, vote, commit }),
        entries: Vec::new(),
    }
}

fn steps(parts: &[&[Step]]) -> Vec<Step> {
    parts.concat()
}

/// A name and what is done.
type Scenario = (&'static str, Vec<Step>);

/// All scenarios by name.
pub(crate) fn all() -> Vec<Scenario> {
    [
        appends(),
        rotations(),
        truncations(),
        snapshots(),
        recoveries(),
    ]
    .concat()
}

/// Founding, appending, voting, marking.
fn appends() -> Vec<Scenario> {
    let reopen = [Step::Reopen];
    vec![
        ("found", vec![]),
        ("append", singles(1, 1, &[10, 0, 4000])),
        (
            "append several at once",
            vec![Step::Persist(vec![
                run(1, 1, &[10, 700, 0]),
                run(4, 2, &[5000, 1]),
            ])],
        ),
        (
            "vote",
            vec![
                Step::Persist(vec![vote(1, 2, 0)]),
                Step::Persist(vec![vote(3, 1, 0)]),
                Step::Persist(vec![vote(3, 1, 0), vote(4, 0, 0)]),
            ],
        ),
        (
            "vote and append",
            vec![
                Step::Persist(vec![vote(2, 1, 0), run(1, 2, &[100])]),
                Step::Persist(vec![run(2, 2, &[100]), vote(3, 2, 1)]),
            ],
        ),
        (
            "an order longer than a batch",
            steps(&[
                &singles(1, 1, &[10, 10]),
                &[Step::Persist(vec![
                    run(2, 2, &[7000, 7000, 7000, 7000, 50]),
                    vote(2, 1, 3),
                ])],
            ]),
        ),
        (
            "an entry longer than a segment",
            steps(&[
                &singles(1, 1, &[10, 40_000, 10]),
                &reopen,
                &singles(4, 1, &[10]),
            ]),
        ),
        (
            "mark",
            steps(&[
                &singles(1, 1, &[10]),
                &[Step::Mark, Step::Mark],
                &singles(2, 1, &[10]),
                &[Step::Mark],
            ]),
        ),
    ]
}

/// Going on in another segment, new or used.
fn rotations() -> Vec<Scenario> {
    let prepare = vec![Step::Prepare; 2];
    let reopen = [Step::Reopen];
    vec![
        (
            "rotate",
            singles(1, 1, &[3000, 5000, 9000, 100, 12_000, 3000]),
        ),
        (
            "rotate into prepared segments",
            steps(&[
                &prepare,
                &singles(1, 1, &[3000, 9000, 100]),
                &prepare,
                &singles(4, 1, &[12_000, 3000]),
            ]),
        ),
        (
            "compact",
            steps(&[
                &singles(1, 1, &[3000, 5000, 9000, 9000, 3000]),
                &[Step::Compact(2), Step::Compact(5)],
                &reopen,
            ]),
        ),
        (
            "reuse segments",
            steps(&[
                &singles(1, 1, &[9000, 9000, 9000, 9000]),
                &[Step::Compact(4)],
                &singles(5, 2, &[5000, 9000, 100, 9000]),
                &[Step::Compact(8)],
                &singles(9, 3, &[9000, 9000]),
            ]),
        ),
        (
            "reuse segments after recovery",
            steps(&[
                &singles(1, 1, &[9000, 9000, 9000, 9000]),
                &[Step::Compact(4), Step::Reopen],
                &singles(5, 2, &[100, 9000, 9000]),
            ]),
        ),
    ]
}

/// Entries that replace others.
fn truncations() -> Vec<Scenario> {
    let reopen = [Step::Reopen];
    vec![
        (
            "truncate",
            steps(&[
                &singles(1, 1, &[10, 20, 30, 40]),
                &singles(3, 2, &[7, 8]),
                &singles(2, 3, &[1]),
            ]),
        ),
        (
            "truncate across segments",
            steps(&[
                &singles(1, 1, &[3000, 9000, 9000, 9000]),
                &singles(2, 2, &[9000, 100]),
                &reopen,
                &singles(1, 3, &[500]),
            ]),
        ),
        (
            "truncate, cut together",
            vec![
                Step::Persist(vec![run(1, 1, &[10, 10, 10, 10])]),
                Step::Persist(vec![
                    run(2, 2, &[5, 5, 5]),
                    run(3, 3, &[6]),
                    run(4, 3, &[6, 7]),
                ]),
            ],
        ),
        (
            "truncate what was compacted up to",
            steps(&[
                &singles(1, 1, &[9000, 9000, 9000, 9000]),
                &[Step::Compact(4)],
                &singles(3, 2, &[9000, 9000]),
                &reopen,
            ]),
        ),
    ]
}

/// Snapshots of our own and from the leader.
fn snapshots() -> Vec<Scenario> {
    let reopen = [Step::Reopen];
    vec![
        (
            "snapshot",
            steps(&[
                &singles(1, 1, &[100]),
                &[Step::Snapshot(1, 0), Step::Snapshot(2, 300_000)],
                &reopen,
            ]),
        ),
        (
            "snapshot, compact, purge",
            steps(&[
                &singles(1, 1, &[9000, 9000, 9000, 9000]),
                &[
                    Step::Snapshot(2, 1000),
                    Step::Compact(2),
                    Step::Snapshot(4, 1000),
                    Step::Compact(4),
                    Step::Purge(1),
                ],
                &reopen,
            ]),
        ),
        (
            "purge several",
            vec![
                Step::Snapshot(1, 10),
                Step::Snapshot(2, 10),
                Step::Snapshot(3, 10),
                Step::Purge(1),
                Step::Reopen,
            ],
        ),
        (
            "install",
            steps(&[
                &singles(1, 1, &[3000, 9000]),
                &[Step::Snapshot(INSTALLED, 2000), Step::Reset(INSTALLED, 3)],
                &singles(INSTALLED + 1, 3, &[9000, 100]),
                &reopen,
            ]),
        ),
        (
            "install into an empty log",
            steps(&[
                &[
                    Step::Snapshot(INSTALLED, 2000),
                    Step::Reset(INSTALLED, 3),
                    Step::Reopen,
                ],
                &singles(INSTALLED + 1, 4, &[100]),
            ]),
        ),
    ]
}

/// Closing and opening.
fn recoveries() -> Vec<Scenario> {
    let reopen = [Step::Reopen];
    vec![
        ("recover an empty log", vec![Step::Reopen, Step::Reopen]),
        (
            "recover again and again",
            steps(&[
                &singles(1, 1, &[3000]),
                &reopen,
                &singles(2, 1, &[9000]),
                &reopen,
                &reopen,
                &singles(3, 2, &[100]),
                &reopen,
            ]),
        ),
    ]
}

/// One scenario with a bit of everything, for tests that cannot afford all of them.
pub(crate) fn mixed() -> Vec<Step> {
    steps(&[
        &singles(1, 1, &[100, 9000, 5000]),
        &singles(3, 2, &[9000, 100]),
        &[Step::Snapshot(3, 500), Step::Compact(4)],
        &singles(5, 2, &[9000, 9000]),
        &[Step::Mark],
    ])
}
