//! The part of the tree that a workload uses: a directory of its own, made before and removed after
//! it.
//!
//! Its name is random, so that two runs against one server do not meet.

use std::hash::BuildHasher as _;
use std::hash::RandomState;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;

use crate::bench::args::Target;
use crate::bench::process::Processes;
use crate::bench::session::Session;
use crate::bench::session::answering;

/// How long one step of preparing or clearing may take; listing a million children is the longest.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that answers, and a directory on it.
pub(crate) struct Grounds {
    addresses: Vec<SocketAddr>,
    root: String,
    processes: Processes,
}

impl Grounds {
    /// Makes a directory on the target, runs `work` with it and removes it, whatever came of the
    /// work.
    pub(crate) fn with<R>(target: &Target, work: impl FnOnce(&Self) -> Result<R>) -> Result<R> {
        let grounds = Self::make(target)?;
        let outcome = work(&grounds);
        if target.keep {
            return outcome;
        }
        let cleared = grounds.clear();
        let found = outcome?;
        cleared?;
        Ok(found)
    }

    fn make(target: &Target) -> Result<Self> {
        let processes = Processes::new(&target.pids)?;
        let addresses = answering(&target.server, PATIENCE)?;
        let mut session = Session::open(&addresses, PATIENCE)?;
        let root = format!("/zoa-bench-{:016x}", RandomState::new().hash_one(0));
        session.create(&root, b"")?;
        session.close();
        Ok(Self {
            addresses,
            root,
            processes,
        })
    }

    fn clear(&self) -> Result<()> {
        let mut session = self.session()?;
        session
            .delete_all(&self.root)
            .with_context(|| format!("cannot remove {}", self.root))?;
        session.close();
        Ok(())
    }

    /// Where the servers listen.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The directory.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// The server's processes, as far as they were named.
    pub(crate) fn processes(&self) -> &Processes {
        &self.processes
    }

    /// A blocking session for what is not measured.
    pub(crate) fn session(&self) -> Result<Session> {
        Session::open(&self.addresses, PATIENCE)
    }

    /// Creates so many znodes with so much data each, and waits until every server has them; their
    /// paths.
    pub(crate) fn keys(&self, count: usize, value_bytes: usize) -> Result<Vec<String>> {
        let paths: Vec<_> = (0..count).map(|number| key(&self.root, number)).collect();
        let mut session = self.session()?;
        session.create_all(&paths, &value(value_bytes))?;
        session.close();
        if 1 < self.addresses.len() {
            for &address in &self.addresses {
                let mut session = Session::open(&[address], PATIENCE)?;
                session.sync(&self.root)?;
                session.close();
            }
        }
        Ok(paths)
    }
}

/// Where numbered znodes stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// All in one directory.
    OneDirectory(String),
    /// A few in each of many directories, which stand in this one.
    ManyDirectories(String),
}

impl Layout {
    /// Znodes in each directory, where there are many.
    const SIBLINGS: usize = 100;

    /// The path of the znode of this number.
    pub(crate) fn path(&self, number: usize) -> String {
        match self {
            Self::OneDirectory(root) => key(root, number),
            Self::ManyDirectories(root) => key(&key(root, number / Self::SIBLINGS), number),
        }
    }

    /// The directories to be made before the first `count` znodes.
    pub(crate) fn directories(&self, count: usize) -> Vec<String> {
        match self {
            Self::OneDirectory(_) => Vec::new(),
            Self::ManyDirectories(root) => (0..count.div_ceil(Self::SIBLINGS))
                .map(|directory| key(root, directory))
                .collect(),
        }
    }
}

/// The path of the znode of this number in `directory`.
pub(crate) fn key(directory: &str, number: usize) -> String {
    format!("{directory}/k{number:07}")
}

/// Data of this length, the same each time.
pub(crate) fn value(len: usize) -> Vec<u8> {
    b"zoarium ".iter().copied().cycle().take(len).collect()
}
