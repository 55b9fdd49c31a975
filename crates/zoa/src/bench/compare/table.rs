//! The table of a comparison: for each figure both medians, their ratio, the floor, the goal, and
//! whether it is met.
//!
//! The lines and goals stand in `goals`. A figure that was not measured has no line.

use serde_json::Value;
use serde_json::json;

use crate::bench::compare::goals::Floor;
use crate::bench::compare::goals::Goal;
use crate::bench::compare::goals::Line;
use crate::bench::compare::machine::Machine;
use crate::bench::compare::results::Results;
use crate::bench::compare::results::Side;
use crate::bench::report::Unit;

/// A finished comparison.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    left: String,
    right: String,
    rounds: u32,
    lines: &'static [Line],
    machine: Machine,
    results: Results,
}

impl Table {
    /// Of these results.
    pub(crate) fn new(
        (left, right): (&str, &str),
        (rounds, lines): (u32, &'static [Line]),
        machine: Machine,
        results: Results,
    ) -> Self {
        Self {
            left: left.to_owned(),
            right: right.to_owned(),
            rounds,
            lines,
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
        for line in self.lines {
            if let Some(cells) = self.cells(line) {
                text.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    /// How many goals are not reached.
    pub(crate) fn missed(&self) -> usize {
        let is_missed = |line: &&Line| {
            self.cells(line)
                .is_some_and(|cells| cells.last().is_some_and(|it| it == "no"))
        };
        self.lines.iter().filter(is_missed).count()
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
    use crate::bench::compare::goals::CPU;
    use crate::bench::compare::goals::LINES;

    #[test]
    fn a_table_shows_both_servers_their_ratio_the_floor_and_the_goal() {
        let (cpu, rate) = ((CPU, Unit::MicrosPerOp), ("ops_per_s", Unit::PerSecond));
        let p50 = ("p50_us", Unit::Micros);
        let sync = ("overwrite_p50_us", Unit::Micros);
        let restart = ("restart_ms", Unit::Millis);
        let samples = [
            ((Side::Left, "read 64x1"), cpu, [11.0, 9.0, 30.0]),
            ((Side::Right, "read 64x1"), cpu, [33.0, 34.0, 32.0]),
            ((Side::Floor, "read 64x1"), cpu, [8.4, 8.0, 9.0]),
            ((Side::Left, "read 64x1"), rate, [80e3, 81e3, 79e3]),
            ((Side::Right, "read 64x1"), rate, [41e3, 41e3, 41e3]),
            ((Side::Left, "write 1x1"), p50, [400.0, 401.0, 402.0]),
            ((Side::Floor, "read 1x1"), p50, [80.0, 81.0, 82.0]),
            ((Side::Floor, "sync"), sync, [290.0, 300.0, 310.0]),
            ((Side::Left, "restart with them"), restart, [500.0; 3]),
        ];
        let mut results = Results::default();
        for (place, (key, unit), values) in samples {
            for value in values {
                results.add_value(place, (key.to_owned(), unit), value);
            }
        }
        let machine = Machine {
            cpu: "a CPU".to_owned(),
            cores: 2,
            kernel: "6.1".to_owned(),
            file_system: "ext4".to_owned(),
            load: "0.10".to_owned(),
        };
        let table = Table::new(("ours", "theirs"), (3, LINES), machine, results);
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
