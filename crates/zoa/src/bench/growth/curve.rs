//! Curves as text: a table of points with a bar each.
//!
//! Bars of one curve have one scale, from zero: what does not grow has bars of one length.

use crate::bench::report::Report;
use crate::bench::report::Unit;

/// Characters of the longest bar.
const BAR_MAX: f64 = 40.0;

/// What a cost may grow with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// Znodes in all.
    Znodes(usize),
    /// Znodes in the directory that is worked in.
    Siblings(usize),
    /// Children of the directory that is listed.
    Children(usize),
    /// Watches on the znode that is written.
    Watchers(usize),
}

impl Of {
    fn number(self) -> usize {
        match self {
            Self::Znodes(number)
            | Self::Siblings(number)
            | Self::Children(number)
            | Self::Watchers(number) => number,
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Znodes(_) => "znodes",
            Self::Siblings(_) => "siblings",
            Self::Children(_) => "children",
            Self::Watchers(_) => "watchers",
        }
    }
}

/// One cost at several sizes.
#[derive(Clone, Debug, PartialEq)]
struct Curve {
    what: &'static str,
    of: &'static str,
    unit: Unit,
    points: Vec<(usize, f64)>,
}

/// All that was measured, in the order in which it came first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Curves(Vec<Curve>);

impl Curves {
    /// Adds a point.
    pub(crate) fn add(&mut self, (what, at): (&'static str, Of), (unit, value): (Unit, f64)) {
        let point = (at.number(), value);
        let known = self
            .0
            .iter_mut()
            .find(|curve| (curve.what, curve.of) == (what, at.noun()));
        match known {
            Some(curve) => curve.points.push(point),
            None => self.0.push(Curve {
                what,
                of: at.noun(),
                unit,
                points: vec![point],
            }),
        }
    }

    /// Adds the figure of this key, if the report has it.
    pub(crate) fn take(&mut self, what: (&'static str, Of), report: &Report, key: &str) {
        if let Some(figure) = report.figures().iter().find(|figure| figure.key() == key) {
            self.add(what, (figure.unit(), figure.value));
        }
    }

    /// One block of text a curve.
    pub(crate) fn markdown(&self) -> String {
        let blocks: Vec<_> = self.0.iter().map(Curve::block).collect();
        format!("```text\n{}\n```", blocks.join("\n\n"))
    }
}

impl Curve {
    fn block(&self) -> String {
        let highest = self
            .points
            .iter()
            .map(|(_, value)| *value)
            .fold(0.0, f64::max);
        let mut text = format!("{}, by {}", self.what, self.of);
        for (number, value) in &self.points {
            let bar = if highest > 0.0 { value / highest } else { 0.0 };
            let shown = self.unit.show(*value);
            let line = format!("\n  {:>9}  {shown:>10}  {}", grouped(*number), stars(bar));
            text.push_str(line.trim_end());
        }
        text
    }
}

/// A bar for a share of the longest one.
fn stars(share: f64) -> String {
    let length = (share.clamp(0.0, 1.0) * BAR_MAX).round();
    (0..40)
        .take_while(|at| f64::from(*at) < length)
        .map(|_| '#')
        .collect()
}

/// With a comma before each three digits from the end.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_level_cost_has_bars_of_one_length_and_a_growing_one_does_not() {
        let mut curves = Curves::default();
        for (nodes, level, growing) in [
            (1_000, 2.0, 1.5),
            (10_000, 2.0, 15.0),
            (1_000_000, 1.9, 1500.0),
        ] {
            curves.add(
                ("read: CPU each", Of::Znodes(nodes)),
                (Unit::MicrosPerOp, level),
            );
            curves.add(("restart", Of::Znodes(nodes)), (Unit::Millis, growing));
        }
        curves.add(
            ("read: CPU each", Of::Siblings(10)),
            (Unit::MicrosPerOp, 0.0),
        );
        expect![[r"
            ```text
            read: CPU each, by znodes
                  1,000     2.00 us  ########################################
                 10,000     2.00 us  ########################################
              1,000,000     1.90 us  ######################################

            restart, by znodes
                  1,000     1.50 ms
                 10,000     15.0 ms
              1,000,000      1.50 s  ########################################

            read: CPU each, by siblings
                     10     0.00 us
            ```"]]
        .assert_eq(&curves.markdown());
    }
}
