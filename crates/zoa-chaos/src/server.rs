//! One `zoa serve` process: its folder, its disk, its life.
//!
//! Each has its own `/etc/hosts`, in which the others' names lead to proxies, so that all share the same `server.N` lines. It does
//! not outlive its value.

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use rustix::process::Pid;
use rustix::process::Signal;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::grounds;
use crate::grounds::Grounds;
use crate::grounds::ServerDisk;

/// Where servers listen for each other.
pub(crate) const QUORUM_PORT: u16 = 22_888;

/// Where they listen for clients.
pub(crate) const CLIENT_PORT: u16 = 22_181;

/// How long a server may take to answer a four-letter word.
const WORD_TIME: Duration = Duration::from_millis(1_500);

/// What all servers of a run have in common.
#[derive(Debug)]
pub(crate) struct Setup {
    /// The program `zoa`.
    pub(crate) program: PathBuf,
    /// Everything of the run.
    pub(crate) folder: PathBuf,
    /// Their number.
    pub(crate) count: u8,
    /// Lines of every zoo.cfg.
    pub(crate) settings: String,
}

impl Setup {
    /// The line of a server, the same everywhere.
    pub(crate) fn line(&self, number: u8, grounds: &Grounds) -> String {
        let host = if grounds.has_proxies() {
            format!("zoa{number}")
        } else {
            grounds::server_address(number).to_string()
        };
        let election_port = QUORUM_PORT + 1_000;
        format!("server.{number}={host}:{QUORUM_PORT}:{election_port}:participant")
    }
}

/// A server.
#[derive(Debug)]
pub(crate) struct Server {
    /// Its myid.
    pub(crate) number: u8,
    /// Its disk.
    pub(crate) disk: ServerDisk,
    folder: PathBuf,
    program: PathBuf,
    own_view: bool,
    child: Option<Child>,
    /// It was told to stand still.
    pub(crate) is_paused: bool,
    /// It was told to end.
    pub(crate) is_stopping: bool,
}

impl Server {
    /// Prepares its folder and disk.
    pub(crate) fn new(number: u8, setup: &Setup, grounds: &Grounds) -> Result<Self> {
        let folder = setup.folder.join(format!("server-{number}"));
        fs::create_dir_all(&folder).context("making a folder for a server")?;
        let disk = grounds.disk(&folder)?;
        let server = Self {
            number,
            disk,
            folder,
            program: setup.program.clone(),
            own_view: grounds.has_proxies(),
            child: None,
            is_paused: false,
            is_stopping: false,
        };
        server.prepare_data()?;
        let lines: String = (1..=setup.count)
            .map(|number| setup.line(number, grounds) + "\n")
            .collect();
        let config = format!(
            "{}dataDir={}\nclientPort={CLIENT_PORT}\nclientPortAddress={}\n{lines}",
            setup.settings,
            server.data().display(),
            grounds::server_address(number)
        );
        fs::write(server.folder.join("zoo.cfg"), config).context("writing a zoo.cfg")?;
        fs::write(server.folder.join("hosts"), hosts(number, setup.count))
            .context("writing the hosts that a server knows")?;
        Ok(server)
    }

    /// Its dataDir.
    pub(crate) fn data(&self) -> PathBuf {
        self.disk.place.join("data")
    }

    /// What it says.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Where clients reach it without a proxy.
    pub(crate) fn client_address(&self) -> SocketAddr {
        SocketAddr::new(grounds::server_address(self.number), CLIENT_PORT)
    }

    fn prepare_data(&self) -> Result<()> {
        fs::create_dir_all(self.data()).context("making a dataDir")?;
        fs::write(self.data().join("myid"), format!("{}\n", self.number)).context("writing a myid")
    }

    /// Takes its data away; what is left is what an operator gives a new disk.
    pub(crate) fn wipe(&self) -> Result<()> {
        fs::remove_dir_all(self.data()).context("wiping a disk")?;
        self.prepare_data()
    }

