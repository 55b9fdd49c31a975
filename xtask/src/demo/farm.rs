//! `cargo xtask demo --farm`: a task farm whose workers and leaders are killed all the time, and that loses nothing.
//!
//! Five PHP workers, and three who stand as leaders, two in PHP and one in Rust. A thousand tasks; every few seconds a worker or the
//! leader dies without a word, and another one starts. It checks that every task has its one right result, that none was given up,
//! and that no worker was told twice that its result was taken. Invariant: as the other demos, it leaves nothing running.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io::IsTerminal;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use serde_json::Value;

use super::server::Server;
use super::stage;
use super::stage::ActorId;
use super::stage::Stage;
use crate::php::Ready;
use crate::program;
use crate::workspace;

/// Tasks, workers, leaders, and what each worker has at once.
const TASKS: usize = 1_000;
const WORKERS: usize = 5;
const CAPACITY: &str = "4";

/// How long a worker works on a task, in milliseconds.
const WORK_MS: &str = "80";

/// Between two deaths.
const KILL_EVERY: Duration = Duration::from_secs(3);

/// How long all of it may take.
const ALL_WITHIN: Duration = Duration::from_secs(90);

/// Without a terminal, how often its state is told.
const TOLD_EVERY: Duration = Duration::from_secs(2);

/// What the server is told beside its ports: who dies is known to be dead after three seconds.
pub(super) const SETTINGS: &str = "tickTime=1000\nmaxSessionTimeout=3000\n";

const ROOT: &str = "/farm";

/// Who plays: PHP with the extension, and our program.
pub(super) struct Troupe {
    pub(super) php: Ready,
    pub(super) zoa: PathBuf,
}

/// The farm on the stage.
struct Farm<'a> {
    troupe: &'a Troupe,
    address: &'a str,
    workers: Vec<ActorId>,
    leaders: Vec<ActorId>,
    /// All workers that ever were.
    all_workers: Vec<ActorId>,
    /// Whoever tells how it stands.
    observer: ActorId,
    begun: Instant,
    killed: (usize, usize),
    entered: usize,
}

/// Plays all of it.
pub(super) fn play(stage: &mut Stage, server: &Server, troupe: &Troupe) -> Result<()> {
    let watching = ["status", "--watch", "--json", "--interval", "0.25"];
    let observer = {
        let mut command = troupe.zoa(server.address(), &watching);
        stage.enter_quietly("observer", &mut command)?
    };
    let mut farm = Farm {
        troupe,
        address: server.address(),
        workers: Vec::new(),
        leaders: Vec::new(),
        all_workers: Vec::new(),
        observer,
        begun: Instant::now(),
        killed: (0, 0),
        entered: 0,
    };
    println!("\n== three stand as leaders, two in PHP and one in Rust; five PHP workers");
    for number in 0..3 {
        let leader = farm.enter_leader(stage, number)?;
        farm.leaders.push(leader);
    }
    for _ in 0..WORKERS {
        let worker = farm.enter_worker(stage)?;
        farm.workers.push(worker);
    }
    println!(
        "\n== {TASKS} tasks; every {KILL_EVERY:?} a worker or the leader is killed, and another starts"
    );
    let submitted = farm.submit()?;
    farm.run(stage)?;
    stage.listen_for(Duration::from_millis(300));
    farm.check(stage, &submitted)
}

impl Troupe {
    fn zoa(&self, address: &str, words: &[&str]) -> std::process::Command {
        let mut command = stage::bound_to_us(&self.zoa);
        command.args(["farm", "--server", address, "--path", ROOT]);
        command.args(words);
        command
    }

    fn php(&self, script: &str, arguments: &[&str]) -> std::process::Command {
        let mut command = stage::bound_to_us(&self.php.program);
        command
            .args(["-n", "-d", &self.php.flag])
            .arg(workspace::root().join("examples/php").join(script))
            .args(arguments);
        command
    }
}

