//! All figures of all rounds, and their medians.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;

use crate::bench::report::Report;
use crate::bench::report::Unit;

/// Who was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    /// The server that does nothing, and the bare disk.
    Floor,
    /// The server it is compared with.
    Right,
    /// The server under test.
    Left,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Right => "right",
            Self::Left => "left",
        }
    }
}

/// The same figure of all rounds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Samples {
    unit: Unit,
    values: Vec<f64>,
}

impl Samples {
    /// The middle value, or the mean of the two middle ones.
    pub(crate) fn median(&self) -> Option<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = *sorted.get(sorted.len() / 2)?;
        if sorted.len() % 2 == 1 {
            return Some(upper);
        }
        let lower = *sorted.get(sorted.len() / 2 - 1)?;
        Some(f64::midpoint(lower, upper))
    }

    /// The unit of the values.
    pub(crate) fn unit(&self) -> Unit {
        self.unit
    }
}

/// Figures by side, row and key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Results {
    samples: BTreeMap<(Side, &'static str, String), Samples>,
}

impl Results {
    /// Adds all figures that a workload found in one round.
    pub(crate) fn add(&mut self, (side, row): (Side, &'static str), report: &Report) {
        for figure in report.figures() {
            self.add_value((side, row), (figure.key(), figure.unit()), figure.value);
        }
    }

    /// Adds one figure of one round.
    pub(crate) fn add_value(
        &mut self,
        (side, row): (Side, &'static str),
        (key, unit): (String, Unit),
        value: f64,
    ) {
        let samples = self
            .samples
            .entry((side, row, key))
            .or_insert_with(|| Samples {
                unit,
                values: Vec::new(),
            });
        samples.values.push(value);
    }

    /// The samples of one figure.
    pub(crate) fn samples(&self, (side, row): (Side, &'static str), key: &str) -> Option<&Samples> {
        self.samples.get(&(side, row, key.to_owned()))
    }

    /// The figure of the latest round.
    pub(crate) fn latest(&self, place: (Side, &'static str), key: &str) -> Option<f64> {
        self.samples(place, key)?.values.last().copied()
    }

    /// The median of one figure.
    pub(crate) fn median(&self, place: (Side, &'static str), key: &str) -> Option<f64> {
        self.samples(place, key)?.median()
    }

    /// Everything, as `{row: {side: {key: [value of each round]}}}`.
    pub(crate) fn json(&self) -> Value {
        let mut rows = Map::new();
        for ((side, row, key), samples) in &self.samples {
            let row = object(rows.entry(*row));
            let side = row.and_then(|row| object(row.entry(side.name())));
            if let Some(side) = side {
                side.insert(key.clone(), samples.values.clone().into());
            }
        }
        rows.into()
    }
}

fn object(entry: serde_json::map::Entry<'_>) -> Option<&mut Map<String, Value>> {
    entry.or_insert_with(|| Map::new().into()).as_object_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        let median = |values: &[f64]| {
            Samples {
                unit: Unit::Micros,
                values: values.to_vec(),
            }
            .median()
        };
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[4.0, 1.0, 100.0, 2.0]), Some(3.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn figures_of_several_rounds_stand_together() {
        let mut results = Results::default();
        for value in [3.0, 1.0, 2.0] {
            let mut report = Report::new("read");
            report.figure("p50", Unit::Micros, value);
            results.add((Side::Left, "read 64x1"), &report);
        }
        assert_eq!(
            results.median((Side::Left, "read 64x1"), "p50_us"),
            Some(2.0)
        );
        assert_eq!(
            results.latest((Side::Left, "read 64x1"), "p50_us"),
            Some(2.0)
        );
        assert_eq!(results.median((Side::Right, "read 64x1"), "p50_us"), None);
        assert_eq!(
            results.json().to_string(),
            r#"{"read 64x1":{"left":{"p50_us":[3.0,1.0,2.0]}}}"#
        );
    }
}
