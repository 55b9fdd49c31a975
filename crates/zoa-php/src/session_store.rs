//! Where PHP's sessions are kept, and the locks on them: no PHP in here.
//!
//! ```text
//! /php-sessid/<id>                          the session's string
//! /php-sessid/<id>-lock/x-<session>-NNN     who holds it (the lowest number) and who waits; ephemeral
//! ```
//!
//! The layout is the original's, so that both can serve one site while it is moved over. Invariants: what was read under the lock
//! is written only while the lock still stands; both are said in one multi. No lock outlives its request: a connection that is
//! lost under way is waited for, and what is in doubt after that is said, so that the client is given up with all it holds.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use std::time::Instant;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use zoa_client::Acl;
use zoa_client::CreateMode;
use zoa_client::CreateOptions;
use zoa_client::Error;
use zoa_client::ErrorCode;
use zoa_client::ErrorKind;
use zoa_client::Multi;
use zoa_client::Perms;
use zoa_client::Reason;
use zoa_client::Stat;
use zoa_client::Version;
use zoa_client::blocking::Client;

use crate::limits::SESSION_GC_BATCH_LEN;
use crate::limits::SESSION_ID_LEN_MAX;
use crate::process::OfProcess;

const ROOT: &str = "/php-sessid";
const LOCK_SUFFIX: &str = "-lock";

/// How often a lock is queued up for while others remove its parent; then the session is refused.
const LOCK_TRIES_MAX: usize = 100;

/// Why a session could not be served, in words for a warning.
pub(crate) type Trouble = String;

/// The sessions at one place, for the length of one request.
#[derive(Debug)]
pub(crate) struct Store {
    client: Rc<OfProcess<Client>>,
    deadline: Instant,
    /// What the lock limit was, for the warning.
    limit: Duration,
    lock: Option<Lock>,
    /// What is made belongs to the client's identities alone.
    is_private: bool,
    /// A lock may be left behind.
    is_in_doubt: Cell<bool>,
}

/// A lock that is held.
#[derive(Debug)]
struct Lock {
    id: String,
    parent: String,
    node: String,
}

impl Store {
    /// Sessions behind this client; locks are waited for within `limit` from now on. With `is_private`, what is made is open to
    /// the client's identities only.
    pub(crate) fn new(client: Rc<OfProcess<Client>>, limit: Duration, is_private: bool) -> Self {
        Self {
            client,
            deadline: after(limit),
            limit,
            lock: None,
            is_private,
            is_in_doubt: Cell::new(false),
        }
    }

    /// Whether a lock may be left behind that lives as long as the client's session.
    pub(crate) const fn is_in_doubt(&self) -> bool {
        self.is_in_doubt.get()
    }

    /// Asks again while the connection is lost under way; only for what may be applied twice.
    fn insist<R>(
        &self,
        until: Instant,
        ask: impl Fn(&Client) -> Result<R, Error>,
    ) -> Result<Result<R, Error>, Trouble> {
        let client = self.client()?;
        loop {
            match ask(client) {
                // The next request waits for the next connection.
                Err(error) if is_lost(&error) && now() < until => {}
                result => return Ok(result),
            }
        }
    }

    fn options(&self, mode: CreateMode) -> CreateOptions {
        let options = CreateOptions::new(mode);
        if !self.is_private {
            return options;
        }
        options.acl([Acl {
            perms: Perms::ALL,
            scheme: "auth".to_owned(),
            id: String::new(),
        }])
    }

    fn client(&self) -> Result<&Client, Trouble> {
        let client = self.client.get();
        client.ok_or_else(|| "the session was opened before this process was forked".to_owned())
    }

