//! An ensemble that the bench starts and stops itself: three processes on the loopback address.
//!
//! Not the place where anything is measured. Each server has a folder of its own with `zoo.cfg`,
//! `data` and `server.log`.
//!
//! Invariant: no server outlives its [`Ensemble`]; dropping it kills them all.

use std::fs;
use std::fs::File;
use std::io::Read as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use rustix::process::Pid;
use rustix::process::Signal;

use crate::bench::clock;
use crate::bench::ports::free_port;

/// How many servers there are.
pub(crate) const SERVERS: usize = 3;

/// `tickTime` of all of them.
pub(crate) const TICK: Duration = Duration::from_millis(2000);

/// How long they may take until all of them serve.
const SERVING_MAX: Duration = Duration::from_secs(120);

/// How long a server may take to end by itself.
const STOP_MAX: Duration = Duration::from_secs(20);

/// Between two looks at a server.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// How long a server may take to answer a four-letter word.
const WORD_MAX: Duration = Duration::from_secs(2);

/// How a server dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// `kill -9`.
    Killed,
    /// It is asked to end: SIGTERM.
    Asked,
}

/// Servers 0 to 2; their ids are one more.
#[derive(Debug)]
pub(crate) struct Ensemble {
    servers: Vec<Server>,
}

#[derive(Debug)]
struct Server {
    id: usize,
    command: String,
    port: u16,
    dir: PathBuf,
    child: Option<Child>,
}

impl Ensemble {
    /// Writes the settings of servers that `template` starts, a command with the placeholder
    /// `{cfg}`, in an empty `dir`.
    pub(crate) fn prepare(template: &str, dir: &Path) -> Result<Self> {
        if dir.exists() {
            fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
        }
        let (mut servers, mut lines) = (Vec::new(), String::new());
        for id in 1..=SERVERS {
            lines.push_str(&format!(
                "server.{id}=127.0.0.1:{}:{}\n",
                free_port()?,
                free_port()?
            ));
            let dir = dir.join(id.to_string());
            let cfg = dir.join("zoo.cfg").display().to_string();
            servers.push(Server {
                id,
                command: template.replace("{cfg}", &cfg),
                port: free_port()?,
                dir,
                child: None,
            });
        }
        for server in &servers {
            server.write_cfg(&lines)?;
        }
        Ok(Self { servers })
    }

    /// Starts all and waits until all serve.
    pub(crate) fn start_all(&mut self) -> Result<()> {
        for server in &mut self.servers {
            server.start()?;
        }
        self.await_serving()
    }

    /// Where clients connect.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(Server::address).collect()
    }

    /// The same as `host:port`, separated by commas.
    pub(crate) fn connect_string(&self) -> String {
        let addresses: Vec<_> = self.addresses().iter().map(ToString::to_string).collect();
        addresses.join(",")
    }

    /// The processes of those that run.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let children = self.servers.iter().filter_map(|it| it.child.as_ref());
        children.map(Child::id).collect()
    }

    /// The one that leads.
    pub(crate) fn leader(&self) -> Result<usize> {
        let end = clock::now() + SERVING_MAX;
        loop {
            let leads = |server: &Server| server.mode().as_deref() == Some("leader");
            if let Some(leader) = self.servers.iter().position(leads) {
                return Ok(leader);
            }
            if end <= clock::now() {
                bail!("nobody leads after {SERVING_MAX:?}{}", self.last_words());
            }
            clock::pause(LOOK_PAUSE);
        }
    }

    /// One that follows; another each time `turn` rises.
    pub(crate) fn follower(&self, turn: usize) -> Result<usize> {
        let leader = self.leader()?;
        let followers: Vec<_> = (0..SERVERS).filter(|it| *it != leader).collect();
        let chosen = followers.get(turn % followers.len().max(1));
        chosen.copied().context("an ensemble has followers")
    }

    /// Waits until all that run serve, and one of them leads.
    pub(crate) fn await_serving(&mut self) -> Result<()> {
        let end = clock::now() + SERVING_MAX;
        loop {
            for server in &mut self.servers {
                server.check_alive()?;
            }
            let running = self.servers.iter().filter(|it| it.child.is_some());
            let modes: Vec<_> = running.map(Server::mode).collect();
            let serves = modes.iter().all(Option::is_some);
            if serves && modes.iter().flatten().any(|mode| mode == "leader") {
                return Ok(());
            }
            if end <= clock::now() {
                let words = self.last_words();
                bail!("the servers do not serve after {SERVING_MAX:?}: {modes:?}{words}");
            }
            clock::pause(LOOK_PAUSE);
        }
    }

    /// Lets a server die, and waits until it has; the moment at which it was told to.
    pub(crate) fn end(&mut self, server: usize, death: Death) -> Result<Instant> {
        let server = self.get_mut(server)?;
        let Some(mut child) = server.child.take() else {
            bail!("server {} does not run", server.id);
        };
        let at = clock::now();
        let ended = match death {
            Death::Killed => child.kill().context("cannot kill a server"),
            Death::Asked => ask_to_end(&child),
        };
        let ended = ended.and_then(|()| wait(&mut child, server.id));
        if ended.is_err() {
            // It must not be left behind; that it cannot be killed either helps nobody.
            let _ = child.kill();
            let _ = child.wait();
        }
        ended.map(|()| at)
    }

    /// Starts one that does not run.
    pub(crate) fn start(&mut self, server: usize) -> Result<()> {
        self.get_mut(server)?.start()
    }

    /// Takes the disk of one that does not run: what is left is what an operator gives a new one.
    pub(crate) fn wipe(&mut self, server: usize) -> Result<()> {
        let server = self.get_mut(server)?;
        let data = server.dir.join("data");
        fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))?;
        server.write_myid()
    }

    /// What one server answers to a four-letter word; nothing when it does not.
    pub(crate) fn word(&self, server: usize, word: &str) -> String {
        self.servers
            .get(server)
            .map(|server| server.word(word))
            .unwrap_or_default()
    }

    /// A figure of a server's `mntr`.
    pub(crate) fn monitor(&self, server: usize, key: &str) -> Option<u64> {
        let text = self.word(server, "mntr");
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|value| value.trim().parse().ok())
    }

    fn get_mut(&mut self, server: usize) -> Result<&mut Server> {
        self.servers
            .get_mut(server)
            .context("there is no such server")
    }

    /// The ends of their logs: the folders are removed before anybody could look.
    fn last_words(&self) -> String {
        self.servers.iter().map(Server::last_words).collect()
    }
}

