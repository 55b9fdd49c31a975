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
    /// Of one that failed.
    why: Option<String>,
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
    let (mut tally, mut why) = match (step.run)() {
        Ok(tally) => (tally, None),
        Err(error) => (Tally::default(), Some(format!("{error:#}"))),
    };
    if tally == Tally::default() {
        let nothing = || "it checked nothing, which counts as a failure".to_owned();
        let why = why.get_or_insert_with(nothing);
        println!("{}: {}", step.name, why.lines().next().unwrap_or_default());
        tally.failed = 1;
    }
    let took = start.elapsed();
    let verdict = if tally.failed == 0 { "ok" } else { "FAILED" };
    println!("<== {} {verdict} in {:.1} s", step.name, took.as_secs_f64());
    Done {
        name: step.name.clone(),
        took,
        tally,
        why,
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
    // Once more what was said when it failed: in a log that was cut, only the end is left.
    for one in done {
        if let Some(why) = &one.why {
            println!("\n{}: {why}", one.name);
        }
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use anyhow::bail;

    use super::Step;
    use super::Tally;
    use super::run;

    fn holds(name: &str) -> Step {
        Step::new(name, "a step that holds", || Ok(Tally::one()))
    }

    #[test]
    fn all_steps_hold_or_the_whole_does_not() {
        run(&[holds("a"), holds("b")], &[]).expect("both hold");
        let fails = Step::new("c", "a step that does not hold", || bail!("no"));
        let error = run(&[holds("a"), fails], &[]).expect_err("one does not hold");
        assert_eq!(error.to_string(), "failed: c");
    }

    #[test]
    fn a_failed_step_does_not_hide_the_ones_behind_it() {
        let ran = Rc::new(Cell::new(false));
        let seen = Rc::clone(&ran);
        let fails = Step::new("a", "a step that does not hold", || bail!("no"));
        let after = Step::new("b", "the one behind", move || {
            seen.set(true);
            Ok(Tally::one())
        });
        run(&[fails, after], &[]).expect_err("one does not hold");
        assert!(ran.get());
    }

    #[test]
    fn a_step_that_checks_nothing_has_not_passed() {
        let empty = Step::new("a", "a step without a check", || Ok(Tally::default()));
        run(&[empty], &[]).expect_err("nothing was checked");
    }

    #[test]
    fn only_the_named_steps_run_and_an_unknown_name_is_an_error() {
        let fails = || Step::new("b", "a step that does not hold", || bail!("no"));
        run(&[holds("a"), fails()], &["a".to_owned()]).expect("b was not asked for");
        run(&[holds("a"), fails()], &["c".to_owned()]).expect_err("there is no c");
    }

    #[test]
    fn what_did_not_run_is_not_counted_as_passed() {
        let tally = Tally {
            passed: 3,
            failed: 1,
            skipped: 2,
        };
        assert_eq!(tally.closing_line(), "3 passed, 1 failed, 2 skipped");
        assert_eq!(Tally::one().closing_line(), "1 passed, 0 failed");
    }
}