    /// Whether its process lives, as far as is known.
    pub(crate) fn is_started(&self) -> bool {
        self.child.is_some()
    }

    /// Starts the process.
    pub(crate) fn start(&mut self, grounds: &Grounds) -> Result<()> {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log());
        let log = log.context("opening a server's log")?;
        let errors = log.try_clone().context("sharing a server's log")?;
        let config = self.folder.join("zoo.cfg");
        let mut command = if self.own_view {
            let mut command = Command::new("unshare");
            let script = r#"mount --bind "$1" /etc/hosts && exec "$2" serve "$3""#;
            command.args(["--mount", "sh", "-c", script, "sh"]);
            command
                .arg(self.folder.join("hosts"))
                .arg(&self.program)
                .arg(&config);
            command
        } else {
            let mut command = Command::new("setpriv");
            command
                .args(["--pdeathsig", "KILL"])
                .arg(&self.program)
                .arg("serve")
                .arg(&config);
            command
        };
        // What the tests of a suite set is no setting of a server's.
        command
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let child = command.spawn().context("starting a server")?;
        grounds.govern(child.id())?;
        self.child = Some(child);
        (self.is_paused, self.is_stopping) = (false, false);
        Ok(())
    }

    /// Sends a signal, if the process lives.
    pub(crate) fn signal(&mut self, signal: Signal) {
        if let Some(pid) = self.pid() {
            rustix::process::kill_process(pid, signal).ok();
        }
        match signal {
            Signal::STOP => self.is_paused = true,
            Signal::CONT => self.is_paused = false,
            Signal::TERM => self.is_stopping = true,
            _ => {}
        }
    }

    fn pid(&self) -> Option<Pid> {
        let id = self.child.as_ref()?.id();
        Pid::from_raw(i32::try_from(id).ok()?)
    }

    /// Whether all its threads stand still.
    pub(crate) fn stands_still(&self) -> bool {
        let Some(pid) = self.pid() else { return true };
        let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()));
        tasks.into_iter().flatten().flatten().all(|task| {
            let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            let state = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
            state.is_empty() || state.starts_with(['T', 'Z', 'X'])
        })
    }

    /// Kills it and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
        self.is_paused = false;
    }

    /// How it ended, if it did so by itself.
    pub(crate) fn take_end(&mut self) -> Option<ExitStatus> {
        let ended = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        self.is_paused = false;
        Some(ended)
    }

    /// What it answers to a four-letter word.
    pub(crate) async fn word(address: SocketAddr, word: &str) -> Option<String> {
        let ask = async {
            let mut stream = TcpStream::connect(address).await.ok()?;
            stream.write_all(word.as_bytes()).await.ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.ok()?;
            Some(answer)
        };
        tokio::time::timeout(WORD_TIME, ask).await.ok()?
    }

    /// Whether it leads, follows, or neither.
    pub(crate) async fn mode(address: SocketAddr) -> Option<String> {
        let answer = Self::word(address, "srvr").await?;
        let mode = answer
            .lines()
            .find_map(|line| line.strip_prefix("Mode: "))?;
        Some(mode.to_owned())
    }

    /// The last lines that it said.
    pub(crate) fn last_words(&self) -> String {
        let text = read(&self.log());
        let lines: Vec<&str> = text.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }

    /// How many of its lines have these words in them.
    pub(crate) fn count_said(&self, words: &str) -> usize {
        read(&self.log())
            .lines()
            .filter(|line| line.contains(words))
            .count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A server's log may hold anything.
pub(crate) fn read(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = fs::File::open(path) {
        file.read_to_end(&mut bytes).ok();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The names of all servers as one of them knows them: its own address, and a proxy's for each of the others.
fn hosts(own: u8, count: u8) -> String {
    let mut text = "127.0.0.1 localhost\n".to_owned();
    for other in 1..=count {
        let address = if other == own {
            grounds::server_address(own)
        } else {
            grounds::proxy_address(own, other)
        };
        text.push_str(&format!("{address} zoa{other}\n"));
    }
    text
}
