//! `cargo xtask demo`: a day with stock clients, played live against our server, ending in a verdict.
//!
//! It is not a test suite, but it checks what it shows: every scene waits for the words that must come,
//! and a scene that waits in vain ends the demo with exit code 1. Invariant: it leaves nothing running,
//! also when it fails or is interrupted.
//!
//! ```text
//! scenes: zkCli.sh, ours and the original's, create, list, set -> a watcher sees both changes -> three workers (one ours) elect a leader
//!         -> the leader is killed -> the next takes over when its session has expired, the third sleeps
//! ```

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::dist;
use crate::install;
use crate::program;
use crate::workspace;
use crate::workspace::Profile;

mod server;
mod stage;
mod workers;

use server::Server;
use stage::Stage;

/// Debian's place for the shell of the original.
const ZKCLI: &str = "/usr/share/zookeeper/bin/zkCli.sh";
/// How long any one thing may take that has no time of its own.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the demo may be told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// An empty server that runs already, as `host:port`; without it one is built and started.
    pub server: Option<String>,
}

/// Plays all scenes.
///
/// # Errors
/// When something cannot be installed, built or started, or a scene goes otherwise than it must.
pub fn run(options: &Options) -> Result<()> {
    println!("== what it needs");
    install::debian(&["zookeeper"]).context("installing Debian's zookeeper, for its zkCli.sh")?;
    let python = install::python_with_kazoo()?;
    println!("== build and lay out our server and its shell");
    let dist = dist::lay_out(Profile::Release)?;
    let rust = build_rust_worker()?;
    let server = match &options.server {
        Some(address) => Server::running_at(address),
        None => Server::start(&dist)?,
    };
    let ours = Shell {
        whose: "ours",
        script: dist.join("bin/zkCli.sh"),
    };
    let original = Shell {
        whose: "the original",
        script: PathBuf::from(ZKCLI),
    };
    let mut stage = Stage::new();
    let played = play(&mut stage, &server, (&ours, &original), (&python, &rust));
    stage.clear();
    let stopped = server.stop();
    played?;
    stopped?;
    println!("\nAll of it happened as it must. Nothing is left running.");
    Ok(())
}

fn play(
    stage: &mut Stage,
    server: &Server,
    (ours, original): (&Shell, &Shell),
    workers: (&Path, &Path),
) -> Result<()> {
    let (python, _) = workers;
    println!("\n== our shell talks to it, and the shell of the original sees the same");
    ours.run(server, "create /test 1", "Created /test")?;
    for shell in [ours, original] {
        shell.run(server, "ls /", "[test, zookeeper]")?;
        shell.run(server, "get /test", "1")?;
    }

    println!("\n== a watcher (kazoo) sees each change, since it sets its watch again");
    let watcher = stage.enter(
        "watcher",
        example(python, "watch.py").args([server.address(), "/test"]),
    )?;
    stage.await_line(watcher, "watching /test, which is '1'", PATIENCE)?;
    for (shell, value) in [(ours, "foo"), (original, "bar")] {
        shell.run(server, &format!("set /test {value}"), "")?;
        stage.await_line(
            watcher,
            &format!("CHANGED: /test is now '{value}'"),
            PATIENCE,
        )?;
    }
    workers::play(stage, server, workers)
}

/// The worker of examples/elect.rs, on our Rust client.
fn build_rust_worker() -> Result<PathBuf> {
    let release = Profile::Release.argument();
    let build = ["build", "-p", "zoa-client", "--example", "elect", release];
    program::run(&mut program::cargo(&build))?;
    let zoa = workspace::program(Profile::Release);
    Ok(zoa.with_file_name("examples").join("elect"))
}

/// A script of `examples/python`, unbuffered.
fn example(python: &Path, name: &str) -> Command {
    let mut command = stage::bound_to_us(python);
    command
        .arg("-u")
        .arg(workspace::root().join("examples/python").join(name));
    command
}

/// A zkCli.sh.
struct Shell {
    whose: &'static str,
    script: PathBuf,
}

impl Shell {
    /// Runs one command and checks that it says `expected`.
    fn run(&self, server: &Server, words: &str, expected: &str) -> Result<()> {
        let address = server.address();
        println!("$ zkCli.sh -server {address} {words}   # {}", self.whose);
        let mut command = Command::new(&self.script);
        command
            .args(["-server", address])
            .args(words.split_whitespace());
        let output = command.output().context("starting zkCli.sh")?;
        let lines =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        let said: Vec<&str> = lines
            .iter()
            .flat_map(|text| text.lines())
            .filter(|line| !is_chatter(line))
            .collect();
        for line in &said {
            println!("{line}");
        }
        let (whose, status) = (self.whose, output.status);
        ensure!(
            status.success(),
            "zkCli.sh ({whose}) {words} ended with {status}"
        );
        let found = expected.is_empty() || said.contains(&expected);
        ensure!(
            found,
            "zkCli.sh ({whose}) {words} should have said `{expected}`"
        );
        Ok(())
    }
}

/// What both shells print around every command.
fn is_chatter(line: &str) -> bool {
    let openings = [
        "SLF4J:",
        "Connecting to ",
        "WATCHER::",
        "WatchedEvent state:SyncConnected type:None",
    ];
    line.trim().is_empty() || openings.iter().any(|opening| line.starts_with(opening))
}
