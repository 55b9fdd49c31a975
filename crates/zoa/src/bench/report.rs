//! What a workload found: named figures with their units, as one JSON line and as a table for
//! people.
//!
//! The unit is part of a figure's key (`p99_us`), so that no reader of the JSON can take one for
//! another.

use std::fmt;

use serde_json::Map;
use serde_json::Value;

/// The unit of a figure; the end of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Microseconds.
    Micros,
    /// Milliseconds.
    Millis,
    /// Bytes.
    Bytes,
    /// Things a second.
    PerSecond,
    /// CPU cores kept busy: CPU time over elapsed time.
    Cores,
    /// Server CPU microseconds for one operation (the name says which side).
    MicrosPerOp,
    /// A number of things.
    Count,
    /// A quotient of two figures.
    Ratio,
}

impl Unit {
    fn suffix(self) -> &'static str {
        match self {
            Self::Micros => "_us",
            Self::Millis => "_ms",
            Self::Bytes => "_bytes",
            Self::PerSecond => "_per_s",
            Self::Cores => "_cores",
            Self::MicrosPerOp => "_us_per_op",
            Self::Count => "",
            Self::Ratio => "_ratio",
        }
    }

    /// A value as people read it: three significant digits and a unit of fitting size.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::Micros | Self::MicrosPerOp => show_seconds(value / 1e6),
            Self::Millis => show_seconds(value / 1e3),
            Self::Bytes => show_scaled(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"]),
            Self::PerSecond => show_scaled(value, 1000.0, &["/s", "k/s", "M/s", "G/s"]),
            Self::Cores => format!("{} cores", digits(value)),
            Self::Count => format!("{value:.0}"),
            Self::Ratio => format!("{} x", digits(value)),
        }
    }
}

/// One number that a workload found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    name: String,
    unit: Unit,
    /// The number, in its unit.
    pub(crate) value: f64,
}

impl Figure {
    /// A figure; `name` without the unit, which the key gets from `unit`.
    pub(crate) fn new(name: impl Into<String>, unit: Unit, value: f64) -> Self {
        Self {
            name: name.into(),
            unit,
            value,
        }
    }

    /// The name with the unit, as it stands in the JSON.
    pub(crate) fn key(&self) -> String {
        format!("{}{}", self.name, self.unit.suffix())
    }

    /// The unit.
    pub(crate) fn unit(&self) -> Unit {
        self.unit
    }

    /// The number with its unit, for people.
    pub(crate) fn show(&self) -> String {
        self.unit.show(self.value)
    }
}

/// The outcome of one workload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    workload: &'static str,
    parameters: Vec<(&'static str, Value)>,
    figures: Vec<Figure>,
}

impl Report {
    /// An empty report of this workload.
    pub(crate) fn new(workload: &'static str) -> Self {
        Self {
            workload,
            parameters: Vec::new(),
            figures: Vec::new(),
        }
    }

    /// Adds what the workload was asked to do.
    pub(crate) fn parameter(&mut self, name: &'static str, value: impl Into<Value>) {
        self.parameters.push((name, value.into()));
    }

    /// Adds a number that it found.
    pub(crate) fn figure(&mut self, name: impl Into<String>, unit: Unit, value: f64) {
        self.figures.push(Figure::new(name, unit, value));
    }

    /// Adds several numbers.
    pub(crate) fn extend(&mut self, figures: impl IntoIterator<Item = Figure>) {
        self.figures.extend(figures);
    }

    /// All figures.
    pub(crate) fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// The figure of this key (name and unit), if the workload found it.
    #[cfg(test)]
    pub(crate) fn find(&self, key: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.key() == key)
    }

    /// The report as a JSON object; on one line when displayed.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("workload".to_owned(), self.workload.into());
        let parameters: Map<_, _> = self
            .parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        object.insert("parameters".to_owned(), parameters.into());
        let figures: Map<_, _> = self
            .figures
            .iter()
            .map(|figure| (figure.key(), round(figure.value).into()))
            .collect();
        object.insert("figures".to_owned(), figures.into());
        object.into()
    }
}

