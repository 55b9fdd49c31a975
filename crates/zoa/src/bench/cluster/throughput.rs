//! throughput: how fast three servers read and write, what it costs them, and how long it takes, beside another ensemble.
//!
//! The connections are spread over all three; the CPU is that of all three.

use anyhow::Result;

use crate::bench::args::LoadArgs;
use crate::bench::args::Target;
use crate::bench::args::Timing;
use crate::bench::cluster::arena::Arena;
use crate::bench::cluster::arena::progress;
use crate::bench::cluster::ensemble::Ensemble;
use crate::bench::compare::Machine;
use crate::bench::compare::Results;
use crate::bench::compare::Side;
use crate::bench::compare::Table;
use crate::bench::compare::goals::CPU;
use crate::bench::compare::goals::Floor;
use crate::bench::compare::goals::Goal;
use crate::bench::compare::goals::Line;
use crate::bench::compare::goals::line;
use crate::bench::report::Report;
use crate::bench::workload::stream;

/// The name of the part.
pub(crate) const PART: &str = "throughput";

const READ_64X1: &str = "read 64x1";
const READ_64X16: &str = "read 64x16";
const WRITE_64X1: &str = "write 64x1";
const WRITE_64X16: &str = "write 64x16";
const WRITE_1X1: &str = "write 1x1";
const CREATE_DELETE: &str = "create+delete 64x16";
const MULTI: &str = "multi of 100, 64x1";
const WRITE_HALF: &str = "write at half the right's rate";
const CREATE_DELETE_HALF: &str = "create+delete at half the right's rate";

/// A stream of requests: how many connections and requests in flight on each, how long a Java server warms up, and whose half rate
/// is offered, if not as much as is taken.
struct Row {
    row: &'static str,
    run: fn(&LoadArgs) -> Result<Report>,
    load: (usize, usize),
    warmup_java: f64,
    half_of: Option<&'static str>,
}

const fn row(
    row: &'static str,
    run: fn(&LoadArgs) -> Result<Report>,
    load: (usize, usize),
    warmup_java: f64,
) -> Row {
    Row {
        row,
        run,
        load,
        warmup_java,
        half_of: None,
    }
}

const ROWS: &[Row] = &[
    row(READ_64X1, stream::read, (64, 1), 4.0),
    row(READ_64X16, stream::read, (64, 16), 1.0),
    row(WRITE_64X1, stream::write, (64, 1), 4.0),
    row(WRITE_64X16, stream::write, (64, 16), 1.0),
    row(WRITE_1X1, stream::write, (1, 1), 1.0),
    row(CREATE_DELETE, stream::create_delete, (64, 16), 2.0),
    row(MULTI, stream::multi, (64, 1), 2.0),
    Row {
        half_of: Some(WRITE_64X1),
        ..row(WRITE_HALF, stream::write, (64, 16), 1.0)
    },
    Row {
        half_of: Some(CREATE_DELETE),
        ..row(CREATE_DELETE_HALF, stream::create_delete, (64, 16), 1.0)
    },
];

const RATE: (&str, &str) = ("rate", "ops_per_s");
const COST: (&str, &str) = ("CPU of all three per op", CPU);
const P50: (&str, &str) = ("p50", "p50_us");
const P99: (&str, &str) = ("p99", "p99_us");

const LINES: &[Line] = &[
    line(READ_64X1, COST, Floor::None, Goal::None),
    line(READ_64X1, RATE, Floor::None, Goal::None),
    line(READ_64X1, P99, Floor::None, Goal::None),
    line(READ_64X16, COST, Floor::None, Goal::None),
    line(READ_64X16, RATE, Floor::None, Goal::None),
    line(READ_64X16, P99, Floor::None, Goal::None),
    line(WRITE_64X1, COST, Floor::None, Goal::ShareOfRight(0.25)),
    line(WRITE_64X1, RATE, Floor::None, Goal::TimesRight(2.0)),
    line(WRITE_64X1, P99, Floor::None, Goal::None),
    line(WRITE_64X16, COST, Floor::None, Goal::ShareOfRight(0.125)),
    line(WRITE_64X16, RATE, Floor::None, Goal::TimesRight(5.0)),
    line(WRITE_64X16, P99, Floor::None, Goal::None),
    line(WRITE_1X1, P50, Floor::None, Goal::None),
    line(WRITE_1X1, P99, Floor::None, Goal::None),
    line(CREATE_DELETE, COST, Floor::None, Goal::ShareOfRight(0.2)),
    line(CREATE_DELETE, RATE, Floor::None, Goal::None),
    line(
        MULTI,
        ("CPU of all three per op inside", CPU),
        Floor::None,
        Goal::ShareOfRight(0.2),
    ),
    line(
        MULTI,
        ("rate of ops inside", "ops_per_s"),
        Floor::None,
        Goal::None,
    ),
    line(WRITE_HALF, P99, Floor::None, Goal::ShareOfRight(0.5)),
    line(
        CREATE_DELETE_HALF,
        P99,
        Floor::None,
        Goal::ShareOfRight(0.5),
    ),
];

/// So many rounds of all rows, each of so many seconds, the contenders in turn.
pub(crate) fn run(arena: &Arena, (rounds, seconds): (u32, f64)) -> Result<Table> {
    let machine = Machine::look(&arena.dir);
    let mut results = Results::default();
    for round in 1..=rounds {
        for (side, named) in arena.both() {
            progress(PART, named, &format!("round {round} of {rounds}"));
            let ensemble = arena.ensemble(named)?;
            for row in ROWS {
                let args = load(row, &ensemble, (&results, seconds));
                results.add((side, row.row), &(row.run)(&args)?);
            }
        }
    }
    let right = arena.right.as_ref().map_or("-", |named| &named.name);
    let names = (arena.left.name.as_str(), right);
    Ok(Table::new(names, (rounds, LINES), machine, results))
}

fn load(row: &Row, ensemble: &Ensemble, (results, seconds): (&Results, f64)) -> LoadArgs {
    let target = Target {
        server: ensemble.connect_string(),
        pids: ensemble.pids(),
        session_timeout_ms: 30_000,
        // The servers are thrown away with their data.
        keep: true,
        json: false,
    };
    let half_of = row
        .half_of
        .and_then(|of| results.latest((Side::Right, of), RATE.1));
    let warmup = if target.is_java() {
        row.warmup_java
    } else {
        seconds / 6.0
    };
    LoadArgs {
        target,
        timing: Timing {
            seconds,
            warmup: Some(warmup),
        },
        connections: row.load.0,
        depth: row.load.1,
        value_bytes: 100,
        keys: 1000,
        rate: half_of.map(|rate| rate / 2.0),
    }
}
