//! `zoa farm submit`: tasks from arguments, a file or stdin, one payload a line, as many as there are.
//!
//! Invariant: lines are submitted in their order, each once, and whenever it stops early it says which line comes next.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::io::BufReader;
use std::io::IsTerminal;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use anyhow::bail;
use anyhow::ensure;
use indicatif::ProgressBar;
use zoa_client::Client;
use zoa_client::recipes::Error;
use zoa_client::recipes::FarmClient;
use zoa_client::recipes::NewTask;
use zoa_client::recipes::TASK_LEN_MAX;

use super::Place;
use super::people;
use super::progress;

/// So many lines are submitted at once.
const BATCH: usize = 100;

/// So many names are shown to people who did not ask for all.
const NAMES_SHOWN: usize = 20;

/// How often it is looked whether there is room, or whether all is done.
const LOOK: Duration = Duration::from_millis(200);

/// What is submitted, and how.
#[derive(Debug, clap::Args)]
pub(super) struct SubmitArgs {
    /// A task each; without any, and without --file, the lines of stdin
    payloads: Vec<String>,
    /// One task a line; - for stdin
    #[arg(long, short, value_name = "FILE", conflicts_with = "payloads")]
    file: Option<PathBuf>,
    /// Begin with this line, to go on where an earlier run stopped
    #[arg(long, default_value_t = 1, value_name = "LINE", value_parser = clap::value_parser!(u64).range(1..))]
    from_line: u64,
    /// 0 is the most urgent, 999 the least
    #[arg(long, short, default_value_t = 500, value_parser = clap::value_parser!(u16).range(0..=999))]
    priority: u16,
    /// Give a task up that has not ended so long after its submission: 30s, 10m, 2h
    #[arg(long, value_parser = people::parse_duration)]
    deadline: Option<Duration>,
    /// Take an attempt away from its worker after so long, and try again
    #[arg(long, value_parser = people::parse_duration)]
    time_limit: Option<Duration>,
    /// How often a task is tried again after its first attempt
    #[arg(long, short, default_value_t = 2)]
    retries: u32,
    /// Wait until all have ended; the exit code is 0 when none was given up
    #[arg(long, short)]
    wait: bool,
    /// When the queue is full, wait for room instead of stopping
    #[arg(long)]
    wait_for_room: bool,
    /// Print all names, also many of them to a terminal
    #[arg(long)]
    names: bool,
}

impl SubmitArgs {
    fn task(&self, payload: &[u8]) -> NewTask {
        NewTask {
            payload: payload.to_vec(),
            priority: self.priority,
            attempts_max: self.retries.saturating_add(1),
            time_limit_ms: people::millis(self.time_limit),
            deadline_ms: people::millis(self.deadline),
        }
    }

    /// Where the payloads come from, and how many there are if that can be known.
    fn open(&self) -> anyhow::Result<(Lines, Option<u64>)> {
        if !self.payloads.is_empty() {
            let len = u64::try_from(self.payloads.len()).ok();
            let payloads = self.payloads.clone().into_iter();
            let lines = payloads.map(|payload| Ok(payload.into_bytes()));
            return Ok((read(self.from_line, lines), len));
        }
        match &self.file {
            Some(path) if path.as_os_str() != "-" => {
                let open = || std::fs::File::open(path).map(BufReader::new);
                let cannot = || format!("cannot read {}", path.display());
                let len = open().with_context(cannot)?.split(b'\n').count();
                let lines = open().with_context(cannot)?.split(b'\n').map(cut);
                Ok((read(self.from_line, lines), u64::try_from(len).ok()))
            }
            _ => {
                let stdin = std::io::stdin();
                ensure!(
                    self.file.is_some() || !stdin.is_terminal(),
                    "nothing to submit: give payloads, --file tasks.txt, or pipe lines into it"
                );
                let lines = BufReader::new(stdin).split(b'\n').map(cut);
                Ok((read(self.from_line, lines), None))
            }
        }
    }
}

type Line = std::io::Result<Vec<u8>>;
type Lines = tokio::sync::mpsc::Receiver<Line>;

