//! Keeps zoo.cfg and the file that it names for the servers as the last reconfig left them, as the original does.
//!
//! ```text
//!   lines of the tree --> [ members thread ] --> zoo.cfg.dynamic.<version>, then zoo.cfg
//! ```
//!
//! What it is not: something that the ensemble relies on. The replicated state knows the servers; a file that could not be written is
//! worth a warning and nothing more. Invariant: each file is replaced whole and is durable before the next is touched, and zoo.cfg never
//! becomes one that this server could not start from.

use std::ffi::OsString;
use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::thread::JoinHandle;

use zoa_proto::PeerId;
use zoa_tree::ClientAddress;
use zoa_tree::MemberLines;
use zoa_tree::ServerAddress;
use zoa_tree::ServerLine;

use crate::config::NextFiles;
use crate::config::ServerConfig;
use crate::config::next_files;

/// Where the settings of this server stand.
#[derive(Clone, Debug)]
pub struct ConfigFiles {
    /// zoo.cfg, as it was named at start.
    pub config: PathBuf,
    /// What was laid over it on the command line.
    pub words: Vec<String>,
}

/// Who hears of new lines.
pub(crate) type Told = mpsc::Sender<MemberLines>;

/// What the thread works on.
pub(crate) struct MemberFiles {
    /// `None` where a reconfig is not allowed: then nothing is written, as in the original.
    pub(crate) files: Option<ConfigFiles>,
    pub(crate) me: PeerId,
    /// `None` once it was said that it should be elsewhere.
    pub(crate) listens: Option<Listens>,
}

/// Where this server listens.
pub(crate) struct Listens {
    /// For the other servers.
    pub(crate) addresses: Vec<ServerAddress>,
    /// For clients, without TLS.
    pub(crate) client_port: Option<u16>,
    /// For clients, with it.
    pub(crate) secure_client_port: Option<u16>,
}

impl Listens {
    /// Whether this is what the line says, as far as it says anything.
    fn is_as_in(&self, line: &ServerLine) -> bool {
        let port = |said: &Option<ClientAddress>| said.as_ref().map(|client| client.port);
        let (client, secure) = (port(&line.client), port(&line.secure_client));
        line.addresses == self.addresses
            && (client.is_none() || client == self.client_port)
            && (secure.is_none() || secure == self.secure_client_port)
    }
}

/// Starts the thread; it ends when nobody can tell it anything any more.
pub(crate) fn start(member_files: MemberFiles) -> io::Result<(Told, JoinHandle<()>)> {
    let (told, heard) = mpsc::channel();
    let thread = thread::Builder::new().name("members".to_owned());
    let handle = thread.spawn(move || member_files.run(&heard))?;
    Ok((told, handle))
}

impl MemberFiles {
    fn run(mut self, heard: &mpsc::Receiver<MemberLines>) {
        while let Ok(lines) = heard.recv() {
            // Only the last counts.
            let lines = heard.try_iter().last().unwrap_or(lines);
            // As founded they are what the operator wrote.
            if lines.version().0 != 0 {
                self.write(&lines);
                self.look_at_own(&lines);
            }
        }
    }

    fn write(&self, lines: &MemberLines) {
        let Some(files) = &self.files else { return };
        match write(files, self.me, lines) {
            Ok(None) => {}
            Ok(Some(path)) => tracing::info!(
                "{} names the servers from here on, in {}",
                files.config.display(),
                path.display()
            ),
            Err(error) => tracing::warn!(
                "{} does not name the servers that a reconfig left: {error}. This server goes on with those; give it the lines of \
                 /zookeeper/config before it loses its data",
                files.config.display()
            ),
        }
    }

    /// Says so when this server should listen elsewhere than it does.
    fn look_at_own(&mut self, lines: &MemberLines) {
        let Some(own) = lines.get(self.me) else {
            return;
        };
        if self
            .listens
            .take_if(|listens| !listens.is_as_in(own))
            .is_some()
        {
            tracing::warn!(
                "a reconfig gave this server the line server.{}={own}, and it does not listen there yet: restart it",
                self.me.0
            );
        }
    }
}

/// Writes what is not so yet; returns the file that names the servers if anything was.
fn write(files: &ConfigFiles, me: PeerId, lines: &MemberLines) -> io::Result<Option<PathBuf>> {
    let path = std::path::absolute(&files.config)?;
    let old = fs::read(&path)?;
    let Some(next) = next_files(&path, &old, me, lines) else {
        return Ok(None);
    };
    let named = fs::read(&next.dynamic_path).unwrap_or_default();
    if old == next.config_text.as_bytes() && named == next.dynamic_text.as_bytes() {
        return Ok(None);
    }
    check(files, &path, &next)?;
    // A link is followed: what it leads to is what the operator edits.
    let target = fs::canonicalize(&path)?;
    let rights = fs::metadata(&target)?.permissions();
    if next.keeps_old {
        replace(&with_suffix(&path, ".bak"), &old, &rights)?;
    }
    replace(&next.dynamic_path, next.dynamic_text.as_bytes(), &rights)?;
    replace(&target, next.config_text.as_bytes(), &rights)?;
    Ok(Some(next.dynamic_path))
}

/// Whether this server could start from these files.
fn check(files: &ConfigFiles, path: &Path, next: &NextFiles) -> io::Result<()> {
    let read = |asked: &Path| {
        if asked == path {
            return Ok(next.config_text.clone().into_bytes());
        }
        if asked == next.dynamic_path {
            return Ok(next.dynamic_text.clone().into_bytes());
        }
        fs::read(asked)
    };
    let loaded = ServerConfig::load_through(&read, path, &files.words);
    loaded.map(drop).map_err(|errors| {
        let what = format!("a server could not start from it then: {errors}");
        io::Error::new(io::ErrorKind::InvalidInput, what)
    })
}

/// Puts a whole file in the place of another, durably.
fn replace(path: &Path, content: &[u8], rights: &fs::Permissions) -> io::Result<()> {
    let explain = |error: io::Error| {
        io::Error::new(
            error.kind(),
            format!("{} cannot be written: {error}", path.display()),
        )
    };
    let next = with_suffix(path, ".tmp");
    let write = || {
        let mut file = File::create(&next)?;
        // Before anything is in it: there may be secrets.
        file.set_permissions(rights.clone())?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&next, path)?;
        let dir = path
            .parent()
            .expect("an absolute path of a file has a folder");
        File::open(dir)?.sync_all()
    };
    write().map_err(|error| {
        fs::remove_file(&next).ok();
        explain(error)
    })
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
