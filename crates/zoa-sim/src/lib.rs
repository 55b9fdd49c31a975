//! The simulator: from a seed to a server with its clients, faults and all, in one thread, and to a verdict.
//!
//! It has no loop of its own: it carries bytes between simulated clients and the *production* loops of zoa-core, zoa-raft and
//! zoa-log on a simulated disk, and chooses by the seed who comes next. What is right is decided by zoa-testkit's checkers.
//!
//! Invariant: equal seeds give equal runs to the last byte, also when the hash maps are keyed otherwise. Serves G-01 to G-17, G-19
//! and G-20 of one server.
//!
//! ```text
//!   client <- bytes -> connection -> proposals -> RaftLoop -> LogLoop on SimDisk -> RaftLoop -> commits -> apply -> outboxes
//! ```

mod clients;
mod process;
mod recipes;
mod report;
#[cfg(test)]
mod script;
mod shrink;
mod trace;
mod witness;
mod world;

pub use clients::Tally;
pub use recipes::RecipeTally;
pub use report::Counters;
pub use report::Report;
pub use report::replay_command;
pub use shrink::Shrunk;
pub use shrink::shrink;
pub use trace::Trace;
pub use witness::Heard;
pub use witness::entry_of;
pub use world::Failure;
pub use world::Options;
pub use world::Plan;
pub use world::Point;
pub use world::Scenario;

use world::World;

/// How many operations of the disk the short scenario of this seed takes.
pub fn operations_of_scenario(seed: u64) -> u64 {
    let point = Point {
        op: 0,
        failure: Failure::Error,
    };
    run(Options {
        seed,
        hash_key: HASH_KEYS[0],
        scenario: Scenario::Server,
        point: Some(point),
        plan: Plan::default(),
    })
    .counters
    .disk_ops
}

/// Runs the short scenario of a seed with a failure of the disk at one operation.
pub fn run_point(seed: u64, point: Point) -> Report {
    run(Options {
        seed,
        hash_key: HASH_KEYS[0],
        scenario: Scenario::Server,
        point: Some(point),
        plan: Plan::default(),
    })
}

/// Runs one seed.
pub fn run(options: Options) -> Report {
    World::new(options).run()
}

/// The name of the recipe that a seed is about, if it is about one: each is the subject of every sixteenth seed.
pub fn recipe_of(seed: u64, scenario: Scenario) -> Option<&'static str> {
    recipes::Subject::of(seed, scenario).map(recipes::Subject::name)
}

/// The hash key that seeds are run with; and another, which must make no difference.
pub const HASH_KEYS: [[u64; 2]; 2] = [[1, 2], [0xfeed_beef, 0x0dd_ba11]];
