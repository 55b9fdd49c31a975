//! `zoa farm status`: leader, workers, queue, running and done; live on a terminal, a line a second elsewhere.
//!
//! It changes nothing in the farm. Invariant: what it draws is what one look found, and fits the terminal.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::io::Write as _;
use std::time::Duration;
use std::time::Instant;

use console::Term;
use console::style;
use serde_json::json;
use zoa_client::recipes::FarmStatus;
use zoa_client::recipes::WorkerStatus;

use super::Place;
use super::people;
use super::submit::close;

/// The width of a worker's bar, and the most that is shown of its name.
const BAR_LEN: usize = 20;
const NAME_WIDTH: usize = 32;

/// How much of the past a rate is about.
const RATE_OF: Duration = Duration::from_secs(5);

/// How it is shown.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// Again and again, until Ctrl-C
    #[arg(long, short)]
    watch: bool,
    /// Seconds between two looks; 0.5 on a terminal, 1 elsewhere
    #[arg(long, value_name = "SECONDS", value_parser = parse_interval)]
    interval: Option<Duration>,
    /// One JSON object, or one a line with --watch
    #[arg(long)]
    json: bool,
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "a number of seconds".to_owned())?;
    let interval = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    Ok(interval.max(Duration::from_millis(50)))
}

#[expect(
    clippy::disallowed_methods,
    reason = "rates are measured by this machine's clock"
)]
pub(super) async fn run(place: &Place, args: &StatusArgs) -> anyhow::Result<()> {
    let client = place.connect().await?;
    let farm = place.client(&client);
    let is_drawn = args.watch && !args.json && std::io::stdout().is_terminal();
    let usual = if is_drawn { 500 } else { 1_000 };
    let interval = args
        .interval
        .unwrap_or_else(|| Duration::from_millis(usual));
    let mut screen = Screen::new(is_drawn);
    let mut past = Past::default();
    let mut interrupted = Box::pin(tokio::signal::ctrl_c());
    loop {
        let status = farm.status().await?;
        past.note(Instant::now(), status.counts.done);
        let shown = if args.json {
            in_json(place, &status, past.rate()).to_string()
        } else if args.watch && !is_drawn {
            on_a_line(&status, past.rate())
        } else {
            in_full(place, &status, past.rate())
        };
        screen.show(&shown)?;
        if !args.watch {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            _ = &mut interrupted => break,
        }
    }
    close(client).await;
    Ok(())
}

/// Where it is shown: each time in the place of the time before, or behind it.
struct Screen {
    term: Option<Term>,
    lines: usize,
}

impl Screen {
    fn new(is_drawn: bool) -> Self {
        let term = is_drawn.then(Term::stdout);
        Self { term, lines: 0 }
    }

    fn show(&mut self, text: &str) -> std::io::Result<()> {
        let Some(term) = &self.term else {
            return writeln!(std::io::stdout(), "{text}");
        };
        let (rows, columns) = term.size();
        let fitting = usize::from(rows).saturating_sub(1).max(1);
        let lines = text.lines().take(fitting);
        let lines: Vec<String> = lines
            .map(|line| console::truncate_str(line, usize::from(columns), "~").into_owned())
            .collect();
        // In one piece, so that nothing flickers.
        let mut frame = String::new();
        if self.lines > 0 {
            write!(frame, "\x1b[{}A", self.lines).expect("a String takes everything");
        }
        for line in &lines {
            writeln!(frame, "{line}\x1b[K").expect("a String takes everything");
        }
        frame.push_str("\x1b[J");
        self.lines = lines.len();
        term.write_str(&frame)
    }
}

/// How many were done when.
#[derive(Default)]
struct Past(std::collections::VecDeque<(Instant, usize)>);

impl Past {
    fn note(&mut self, now: Instant, done: usize) {
        // Somebody cleaned up: what was counted before says nothing.
        if self.0.back().is_some_and(|(_, before)| *before > done) {
            self.0.clear();
        }
        self.0.push_back((now, done));
        while self
            .0
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > RATE_OF)
            && self.0.len() > 2
        {
            self.0.pop_front();
        }
    }

    /// Tasks a second; `None` while nothing can be said.
    fn rate(&self) -> Option<f64> {
        let ((first_at, first), (last_at, last)) = (self.0.front()?, self.0.back()?);
        let seconds = last_at.duration_since(*first_at).as_secs_f64();
        let count = u32::try_from(last - first).ok()?;
        (seconds > 0.0).then(|| f64::from(count) / seconds)
    }
}

