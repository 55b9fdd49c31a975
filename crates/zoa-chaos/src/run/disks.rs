//! What is done with whole disks: put back as they were, or kept.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use super::Run;
use crate::clock::pause_ms;

impl Run {
    /// Everybody is killed and has the disk again that it had some time before. Nothing survives that: it shows what is noticed.
    pub(crate) async fn rewind(&mut self) -> Result<()> {
        pause_ms(1_500).await;
        self.begin_outage();
        self.kill_all();
        let aside = |data: PathBuf| data.with_file_name("data-before");
        for server in &self.servers {
            copy_folder(&server.data(), &aside(server.data()))?;
        }
        for number in self.numbers() {
            self.start(number)?;
        }
        self.await_whole().await?;
        pause_ms(3_000).await;
        self.kill_all();
        self.gather_from(1)?;
        for server in &self.servers {
            fs::remove_dir_all(server.data()).context("taking a disk away")?;
            fs::rename(aside(server.data()), server.data()).context("putting a disk back")?;
        }
        self.say("all servers have their disks of some seconds ago");
        for number in self.numbers() {
            self.start(number)?;
        }
        self.await_whole().await?;
        pause_ms(1_500).await;
        Ok(())
    }

    /// Keeps what is on the disks, for people who look for a cause.
    pub(crate) fn keep_disks(folder: &Path, servers: u8) {
        for number in 1..=servers {
            let server = folder.join(format!("server-{number}"));
            let (from, to) = (server.join("disk/data"), server.join("data-at-the-end"));
            copy_folder(&from, &to).ok();
        }
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let output = Command::new("cp").arg("-r").arg(from).arg(to).output();
    let output = output.context("starting cp")?;
    ensure!(
        output.status.success(),
        "cp ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
