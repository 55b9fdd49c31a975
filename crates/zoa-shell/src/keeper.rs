//! The session with the servers: zoa-client's blocking face, with the original's words for what goes wrong.
//!
//! It decides nothing about the protocol. All watches of the shell are told to one watcher, as in the original, so that one change
//! is one event. Invariants: a path that is none is never sent; a request does not wait for a server when every host of the list
//! has just refused; events are shown in the order in which they came.

mod events;

use std::time::Duration;

use parking_lot::Mutex;
use zoa_client::ConnectString;
use zoa_client::CreateOptions;
use zoa_client::Error as ClientError;
use zoa_client::ErrorKind;
use zoa_client::Multi;
use zoa_client::Notice;
use zoa_client::Outcome;
use zoa_client::Reconfig;
use zoa_client::Removal;
use zoa_client::SessionState;
use zoa_client::SubmitError;
use zoa_client::TlsOptions;
use zoa_client::Watcher;
use zoa_client::blocking::Client;
use zoa_proto::Acl;
use zoa_proto::AddWatchMode;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::WatcherType;

use crate::console::Console;
use crate::error::Answer;
use crate::error::ShellError;
use crate::path_text::check_path;
use crate::path_text::check_sequential_path;
use events::Events;

/// How often it is looked whether a server was found, or all have refused.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How to connect.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// `host:port,host:port/chroot`.
    pub(crate) hosts: String,
    pub(crate) timeout: Duration,
    pub(crate) allows_read_only: bool,
    pub(crate) tls: Option<TlsOptions>,
}

/// What kind of znode to make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Creation {
    pub(crate) mode: CreateMode,
    pub(crate) ttl_ms: Option<i64>,
}

impl Creation {
    pub(crate) const PERSISTENT: Self = Self {
        mode: CreateMode::Persistent,
        ttl_ms: None,
    };
}

/// A step of a transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    Create {
        path: &'a str,
        data: Option<&'a [u8]>,
        acl: &'a [Acl],
    },
    Delete {
        path: &'a str,
        version: Version,
    },
    Set {
        path: &'a str,
        data: Option<&'a [u8]>,
    },
}

/// One session.
pub(crate) struct Keeper {
    client: Client,
    watcher: Watcher,
    events: Mutex<Option<Events>>,
    timeout: Duration,
    hosts_count: usize,
}

impl Keeper {
    /// Begins a session; servers are looked for in the background. Events go to the console.
    pub(crate) fn start(link: &Link, console: &std::sync::Arc<Console>) -> Answer<Self> {
        let parsed = Self::check(link)?;
        let mut builder = Client::builder(&link.hosts)
            .session_timeout(link.timeout)
            .request_timeout(link.timeout);
        if link.allows_read_only {
            builder = builder.allow_read_only();
        }
        if let Some(tls) = &link.tls {
            builder = builder.tls(tls.clone());
        }
        let client = builder
            .start_blocking()
            .map_err(|error| ShellError::new(error.to_string()))?;
        let (watcher, watched) = client.watcher();
        let events = Events::listen(&client, watched, console);
        Ok(Self {
            client,
            watcher,
            events: Mutex::new(Some(events)),
            timeout: link.timeout,
            hosts_count: parsed.hosts().len(),
        })
    }

    /// Whether this can be connected to at all.
    pub(crate) fn check(link: &Link) -> Answer<ConnectString> {
        ConnectString::parse(&link.hosts).map_err(|error| ShellError::new(error.to_string()))
    }

    pub(crate) fn state(&self) -> SessionState {
        self.client.handle().state()
    }

