//! A folder with a configuration, a port and the scripts, for one check.
//!
//! It checks nothing itself. Invariant: the server whose process id stands in its data directory dies
//! with the value.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::program;
use crate::workspace;

/// What the script said and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Answer {
    /// Checks the exit code and all of stdout.
    pub(super) fn expect(&self, code: i32, stdout: &str) -> Result<()> {
        let holds = self.code == code && self.stdout == stdout;
        ensure!(holds, "expected code {code} and {stdout:?}, got {self:?}");
        Ok(())
    }

    /// Checks that stderr has `words` in it.
    pub(super) fn expect_error(&self, words: &str) -> Result<()> {
        ensure!(
            self.stderr.contains(words),
            "stderr should say {words:?}: {self:?}"
        );
        Ok(())
    }
}

pub(super) struct Playground {
    /// Everything of this check lies here.
    pub(super) folder: PathBuf,
    /// The port in its zoo.cfg.
    pub(super) port: u16,
    script: PathBuf,
}

impl Playground {
    /// An empty data directory, a zoo.cfg for it and a free port.
    pub(super) fn new(dist: &Path) -> Result<Self> {
        let folder = workspace::target().join("scripts-check");
        if folder.exists() {
            fs::remove_dir_all(&folder).context("removing what an earlier check left")?;
        }
        fs::create_dir_all(folder.join("conf"))?;
        fs::create_dir_all(folder.join("data"))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let playground = Self {
            folder,
            port,
            script: dist.join("bin/zkServer.sh"),
        };
        playground.configure("tickTime=2000")?;
        Ok(playground)
    }

    /// Writes a zoo.cfg with `lines` beside the data directory and the port.
    pub(super) fn configure(&self, lines: &str) -> Result<()> {
        let data = self.folder.join("data");
        let text = format!(
            "{lines}\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\n",
            data.display(),
            self.port
        );
        fs::write(self.folder.join("conf/zoo.cfg"), text).context("writing zoo.cfg")
    }

    /// Runs `zkServer.sh --config conf` with these words.
    pub(super) fn run(&self, words: &[&str]) -> Result<Answer> {
        self.run_with(&[], words)
    }

    /// The same with more in the environment.
    pub(super) fn run_with(&self, environment: &[(&str, &str)], words: &[&str]) -> Result<Answer> {
        let mut command = self.command(words);
        command
            .envs(environment.iter().copied())
            .stdin(Stdio::null());
        let output = command.output().context("starting zkServer.sh")?;
        Ok(Answer {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// The command line, for a check that wants to hold the process.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.script);
        command
            .arg("--config")
            .arg(self.folder.join("conf"))
            .args(words);
        let ours = [
            "ZOOCFG",
            "ZOOCFGDIR",
            "ZOOPIDFILE",
            "ZOA",
            "SERVER_JVMFLAGS",
            "JVMFLAGS",
            "ZOO_NOEXEC",
        ];
        for name in ours {
            command.env_remove(name);
        }
        command.env("ZOO_LOG_DIR", self.folder.join("logs"));
        command
    }

    /// What the server answers to a four-letter word.
    pub(super) fn ask(&self, word: &str) -> Result<String> {
        let mut stream =
            TcpStream::connect(("127.0.0.1", self.port)).context("connecting to the server")?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(word.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Where the script keeps the process id.
    pub(super) fn pid_file(&self) -> PathBuf {
        self.folder.join("data/zookeeper_server.pid")
    }

    /// The process id it has kept.
    pub(super) fn pid(&self) -> Result<String> {
        fs::read_to_string(self.pid_file()).context("reading the process id")
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        let Ok(pid) = self.pid() else { return };
        let name = fs::read_to_string(format!("/proc/{}/comm", pid.trim())).unwrap_or_default();
        if name.trim() == "zoa" {
            // It may end by itself in between, which is just as well.
            let _gone = program::succeeds(Command::new("kill").args(["-KILL", pid.trim()]));
        }
    }
}