impl Farm<'_> {
    fn enter_worker(&mut self, stage: &mut Stage) -> Result<ActorId> {
        self.entered += 1;
        let arguments = [self.address, ROOT, CAPACITY, WORK_MS];
        let mut command = self.troupe.php("farm-worker.php", &arguments);
        let worker = stage.enter_quietly(&format!("worker {}", self.entered), &mut command)?;
        self.all_workers.push(worker);
        Ok(worker)
    }

    /// Every third one is in Rust.
    fn enter_leader(&mut self, stage: &mut Stage, number: usize) -> Result<ActorId> {
        self.entered += 1;
        let (language, mut command) = if number % 3 == 1 {
            let words = ["lead", "--session-timeout", "3"];
            ("Rust", self.troupe.zoa(self.address, &words))
        } else {
            let command = self.troupe.php("farm-leader.php", &[self.address, ROOT]);
            ("PHP", command)
        };
        let name = format!("leader {} in {language}", self.entered);
        stage.enter_quietly(&name, &mut command)
    }

    /// Submits all tasks; their payloads, by their names.
    fn submit(&self) -> Result<BTreeMap<String, String>> {
        let payloads: Vec<String> = (1..=TASKS).map(|number| format!("task {number}")).collect();
        let file = workspace::target().join("demo-farm-tasks.txt");
        fs::write(&file, payloads.join("\n")).context("writing the tasks")?;
        let path = file.display().to_string();
        // Whoever is killed takes an attempt of each of its tasks along.
        let words = [
            "submit",
            "--file",
            &path,
            "--retries",
            "30",
            "--time-limit",
            "20s",
        ];
        let names = program::read(&mut self.troupe.zoa(self.address, &words))?;
        fs::remove_file(&file).context("removing the tasks")?;
        let names: BTreeMap<String, String> =
            names.lines().map(str::to_owned).zip(payloads).collect();
        ensure!(
            names.len() == TASKS,
            "{TASKS} tasks were submitted and {} accepted",
            names.len()
        );
        println!("{} tasks accepted", names.len());
        Ok(names)
    }

    /// Kills until all is done.
    fn run(&mut self, stage: &mut Stage) -> Result<()> {
        let mut view = Live::new();
        let mut kill_at = Instant::now() + KILL_EVERY;
        loop {
            stage.listen_for(Duration::from_millis(100));
            let Some(status) = self.status(stage) else {
                continue;
            };
            view.show(&self.line(&status));
            if number(&status, "done") + number(&status, "dead") >= TASKS {
                view.end();
                return Ok(());
            }
            if self.begun.elapsed() > ALL_WITHIN {
                view.end();
                bail!("not done after {ALL_WITHIN:?}: {status}");
            }
            if Instant::now() >= kill_at {
                view.end();
                self.kill_one(stage, &status)?;
                kill_at = Instant::now() + KILL_EVERY;
            }
        }
    }

    /// What the observer said last.
    fn status(&self, stage: &Stage) -> Option<Value> {
        let line = stage.last(self.observer)?;
        serde_json::from_str(&line.text).ok()
    }

    /// A worker, then the leader, and so on; another one starts in its place.
    fn kill_one(&mut self, stage: &mut Stage, status: &Value) -> Result<()> {
        let (workers, leaders) = self.killed;
        let leading = self.leading(stage, status);
        if let Some(at) = leading.filter(|_| leaders < workers) {
            let leader = self.leaders.swap_remove(at);
            stage.kill(leader)?;
            self.killed.1 += 1;
            let next = self.enter_leader(stage, self.entered)?;
            self.leaders.push(next);
            return Ok(());
        }
        // The one that has lived longest.
        let worker = self.workers.remove(0);
        stage.kill(worker)?;
        self.killed.0 += 1;
        let next = self.enter_worker(stage)?;
        self.workers.push(next);
        Ok(())
    }

    /// Which of the leaders leads: their names end with their process ids.
    fn leading(&self, stage: &Stage, status: &Value) -> Option<usize> {
        let name = status.get("leader")?.as_str()?;
        let digits = name
            .rsplit(|letter: char| !letter.is_ascii_digit())
            .next()?;
        let pid: u32 = digits.parse().ok()?;
        let is_it = |leader: &ActorId| stage.process_id(*leader) == Some(pid);
        self.leaders.iter().position(is_it)
    }

    fn line(&self, status: &Value) -> String {
        let done = number(status, "done");
        let filled = done * 30 / TASKS;
        let (workers, leaders) = self.killed;
        let running = number(status, "running");
        let leader = status.get("leader").and_then(Value::as_str);
        format!(
            "{:5.1} s  [{}{}] {done:4} of {TASKS}  queued {:4}  running {running:2}  leader {}  killed {workers} workers, {leaders} leaders",
            self.begun.elapsed().as_secs_f64(),
            "#".repeat(filled),
            ".".repeat(30 - filled.min(30)),
            number(status, "queued"),
            leader.unwrap_or("none"),
        )
    }

    /// Every task has its one right result.
    fn check(&self, stage: &Stage, submitted: &BTreeMap<String, String>) -> Result<()> {
        let took = self.begun.elapsed();
        let ask = |words: &[&str]| program::read(&mut self.troupe.zoa(self.address, words));
        let mut found = BTreeSet::new();
        for line in ask(&["results", "--json"])?.lines() {
            let result: Value = serde_json::from_str(line).context("reading a result")?;
            let field = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default();
            let task = field("task");
            let payload = submitted
                .get(task)
                .with_context(|| format!("a result of {task}, which nobody submitted"))?;
            let right: String = payload.chars().rev().collect();
            ensure!(
                field("result") == right,
                "{payload} has a wrong result: {line}"
            );
            ensure!(found.insert(task.to_owned()), "{task} has two results");
        }
        let missing = TASKS - found.len();
        ensure!(missing == 0, "{missing} tasks have no result");
        let dead = ask(&["dead"])?;
        ensure!(
            dead.is_empty(),
            "given up, though each had 31 attempts:\n{dead}"
        );
        let (told, refused) = self.told(stage)?;
        let (workers, leaders) = self.killed;
        ensure!(
            workers > 0 && leaders > 0,
            "it was over before a worker and a leader were killed"
        );
        ensure!(took < ALL_WITHIN, "it took {took:.1?}");
        println!(
            "\nall {TASKS} results are there, each right and each once, after {:.1} s: {workers} workers and {leaders} leaders were killed;",
            took.as_secs_f64()
        );
        println!(
            "workers heard of {told} results that were saved, and of {refused} that were refused since the task was taken away."
        );
        Ok(())
    }

    /// How many results workers said were saved, and how many refused; of no task two.
    fn told(&self, stage: &Stage) -> Result<(usize, usize)> {
        let mut saved = BTreeSet::new();
        let mut refused = 0;
        for line in stage.lines_of(&self.all_workers) {
            if line.ends_with(" was taken away") {
                refused += 1;
            }
            let Some(attempt) = line.strip_suffix(" done") else {
                continue;
            };
            let task = attempt.rsplit_once('.').map_or(attempt, |(task, _)| task);
            ensure!(
                saved.insert(task.to_owned()),
                "two workers were told that their result of {task} is saved"
            );
        }
        Ok((saved.len(), refused))
    }
}

fn number(status: &Value, field: &str) -> usize {
    let number = status.get(field).and_then(Value::as_u64).unwrap_or(0);
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// One line that is written anew on a terminal, and told now and then elsewhere.
struct Live {
    is_terminal: bool,
    told_at: Option<Instant>,
}

impl Live {
    fn new() -> Self {
        Self {
            is_terminal: std::io::stdout().is_terminal(),
            told_at: None,
        }
    }

    fn show(&mut self, line: &str) {
        if self.is_terminal {
            print!("\r{line}\x1b[K");
            // A terminal that takes nothing is nothing to end for.
            drop(std::io::stdout().flush());
            return;
        }
        if self.told_at.is_none_or(|at| at.elapsed() > TOLD_EVERY) {
            self.told_at = Some(Instant::now());
            println!("{line}");
        }
    }

    /// What follows begins a line of its own.
    fn end(&self) {
        if self.is_terminal {
            println!();
        }
    }
}

/// Where our program is in what was laid out.
pub(super) fn zoa_in(dist: &Path) -> PathBuf {
    dist.join("bin/zoa")
}
