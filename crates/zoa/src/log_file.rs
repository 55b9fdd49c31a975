//! Where log lines go: the terminal, or a file in ZOO_LOG_DIR that never grows without bound.
//!
//! ```text
//!   zoarium.log      until it is full, then it becomes
//!   zoarium.log.1    and the one before that is gone
//! ```

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use anyhow::Context;
use tracing_subscriber::fmt::MakeWriter;

use crate::limits::LOG_FILE_LEN_MAX;

/// Sends log lines of `level` and above to the terminal.
pub(crate) fn to_terminal(level: tracing::Level) {
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_writer(io::stderr)
        .init();
}

/// Sends log lines of `level` and above to `zoarium.log` in `dir`.
pub(crate) fn to_dir(dir: &Path, level: tracing::Level) -> anyhow::Result<()> {
    let file = LogFile::open(dir.join("zoarium.log"), LOG_FILE_LEN_MAX)
        .with_context(|| format!("cannot write logs to {}", dir.display()))?;
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false)
        .with_writer(Lines(Arc::new(Mutex::new(file))))
        .init();
    Ok(())
}

/// A file that begins anew when it is full.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: File,
    len: u64,
    len_max: u64,
}

impl LogFile {
    fn open(path: PathBuf, len_max: u64) -> io::Result<Self> {
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let len = file.metadata()?.len();
        Ok(Self {
            path,
            file,
            len,
            len_max,
        })
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        let mut older = self.path.clone().into_os_string();
        older.push(".1");
        std::fs::rename(&self.path, older)?;
        self.file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        self.len = 0;
        Ok(())
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.len >= self.len_max {
            self.begin_anew()?;
        }
        let written = self.file.write(line)?;
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Hands the one file to every thread that has a line.
#[derive(Clone, Debug)]
struct Lines(Arc<Mutex<LogFile>>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flush()
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_begins_anew_and_one_older_is_kept() {
        let dir = std::env::temp_dir().join(format!("zoa-log-file-{}", std::process::id()));
        let mut file = LogFile::open(dir.join("zoarium.log"), 10).expect("a temporary folder");
        for line in ["first line\n", "second line\n", "third line\n"] {
            file.write_all(line.as_bytes()).expect("written");
        }
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).expect("it is there");
        assert_eq!(read("zoarium.log"), "third line\n");
        assert_eq!(read("zoarium.log.1"), "second line\n");
        std::fs::remove_dir_all(&dir).expect("removed");
    }

    #[test]
    fn the_logs_take_no_more_than_twice_log_file_len_max_and_a_line() {
        let dir = std::env::temp_dir().join(format!("zoa-log-files-{}", std::process::id()));
        let mut file = LogFile::open(dir.join("zoarium.log"), LOG_FILE_LEN_MAX).expect("a folder");
        let line = vec![b'n'; 1 << 20];
        for _ in 0..3 * LOG_FILE_LEN_MAX / (1 << 20) {
            file.write_all(&line).expect("written");
        }
        let entries = std::fs::read_dir(&dir).expect("it is there");
        let lens: Vec<u64> = entries
            .map(|entry| {
                entry
                    .and_then(|entry| entry.metadata())
                    .expect("a file")
                    .len()
            })
            .collect();
        assert_eq!(lens.len(), 2);
        let longest = LOG_FILE_LEN_MAX + (1 << 20);
        assert!(lens.iter().all(|len| *len <= longest), "{lens:?}");
        std::fs::remove_dir_all(&dir).expect("removed");
    }
}
