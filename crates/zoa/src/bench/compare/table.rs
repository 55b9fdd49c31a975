//! The table of a comparison: for each figure both medians, their ratio, the floor, the goal, and whether it is met.
//!
//! The rows and goals are those of docs/performance.md. A figure that was not measured has no line.

use serde_json::Value;
use serde_json::json;

use crate::bench::compare::machine::Machine;
use crate::bench::compare::results::Results;
use crate::bench::compare::results::Side;
use crate::bench::report::Unit;

/// Where a floor stands: the row of the floor server, and the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Floor {
    None,
    /// The same figure of this row.
    Row(&'static str),
    /// One bare sync of the disk and the floor's read, both medians: nothing durable is faster.
    SyncAndRead(&'static str),
}

/// What the left server is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Goal {
    None,
    /// At most this share of the right server's figure.
    ShareOfRight(f64),
    /// At least so many times the right server's figure.
    TimesRight(f64),
    /// At most so many times the floor.
    TimesFloor(f64),
    /// At most this much above the floor, in the figure's unit.
    AboveFloor(f64),
    /// At most this, in the figure's unit.
    AtMost(f64),
}

struct Line {
    row: &'static str,
    figure: &'static str,
    key: &'static str,
    floor: Floor,
    goal: Goal,
}

const CPU: &str = "server_cpu_us_per_op";

const fn line(
    row: &'static str,
    (figure, key): (&'static str, &'static str),
    floor: Floor,
    goal: Goal,
) -> Line {
    Line {
        row,
        figure,
        key,
        floor,
        goal,
    }
}

/// All lines, in the order of the table.
const LINES: &[Line] = &[
    line(
        "read 64x1",
        ("server CPU per op", CPU),
        Floor::Row("read 64x1"),
        Goal::TimesFloor(1.3),
    ),
    line(
        "read 64x1",
        ("rate", "ops_per_s"),
        Floor::Row("read 64x1"),
        Goal::TimesRight(2.0),
    ),
    line(
        "read 64x1",
        ("p99", "p99_us"),
        Floor::Row("read 64x1"),
        Goal::None,
    ),
    line(
        "read 64x16",
        ("server CPU per op", CPU),
        Floor::Row("read 64x16"),
        Goal::TimesFloor(2.0),
    ),
    line(
        "read 64x16",
        ("rate", "ops_per_s"),
        Floor::Row("read 64x16"),
        Goal::TimesRight(12.0),
    ),
    line(
        "read 64x16",
        ("p99", "p99_us"),
        Floor::Row("read 64x16"),
        Goal::None,
    ),
    line(
        "read 1x1",
        ("p50", "p50_us"),
        Floor::Row("read 1x1"),
        Goal::TimesFloor(1.2),
    ),
    line(
        "write 64x1",
        ("server CPU per op", CPU),
        Floor::Row("read 64x1"),
        Goal::ShareOfRight(0.25),
    ),
    line(
        "write 64x1",
        ("rate", "ops_per_s"),
        Floor::None,
        Goal::TimesRight(2.0),
    ),
    line("write 64x1", ("p99", "p99_us"), Floor::None, Goal::None),
    line(
        "write 64x16",
        ("server CPU per op", CPU),
        Floor::Row("read 64x16"),
        Goal::ShareOfRight(1.0 / 7.0),
    ),
    line(
        "write 64x16",
        ("rate", "ops_per_s"),
        Floor::None,
        Goal::TimesRight(4.0),
    ),
    line("write 64x16", ("p99", "p99_us"), Floor::None, Goal::None),
    line(
        "write 1x1",
        ("p50", "p50_us"),
        Floor::SyncAndRead("read 1x1"),
        Goal::AboveFloor(60.0),
    ),
    line(
        "create+delete 64x16",
        ("server CPU per op", CPU),
        Floor::Row("read 64x16"),
        Goal::ShareOfRight(0.2),
    ),
    line(
        "create+delete 64x16",
        ("rate", "ops_per_s"),
        Floor::None,
        Goal::None,
    ),
    line(
        "multi of 100, 64x1",
        ("server CPU per op inside", CPU),
        Floor::None,
        Goal::ShareOfRight(0.2),
    ),
    line(
        "multi of 100, 64x1",
        ("rate of ops inside", "ops_per_s"),
        Floor::None,
        Goal::None,
    ),
    line(
        "read at half the right's rate",
        ("p99", "p99_us"),
        Floor::None,
        Goal::ShareOfRight(0.5),
    ),
    line(
        "write at half the right's rate",
        ("p99", "p99_us"),
        Floor::None,
        Goal::ShareOfRight(0.5),
    ),
    line(
        "create+delete at half the right's rate",
        ("p99", "p99_us"),
        Floor::None,
        Goal::ShareOfRight(0.5),
    ),
    line(
        "one write, 5,000 watchers",
        ("last event, p50", "last_event_p50_us"),
        Floor::None,
        Goal::ShareOfRight(0.125),
    ),
    line(
        "one write, 5,000 watchers",
        ("server CPU per event", CPU),
        Floor::None,
        Goal::ShareOfRight(0.125),
    ),
    line(
        "a million znodes of 100 B",
        ("memory per znode", "memory_per_node_bytes"),
        Floor::None,
        Goal::AtMost(300.0),
    ),
    line(
        "a million znodes of 100 B",
        ("created through multis", "nodes_per_s"),
        Floor::None,
        Goal::TimesRight(5.0),
    ),
    line(
        "restart with them",
        ("until the first read", "restart_ms"),
        Floor::None,
        Goal::AtMost(600.0),
    ),
    line(
        "writes beside lists of 1,000,000",
        ("p99 with / without", "write_p99_with_to_without_ratio"),
        Floor::None,
        Goal::AtMost(2.0),
    ),
    line(
        "writes beside lists of 1,000,000",
        ("lists", "lists_per_s"),
        Floor::None,
        Goal::None,
    ),
    line(
        "empty server",
        ("start to serving", "start_empty_ms"),
        Floor::Row("empty server"),
        Goal::AtMost(30.0),
    ),
    line(
        "empty server",
        ("memory", "server_rss_bytes"),
        Floor::Row("empty server"),
        Goal::AtMost(8.0 * 1024.0 * 1024.0),
    ),
    line(
        "10,000 idle sessions",
        ("memory each", "memory_per_session_bytes"),
        Floor::None,
        Goal::AtMost(3.0 * 1024.0),
    ),
    line(
        "10,000 idle sessions",
        ("CPU at rest", "server_at_rest_cores"),
        Floor::None,
        Goal::ShareOfRight(0.2),
    ),
    line(
        "10,000 idle sessions",
        ("server CPU per connect", CPU),
        Floor::None,
        Goal::ShareOfRight(0.1),
    ),
    line(
        "10,000 idle sessions",
        ("connects", "connects_per_s"),
        Floor::None,
        Goal::None,
    ),
];

