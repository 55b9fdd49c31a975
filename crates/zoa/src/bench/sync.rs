//! `zoa bench sync`: what one durable write costs on a disk, without any server.
//!
//! It is the floor under every write latency: a server that answers a write after it is durable
//! cannot be faster. Two ways are measured: overwriting a block of an allocated file through
//! `O_DIRECT|O_DSYNC`, as the log of this server does, and appending with `fdatasync`, as most logs
//! do.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use rustix::fs::OFlags;

use crate::bench::clock;
use crate::bench::latency::Latencies;
use crate::bench::report::Report;
use crate::bench::report::Unit;

/// The block written at a time, bytes; also the alignment that `O_DIRECT` asks for at most.
const BLOCK_LEN: usize = 4096;
/// Blocks of the file that is overwritten: 16 MiB.
const BLOCKS: u64 = 4096;

/// Options of `zoa bench sync`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SyncArgs {
    /// Directory on the disk to measure; two files are written there and removed again
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// How long each of the two ways is measured
    #[arg(long, default_value_t = 2.0, value_parser = crate::bench::args::parse_seconds)]
    pub(crate) seconds: f64,
    /// Print one JSON line instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// Measures both ways on the disk that holds `dir`.
pub(crate) fn measure(dir: &Path, length: Duration) -> Result<Report> {
    let mut report = Report::new("sync");
    report.parameter("dir", dir.display().to_string());
    report.parameter("block_bytes", BLOCK_LEN);
    match measure_overwrites(dir, length)? {
        Some(overwrites) => report.extend(figures(&overwrites, "overwrite_")),
        None => report.parameter("o_direct", "not supported by this file system"),
    }
    let appends = measure_appends(dir, length)?;
    report.extend(figures(&appends, "append_"));
    Ok(report)
}

fn figures(latencies: &Latencies, prefix: &str) -> Vec<crate::bench::report::Figure> {
    let mut figures = latencies.figures(prefix);
    let count = u32::try_from(latencies.count()).unwrap_or(u32::MAX);
    figures.push(crate::bench::report::Figure::new(
        format!("{prefix}writes"),
        Unit::Count,
        f64::from(count),
    ));
    figures
}

/// One block after the other of an allocated, zeroed file; `None` where the file system has no
/// `O_DIRECT`.
fn measure_overwrites(dir: &Path, length: Duration) -> Result<Option<Latencies>> {
    let scratch = Scratch::create(dir, "zoa-bench-sync-overwrite")?;
    scratch.fill_with_zeroes()?;
    let flags = OFlags::DIRECT | OFlags::DSYNC;
    let flags =
        i32::try_from(flags.bits()).context("the open flags of this platform do not fit")?;
    let file = match OpenOptions::new()
        .write(true)
        .custom_flags(flags)
        .open(&scratch.path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot open {}", scratch.path.display()));
        }
    };
    let memory = vec![0x5a_u8; 2 * BLOCK_LEN];
    let offset = memory.as_ptr().align_offset(BLOCK_LEN);
    let block = memory
        .get(offset..offset + BLOCK_LEN)
        .context("memory could not be aligned")?;
    let mut latencies = Latencies::new();
    let end = clock::now() + length;
    for number in 0_u64.. {
        let before = clock::now();
        if before >= end {
            break;
        }
        let position = number % BLOCKS * u64::try_from(BLOCK_LEN).unwrap_or(0);
        file.write_all_at(block, position)
            .with_context(|| scratch.failed("overwrite"))?;
        latencies.record(before.elapsed());
    }
    Ok(Some(latencies))
}

/// One block after the other at the end of a growing file, each followed by `fdatasync`.
fn measure_appends(dir: &Path, length: Duration) -> Result<Latencies> {
    let mut scratch = Scratch::create(dir, "zoa-bench-sync-append")?;
    let block = vec![0x5a_u8; BLOCK_LEN];
    let mut latencies = Latencies::new();
    let end = clock::now() + length;
    loop {
        let before = clock::now();
        if before >= end {
            return Ok(latencies);
        }
        let written = scratch
            .file
            .write_all(&block)
            .and_then(|()| scratch.file.sync_data());
        written.with_context(|| scratch.failed("append to"))?;
        latencies.record(before.elapsed());
    }
}

/// A file that goes when the measurement ends.
struct Scratch {
    path: PathBuf,
    file: File,
}

impl Scratch {
    fn create(dir: &Path, name: &str) -> Result<Self> {
        let path = dir.join(format!("{name}-{}", std::process::id()));
        let file =
            File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path, file })
    }

    fn fill_with_zeroes(&self) -> Result<()> {
        let zeroes = vec![0_u8; 256 * BLOCK_LEN];
        let mut file = &self.file;
        for _ in 0..BLOCKS / 256 {
            file.write_all(&zeroes)
                .with_context(|| self.failed("fill"))?;
        }
        self.file.sync_all().with_context(|| self.failed("sync"))
    }

    fn failed(&self, what: &str) -> String {
        format!("cannot {what} {}", self.path.display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing better can be done with a scratch file that does not go away.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_measured_and_left_clean() {
        let dir = std::env::temp_dir().join(format!("zoa-bench-sync-test-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a writable temporary directory");
        let report = measure(&dir, Duration::from_millis(50)).expect("a writable directory");
        let appended = report
            .find("append_p50_us")
            .expect("append is always measured");
        assert!(appended.value > 0.0, "{appended:?}");
        assert_eq!(std::fs::read_dir(&dir).expect("still there").count(), 0);
        std::fs::remove_dir(&dir).expect("empty");
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error_that_names_it() {
        let missing = Path::new("/nonexistent-zoa-bench");
        let error = measure(missing, Duration::from_millis(1)).expect_err("no such directory");
        assert!(
            error.to_string().contains("/nonexistent-zoa-bench"),
            "{error}"
        );
    }
}
