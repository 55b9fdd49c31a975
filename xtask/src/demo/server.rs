//! The server of the demo: ours from `target/dist`, or one that somebody else has started.
//!
//! Ours runs in the foreground mode of `zkServer.sh`, so that it is our child and cannot be left behind.
//! Invariant: one that we did not start is never stopped.

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

use super::PATIENCE;
use super::stage;
use crate::ports::free_port;
use crate::program;
use crate::workspace;

pub(super) struct Server {
    address: String,
    ours: Option<Ours>,
}

struct Ours {
    child: Child,
    folder: PathBuf,
}

impl Server {
    /// A server that somebody else started, and that the demo leaves alone.
    pub(super) fn running_at(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            ours: None,
        }
    }

    /// Starts the server of `dist` on a free port with an empty data directory.
    pub(super) fn start(dist: &Path) -> Result<Self> {
        Self::start_with(dist, "tickTime=2000\n")
    }

    /// The same, with these lines in its zoo.cfg.
    pub(super) fn start_with(dist: &Path, settings: &str) -> Result<Self> {
        let port = free_port()?;
        let folder = workspace::target().join("demo");
        if folder.exists() {
            fs::remove_dir_all(&folder).context("removing the data of an earlier demo")?;
        }
        fs::create_dir_all(folder.join("conf")).context("making a folder for the demo")?;
        let data = folder.join("data");
        let config = format!(
            "{settings}dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\n",
            data.display()
        );
        fs::write(folder.join("conf/zoo.cfg"), config).context("writing the demo's zoo.cfg")?;
        let script = dist.join("bin/zkServer.sh");
        println!(
            "$ bin/zkServer.sh --config {} start-foreground &",
            folder.join("conf").display()
        );
        let mut command = stage::bound_to_us(&script);
        command
            .arg("--config")
            .arg(folder.join("conf"))
            .arg("start-foreground");
        let log = fs::File::create(folder.join("server.log")).context("making the server's log")?;
        let errors = log.try_clone().context("sharing the server's log")?;
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = command.spawn().context("starting the server")?;
        let mut server = Self {
            address: format!("127.0.0.1:{port}"),
            ours: Some(Ours { child, folder }),
        };
        server.await_answer(&script)?;
        Ok(server)
    }

    /// Where clients find it, as `host:port`.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    fn await_answer(&mut self, script: &Path) -> Result<()> {
        let Some(ours) = &mut self.ours else {
            return Ok(());
        };
        let config = ours.folder.join("conf");
        let mut status = Command::new(script);
        status.arg("--config").arg(&config).arg("status");
        let deadline = Instant::now() + PATIENCE;
        while !program::succeeds(&mut status) {
            let log = fs::read_to_string(ours.folder.join("server.log")).unwrap_or_default();
            if let Some(code) = ours.child.try_wait().context("looking after the server")? {
                bail!("the server ended with {code}:\n{log}");
            }
            ensure!(
                Instant::now() < deadline,
                "the server does not answer:\n{log}"
            );
            thread::sleep(Duration::from_millis(20));
        }
        let mut status = Command::new(script);
        program::run(status.arg("--config").arg(&config).arg("status"))
    }

    /// Stops it as a service manager would, and checks that it ended well.
    pub(super) fn stop(mut self) -> Result<()> {
        let Some(mut ours) = self.ours.take() else {
            return Ok(());
        };
        program::run(Command::new("kill").args(["-TERM", &ours.child.id().to_string()]))?;
        let status = ours.child.wait().context("waiting for the server to end")?;
        ensure!(
            status.success(),
            "the server ended with {status} after SIGTERM"
        );
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(ours) = &mut self.ours {
            drop(ours.child.kill());
            drop(ours.child.wait());
        }
    }
}
