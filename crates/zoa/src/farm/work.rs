//! `zoa farm work` and `zoa farm lead`: processes that belong to a farm until they are stopped.
//!
//! A worker runs a command for each task: its payload on stdin, its result from stdout, exit code 0 when it is done. Invariant: a
//! command whose task was taken away, or whose worker stops or is killed, is killed with all that it has started and that has not
//! left its process group; and a session that ends is followed by a new one, however long no server is there.

use std::convert::Infallible;
use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use rustix::process::Pid;
use rustix::process::Signal;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::process::Child;
use tokio::process::Command;
use tokio::signal::unix::SignalKind;
use tokio::task::JoinSet;
use zoa_client::Client;
use zoa_client::recipes::Assignment;
use zoa_client::recipes::Error;
use zoa_client::recipes::FarmLeader;
use zoa_client::recipes::FarmWorker;
use zoa_client::recipes::Saved;
use zoa_client::recipes::TASK_LEN_MAX;

use super::Place;
use super::people;
use super::submit::close;
use crate::limits::ERROR_LEN_MAX;

/// Between a session that has ended and the next try.
const PAUSE: Duration = Duration::from_millis(500);

/// How a process leads.
#[derive(Debug, clap::Args)]
pub(super) struct LeadArgs {
    /// The name that status shows; host and process id unless given
    #[arg(long)]
    name: Option<String>,
}

/// How a process works.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct WorkArgs {
    /// What /bin/sh runs for each task
    #[arg(long, short, value_name = "COMMAND")]
    exec: String,
    /// How many tasks at once; the number of cores unless given
    #[arg(long, short, value_parser = clap::value_parser!(u16).range(1..=1000))]
    capacity: Option<u16>,
    /// The name that status shows; host and process id unless given
    #[arg(long)]
    name: Option<String>,
    /// Stand as a leader as well: then one process is a whole farm
    #[arg(long)]
    lead: bool,
    /// Say nothing of each task
    #[arg(long, short)]
    quiet: bool,
}

const HELP: &str = "\
The command gets the payload on stdin; what it writes to stdout is the result. Exit code 0 saves it; any other is a
failure, with the end of stderr as its reason, and the task is tried again as often as it may be. ZOA_TASK and
ZOA_ATTEMPT name the task and the attempt: side effects that carry both can be told from those of an attempt that was
taken away. Ctrl-C stops the worker, and what it had goes to others.";

pub(super) async fn lead(place: &Place, args: LeadArgs) -> anyhow::Result<()> {
    let name = args.name.unwrap_or_else(own_name);
    say(format_args!(
        "{name} leads {} when its turn comes; Ctrl-C ends it",
        place.path
    ));
    until_stopped(place, async |client| {
        FarmLeader::new(client, &place.path, &name).run().await
    })
    .await
}