/// Reads lines from this one on in a thread of its own, so that nobody else waits for them.
fn read(from_line: u64, lines: impl Iterator<Item = Line> + Send + 'static) -> Lines {
    let (sender, receiver) = tokio::sync::mpsc::channel(2 * BATCH);
    let skipped = usize::try_from(from_line - 1).unwrap_or(usize::MAX);
    std::thread::spawn(move || {
        for line in lines.skip(skipped) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Lines may end as on Windows.
fn cut(line: std::io::Result<Vec<u8>>) -> std::io::Result<Vec<u8>> {
    line.map(|mut line| {
        line.pop_if(|last| *last == b'\r');
        line
    })
}

pub(super) async fn run(place: &Place, args: SubmitArgs) -> anyhow::Result<()> {
    let (mut lines, len) = args.open()?;
    let len = len.map(|len| len.saturating_sub(args.from_line - 1));
    let client = place.connect().await?;
    let mut farm = place.client(&client);
    let bar = progress::bar("submitted", len);
    let mut submission = Submission {
        args: &args,
        names: Vec::new(),
        next_line: args.from_line,
    };
    let submitted = submission.run(&mut farm, &mut lines, &bar).await;
    bar.finish_and_clear();
    let shown = submission.show_names();
    let Submission { names, .. } = submission;
    submitted?;
    // They are accepted all the same when nobody reads their names.
    let shown = shown.or_else(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    });
    shown.context("writing the names")?;
    let done = if args.wait && !names.is_empty() {
        wait(&farm, names).await
    } else {
        Ok(())
    };
    close(client).await;
    done
}

pub(super) async fn close(client: Client) {
    // Whether the server heard of it makes no difference to a command that is over.
    let _ = client.close().await;
}

/// How far it has come.
struct Submission<'a> {
    args: &'a SubmitArgs,
    names: Vec<String>,
    next_line: u64,
}

impl Submission<'_> {
    async fn run(
        &mut self,
        farm: &mut FarmClient<Client>,
        lines: &mut Lines,
        bar: &ProgressBar,
    ) -> anyhow::Result<()> {
        let mut interrupted = Box::pin(tokio::signal::ctrl_c());
        loop {
            let line = tokio::select! {
                line = lines.recv() => line,
                _ = &mut interrupted => bail!("interrupted. {}", self.how_to_go_on()),
            };
            let Some(line) = line else { return Ok(()) };
            let mut tasks = vec![self.read_task(line)?];
            while tasks.len() < BATCH {
                let Ok(line) = lines.try_recv() else { break };
                tasks.push(self.read_task(line)?);
            }
            let mut rest = tasks.as_slice();
            while !rest.is_empty() {
                // The batch under way comes to its end, whatever the terminal says: so it is known how far this came.
                let accepted = self.submit(farm, rest).await?;
                bar.inc(u64::try_from(accepted).unwrap_or(0));
                rest = rest.get(accepted..).unwrap_or_default();
                if rest.is_empty() {
                    bar.set_message("");
                    break;
                }
                bar.set_message("the queue is full");
                tokio::select! {
                    () = tokio::time::sleep(LOOK) => {}
                    _ = &mut interrupted => bail!("interrupted. {}", self.how_to_go_on()),
                }
            }
        }
    }

    fn read_task(&self, line: Line) -> anyhow::Result<NewTask> {
        let line = line.context("the lines break off")?;
        ensure!(
            line.len() <= TASK_LEN_MAX,
            "a payload of {} bytes is too long: {TASK_LEN_MAX} are allowed. {}",
            line.len(),
            self.how_to_go_on()
        );
        Ok(self.args.task(&line))
    }

    /// How many of them were accepted: all, unless the queue is full and it is to wait.
    async fn submit(
        &mut self,
        farm: &mut FarmClient<Client>,
        tasks: &[NewTask],
    ) -> anyhow::Result<usize> {
        let mut tasks = tasks;
        let (accepted, full) = loop {
            match farm.submit(tasks).await {
                Ok(names) => break (names, None),
                Err(Error::Full {
                    accepted,
                    count,
                    count_max,
                    ..
                }) => match tasks.get(..count_max.saturating_sub(count)) {
                    // As many as there is room for.
                    Some(fitting) if accepted.is_empty() && !fitting.is_empty() => tasks = fitting,
                    _ => break (accepted, Some((count, count_max))),
                },
                Err(error) => {
                    let (accepted, error) = match error {
                        Error::InPart { accepted, error } => (accepted, *error),
                        error => (Vec::new(), error),
                    };
                    let doubtful = people::tasks(tasks.len().saturating_sub(accepted.len()));
                    self.take_note(accepted);
                    let (on, line) = (self.how_to_go_on(), self.next_line);
                    return Err(error).with_context(|| {
                        format!("of {doubtful} from line {line} on it is not known whether they were accepted. {on}")
                    });
                }
            }
        };
        let count = accepted.len();
        self.take_note(accepted);
        if let Some((count, count_max)) = full.filter(|_| !self.args.wait_for_room) {
            bail!(
                "the queue is full: {} of {} are queued. {}, or with --wait-for-room",
                people::count(count),
                people::count(count_max),
                self.how_to_go_on()
            );
        }
        Ok(count)
    }

    fn take_note(&mut self, accepted: Vec<String>) {
        self.next_line += u64::try_from(accepted.len()).unwrap_or(0);
        self.names.extend(accepted);
    }

    fn how_to_go_on(&self) -> String {
        let accepted = people::tasks(self.names.len());
        format!(
            "{accepted} accepted, none of them is lost; go on with --from-line {}",
            self.next_line
        )
    }

    /// Names go to stdout; a person with many of them gets the first ones.
    #[expect(clippy::print_stderr, reason = "the last word of the command")]
    fn show_names(&self) -> std::io::Result<()> {
        eprintln!("{} accepted", people::tasks(self.names.len()));
        let mut out = std::io::stdout().lock();
        let shows_all = self.args.names || !out.is_terminal();
        let shown = if shows_all {
            self.names.len()
        } else {
            NAMES_SHOWN
        };
        for name in self.names.iter().take(shown) {
            writeln!(out, "{name}")?;
        }
        if self.names.len() > shown {
            writeln!(out, "... (--names shows all)")?;
        }
        out.flush()
    }
}