impl Server {
    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The settings of the sample that comes with ZooKeeper, all limits out of the way, syncing left
    /// on, which is the default.
    fn write_cfg(&self, lines: &str) -> Result<()> {
        self.write_myid()?;
        let (data, tick_ms) = (self.dir.join("data"), TICK.as_millis());
        let cfg = format!(
            "tickTime={tick_ms}\ninitLimit=10\nsyncLimit=5\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\n\
             maxClientCnxns=0\nmaxCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=*\n{lines}",
            data.display(),
            self.port
        );
        let path = self.dir.join("zoo.cfg");
        fs::write(&path, cfg).with_context(|| format!("cannot write {}", path.display()))
    }

    fn write_myid(&self) -> Result<()> {
        let data = self.dir.join("data");
        fs::create_dir_all(&data).with_context(|| format!("cannot create {}", data.display()))?;
        fs::write(data.join("myid"), format!("{}\n", self.id)).context("cannot write myid")
    }

    fn start(&mut self) -> Result<()> {
        let log = self.dir.join("server.log");
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot write {}", log.display()))?;
        let errors = output.try_clone().context("cannot share a file")?;
        let child = Command::new("sh")
            .arg("-c")
            // The server takes the shell's place, so that its pid and its CPU time are the child's.
            .arg(format!("exec {}", self.command))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .context("cannot start a shell")?;
        self.child = Some(child);
        Ok(())
    }

    /// Fails when its process has ended, though nobody ended it.
    fn check_alive(&mut self) -> Result<()> {
        let Some(child) = &mut self.child else {
            return Ok(());
        };
        if let Some(status) = child.try_wait().context("cannot wait for a server")? {
            self.child = None;
            bail!("server {} ended: {status}{}", self.id, self.last_words());
        }
        Ok(())
    }

    fn mode(&self) -> Option<String> {
        let text = self.word("srvr");
        let line = text.lines().find_map(|line| line.strip_prefix("Mode: "));
        line.map(str::to_owned)
    }

    fn word(&self, word: &str) -> String {
        self.ask(word).unwrap_or_default()
    }

    fn ask(&self, word: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address(), WORD_MAX)?;
        stream.set_read_timeout(Some(WORD_MAX))?;
        stream.write_all(word.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn last_words(&self) -> String {
        let text = fs::read(self.dir.join("server.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut lines: Vec<_> = text.lines().rev().take(10).collect();
        lines.reverse();
        format!("\nserver {}:\n  {}", self.id, lines.join("\n  "))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Both fail only when the process has ended and was waited for, which is what is wanted.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn ask_to_end(child: &Child) -> Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let pid = pid.context("a child has a pid")?;
    rustix::process::kill_process(pid, Signal::TERM).context("cannot stop a server")
}

fn wait(child: &mut Child, id: usize) -> Result<()> {
    let end = clock::now() + STOP_MAX;
    while child
        .try_wait()
        .context("cannot wait for a server")?
        .is_none()
    {
        if end <= clock::now() {
            bail!("server {id} did not end within {STOP_MAX:?}");
        }
        clock::pause(Duration::from_millis(1));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_has_its_id_and_all_know_all() {
        let dir = std::env::temp_dir().join(format!("zoa-bench-ensemble-{}", std::process::id()));
        let ensemble = Ensemble::prepare("serve {cfg}", &dir).expect("a writable directory");
        let read = |path: &str| fs::read_to_string(dir.join(path)).expect("written");
        assert_eq!(read("2/data/myid"), "2\n");
        let lines = |cfg: &str| -> Vec<String> {
            let lines = cfg.lines().filter(|line| line.starts_with("server."));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(lines(&read("1/zoo.cfg")).len(), SERVERS);
        assert_eq!(lines(&read("1/zoo.cfg")), lines(&read("3/zoo.cfg")));
        assert_eq!(ensemble.connect_string().split(',').count(), SERVERS);
        fs::remove_dir_all(&dir).expect("a directory of ours");
    }

    #[test]
    fn a_server_that_does_not_answer_has_no_mode() {
        let dir = std::env::temp_dir().join(format!("zoa-bench-mute-{}", std::process::id()));
        let ensemble = Ensemble::prepare("true", &dir).expect("a writable directory");
        assert_eq!(ensemble.word(0, "srvr"), "");
        assert_eq!(ensemble.monitor(0, "zk_znode_count"), None);
        fs::remove_dir_all(&dir).expect("a directory of ours");
    }
}
