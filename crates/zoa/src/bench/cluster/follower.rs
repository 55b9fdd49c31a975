//! follower: one that follows dies, and comes back; the longest write meanwhile, and the longest of as long a time without that.
//!
//! ```text
//! one run:   nothing happens | it dies | it is back        the same length each, writes at a fixed rate
//! ```

use std::time::Duration;
use std::time::Instant;

use anyhow::Result;

use crate::bench::clock;
use crate::bench::cluster::arena::Arena;
use crate::bench::cluster::arena::progress;
use crate::bench::cluster::drive::Drive;
use crate::bench::cluster::ensemble::Death;
use crate::bench::cluster::ensemble::Ensemble;
use crate::bench::cluster::table::Findings;
use crate::bench::cluster::table::Target;
use crate::bench::cluster::table::millis;
use crate::bench::cluster::table::quantile;
use crate::bench::cluster::writers;
use crate::bench::report::Unit;

/// The name of the part.
pub(crate) const PART: &str = "follower";
/// How much longer the longest write may be, milliseconds.
const TARGET_MS: f64 = 30.0;
/// Sessions that write: eight at each server.
const WRITERS: usize = 24;
/// How long a time without and with the event.
const STRETCH: Duration = Duration::from_secs(4);
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one run showed, milliseconds.
#[derive(Clone, Copy, Debug)]
struct Longest {
    quiet: f64,
    death: f64,
    back: f64,
}

/// Runs it `runs` times with each contender.
pub(crate) fn run(
    arena: &Arena,
    (runs, per_second): (usize, f64),
    findings: &mut Findings,
) -> Result<()> {
    for (side, named) in arena.both() {
        let mut ensemble = arena.ensemble(named)?;
        let writers = writers::start(&ensemble.addresses(), WRITERS, Some(per_second))?;
        clock::pause(STRETCH);
        let mut found = Vec::new();
        for turn in 0..runs {
            let longest = once(&mut ensemble, &writers, turn)?;
            progress(PART, named, &format!("longest writes in ms: {longest:.1?}"));
            found.push(longest);
        }
        writers.stop()?;
        let median = |of: fn(&Longest) -> f64| {
            let values: Vec<_> = found.iter().map(of).collect();
            quantile(&values, 0.5)
        };
        let target = Target::AtMost(TARGET_MS);
        for (figure, target, value) in [
            (
                "longest write without, median",
                Target::None,
                median(|it| it.quiet),
            ),
            (
                "its death: more than without, median",
                target,
                median(|it| it.death - it.quiet),
            ),
            (
                "its return: more than without, median",
                target,
                median(|it| it.back - it.quiet),
            ),
        ] {
            findings.put((side, PART), (figure, Unit::Millis), target, value);
        }
    }
    Ok(())
}

fn once(ensemble: &mut Ensemble, writers: &Drive, turn: usize) -> Result<Longest> {
    let quiet = clock::now();
    clock::pause(STRETCH);
    let follower = ensemble.follower(turn)?;
    let death = ensemble.end(follower, Death::Killed)?;
    clock::pause(STRETCH);
    let back = clock::now();
    ensemble.start(follower)?;
    ensemble.await_serving()?;
    clock::pause((back + STRETCH).saturating_duration_since(clock::now()));
    let end = clock::now();
    writers.ledger().await_write_of(end, PATIENCE)?;
    let longest = |from: Instant, to: Instant| millis(writers.ledger().longest_write(from, to));
    Ok(Longest {
        quiet: longest(quiet, death),
        death: longest(death, back),
        back: longest(back, end),
    })
}