pub(super) async fn work(place: &Place, args: WorkArgs) -> anyhow::Result<()> {
    let name = args.name.clone().unwrap_or_else(own_name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let capacity = args.capacity.map_or(cores, usize::from);
    say(format_args!(
        "{name} works for {} on {capacity} at once; Ctrl-C ends it",
        place.path
    ));
    until_stopped(place, async |client| {
        let leader = FarmLeader::new(client, &place.path, &name);
        let leading = async {
            if args.lead {
                return leader.run().await;
            }
            std::future::pending().await
        };
        tokio::select! {
            ended = leading => ended,
            ended = take_tasks(client, place, (&args, capacity, &name)) => ended,
        }
    })
    .await
}

/// Lives session by session, until a signal.
async fn until_stopped(
    place: &Place,
    live: impl AsyncFn(&Client) -> Result<Infallible, Error>,
) -> anyhow::Result<()> {
    let mut terminated =
        tokio::signal::unix::signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupted = Box::pin(tokio::signal::ctrl_c());
    let mut was_there = false;
    loop {
        let connected = tokio::select! {
            connected = place.connect() => connected,
            _ = &mut interrupted => return Ok(()),
            _ = terminated.recv() => return Ok(()),
        };
        let client = match connected {
            Ok(client) => client,
            Err(error) if was_there => {
                say(format_args!("{error:#}; tries again"));
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            // It may well be a wrong address.
            Err(error) => return Err(error),
        };
        was_there = true;
        let ended = tokio::select! {
            ended = live(&client) => Some(ended),
            _ = &mut interrupted => None,
            _ = terminated.recv() => None,
        };
        close(client).await;
        match ended {
            None => return Ok(()),
            Some(Ok(never)) => match never {},
            Some(Err(Error::SessionEnded)) => {
                say(format_args!("the session has ended; begins a new one"));
            }
            Some(Err(error)) => return Err(error).context("the farm cannot be used"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn take_tasks(
    client: &Client,
    place: &Place,
    (args, capacity, name): (&WorkArgs, usize, &str),
) -> Result<Infallible, Error> {
    let mut worker = FarmWorker::register_as(client, &place.path, (capacity, name)).await?;
    // Dropped with this future, and the commands with it.
    let mut running = JoinSet::new();
    loop {
        tokio::select! {
            assignment = worker.next() => {
                let (exec, quiet) = (args.exec.clone(), args.quiet);
                running.spawn(async move { work_on(&exec, quiet, assignment?).await });
            }
            Some(ended) = running.join_next() => {
                // A panic is a defect of this program; the attempt that it had has failed.
                if let Ok(Err(error)) = ended {
                    return Err(error);
                }
            }
        }
    }
}

async fn work_on(exec: &str, quiet: bool, assignment: Assignment<Client>) -> Result<(), Error> {
    let task = format!("{}.{}", assignment.name(), assignment.attempt());
    let ended = tokio::select! {
        ended = execute(exec, &assignment) => ended,
        taken = assignment.taken_away() => {
            if !quiet {
                say(format_args!("{task} was taken away; killed"));
            }
            return taken;
        }
    };
    let (saved, what) = match ended {
        Ok(result) => (assignment.done(&result).await?, "done".to_owned()),
        Err(why) => (assignment.fail(&why).await?, format!("failed: {why}")),
    };
    if !quiet {
        match saved {
            Saved::Yes => say(format_args!("{task} {what}")),
            Saved::TakenAway => say(format_args!("{task} was taken away; its result is refused")),
        }
    }
    Ok(())
}

/// A command that is killed with its whole process group when it is given up.
struct Running {
    child: Child,
    group: Option<Pid>,
    /// Kills the group when this process is gone and can do nothing any more: the other end of its input closes with it.
    _guard: Option<Child>,
}

/// Waits for the end of its input, and takes its whole process group along.
const GUARD: &str = "read -r _; kill -s KILL 0";

impl Running {
    /// How the command itself ended. Whatever it left behind in the background belongs to the attempt, and ends with it.
    async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.kill();
        status
    }

    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            // It may be gone already.
            let _ = rustix::process::kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The result, or why there is none.
async fn execute(exec: &str, assignment: &Assignment<Client>) -> Result<Vec<u8>, String> {
    let child = Command::new("/bin/sh")
        .args(["-c", exec])
        .env("ZOA_TASK", assignment.name())
        .env("ZOA_ATTEMPT", assignment.attempt().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot start /bin/sh: {error}"))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let group = group.and_then(Pid::from_raw);
    let mut running = Running {
        child,
        group,
        _guard: group.and_then(guard),
    };
    let child = &mut running.child;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let payload = assignment.payload();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A command need not read what it is given.
            let _ = stdin.write_all(payload).await;
        }
    };
    let (status, (), result, errors) = tokio::join!(
        running.wait(),
        feed,
        read_up_to(stdout, TASK_LEN_MAX),
        read_up_to(stderr, TASK_LEN_MAX)
    );
    let status = status.map_err(|error| format!("it cannot be waited for: {error}"))?;
    if !status.success() {
        return Err(reason(status, &errors.unwrap_or_default()));
    }
    result.ok_or_else(|| format!("a result of more than {TASK_LEN_MAX} bytes"))
}

/// A process beside the command that outlives this one by a moment. Without one, which is no reason to fail the task, a command may go on
/// when this process is killed; what it finds is refused, since another has the task by then.
fn guard(group: Pid) -> Option<Child> {
    let mut guard = Command::new("/bin/sh");
    guard
        .args(["-c", GUARD])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(group.as_raw_nonzero().get());
    guard.spawn().ok()
}

/// All that comes; `None` when it is too much, and then nothing is kept of it.
async fn read_up_to(pipe: Option<impl AsyncReadExt + Unpin>, len_max: usize) -> Option<Vec<u8>> {
    let mut pipe = pipe?;
    let (mut all, mut part) = (Some(Vec::new()), vec![0; 16 << 10]);
    loop {
        let len = pipe.read(&mut part).await.unwrap_or(0);
        let Some(read) = part.get(..len).filter(|read| !read.is_empty()) else {
            return all;
        };
        if let Some(kept) = &mut all {
            kept.extend_from_slice(read);
        }
        all = all.filter(|kept| kept.len() <= len_max);
    }
}

/// Why a command failed, in a line: how it ended, and the end of what it said.
fn reason(status: ExitStatus, errors: &[u8]) -> String {
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    };
    let text = String::from_utf8_lossy(errors);
    let text = text.trim();
    let skipped = text.chars().count().saturating_sub(ERROR_LEN_MAX);
    let end: String = text.chars().skip(skipped).collect();
    match end.as_str() {
        "" => how,
        end => format!("{how}: {}", people::one_line(end.as_bytes(), ERROR_LEN_MAX)),
    }
}

/// Host and process id.
fn own_name() -> String {
    let host = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    format!("{host}:{}", std::process::id())
}

#[expect(clippy::print_stderr, reason = "stdout is for results")]
fn say(what: fmt::Arguments<'_>) {
    eprintln!("{what}");
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::read_up_to;
    use super::reason;
    use crate::limits::ERROR_LEN_MAX;
    use zoa_client::recipes::TASK_LEN_MAX;

    #[test]
    fn a_reason_is_the_end_of_what_was_said() {
        let failed = ExitStatus::from_raw(3 << 8);
        assert_eq!(reason(failed, b""), "exit code 3");
        assert_eq!(reason(failed, b"no\nink\n"), "exit code 3: no\\nink");
        let long = [vec![b'a'; 2 * ERROR_LEN_MAX], b"end".to_vec()].concat();
        let told = reason(ExitStatus::from_raw(9), &long);
        assert!(told.starts_with("signal 9: aaa") && told.ends_with("aend"));
        assert!(told.len() < ERROR_LEN_MAX + 20);
    }

    #[tokio::test]
    async fn a_result_that_is_too_long_is_none() {
        let fits = vec![7; TASK_LEN_MAX];
        assert_eq!(
            read_up_to(Some(fits.as_slice()), TASK_LEN_MAX).await,
            Some(fits)
        );
        let too_long = vec![7; TASK_LEN_MAX + 1];
        assert_eq!(
            read_up_to(Some(too_long.as_slice()), TASK_LEN_MAX).await,
            None
        );
    }
}