    /// Whether the session may still be used, connected or not.
    pub(crate) fn is_alive(&self) -> bool {
        match self.state() {
            SessionState::Connecting
            | SessionState::Connected
            | SessionState::ConnectedReadOnly
            | SessionState::Suspended => true,
            SessionState::Expired | SessionState::AuthFailed | SessionState::Closed => false,
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(
            self.state(),
            SessionState::Connected | SessionState::ConnectedReadOnly
        )
    }

    /// Waits for a server, until every host has refused or the time is over.
    pub(crate) fn await_server(&self, within: Duration) -> Answer<()> {
        if self.is_connected() || !self.is_alive() {
            return Ok(());
        }
        let mut notices = self.client.handle().notices();
        let mut refused = Vec::new();
        let mut left = within;
        while !left.is_zero() && refused.len() < self.hosts_count {
            let step = left.min(LOOK_AGAIN);
            if self.client.wait_connected(step).is_ok() || !self.is_alive() {
                return Ok(());
            }
            left = left.saturating_sub(step);
            while let Some(Notice::AttemptFailed { host, .. }) = notices.try_next() {
                if !refused.contains(&host) {
                    refused.push(host);
                }
            }
        }
        Err(self.no_server())
    }

    fn no_server(&self) -> ShellError {
        let error = ShellError::of_code(ErrorCode::ConnectionLoss, None);
        match self.client.handle().last_failure() {
            Some(Notice::AttemptFailed {
                host, error: why, ..
            }) => error.with_hint(format!("{}:{}: {why}", host.name, host.port)),
            None => error,
        }
    }

    /// Ends the session and its ephemerals; what was to be told is told by then.
    pub(crate) fn close(&self) {
        // A server that does not answer lets the session expire; there is nothing to do about it here.
        let _is_closed = self.client.close();
        let events = self.events.lock().take();
        if let Some(events) = events {
            events.join();
        }
    }

    pub(crate) fn create(
        &self,
        path: &str,
        data: Option<&[u8]>,
        acl: &[Acl],
        creation: Creation,
    ) -> Answer<String> {
        if creation.mode.is_sequential() {
            check_sequential_path(path).map_err(ShellError::bad_path)?;
        } else {
            check_path(path).map_err(ShellError::bad_path)?;
        }
        check_acl(acl)?;
        let ttl_ms = creation
            .ttl_ms
            .and_then(|ttl_ms| u64::try_from(ttl_ms).ok());
        let options = CreateOptions::new(creation.mode)
            .acl(acl)
            .ttl(Duration::from_millis(ttl_ms.unwrap_or_default()));
        self.ask_about(path, |client| client.create(path, data, options))
    }

    pub(crate) fn delete(&self, path: &str, version: Version) -> Answer<()> {
        self.ask(path, |client| client.delete(path, version))
    }

    pub(crate) fn exists(&self, path: &str, watch: bool) -> Answer<Option<Stat>> {
        self.ask(path, |client| match watch {
            true => client.exists_with(path, self.watcher),
            false => client.exists(path),
        })
    }

    pub(crate) fn data(&self, path: &str, watch: bool) -> Answer<(Option<Vec<u8>>, Stat)> {
        let node = self.ask(path, |client| match watch {
            true => client.get_data_with(path, self.watcher),
            false => client.get_data(path),
        })?;
        Ok((node.data, node.stat))
    }

    pub(crate) fn set_data(&self, path: &str, data: &[u8], version: Version) -> Answer<Stat> {
        self.ask(path, |client| client.set_data(path, data, version))
    }

    /// The names of the children, sorted.
    pub(crate) fn children(&self, path: &str, watch: bool) -> Answer<(Vec<String>, Stat)> {
        let mut node = self.ask(path, |client| match watch {
            true => client.get_children_with(path, self.watcher),
            false => client.get_children2(path),
        })?;
        node.names.sort_unstable();
        Ok((node.names, node.stat))
    }

    pub(crate) fn acl(&self, path: &str) -> Answer<(Vec<Acl>, Stat)> {
        let node = self.ask(path, |client| client.get_acl(path))?;
        Ok((node.acl, node.stat))
    }

    pub(crate) fn set_acl(&self, path: &str, acl: &[Acl], version: Version) -> Answer<Stat> {
        check_path(path).map_err(ShellError::bad_path)?;
        check_acl(acl)?;
        self.ask(path, |client| client.set_acl(path, acl, version))
    }

    pub(crate) fn add_auth(&self, scheme: &str, auth: &[u8]) -> Answer<()> {
        self.ask_about("", |client| client.add_auth(scheme, auth))
    }

    /// Scheme and user of each identity.
    pub(crate) fn who_am_i(&self) -> Answer<Vec<(String, String)>> {
        let identities = self.ask_about("", Client::who_am_i)?;
        Ok(identities
            .into_iter()
            .map(|identity| (identity.scheme, identity.user))
            .collect())
    }

    pub(crate) fn sync(&self, path: &str) -> Answer<()> {
        self.ask(path, |client| client.sync(path))
    }

    pub(crate) fn add_watch(&self, path: &str, mode: AddWatchMode) -> Answer<()> {
        self.ask(path, |client| {
            client.add_watch_with(path, mode, self.watcher)
        })
    }

    pub(crate) fn remove_watches(
        &self,
        path: &str,
        kind: WatcherType,
        is_local: bool,
    ) -> Answer<()> {
        let removal = if is_local {
            Removal::Local
        } else {
            Removal::OnServer
        };
        self.ask(path, |client| client.remove_watches(path, kind, removal))
    }

    pub(crate) fn config(&self, watch: bool) -> Answer<(Option<Vec<u8>>, Stat)> {
        let node = self.ask_about("", |client| match watch {
            true => client.get_config_with(self.watcher),
            false => client.get_config(),
        })?;
        Ok((node.data, node.stat))
    }

    /// Who joins, who leaves, or all members; and the version of the configuration it is meant for.
    pub(crate) fn reconfig(
        &self,
        change: [Option<&str>; 3],
        version: i64,
    ) -> Answer<(Vec<u8>, Stat)> {
        let [joining, leaving, new_members] = change;
        let change = Reconfig {
            joining,
            leaving,
            new_members,
            config_id: version,
        };
        let node = self.ask_about("", |client| client.reconfig(change))?;
        Ok((node.data.unwrap_or_default(), node.stat))
    }

    pub(crate) fn ephemerals(&self, prefix: &str) -> Answer<Vec<String>> {
        self.ask(prefix, |client| client.get_ephemerals(prefix))
    }

    pub(crate) fn all_children_number(&self, path: &str) -> Answer<i32> {
        self.ask(path, |client| client.get_all_children_number(path))
    }

    /// All of it or nothing.
    pub(crate) fn multi(&self, changes: &[Change<'_>]) -> Answer<()> {
        let multi = changes
            .iter()
            .fold(Multi::new(), |multi, change| match *change {
                Change::Create { path, data, acl } => multi.create(
                    path,
                    data,
                    CreateOptions::new(CreateMode::Persistent).acl(acl),
                ),
                Change::Delete { path, version } => multi.delete(path, version),
                Change::Set { path, data } => multi.set_data(path, data, Version::ANY),
            });
        let asked = self
            .await_server(self.timeout)
            .map(|()| self.client.multi(&multi));
        let Err(error) = asked? else {
            return Ok(());
        };
        let failed = match error.kind() {
            ErrorKind::Multi { index, .. } => changes.get(*index).map(Change::path),
            _ => None,
        };
        Err(told(&error, failed.unwrap_or_default()))
    }

    /// Checks the path and sends the request.
    fn ask<T>(
        &self,
        path: &str,
        send: impl FnOnce(&Client) -> Result<T, ClientError>,
    ) -> Answer<T> {
        check_path(path).map_err(ShellError::bad_path)?;
        self.ask_about(path, send)
    }

    /// Sends a request about a path that needs no check, or none at all.
    fn ask_about<T>(
        &self,
        path: &str,
        send: impl FnOnce(&Client) -> Result<T, ClientError>,
    ) -> Answer<T> {
        self.await_server(self.timeout)
            .map_err(|error| ShellError {
                hint: error.hint,
                ..ShellError::of_code(ErrorCode::ConnectionLoss, some_path(path))
            })?;
        send(&self.client).map_err(|error| told(&error, path))
    }
}

impl Change<'_> {
    const fn path(&self) -> &str {
        match self {
            Self::Create { path, .. } | Self::Delete { path, .. } | Self::Set { path, .. } => path,
        }
    }
}

/// The original's client refuses an empty ACL itself, and names no path then.
fn check_acl(acl: &[Acl]) -> Answer<()> {
    match acl {
        [] => Err(ShellError::of_code(ErrorCode::InvalidAcl, None)),
        _ => Ok(()),
    }
}

fn some_path(path: &str) -> Option<&str> {
    Some(path).filter(|path| !path.is_empty())
}

/// A client's error in the shell's words.
fn told(error: &ClientError, path: &str) -> ShellError {
    if let ErrorKind::Rejected(
        SubmitError::RequestTooLong { .. } | SubmitError::TooManyWatches(_),
    ) = error.kind()
    {
        return ShellError::new(error.to_string());
    }
    let told = ShellError::of_code(error.code(), some_path(path));
    match (error.outcome(), error.kind()) {
        (Outcome::NotApplied, ErrorKind::NotApplied(reason)) => {
            told.with_hint(format!("it was not applied: {reason}"))
        }
        (Outcome::Unknown, ErrorKind::Unknown(reason)) => told.with_hint(format!(
            "it is not known whether it was applied; look before you try again: {reason}"
        )),
        (Outcome::Done | Outcome::NotApplied | Outcome::Unknown, _) => told,
    }
}

/// The state as the prompt shows it, in the original's words.
pub(crate) const fn state_name(state: SessionState) -> &'static str {
    match state {
        SessionState::Connecting | SessionState::Suspended => "CONNECTING",
        SessionState::Connected => "CONNECTED",
        SessionState::ConnectedReadOnly => "CONNECTEDREADONLY",
        SessionState::Expired | SessionState::Closed => "CLOSED",
        SessionState::AuthFailed => "AUTH_FAILED",
    }
}
