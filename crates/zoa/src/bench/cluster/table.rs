//! What was found, and whether it is what it has to be: the table that goes into docs/performance.md.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::bench::compare::Side;
use crate::bench::report::Unit;

/// What a figure of the left server is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// It is only shown.
    None,
    /// At most this, in the figure's unit.
    AtMost(f64),
    /// Just this.
    Exactly(f64),
}

/// One line.
#[derive(Clone, Debug)]
struct Line {
    part: &'static str,
    figure: &'static str,
    unit: Unit,
    target: Target,
    left: Option<f64>,
    right: Option<f64>,
}

/// All lines, in the order in which they were found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    lines: Vec<Line>,
}

impl Findings {
    /// Adds a figure of one side.
    pub(crate) fn put(
        &mut self,
        (side, part): (Side, &'static str),
        (figure, unit): (&'static str, Unit),
        target: Target,
        value: f64,
    ) {
        let known = |line: &Line| (line.part, line.figure) == (part, figure);
        let at = self.lines.iter().position(known).unwrap_or_else(|| {
            self.lines.push(Line {
                part,
                figure,
                unit,
                target,
                left: None,
                right: None,
            });
            self.lines.len() - 1
        });
        let Some(line) = self.lines.get_mut(at) else {
            return;
        };
        match side {
            Side::Left => line.left = Some(value),
            Side::Right => line.right = Some(value),
            Side::Floor => {}
        }
    }

    /// How many targets are not reached.
    pub(crate) fn missed(&self) -> usize {
        self.lines
            .iter()
            .filter(|line| line.is_reached() == Some(false))
            .count()
    }

    /// Whether anything was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The table, in Markdown.
    pub(crate) fn markdown(&self, (left, right): (&str, &str)) -> String {
        let mut text = format!(
            "| part | figure | to reach | {left} | {right} | reached |\n|---|---|---:|---:|---:|---|\n"
        );
        for line in &self.lines {
            let show = |value: Option<f64>| {
                value.map_or_else(|| "-".to_owned(), |value| line.unit.show(value))
            };
            let target = match line.target {
                Target::None => "-".to_owned(),
                Target::AtMost(limit) => format!("<= {}", line.unit.show(limit)),
                Target::Exactly(value) => line.unit.show(value),
            };
            let reached = match line.is_reached() {
                None => "-",
                Some(true) => "yes",
                Some(false) => "no",
            };
            let (left, right) = (show(line.left), show(line.right));
            let (part, figure) = (line.part, line.figure);
            text.push_str(&format!(
                "| {part} | {figure} | {target} | {left} | {right} | {reached} |\n"
            ));
        }
        text.trim_end().to_owned()
    }

    /// All figures, as JSON.
    pub(crate) fn json(&self) -> Value {
        let line = |line: &Line| {
            json!({
                "part": line.part,
                "figure": line.figure,
                "left": line.left,
                "right": line.right,
                "reached": line.is_reached(),
            })
        };
        self.lines.iter().map(line).collect()
    }
}

impl Line {
    fn is_reached(&self) -> Option<bool> {
        match (self.target, self.left) {
            (Target::None, _) | (_, None) => None,
            (Target::AtMost(limit), Some(value)) => Some(value <= limit),
            (Target::Exactly(wanted), Some(value)) => Some(value == wanted),
        }
    }
}

/// A time in milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The value that this share (0.0 to 1.0) of all stay within; the middle of the two middle ones for the median of an even number.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let at = share * last as f64;
    let value = |at: f64| sorted.get(at as usize).copied().unwrap_or(0.0);
    if share == 0.5 {
        return f64::midpoint(value(at.floor()), value(at.ceil()));
    }
    value(at.ceil())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_table_says_what_is_reached_and_what_is_not() {
        let mut findings = Findings::default();
        let gap = ("gap, median", Unit::Millis);
        findings.put((Side::Right, "kill"), gap, Target::AtMost(150.0), 466.0);
        findings.put((Side::Left, "kill"), gap, Target::AtMost(150.0), 43.0);
        findings.put(
            (Side::Left, "kill"),
            ("p99", Unit::Millis),
            Target::None,
            70.0,
        );
        let lost = ("sessions lost", Unit::Count);
        findings.put((Side::Left, "roll"), lost, Target::Exactly(0.0), 1.0);
        expect![[r"
            | part | figure | to reach | ours | theirs | reached |
            |---|---|---:|---:|---:|---|
            | kill | gap, median | <= 150 ms | 43.0 ms | 466 ms | yes |
            | kill | p99 | - | 70.0 ms | - | - |
            | roll | sessions lost | 0 | 1 | - | no |"]]
        .assert_eq(&findings.markdown(("ours", "theirs")));
        assert_eq!(findings.missed(), 1);
    }

    #[test]
    fn a_quantile_is_one_of_the_values_and_a_median_the_middle() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.5), 2.5);
        assert_eq!(quantile(&values, 0.99), 4.0);
        assert_eq!(quantile(&[7.0], 0.5), 7.0);
        assert_eq!(quantile(&[1.0, 2.0, 9.0], 0.5), 2.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
