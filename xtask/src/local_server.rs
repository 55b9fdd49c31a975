//! A server that a task starts for itself: ours or the original, on a free port of the loopback, with an empty data directory.
//!
//! Invariant: it does not outlive its value.

use std::fs;
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

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

use crate::ports::free_port;
use crate::workspace;
use crate::workspace::Profile;

/// How long a server may take to serve; the original brings a virtual machine with it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Debian's script for the original.
const PEER: &str = "/usr/share/zookeeper/bin/zkServer.sh";

/// What the original must be told to do all that the client asks for.
const PEER_FLAGS: &str =
    "-Dzookeeper.extendedTypesEnabled=true -Dzookeeper.admin.enableServer=false";

/// A running server.
pub(crate) struct LocalServer {
    child: Child,
    address: String,
}

impl LocalServer {
    /// Starts our server, as built in `profile`.
    pub(crate) fn ours(profile: Profile, folder: &Path) -> Result<Self> {
        let mut command = Command::new(workspace::program(profile));
        command.arg("serve");
        Self::start(command, folder)
    }

    /// Starts the original as Debian has it; it must be installed.
    pub(crate) fn peer(folder: &Path) -> Result<Self> {
        let mut command = Command::new(PEER);
        command
            .arg("start-foreground")
            .env("SERVER_JVMFLAGS", PEER_FLAGS);
        Self::start(command, folder)
    }

    fn start(mut command: Command, folder: &Path) -> Result<Self> {
        if folder.exists() {
            fs::remove_dir_all(folder).context("removing the data of an earlier run")?;
        }
        let data = folder.join("data");
        fs::create_dir_all(&data).context("making a folder for a server")?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let (_, port) = address.split_once(':').context("the address has a port")?;
        let config = format!(
            "tickTime=2000\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n\
             4lw.commands.whitelist=*\n",
            data.display()
        );
        let config_file = folder.join("zoo.cfg");
        fs::write(&config_file, config).context("writing a server's zoo.cfg")?;
        let log = fs::File::create(folder.join("server.log")).context("making a server's log")?;
        let errors = log.try_clone().context("sharing a server's log")?;
        let child = command
            .arg(&config_file)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .context("starting a server")?;
        let mut server = Self { child, address };
        server.await_answer(folder)?;
        Ok(server)
    }

    /// Where clients find it, as `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    fn await_answer(&mut self, folder: &Path) -> Result<()> {
        let log = folder.join("server.log");
        let deadline = Instant::now() + PATIENCE;
        while !serves(&self.address) {
            if let Some(status) = self.child.try_wait().context("looking after a server")? {
                bail!("the server ended with {status}; see {}", log.display());
            }
            ensure!(
                Instant::now() < deadline,
                "the server does not answer; see {}",
                log.display()
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        // It may have ended already: that is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An open port is not enough: the original accepts before it serves.
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
