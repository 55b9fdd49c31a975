//! Runs named steps one after another, each announced with its time, and adds up what they counted.
//!
//! It does not know what a step does. Invariants: a failed step does not hide the ones behind it, the
//! sum says "failed" when any step did, and its last line is `N passed, N failed` alone on a line.

use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::bail;

/// How many checks passed, failed or did not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Ran and held.
    pub passed: usize,
    /// Ran and did not hold.
    pub failed: usize,
    /// Did not run; never counted as passed.
    pub skipped: usize,
}

impl Tally {
    /// One check that held.
    #[must_use]
    pub fn one() -> Self {
        Self {
            passed: 1,
            ..Self::default()
        }
    }

    /// Adds what another step counted.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// The closing line: `N passed, N failed`, and what was skipped if anything was.
    #[must_use]
    pub fn closing_line(self) -> String {
        let skipped = match self.skipped {
            0 => String::new(),
            count => format!(", {count} skipped"),
        };
        format!("{} passed, {} failed{skipped}", self.passed, self.failed)
    }
}

/// Something to run that has a name.
pub struct Step {
    /// What to type to run it alone.
    pub name: String,
    /// What it shows, in one line.
    pub about: String,
    /// Runs it; an error is one failure.
    pub run: Box<dyn Fn() -> Result<Tally>>,
}

impl Step {
    /// A step that runs `run`.
    pub fn new(name: &str, about: &str, run: impl Fn() -> Result<Tally> + 'static) -> Self {
        Self {
            name: name.to_owned(),
            about: about.to_owned(),
            run: Box::new(run),
        }
    }
}

struct Done {
    name: String,
    took: Duration,
    tally: Tally,
}

/// Runs those of `steps` that are in `wanted`, or all of them when it is empty.
///
/// # Errors
/// When `wanted` has a name that no step has, or a step failed.
pub fn run(steps: &[Step], wanted: &[String]) -> Result<()> {
    let unknown = wanted
        .iter()
        .find(|name| steps.iter().all(|step| step.name != **name));
    if let Some(name) = unknown {
        let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
        bail!("there is no step `{name}`; there are: {}", names.join(", "));
    }
    let chosen: Vec<&Step> = steps
        .iter()
        .filter(|step| wanted.is_empty() || wanted.contains(&step.name))
        .collect();
    let count = chosen.len();
    let done: Vec<Done> = chosen
        .into_iter()
        .enumerate()
        .map(|(at, step)| run_one(step, (at + 1, count)))
        .collect();
    conclude(&done)
}

fn run_one(step: &Step, (number, count): (usize, usize)) -> Done {
    println!("\n==> [{number}/{count}] {}: {}", step.name, step.about);
    let start = Instant::now();
    let mut tally = (step.run)().unwrap_or_else(|error| {
        println!("{}: {error:#}", step.name);
        Tally {
            failed: 1,
            ..Tally::default()
        }
    });
    if tally == Tally::default() {
        println!(
            "{}: it checked nothing, which counts as a failure",
            step.name
        );
        tally.failed = 1;
    }
    let took = start.elapsed();
    let verdict = if tally.failed == 0 { "ok" } else { "FAILED" };
    println!("<== {} {verdict} in {:.1} s", step.name, took.as_secs_f64());
    Done {
        name: step.name.clone(),
        took,
        tally,
    }
}

fn conclude(done: &[Done]) -> Result<()> {
    let mut sum = Tally::default();
    println!("\nstep            seconds   result");
    for one in done {
        let (name, seconds) = (&one.name, one.took.as_secs_f64());
        println!("{name:<14} {seconds:>8.1}   {}", one.tally.closing_line());
        sum.add(one.tally);
    }
    let total: Duration = done.iter().map(|one| one.took).sum();
    println!(
        "in all         {:>8.1}\n\n{}",
        total.as_secs_f64(),
        sum.closing_line()
    );
    if sum.failed > 0 {
        let names: Vec<&str> = done
            .iter()
            .filter(|one| one.tally.failed > 0)
            .map(|one| one.name.as_str())
            .collect();
        bail!("failed: {}", names.join(", "));
    }
    Ok(())
}
