//! `zoa farm` as a program: a farm without a line of code, with everything that ends otherwise than it should.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

const ZOA: &str = env!("CARGO_BIN_EXE_zoa");

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, and processes that end with it.
struct Farm {
    folder: PathBuf,
    address: String,
    /// The server is the first.
    children: Vec<Child>,
}

impl Farm {
    fn start(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("zoa-farm-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("made");
        let address = format!("127.0.0.1:{}", free_port());
        let children = vec![serve(&address, &folder)];
        Self {
            folder,
            address,
            children,
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(ZOA);
        command.args(["farm", "--server", &self.address, "--session-timeout", "4"]);
        command.args(words).stdin(Stdio::null());
        command
    }

    /// Starts a process that stays.
    fn enter(&mut self, words: &[&str]) -> usize {
        self.enter_telling(words, Stdio::null())
    }

    fn enter_telling(&mut self, words: &[&str], told: Stdio) -> usize {
        let mut command = self.command(words);
        let child = command.stderr(told).spawn().expect("zoa starts");
        self.children.push(child);
        self.children.len() - 1
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().expect("zoa runs")
    }

    /// What a command that must succeed says.
    #[track_caller]
    fn ask(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// What a command that must fail says of it.
    #[track_caller]
    fn refused(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(!output.status.success(), "{words:?} should fail");
        String::from_utf8(output.stderr).expect("text")
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.ask(&["status", "--json"])).expect("JSON")
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            // One may have ended already.
            drop(child.kill());
            drop(child.wait());
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A server, once it answers.
fn serve(address: &str, folder: &Path) -> Child {
    let (_, port) = address.rsplit_once(':').expect("an address");
    let mut server = Command::new(ZOA);
    server.args(["dev", "--port", port, "--data"]);
    server.arg(folder.join("data")).stdout(Stdio::null());
    let server = server.spawn().expect("zoa starts");
    await_that("the server answers", || TcpStream::connect(address).is_ok());
    server
}

/// A shell with a child; both write down who they are, and stay.
fn command_that_stays(mark: &Path) -> String {
    format!(
        "echo $$ >> {0}; sleep 600 & echo $! >> {0}; wait",
        mark.display()
    )
}

/// Who has written itself down, once they are so many.
fn pids(mark: &Path, count: usize) -> Vec<String> {
    let mut pids = Vec::new();
    await_that("the command runs", || {
        let text = fs::read_to_string(mark).unwrap_or_default();
        pids = text.lines().map(str::to_owned).collect();
        pids.len() == count && text.ends_with('\n')
    });
    pids
}

fn are_gone(pids: &[String]) -> bool {
    pids.iter().all(|pid| {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    })
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}

#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "waits for other processes by the clock"
)]
fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_whole_farm_is_had_from_the_command_line() {
    let mut farm = Farm::start("whole");
    farm.enter(&["work", "--lead", "--exec", "tr a-z A-Z", "--capacity", "4"]);
    let names = farm.ask(&["submit", "--wait", "one", "two words"]);
    let names: Vec<&str> = names.lines().collect();
    assert_eq!(names.len(), 2);
    assert_eq!(farm.ask(&["results", "--raw", names[1]]), "TWO WORDS");
    assert!(farm.ask(&["results"]).contains("ONE"));
    // Lines of a pipe, and of a file from some line on.
    let mut piped = farm.command(&["submit", "--wait"]);
    let mut piped = piped
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("zoa starts");
    let lines: String = (0..250).map(|number| format!("line {number}\n")).collect();
    let mut stdin = piped.stdin.take().expect("a pipe");
    stdin.write_all(lines.as_bytes()).expect("it reads");
    drop(stdin);
    assert!(piped.wait().expect("it ends").success());
    let file = farm.folder.join("tasks.txt");
    fs::write(&file, &lines).expect("written");
    let file = file.to_string_lossy().into_owned();
    farm.ask(&["submit", "--wait", "--file", &file, "--from-line", "249"]);
    let status = farm.status();
    assert_eq!((&status["done"], &status["dead"]), (&254.into(), &0.into()));
    let out = farm.folder.join("out");
    farm.ask(&["results", "--remove", "--out", &out.to_string_lossy()]);
    assert_eq!(fs::read_dir(&out).expect("made").count(), 254);
    assert_eq!(farm.status()["done"], 0);
}

#[test]
fn a_command_that_fails_is_tried_again_and_its_last_words_are_kept() {
    let mut farm = Farm::start("fails");
    let exec = "test $ZOA_ATTEMPT -gt 1 && cat || { echo no ink >&2; exit 3; }";
    farm.enter(&["work", "--lead", "--exec", exec]);
    let done = farm.ask(&["submit", "--wait", "again"]);
    assert_eq!(farm.ask(&["results", "--raw", done.trim()]), "again");
    let told = farm.refused(&["submit", "--wait", "--retries", "0", "never"]);
    assert!(told.contains("1 task given up"), "{told}");
    let dead = farm.ask(&["dead", "--json"]);
    let dead: Value = serde_json::from_str(&dead).expect("JSON");
    let reason = (&dead["error"], &dead["payload"], &dead["attempt"]);
    assert_eq!(
        reason,
        (&"exit code 3: no ink".into(), &"never".into(), &1.into())
    );
    // A dead letter that is tried again has one attempt more, and its number is a higher one.
    farm.ask(&["dead", "--retry"]);
    await_that("it is done", || farm.status()["done"] == 2);
    farm.refused(&["submit", "--wait", "--retries", "0", "never"]);
    farm.ask(&["dead", "--remove"]);
    assert_eq!(farm.ask(&["dead"]), "");
}

#[test]
fn a_full_queue_says_which_line_comes_next_and_loses_none() {
    let mut farm = Farm::start("full");
    farm.ask(&["submit", "first"]);
    let shell = |words: &[&str]| {
        let mut shell = Command::new(ZOA);
        shell.args(["shell", "-server", &farm.address]).args(words);
        let output = shell.output().expect("zoa runs");
        assert!(output.status.success(), "{words:?}");
    };
    shell(&["create", "/farm/config", "{\"queue_max\":150}"]);
    let file = farm.folder.join("tasks.txt");
    let lines: String = (1..=240).map(|number| format!("{number}\n")).collect();
    fs::write(&file, lines).expect("written");
    let file = file.to_string_lossy().into_owned();
    let told = farm.refused(&["submit", "--file", &file]);
    let count = farm.status()["queued"].as_u64().expect("a number");
    assert_eq!(count, 150, "{told}");
    assert!(told.contains("150 of 150 are queued"), "{told}");
    assert!(told.contains("149 tasks accepted"), "{told}");
    assert!(told.contains("--from-line 150"), "{told}");
    farm.enter(&["work", "--lead", "--exec", "cat", "--capacity", "8"]);
    let rest = ["submit", "--file", &file, "--from-line", "150"];
    farm.ask(&[&rest[..], &["--wait-for-room", "--wait"]].concat());
    await_that("all are done", || farm.status()["done"] == 241);
    let results = farm.ask(&["results", "--json"]);
    let mut seen: Vec<u64> = results
        .lines()
        .filter_map(|line| {
            let result: Value = serde_json::from_str(line).ok()?;
            result["result"].as_str()?.parse().ok()
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=240).collect::<Vec<u64>>());
}

#[test]
fn what_is_cancelled_or_taken_away_is_killed_with_all_that_it_started() {
    let mut farm = Farm::start("killed");
    let mark = farm.folder.join("pids");
    let exec = command_that_stays(&mark);
    let worker = farm.enter(&["work", "--lead", "--exec", &exec, "--capacity", "2"]);
    let name = farm.ask(&["submit", "--time-limit", "1h", "long"]);
    let first = pids(&mark, 2);
    assert!(farm.ask(&["cancel", name.trim()]).contains("cancelled"));
    await_that("it is killed", || are_gone(&first));
    assert!(
        farm.refused(&["cancel", "500-00-0000000077"])
            .contains("could not")
    );
    // Ctrl-C stops the worker in order, and what it had waits for the next one.
    farm.ask(&["submit", "longer"]);
    let second = pids(&mark, 4);
    let worker_pid = farm.children[worker].id().to_string();
    let signalled = Command::new("kill").args(["-INT", &worker_pid]).status();
    assert!(signalled.expect("kill runs").success());
    let ended = farm.children[worker].wait().expect("it ends");
    assert!(ended.success());
    await_that("it is killed", || are_gone(&second));
    farm.enter(&["lead"]);
    await_that("it is queued again", || farm.status()["queued"] == 1);
}

#[test]
fn a_worker_that_is_killed_takes_along_what_it_runs() {
    let mut farm = Farm::start("killed-hard");
    let mark = farm.folder.join("pids");
    let exec = command_that_stays(&mark);
    let worker = farm.enter(&["work", "--lead", "--exec", &exec]);
    farm.ask(&["submit", "--time-limit", "1h", "long"]);
    let running = pids(&mark, 2);
    farm.children[worker].kill().expect("it is killed");
    await_that("it is gone with it", || are_gone(&running));
}

#[test]
fn what_a_command_leaves_in_the_background_keeps_no_task() {
    let mut farm = Farm::start("background");
    farm.enter(&["work", "--lead", "--exec", "sleep 600 & cat"]);
    let name = farm.ask(&["submit", "word"]);
    await_that("it is done", || farm.status()["done"] == 1);
    assert!(farm.ask(&["results", name.trim()]).contains("word"));
}

#[test]
fn a_worker_outlives_a_server_that_is_away_for_long() {
    let mut farm = Farm::start("outage");
    let told = farm.folder.join("told");
    let told_to = fs::File::create(&told).expect("made");
    farm.enter_telling(&["work", "--lead", "--exec", "cat"], told_to.into());
    farm.ask(&["submit", "before"]);
    await_that("it is done", || farm.status()["done"] == 1);
    farm.children[0].kill().expect("it is killed");
    farm.children[0].wait().expect("it has ended");
    await_that("the worker finds no server", || {
        fs::read_to_string(&told).is_ok_and(|told| told.contains("tries again"))
    });
    farm.children[0] = serve(&farm.address, &farm.folder);
    farm.ask(&["submit", "after"]);
    await_that("it is done", || farm.status()["done"] == 2);
}

#[test]
fn status_is_plain_where_there_is_no_terminal_and_says_what_is_missing() {
    let farm = Farm::start("status");
    let shown = farm.ask(&["status"]);
    assert!(
        shown.contains("none: start one with zoa farm lead"),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'), "{shown}");
    let told = farm.refused(&["results", "--raw"]);
    assert!(told.contains("--raw takes the name of one task"), "{told}");
}