    /// Reads a session; with `locked`, takes its lock first. One that is older than `age_max_s` is as none.
    pub(crate) fn read(
        &mut self,
        id: &str,
        age_max_s: i64,
        locked: bool,
    ) -> Result<Vec<u8>, Trouble> {
        let path = path_of(id)?;
        if locked {
            self.take_lock(id)?;
        }
        match self.insist(self.deadline, |client| client.get_data(&path))? {
            Ok(node) if is_expired(&node.stat, age_max_s) => Ok(Vec::new()),
            Ok(node) => Ok(node.data.unwrap_or_default()),
            Err(error) if is_no_node(&error) => Ok(Vec::new()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Writes a session; if it was locked, only while the lock stands.
    pub(crate) fn write(&self, id: &str, data: &[u8]) -> Result<(), Trouble> {
        let path = path_of(id)?;
        let lock = self.lock.as_ref().filter(|lock| lock.id == id);
        let fence = || match lock {
            Some(lock) => Multi::new().check(&lock.node, Version::ANY),
            None => Multi::new(),
        };
        let until = after(self.limit);
        loop {
            // With the lock held, nobody else writes: a second time does no harm.
            let set = fence().set_data(&path, data, Version::ANY);
            let set = self.insist(until, |client| client.multi(&set))?;
            let Err(error) = set else { return Ok(()) };
            let failed = failed_at(&error);
            if lock.is_some() && failed == Some(0) {
                return Err(lost());
            }
            if !is_no_node(&error) {
                return Err(error.to_string());
            }
            let create = fence().create(&path, data, self.options(CreateMode::Persistent));
            match self.insist(until, |client| client.multi(&create))? {
                Ok(_) => return Ok(()),
                Err(error) if lock.is_some() && failed_at(&error) == Some(0) => return Err(lost()),
                Err(error) if is_no_node(&error) => self.make_root()?,
                // Somebody without the lock was faster, or an earlier attempt of ours: set it then.
                Err(error) if error.code() == ErrorCode::NodeExists => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Removes a session and its lock.
    pub(crate) fn destroy(&mut self, id: &str) -> Result<(), Trouble> {
        let path = path_of(id)?;
        let until = after(self.limit);
        match self.insist(until, |client| client.delete(&path, Version::ANY))? {
            Err(error) if !is_no_node(&error) => return Err(error.to_string()),
            Ok(()) | Err(_) => {}
        }
        self.unlock()
    }

    /// Whether there is such a session.
    pub(crate) fn is_known(&self, id: &str, age_max_s: i64) -> Result<bool, Trouble> {
        let Ok(path) = path_of(id) else {
            return Ok(false);
        };
        let stat = self.insist(self.deadline, |client| client.exists(&path))?;
        let stat = stat.map_err(|error| error.to_string())?;
        Ok(stat.is_some_and(|stat| !is_expired(&stat, age_max_s)))
    }

    /// Gives the lock back, and removes its parent when nobody waits.
    pub(crate) fn unlock(&mut self) -> Result<(), Trouble> {
        match self.lock.take() {
            Some(lock) => self.leave(&lock.parent, &lock.node),
            None => Ok(()),
        }
    }

    /// Removes a node of ours from the queue for a lock, and the queue when it is empty: both are sent, and then both answers
    /// are waited for.
    fn leave(&self, parent: &str, node: &str) -> Result<(), Trouble> {
        let left = self.insist(after(self.limit), |client| {
            let left = client.handle().delete(node, Version::ANY);
            let cleared = client.handle().delete(parent, Version::ANY);
            let left = left.wait();
            // Refused while others wait.
            let _ = cleared.wait();
            left
        });
        match left? {
            Err(error) if !is_no_node(&error) => {
                self.is_in_doubt.set(true);
                Err(error.to_string())
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Removes sessions that are older than `age_max_s`, and lock parents that were left; gives how many sessions. What it does
    /// not come to within the limit is left to the next collection.
    pub(crate) fn collect(&self, age_max_s: i64) -> Result<i64, Trouble> {
        let client = self.client()?;
        let names = match client.get_children(ROOT) {
            Err(error) if is_no_node(&error) => return Ok(0),
            names => names.map_err(|error| error.to_string())?,
        };
        let mut count = 0;
        for batch in names.chunks(SESSION_GC_BATCH_LEN) {
            if now() >= self.deadline {
                break;
            }
            let asked: Vec<_> = batch
                .iter()
                .map(|name| {
                    let path = format!("{ROOT}/{name}");
                    let pending = client.handle().exists(&path);
                    (name, path, pending)
                })
                .collect();
            for (name, path, pending) in asked {
                let Some(stat) = pending.wait().map_err(|error| error.to_string())? else {
                    continue;
                };
                if name.ends_with(LOCK_SUFFIX) {
                    // Refused while somebody holds it or waits.
                    let _ = client.delete(&path, Version::ANY);
                } else if is_expired(&stat, age_max_s) && client.delete(&path, stat.version).is_ok()
                {
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    fn take_lock(&mut self, id: &str) -> Result<(), Trouble> {
        self.unlock()?;
        let parent = format!("{ROOT}/{id}{LOCK_SUFFIX}");
        let node = self.queue_up(&parent)?;
        match self.await_turn(&parent, &node) {
            Ok(()) => {
                let id = id.to_owned();
                self.lock = Some(Lock { id, parent, node });
                Ok(())
            }
            Err(trouble) => {
                // Nobody is to wait for us.
                let _ = self.leave(&parent, &node);
                Err(trouble)
            }
        }
    }

    /// What the names of our nodes in queues begin with: one client asks for one lock at a time.
    fn own_prefix(&self) -> Result<String, Trouble> {
        let session = self.client()?.handle().session_id().0;
        Ok(format!("x-{session:016x}-"))
    }

    /// Makes our node below the lock's parent; parent and node are sent together.
    fn queue_up(&self, parent: &str) -> Result<String, Trouble> {
        let client = self.client()?;
        let prefix = format!("{parent}/{}", self.own_prefix()?);
        for _ in 0..LOCK_TRIES_MAX {
            let none = None::<&[u8]>;
            let persistent = self.options(CreateMode::Persistent);
            let parent_made = client.handle().create(parent, none, persistent);
            let ephemeral = self.options(CreateMode::EphemeralSequential);
            let made = client.handle().create(&prefix, none, ephemeral);
            let parent_made = parent_made.wait();
            match made.wait() {
                Ok(node) => return Ok(node),
                // If it was made all the same, it stands before the next one, and is removed there.
                Err(error) if is_lost(&error) && now() < self.deadline => {}
                Err(error) if !is_no_node(&error) => {
                    self.is_in_doubt.set(true);
                    return Err(error.to_string());
                }
                // The parent's last user removed it in between, or the root is missing.
                Err(_) => {
                    if parent_made.is_err_and(|error| is_no_node(&error)) {
                        self.make_root()?;
                    }
                }
            }
        }
        Err("the session's lock is removed as often as it is made".to_owned())
    }

    /// Waits until no lower number is left.
    fn await_turn(&self, parent: &str, node: &str) -> Result<(), Trouble> {
        let own = number_of(node).ok_or_else(|| format!("the server made {node}"))?;
        loop {
            let names = self.insist(self.deadline, |client| client.get_children(parent))?;
            let names = names.map_err(|error| error.to_string())?;
            if !names.iter().any(|name| number_of(name) == Some(own)) {
                return Err(lost());
            }
            let before = names
                .iter()
                .filter_map(|name| number_of(name).map(|number| (number, name)))
                .filter(|(number, _)| *number < own)
                .max();
            let Some((_, name)) = before else {
                return Ok(());
            };
            let path = format!("{parent}/{name}");
            if name.starts_with(&self.own_prefix()?) {
                // Made by a request whose answer was lost.
                let removed =
                    self.insist(self.deadline, |client| client.delete(&path, Version::ANY));
                match removed? {
                    Err(error) if !is_no_node(&error) => return Err(error.to_string()),
                    Ok(()) | Err(_) => continue,
                }
            }
            let watched = self.insist(self.deadline, |client| client.exists_and_watch(&path))?;
            let (stat, mut watch) = watched.map_err(|error| error.to_string())?;
            if stat.is_none() {
                continue;
            }
            let left = self.deadline.saturating_duration_since(now());
            if left.is_zero() || watch.wait_for(left).is_none() {
                return Err(format!(
                    "the session is locked by another request for more than {} s",
                    self.limit.as_secs()
                ));
            }
        }
    }

    fn make_root(&self) -> Result<(), Trouble> {
        let made = self.insist(self.deadline, |client| {
            client.create(ROOT, None::<&[u8]>, self.options(CreateMode::Persistent))
        });
        match made? {
            Err(error) if error.code() != ErrorCode::NodeExists => Err(error.to_string()),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// The path of a session's data.
fn path_of(id: &str) -> Result<String, Trouble> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b',' || byte == b'-';
    if id.is_empty() || id.len() > SESSION_ID_LEN_MAX || !id.bytes().all(is_plain) {
        return Err(
            "the session id is too long or contains illegal characters, valid characters are a-z, A-Z, 0-9 and '-,'"
                .to_owned(),
        );
    }
    // It would be the lock of another one.
    if id.ends_with(LOCK_SUFFIX) {
        return Err("a session id must not end in -lock".to_owned());
    }
    Ok(format!("{ROOT}/{id}"))
}

/// The number at the end of a lock's node: ten digits.
fn number_of(node: &str) -> Option<i64> {
    let (_, number) = node.rsplit_once('-')?;
    number.parse().ok()
}

fn is_no_node(error: &Error) -> bool {
    error.code() == ErrorCode::NoNode
}

/// Whether the connection was lost before the answer came.
fn is_lost(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::NotApplied(reason) | ErrorKind::Unknown(reason) => {
            matches!(reason, Reason::ConnectionLost(_))
        }
        _ => false,
    }
}

/// Which operation of a multi failed.
fn failed_at(error: &Error) -> Option<usize> {
    match error.kind() {
        ErrorKind::Multi { index, .. } => Some(*index),
        _ => None,
    }
}

fn lost() -> Trouble {
    "the lock on the session was lost: another request may have changed it".to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "PHP gives a session an age in seconds"
)]
fn is_expired(stat: &Stat, age_max_s: i64) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now_ms = now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    stat.mtime_ms
        .saturating_add(age_max_s.saturating_mul(1_000))
        < now_ms
}

#[expect(clippy::disallowed_methods, reason = "a deadline on the user's thread")]
fn now() -> Instant {
    Instant::now()
}

fn after(duration: Duration) -> Instant {
    let now = now();
    now.checked_add(duration).unwrap_or(now)
}