/// Waits until all of these have ended.
#[expect(clippy::print_stderr, reason = "the last word of the command")]
async fn wait(farm: &FarmClient<Client>, names: Vec<String>) -> anyhow::Result<()> {
    let bar = progress::bar("ended", u64::try_from(names.len()).ok());
    let mut waiting: BTreeSet<String> = names.into_iter().collect();
    let (mut done, mut dead) = (0, 0);
    let mut is_empty_since = 0_u8;
    let mut interrupted = Box::pin(tokio::signal::ctrl_c());
    while !waiting.is_empty() {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = &mut interrupted => {
                bar.finish_and_clear();
                bail!("interrupted while {} were waited for: they go on", people::tasks(waiting.len()));
            }
        }
        let counts = farm.counts().await?;
        let (names_done, names_dead) = farm.ended().await?;
        let take = |names: Vec<String>, waiting: &mut BTreeSet<String>| {
            names.iter().filter(|name| waiting.remove(*name)).count()
        };
        done += take(names_done, &mut waiting);
        dead += take(names_dead, &mut waiting);
        bar.set_position(u64::try_from(done + dead).unwrap_or(0));
        bar.set_message(format!("{} running, {dead} dead", counts.running));
        // Twice, since one look may miss what moves.
        let is_empty = counts.queued + counts.running + counts.failed == 0;
        is_empty_since = if is_empty { is_empty_since + 1 } else { 0 };
        if is_empty_since > 3 {
            break;
        }
    }
    bar.finish_and_clear();
    eprintln!("{} done, {dead} dead", people::count(done));
    ensure!(
        waiting.is_empty(),
        "{} are neither done nor dead any more: somebody cleaned up",
        people::tasks(waiting.len())
    );
    ensure!(dead == 0, "{} given up: zoa farm dead", people::tasks(dead));
    Ok(())
}