impl fmt::Display for Report {
    /// A table for people: a line that says what ran, then one line a figure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.workload)?;
        for (name, value) in &self.parameters {
            match value.as_str() {
                Some(text) => write!(f, " {name}={text}")?,
                None => write!(f, " {name}={value}")?,
            }
        }
        let width = self
            .figures
            .iter()
            .map(|figure| figure.name.len())
            .max()
            .unwrap_or(0);
        for figure in &self.figures {
            let name = figure.name.replace('_', " ");
            write!(f, "\n  {name:<width$}  {:>12}", figure.show())?;
        }
        Ok(())
    }
}

/// JSON readers need no more than six significant decimals of a measurement.
fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn show_seconds(seconds: f64) -> String {
    let micros = seconds * 1e6;
    if micros.abs() < 1e3 {
        format!("{} us", digits(micros))
    } else if micros.abs() < 1e6 {
        format!("{} ms", digits(micros / 1e3))
    } else {
        format!("{} s", digits(seconds))
    }
}

fn show_scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut scaled = value;
    let mut units = units.iter().peekable();
    while let Some(unit) = units.next() {
        if scaled.abs() < step || units.peek().is_none() {
            return format!("{} {unit}", digits(scaled));
        }
        scaled /= step;
    }
    digits(value)
}

/// Three significant digits, never in the exponential form.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 || size == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_report_is_one_line_of_json() {
        let line = sample().to_json().to_string();
        assert!(!line.contains('\n'));
        expect![[r#"{"figures":{"ops_per_s":41234.5,"p99_us":3700.123457,"rss_bytes":78643200.0,"server_us_per_op":33.0},"parameters":{"connections":64,"server":"127.0.0.1:2181"},"workload":"read"}"#]]
            .assert_eq(&line);
    }

    #[test]
    fn a_report_is_a_table_for_people() {
        expect![[r"
            read: server=127.0.0.1:2181 connections=64
              ops         41.2 k/s
              p99          3.70 ms
              server       33.0 us
              rss         75.0 MiB"]]
        .assert_eq(&sample().to_string());
    }

    #[test]
    fn numbers_are_shown_with_three_digits_and_a_unit_of_fitting_size() {
        let shown = [
            Unit::Micros.show(0.65),
            Unit::Micros.show(9_400.0),
            Unit::Millis.show(6400.0),
            Unit::Bytes.show(300.0),
            Unit::Bytes.show(14_745.6),
            Unit::PerSecond.show(1_330_000.0),
            Unit::Cores.show(0.27),
            Unit::Count.show(5000.0),
            Unit::Ratio.show(0.2512),
            Unit::Millis.show(0.0),
        ];
        assert_eq!(
            shown,
            [
                "0.650 us",
                "9.40 ms",
                "6.40 s",
                "300 B",
                "14.4 KiB",
                "1.33 M/s",
                "0.270 cores",
                "5000",
                "0.251 x",
                "0.00 us"
            ]
        );
    }

    #[test]
    fn a_figure_is_found_by_its_key() {
        let report = sample();
        assert_eq!(
            report.find("p99_us").map(Figure::show).as_deref(),
            Some("3.70 ms")
        );
        assert_eq!(report.find("p99"), None);
    }

    fn sample() -> Report {
        let mut report = Report::new("read");
        report.parameter("server", "127.0.0.1:2181");
        report.parameter("connections", 64);
        report.figure("ops", Unit::PerSecond, 41_234.5);
        report.extend([Figure::new("p99", Unit::Micros, 3_700.123_456_78)]);
        report.figure("server", Unit::MicrosPerOp, 33.0);
        report.figure("rss", Unit::Bytes, 78_643_200.0);
        report
    }
}
