//! What the raft loop itself costs per entry on a server alone: no disk, no network, no tree.
//!
//! `cargo run --release -p zoa-raft --example hot_path`

use std::time::Duration;

use bytes::Bytes;
use zoa_raft::Members;
use zoa_raft::Notices;
use zoa_raft::RaftConfig;
use zoa_raft::RaftEffect;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;
use zoa_raft::Recovery;

const ENTRIES: usize = 2_000_000;
const DATA_LEN: usize = 200;

#[expect(clippy::print_stdout, reason = "it is what this program is for")]
fn main() {
    for batch_len in [1, 4, 16, 64, 256, 1000] {
        let (elapsed, committed) = run(batch_len);
        let nanos = elapsed.as_nanos() / committed.max(1);
        println!("batches of {batch_len:>4}: {nanos:>5} ns per entry");
    }
}

/// Proposes batches, each durable before the next. The making of the proposals is not counted.
#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
fn run(batch_len: usize) -> (Duration, u128) {
    let mut effects = Vec::new();
    let mut raft = sole_voter(&mut effects);
    let mut elapsed = Duration::ZERO;
    let mut committed = 0;
    for _ in 0..ENTRIES / batch_len {
        // Not shared with anything, as a frame from a socket would be.
        let batch: Vec<Bytes> = (0..batch_len)
            .map(|_| Bytes::from(vec![7; DATA_LEN]))
            .collect();
        let begun = std::time::Instant::now();
        raft.handle(RaftEvent::Propose(batch), &mut effects);
        committed += acknowledge(&mut raft, &mut effects);
        elapsed += begun.elapsed();
    }
    (elapsed, committed)
}

fn sole_voter(effects: &mut Vec<RaftEffect>) -> RaftLoop {
    let config = RaftConfig {
        id: 1,
        election_tick: 10,
        heartbeat_tick: 1,
        seed: 1,
        notices: Notices::default(),
    };
    let recovery = Recovery::founding(Members::of_voters([1]));
    RaftLoop::new(config, recovery, effects).expect("the settings are right")
}

/// Plays the log: acknowledges what is to be made durable, and drops what is committed.
fn acknowledge(raft: &mut RaftLoop, effects: &mut Vec<RaftEffect>) -> u128 {
    let mut committed = 0;
    while !effects.is_empty() {
        let mut newest = None;
        for effect in effects.drain(..) {
            match effect {
                RaftEffect::Persist(persist) => newest = Some(persist.number),
                RaftEffect::Commit(entries) => {
                    committed += u128::try_from(entries.len()).unwrap_or(0);
                }
                _ => {}
            }
        }
        if let Some(number) = newest {
            raft.handle(RaftEvent::Persisted { number }, effects);
        }
    }
    committed
}
