//! `cargo xtask demo`: a PHP developer's day with ZooKeeper, on our own parts, played live and ending in a verdict.
//!
//! It is not a test suite, but it checks what it shows: every scene waits for the words that must come,
//! and a scene that waits in vain ends the demo with exit code 1. Invariant: it leaves nothing running,
//! also when it fails or is interrupted.
//!
//! ```text
//! scenes: zkCli.sh, ours and the original's, create, list, set -> a PHP and a Python watcher see both changes
//!         -> three PHP workers elect a leader, a Python and a Rust one join them
//!         -> the leader is killed -> the next takes over when its session has expired, the third sleeps
//! ```

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::dist;
use crate::install;
use crate::php;
use crate::php::Ready;
use crate::program;
use crate::workspace;
use crate::workspace::Profile;

mod cluster;
mod farm;
mod server;
mod stage;
mod workers;

use cluster::Cluster;
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
    /// Three servers, and the death of one, in the place of the other scenes.
    pub cluster: bool,
    /// A task farm whose workers and leaders are killed, in the place of the other scenes.
    pub farm: bool,
}

/// Plays all scenes.
///
/// # Errors
/// When something cannot be installed, built or started, or a scene goes otherwise than it must.
pub fn run(options: &Options) -> Result<()> {
    if options.cluster {
        return run_cluster();
    }
    if options.farm {
        return run_farm();
    }
    println!("== what it needs");
    install::debian(&["zookeeper"]).context("installing Debian's zookeeper, for its zkCli.sh")?;
    println!("== build the PHP extension");
    let cast = Cast {
        php: php::ready()?,
        python: install::python_with_kazoo()?,
        rust: build_rust_worker()?,
    };
    println!("== build and lay out our server and its shell");
    let dist = dist::lay_out(Profile::Release)?;
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
    let played = play(&mut stage, &server, (&ours, &original), &cast);
    stage.clear();
    let stopped = server.stop();
    played?;
    stopped?;
    println!("\nAll of it happened as it must. Nothing is left running.");
    Ok(())
}

fn run_cluster() -> Result<()> {
    println!("== build the PHP extension");
    let cast = Cast {
        php: php::ready()?,
        python: install::python_with_kazoo()?,
        rust: build_rust_worker()?,
    };
    println!("== build and lay out our server, and start three of it");
    let dist = dist::lay_out(Profile::Release)?;
    let mut cluster = Cluster::start(&dist)?;
    let mut stage = Stage::new();
    let played = cluster::play(&mut stage, &mut cluster, &cast);
    stage.clear();
    played?;
    cluster.stop()?;
    println!("\nAll of it happened as it must. Nothing is left running.");
    Ok(())
}

fn run_farm() -> Result<()> {
    println!("== build the PHP extension");
    let php = php::ready()?;
    println!("== build and lay out our server, and start it");
    let dist = dist::lay_out(Profile::Release)?;
    let zoa = farm::zoa_in(&dist);
    let server = Server::start_with(&dist, farm::SETTINGS)?;
    let mut stage = Stage::new();
    let played = farm::play(&mut stage, &server, &farm::Troupe { php, zoa });
    stage.clear();
    let stopped = server.stop();
    played?;
    stopped?;
    println!("Nothing is left running.");
    Ok(())
}

fn play(
    stage: &mut Stage,
    server: &Server,
    (ours, original): (&Shell, &Shell),
    cast: &Cast,
) -> Result<()> {
    println!("\n== our shell talks to it, and the shell of the original sees the same");
    ours.run(server, "create /test 1", "Created /test")?;
    for shell in [ours, original] {
        shell.run(server, "ls /", "[test, zookeeper]")?;
        shell.run(server, "get /test", "1")?;
    }

    println!(
        "\n== a PHP script sees each change, since it sets its watch again; a Python one, too"
    );
    let watch = [server.address(), "/test"];
    let watchers = [
        stage.enter("watcher", cast.php("watch.php").args(watch))?,
        stage.enter("kazoo", cast.python("watch.py").args(watch))?,
    ];
    for watcher in watchers {
        stage.await_line(watcher, "watching /test, which is '1'", PATIENCE)?;
    }
    for (shell, value) in [(ours, "foo"), (original, "bar")] {
        shell.run(server, &format!("set /test {value}"), "")?;
        for watcher in watchers {
            let line = format!("CHANGED: /test is now '{value}'");
            stage.await_line(watcher, &line, PATIENCE)?;
        }
    }
    workers::play(stage, server, cast)
}

/// The worker of examples/elect.rs, on our Rust client.
fn build_rust_worker() -> Result<PathBuf> {
    let release = Profile::Release.argument();
    let build = ["build", "-p", "zoa-client", "--example", "elect", release];
    program::run(&mut program::cargo(&build))?;
    let zoa = workspace::program(Profile::Release);
    Ok(zoa.with_file_name("examples").join("elect"))
}

/// Who can play.
struct Cast {
    /// PHP, with our extension.
    php: Ready,
    /// Python, with kazoo.
    python: PathBuf,
    /// A worker on our Rust client.
    rust: PathBuf,
}

impl Cast {
    /// A script of `examples/php`, on our extension.
    fn php(&self, name: &str) -> Command {
        let mut command = stage::bound_to_us(&self.php.program);
        command
            .args(["-n", "-d", &self.php.flag])
            .arg(workspace::root().join("examples/php").join(name));
        command
    }

    /// A script of `examples/python`, unbuffered.
    fn python(&self, name: &str) -> Command {
        let mut command = stage::bound_to_us(&self.python);
        command
            .arg("-u")
            .arg(workspace::root().join("examples/python").join(name));
        command
    }

    fn rust(&self) -> Command {
        stage::bound_to_us(&self.rust)
    }
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