fn in_json(place: &Place, status: &FarmStatus, rate: Option<f64>) -> serde_json::Value {
    let workers = status.workers.iter().map(|worker| {
        json!({
            "id": worker.id, "name": worker.name, "capacity": worker.capacity, "running": worker.running,
        })
    });
    let counts = status.counts;
    json!({
        "path": place.path,
        "leader": status.leaders.first(),
        "standing_by": status.leaders.iter().skip(1).collect::<Vec<_>>(),
        "workers": workers.collect::<Vec<_>>(),
        "queued": counts.queued,
        "queue_max": status.config.queue_max,
        "running": counts.running,
        "failed": counts.failed,
        "done": counts.done,
        "dead": counts.dead,
        "done_per_s": rate,
    })
}

fn on_a_line(status: &FarmStatus, rate: Option<f64>) -> String {
    let counts = status.counts;
    let leader = leader(status).unwrap_or_else(|| "none".to_owned());
    let rate = rate.map_or(String::new(), |rate| format!("  {rate:.0}/s"));
    format!(
        "leader {leader}  workers {}  queued {}  running {}  failed {}  done {}  dead {}{rate}",
        counts.workers, counts.queued, counts.running, counts.failed, counts.done, counts.dead
    )
}

fn leader(status: &FarmStatus) -> Option<String> {
    let leader = status.leaders.first()?;
    Some(people::one_line(leader.as_bytes(), NAME_WIDTH))
}

fn in_full(place: &Place, status: &FarmStatus, rate: Option<f64>) -> String {
    let counts = status.counts;
    let standing_by = status.leaders.len().saturating_sub(1);
    let leader = match leader(status) {
        Some(leader) if standing_by > 0 => {
            format!("{}   {standing_by} standing by", style(leader).green())
        }
        Some(leader) => style(leader).green().to_string(),
        None => style("none: start one with zoa farm lead")
            .red()
            .to_string(),
    };
    let places: usize = status
        .workers
        .iter()
        .filter_map(|worker| worker.capacity)
        .sum();
    let rate = rate.map_or(String::new(), |rate| format!("   {rate:.0} a second"));
    let dead = if counts.dead > 0 {
        style(people::count(counts.dead)).red().to_string()
    } else {
        "0".to_owned()
    };
    let mut lines = vec![
        format!("{}  at {}", style(&place.path).bold(), place.server),
        format!("leader   {leader}"),
        format!(
            "workers  {}, with room for {}",
            people::count(counts.workers),
            people::count(places)
        ),
        format!(
            "queue    {} of {}",
            people::count(counts.queued),
            people::count(status.config.queue_max)
        ),
        format!("running  {}", people::count(counts.running)),
        format!(
            "failed   {}   to be tried again after a pause",
            people::count(counts.failed)
        ),
        format!("done     {}{rate}", people::count(counts.done)),
        format!("dead     {dead}"),
        String::new(),
    ];
    lines.extend(status.workers.iter().map(worker_line));
    lines.join("\n")
}

fn worker_line(worker: &WorkerStatus) -> String {
    let name = if worker.name.is_empty() {
        &worker.id
    } else {
        &worker.name
    };
    let name = people::one_line(name.as_bytes(), NAME_WIDTH);
    let running = worker.running.len();
    let Some(capacity) = worker.capacity else {
        let gone = format!("{name:<NAME_WIDTH$}  gone with {running}");
        return style(gone).red().to_string();
    };
    let filled = (running * BAR_LEN).div_ceil(capacity.max(1)).min(BAR_LEN);
    let bar = format!(
        "{}{}",
        style("\u{2588}".repeat(filled)).cyan(),
        style("\u{2591}".repeat(BAR_LEN - filled)).dim()
    );
    format!("{name:<NAME_WIDTH$}  {bar}  {running} of {capacity}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;
    use std::time::Instant;

    use super::Past;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a moment to count from")]
    fn a_rate_is_about_the_last_seconds_and_begins_again_after_a_clean_up() {
        let begin = Instant::now();
        let mut past = Past::default();
        past.note(begin, 100);
        assert_eq!(past.rate(), None);
        past.note(begin + Duration::from_secs(2), 300);
        assert_eq!(past.rate(), Some(100.0));
        past.note(begin + Duration::from_secs(20), 400);
        past.note(begin + Duration::from_secs(22), 500);
        assert_eq!(past.rate(), Some(50.0));
        past.note(begin + Duration::from_secs(23), 7);
        assert_eq!(past.rate(), None);
    }
}