/// A finished comparison.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    left: String,
    right: String,
    rounds: u32,
    machine: Machine,
    results: Results,
}

impl Table {
    /// Of these results.
    pub(crate) fn new(
        (left, right): (&str, &str),
        rounds: u32,
        machine: Machine,
        results: Results,
    ) -> Self {
        Self {
            left: left.to_owned(),
            right: right.to_owned(),
            rounds,
            machine,
            results,
        }
    }

    /// The table, in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let Self {
            left,
            right,
            rounds,
            ..
        } = self;
        let mut text = format!(
            "Medians of {rounds} interleaved rounds on {}.\n\n\
             | work | figure | {left} | {right} | {left} / {right} | floor | to reach | reached |\n\
             |---|---|---:|---:|---:|---:|---|---|\n",
            self.machine.line()
        );
        for line in LINES {
            if let Some(cells) = self.cells(line) {
                text.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// The medians and all samples, as JSON.
    pub(crate) fn json(&self) -> Value {
        json!({
            "left": self.left,
            "right": self.right,
            "rounds": self.rounds,
            "machine": self.machine.json(),
            "samples": self.results.json(),
        })
    }

    fn cells(&self, line: &Line) -> Option<[String; 8]> {
        let left = self.results.samples((Side::Left, line.row), line.key);
        let right = self.results.samples((Side::Right, line.row), line.key);
        let unit = left.or(right)?.unit();
        let left = left.and_then(|samples| samples.median());
        let right = right.and_then(|samples| samples.median());
        let floor = self.floor(line);
        let show =
            |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| unit.show(value));
        let ratio = left
            .zip(right)
            .filter(|(_, right)| *right != 0.0)
            .map(|(left, right)| left / right);
        let limit = limit(line.goal, right, floor);
        Some([
            line.row.to_owned(),
            line.figure.to_owned(),
            show(left),
            show(right),
            ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}")),
            show(floor),
            show_goal(line.goal, unit),
            left.zip(limit)
                .map_or(
                    "-",
                    |(left, limit)| if limit.holds(left) { "yes" } else { "no" },
                )
                .to_owned(),
        ])
    }

    fn floor(&self, line: &Line) -> Option<f64> {
        match line.floor {
            Floor::None => None,
            Floor::Row(row) => self.results.median((Side::Floor, row), line.key),
            Floor::SyncAndRead(row) => {
                let read = self.results.median((Side::Floor, row), line.key)?;
                Some(
                    read + self
                        .results
                        .median((Side::Floor, "sync"), "overwrite_p50_us")?,
                )
            }
        }
    }
}

