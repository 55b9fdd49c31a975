//! A server process that the checks start, kill and start again.
//!
//! Invariant: whatever happens, no process of ours outlives this one's value.

use anyhow::Context;
use anyhow::bail;
use std::fs::File;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// A running server.
pub(crate) struct ServerProcess(Child);

impl ServerProcess {
    /// Starts the command, its output appended to `log`, and waits until the server serves.
    pub(crate) fn start(command: &[String], address: &str, log: &Path) -> anyhow::Result<Self> {
        let (program, arguments) = command
            .split_first()
            .context("no command to start the server with")?;
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .context("the server's log")?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("starting {program}"))?;
        let mut server = Self(child);
        server.wait_until_served(address, log)?;
        Ok(server)
    }

    fn wait_until_served(&mut self, address: &str, log: &Path) -> anyhow::Result<()> {
        let until = Instant::now() + Duration::from_secs(60);
        while Instant::now() < until {
            if let Some(status) = self.0.try_wait()? {
                bail!(
                    "the server ended with {status} before it served; see {}",
                    log.display()
                );
            }
            if serves(address) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!(
            "the server does not answer srvr on {address}; see {}",
            log.display()
        )
    }

    /// SIGKILL, and gone.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.0.kill().context("killing the server")?;
        self.0.wait().context("waiting for the killed server")?;
        Ok(())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // It may be dead already: then there is nothing to do.
        let _ = self.kill();
    }
}

/// An open port is not enough: the original accepts, and closes again, before it serves.
fn serves(address: &str) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"srvr")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains("Mode: "))
}
