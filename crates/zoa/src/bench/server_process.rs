//! A server that the bench starts and stops itself, from a command line.
//!
//! Invariant: a started server never outlives its [`Started`]; dropping it kills the process.

use std::fs::File;
use std::net::SocketAddr;
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
use crate::bench::session::Session;

/// How long a server may take from its start to its first answer.
const START_MAX: Duration = Duration::from_secs(120);
/// How long one attempt to get an answer may take, at first. The reference's server can leave a
/// connection that came while it was starting without an answer for ever; a slow server gets more
/// time with each attempt.
const ATTEMPT_MAX: Duration = Duration::from_millis(50);
/// How much longer each attempt may take than the one before.
const ATTEMPT_GROWTH: f64 = 1.25;
/// Between two attempts.
const ATTEMPT_PAUSE: Duration = Duration::from_millis(1);
/// Lines of its output that are shown of a server that did not start.
const LAST_WORDS: usize = 20;
/// How long a server may take to end by itself.
const STOP_MAX: Duration = Duration::from_secs(20);

/// How to start a server: a command for the shell, and where it is to listen and keep its data.
#[derive(Clone, Debug)]
pub(crate) struct ServerCommand {
    template: String,
    port: u16,
    dir: PathBuf,
}

impl ServerCommand {
    /// A command with the placeholders `{port}`, `{dir}` and `{cfg}`, a zoo.cfg that is written for
    /// it.
    pub(crate) fn new(template: &str, port: u16, dir: &Path) -> Self {
        Self {
            template: template.to_owned(),
            port,
            dir: dir.to_owned(),
        }
    }

    /// The command with the placeholders filled in.
    pub(crate) fn line(&self) -> String {
        self.template
            .replace("{port}", &self.port.to_string())
            .replace("{dir}", &self.dir.join("data").display().to_string())
            .replace("{cfg}", &self.cfg_path().display().to_string())
    }

    /// Where the server will listen.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Forgets everything that the server has stored.
    pub(crate) fn wipe(&self) -> Result<()> {
        if self.dir.exists() {
            std::fs::remove_dir_all(&self.dir)
                .with_context(|| format!("cannot remove {}", self.dir.display()))?;
        }
        Ok(())
    }

    /// Starts the server and waits until it has answered the first read of `path`.
    pub(crate) fn start(&self, path: &str) -> Result<Started> {
        self.write_cfg()?;
        let log = self.dir.join("server.log");
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot write {}", log.display()))?;
        let errors = output.try_clone().context("cannot share a file")?;
        let since = clock::now();
        let child = Command::new("sh")
            .arg("-c")
            // The server takes the shell's place, so that its pid and its CPU time are the child's.
            .arg(format!("exec {}", self.line()))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .context("cannot start a shell")?;
        let mut started = Started {
            child,
            address: self.address(),
            start: Duration::ZERO,
        };
        let answered = started.wait_for(path, since);
        let at = answered.with_context(|| format!("{}\n{}", self.line(), last_words(&log)))?;
        started.start = at.saturating_duration_since(since);
        Ok(started)
    }

    fn cfg_path(&self) -> PathBuf {
        self.dir.join("zoo.cfg")
    }

    /// The configuration of performance.md: all limits out of the way, syncing left on, which is
    /// the default.
    fn write_cfg(&self) -> Result<()> {
        let data = self.dir.join("data");
        std::fs::create_dir_all(&data)
            .with_context(|| format!("cannot create {}", data.display()))?;
        let cfg = format!(
            "tickTime=2000\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n\
             admin.enableServer=false\n4lw.commands.whitelist=*\n",
            data.display(),
            self.port
        );
        let path = self.cfg_path();
        std::fs::write(&path, cfg).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Started {
    child: Child,
    address: SocketAddr,
    start: Duration,
}

impl Started {
    /// From the start of the process until its first read was answered.
    pub(crate) fn start(&self) -> Duration {
        self.start
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end (SIGTERM) and waits; kills it when it does not.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid())
            .ok()
            .and_then(Pid::from_raw)
            .context("a child has a pid")?;
        rustix::process::kill_process(pid, Signal::TERM).context("cannot stop the server")?;
        let end = clock::now() + STOP_MAX;
        while self
            .child
            .try_wait()
            .context("cannot wait for the server")?
            .is_none()
        {
            if end <= clock::now() {
                bail!("the server did not end within {STOP_MAX:?} after SIGTERM");
            }
            clock::pause(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Kills it (SIGKILL), as a power cut would.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill().context("cannot kill the server")?;
        self.child.wait().context("cannot wait for the server")?;
        Ok(())
    }

    /// The moment of the first answer.
    fn wait_for(&mut self, path: &str, since: Instant) -> Result<Instant> {
        let mut patience = ATTEMPT_MAX;
        loop {
            let begin = clock::now();
            let attempt = Session::open(&[self.address], patience).and_then(|mut session| {
                session.read(path)?;
                Ok((clock::now(), session))
            });
            match attempt {
                Ok((at, session)) => {
                    session.close();
                    return Ok(at);
                }
                Err(_) if clock::now() < since + START_MAX => {}
                Err(error) => {
                    return Err(
                        error.context(format!("the server did not answer within {START_MAX:?}"))
                    );
                }
            }
            if let Some(status) = self
                .child
                .try_wait()
                .context("cannot wait for the server")?
            {
                bail!("the server ended at once: {status}");
            }
            // Only an attempt that was cut off, not one refused at once, needed more time.
            if patience <= begin.elapsed() {
                patience = patience.mul_f64(ATTEMPT_GROWTH);
            }
            clock::pause(ATTEMPT_PAUSE);
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Both fail only when the process has ended and was waited for, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The end of what a server has printed: its data and logs are removed before anybody could look.
fn last_words(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let shown = lines.len().saturating_sub(LAST_WORDS);
    lines.get(shown..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in() {
        let command = ServerCommand::new("zoa serve {cfg} --x {port} {dir}", 4711, Path::new("/d"));
        assert_eq!(command.line(), "zoa serve /d/zoo.cfg --x 4711 /d/data");
    }

    #[test]
    fn a_server_that_ends_at_once_is_reported_with_its_command() {
        let dir = std::env::temp_dir().join(format!("zoa-bench-start-test-{}", std::process::id()));
        let port = crate::bench::ports::free_port().expect("a free port");
        let command = ServerCommand::new("sh -c 'echo no luck; exit 3' {cfg}", port, &dir);
        let error = format!("{:#}", command.start("/").expect_err("it is no server"));
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.contains("sh -c 'echo no luck; exit 3'"), "{error}");
        assert!(error.contains("\nno luck"), "{error}");
        let cfg = std::fs::read_to_string(dir.join("zoo.cfg")).expect("written before the start");
        assert!(cfg.contains(&format!("clientPort={port}\n")), "{cfg}");
        command.wipe().expect("a directory of ours");
        assert!(!dir.exists());
    }
}
