//! `cargo xtask demo --cluster`: three servers, the workers spread over them, and deaths on both sides.
//!
//! What it shows: the server that leads dies, and the workers go on, each in its session, the leading one leading; then that one dies, and
//! the next takes over. Invariant: as the other demo, it checks what it shows and leaves nothing running.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

use super::Cast;
use super::PATIENCE;
use super::stage;
use super::stage::ActorId;
use super::stage::Stage;
use super::workers;
use crate::ports::free_port;
use crate::program;
use crate::workspace;

/// Servers of the demo.
const SERVERS: usize = 3;

/// A worker says what it does every two seconds; in this time each does, whatever else happens.
const TURNS: Duration = Duration::from_secs(7);

/// Three servers of `dist`.
pub(super) struct Cluster {
    members: Vec<Member>,
}

struct Member {
    number: usize,
    port: u16,
    script: PathBuf,
    folder: PathBuf,
    child: Option<Child>,
}

impl Cluster {
    /// Starts them with empty data directories, and waits until they serve.
    pub(super) fn start(dist: &Path) -> Result<Self> {
        let root = workspace::target().join("demo-cluster");
        if root.exists() {
            fs::remove_dir_all(&root).context("removing the data of an earlier demo")?;
        }
        let lines = (1..=SERVERS)
            .map(|number| {
                let (quorum, election) = (free_port()?, free_port()?);
                Ok(format!("server.{number}=127.0.0.1:{quorum}:{election}\n"))
            })
            .collect::<Result<String>>()?;
        let mut members = Vec::new();
        for number in 1..=SERVERS {
            let member = Member {
                number,
                port: free_port()?,
                script: dist.join("bin/zkServer.sh"),
                folder: root.join(number.to_string()),
                child: None,
            };
            member.prepare(&lines)?;
            members.push(member);
        }
        let mut cluster = Self { members };
        for member in &mut cluster.members {
            member.start()?;
        }
        for member in &cluster.members {
            let mode = member.await_mode()?;
            println!("server {}: {mode}", member.number);
        }
        Ok(cluster)
    }

    /// Where clients find them, as `host:port,...`.
    fn addresses(&self) -> String {
        let addresses = self
            .members
            .iter()
            .map(|member| format!("127.0.0.1:{}", member.port));
        addresses.collect::<Vec<_>>().join(",")
    }

    /// Kills the server that leads, as `kill -9` does; returns its number.
    fn kill_leader(&mut self) -> Result<usize> {
        for member in &mut self.members {
            if member.mode().is_some_and(|mode| mode == "leader") {
                member.kill()?;
                return Ok(member.number);
            }
        }
        bail!("none of the servers leads")
    }

    /// Stops them as a service manager would, and checks that they ended well.
    pub(super) fn stop(mut self) -> Result<()> {
        for member in &mut self.members {
            member.stop()?;
        }
        Ok(())
    }
}

impl Member {
    fn prepare(&self, lines: &str) -> Result<()> {
        let data = self.folder.join("data");
        fs::create_dir_all(&data).context("making a folder for a server")?;
        fs::create_dir_all(self.folder.join("conf")).context("making a folder for a server")?;
        fs::write(data.join("myid"), format!("{}\n", self.number)).context("writing a myid")?;
        let config = format!(
            "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\n{lines}",
            data.display(),
            self.port
        );
        fs::write(self.folder.join("conf/zoo.cfg"), config).context("writing a zoo.cfg")
    }

    fn command(&self, words: &str) -> Command {
        let mut command = stage::bound_to_us(&self.script);
        command
            .arg("--config")
            .arg(self.folder.join("conf"))
            .arg(words);
        command
    }

    fn start(&mut self) -> Result<()> {
        let log = fs::File::create(self.folder.join("server.log")).context("making a log")?;
        let errors = log.try_clone().context("sharing a log")?;
        let mut command = self.command("start-foreground");
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        println!(
            "$ bin/zkServer.sh --config {} start-foreground &",
            self.folder.join("conf").display()
        );
        self.child = Some(command.spawn().context("starting a server")?);
        Ok(())
    }

    /// What `zkServer.sh status` says that it is.
    fn mode(&self) -> Option<String> {
        let output = self.command("status").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mode = text.lines().find_map(|line| line.strip_prefix("Mode: "));
        mode.map(str::to_owned)
    }

    fn await_mode(&self) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(mode) = self.mode() {
                return Ok(mode);
            }
            let log = fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
            ensure!(
                Instant::now() < deadline,
                "server {} does not serve:\n{log}",
                self.number
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("the server runs")?;
        println!(
            "$ kill -KILL {}   # server {}, which leads",
            child.id(),
            self.number
        );
        child.kill().context("killing a server")?;
        child.wait().context("waiting for a killed server")?;
        Ok(())
    }

    fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        program::run(Command::new("kill").args(["-TERM", &child.id().to_string()]))?;
        let status = child.wait().context("waiting for a server to end")?;
        ensure!(
            status.success(),
            "server {} ended with {status} after SIGTERM",
            self.number
        );
        Ok(())
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Plays all scenes.
pub(super) fn play(stage: &mut Stage, cluster: &mut Cluster, cast: &Cast) -> Result<()> {
    let workers = workers::enter(stage, &cluster.addresses(), cast)?;
    println!("\n== the server that leads the servers dies without a word; the workers go on");
    let killed = cluster.kill_leader()?;
    let before = counts(stage, &workers);
    stage.listen_for(TURNS);
    check_all_go_on(stage, &workers, &before)?;
    println!(
        "\nserver {killed} is dead; all workers work on in their sessions, and the leading one leads."
    );
    workers::succeed(stage, &workers)
}

/// How often each has said what it does.
fn counts(stage: &Stage, workers: &[ActorId]) -> Vec<usize> {
    let said = |worker: &ActorId| stage.count(*worker, "leading") + stage.count(*worker, "working");
    workers.iter().map(said).collect()
}

fn check_all_go_on(stage: &Stage, workers: &[ActorId], before: &[usize]) -> Result<()> {
    let after = counts(stage, workers);
    for (at, worker) in workers.iter().enumerate() {
        let goes_on = after.get(at) > before.get(at);
        ensure!(goes_on, "worker {} has stopped", at + 1);
        let woken = stage.count(*worker, "woken") + stage.count(*worker, "now I lead");
        ensure!(
            woken == 0,
            "worker {} was woken, though no worker has died",
            at + 1
        );
    }
    Ok(())
}