/// What a figure is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

impl Limit {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => limit <= value,
        }
    }
}

fn limit(goal: Goal, right: Option<f64>, floor: Option<f64>) -> Option<Limit> {
    match goal {
        Goal::None => None,
        Goal::ShareOfRight(share) => right.map(|right| Limit::AtMost(right * share)),
        Goal::TimesRight(times) => right.map(|right| Limit::AtLeast(right * times)),
        Goal::TimesFloor(times) => floor.map(|floor| Limit::AtMost(floor * times)),
        Goal::AboveFloor(more) => floor.map(|floor| Limit::AtMost(floor + more)),
        Goal::AtMost(limit) => Some(Limit::AtMost(limit)),
    }
}

fn show_goal(goal: Goal, unit: Unit) -> String {
    match goal {
        Goal::None => "-".to_owned(),
        Goal::ShareOfRight(share) => format!("<= 1/{:.0}", 1.0 / share),
        Goal::TimesRight(times) => format!(">= {times:.0} x"),
        Goal::TimesFloor(times) => format!("<= {times} x floor"),
        Goal::AboveFloor(more) => format!("<= floor + {}", unit.show(more)),
        Goal::AtMost(limit) => format!("<= {}", unit.show(limit)),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_table_shows_both_servers_their_ratio_the_floor_and_the_goal() {
        let mut results = Results::default();
        let mut add = |side, row, (key, unit): (&str, Unit), values: [f64; 3]| {
            for value in values {
                results.add_value((side, row), (key.to_owned(), unit), value);
            }
        };
        add(
            Side::Left,
            "read 64x1",
            (CPU, Unit::MicrosPerOp),
            [11.0, 9.0, 30.0],
        );
        add(
            Side::Right,
            "read 64x1",
            (CPU, Unit::MicrosPerOp),
            [33.0, 34.0, 32.0],
        );
        add(
            Side::Floor,
            "read 64x1",
            (CPU, Unit::MicrosPerOp),
            [8.4, 8.0, 9.0],
        );
        add(
            Side::Left,
            "read 64x1",
            ("ops_per_s", Unit::PerSecond),
            [80e3, 81e3, 79e3],
        );
        add(
            Side::Right,
            "read 64x1",
            ("ops_per_s", Unit::PerSecond),
            [41e3, 41e3, 41e3],
        );
        add(
            Side::Left,
            "write 1x1",
            ("p50_us", Unit::Micros),
            [400.0, 401.0, 402.0],
        );
        add(
            Side::Floor,
            "read 1x1",
            ("p50_us", Unit::Micros),
            [80.0, 81.0, 82.0],
        );
        add(
            Side::Floor,
            "sync",
            ("overwrite_p50_us", Unit::Micros),
            [290.0, 300.0, 310.0],
        );
        add(
            Side::Left,
            "restart with them",
            ("restart_ms", Unit::Millis),
            [500.0, 500.0, 500.0],
        );
        let machine = Machine {
            cpu: "a CPU".to_owned(),
            cores: 2,
            kernel: "6.1".to_owned(),
            file_system: "ext4".to_owned(),
            load: "0.10".to_owned(),
        };
        let table = Table::new(("ours", "theirs"), 3, machine, results);
        expect![[r"
            Medians of 3 interleaved rounds on 2 cores (a CPU), Linux 6.1, data on ext4, load average at the start 0.10.

            | work | figure | ours | theirs | ours / theirs | floor | to reach | reached |
            |---|---|---:|---:|---:|---:|---|---|
            | read 64x1 | server CPU per op | 11.0 us | 33.0 us | 0.333 | 8.40 us | <= 1.3 x floor | no |
            | read 64x1 | rate | 80.0 k/s | 41.0 k/s | 1.951 | - | >= 2 x | no |
            | write 1x1 | p50 | 401 us | - | - | 381 us | <= floor + 60.0 us | yes |
            | restart with them | until the first read | 500 ms | - | - | - | <= 600 ms | yes |"]]
        .assert_eq(&table.markdown());
    }
}
