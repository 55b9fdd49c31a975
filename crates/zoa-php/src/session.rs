//! One session: what stands behind a `Zookeeper` object and the `ZookeeperConfig` objects made from it.
//!
//! It ends when the last of them is gone, or when it is closed. Invariant: in a forked child the parent's client is never touched;
//! the child gets a client of its own at its first call, with the same hosts, timeout and identities.

mod telling;
mod watching;

use std::cell::Cell;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use zoa_client::Backoff;
use zoa_client::ClientBuilder;
use zoa_client::ConnectString;
use zoa_client::Error;
use zoa_client::ErrorKind;
use zoa_client::Offline;
use zoa_client::Pending;
use zoa_client::Reason;
use zoa_client::SessionState;
use zoa_client::blocking::Client;

use crate::desk::Desk;
use crate::engine::Callable;
use crate::engine::Thrown;
use crate::engine::deaf_to_signals;
use crate::errors;
use crate::idle;
use crate::idle::Sameness;
use crate::log::Level;
use crate::log::Line;
use crate::process::OfProcess;
use crate::registration::News;
use crate::registration::Registration;
use crate::registration::Source;
use crate::registration::WatchOf;
use crate::settings;
use telling::Told;

/// How long the end of an object waits for the server to end the session, as the original does.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The delays between rounds of attempts: calls wait for the next one, so it must come soon.
pub(crate) const BACKOFF: Backoff = Backoff {
    min_ms: 50,
    max_ms: 1_000,
};

/// Whether hosts are tried in the order given, process-wide as in the original.
pub(crate) static KEEPS_HOST_ORDER: AtomicBool = AtomicBool::new(false);

static LAST_NUMBER: AtomicU64 = AtomicU64::new(0);

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    number: u64,
    target: RefCell<Option<Target>>,
    client: RefCell<Option<Rc<OfProcess<Client>>>>,
    watcher: RefCell<Option<Rc<Callable>>>,
    /// The registration of the watcher.
    watcher_number: Cell<u64>,
    auths: RefCell<Vec<Auth>>,
    /// It owns ephemerals, so that it must end with its object.
    owns_ephemerals: Cell<bool>,
    logger: RefCell<Option<Rc<Callable>>>,
    /// The registrations of the log: of the session, and of the attempts.
    log_numbers: Cell<[u64; 2]>,
}

/// An identity: a secret, which Debug does not show (G-25).
#[derive(PartialEq, Eq)]
struct Auth {
    scheme: String,
    cert: Vec<u8>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

/// Where it connects to.
#[derive(Clone, Debug)]
struct Target {
    sameness: Sameness,
    host_count: usize,
}

/// Whether a request may be repeated when it is not known whether it was applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Repeat {
    Read,
    Write,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            number: LAST_NUMBER.fetch_add(1, Ordering::Relaxed),
            target: RefCell::default(),
            client: RefCell::default(),
            watcher: RefCell::default(),
            watcher_number: Cell::new(0),
            auths: RefCell::default(),
            owns_ephemerals: Cell::new(false),
            logger: RefCell::default(),
            log_numbers: Cell::default(),
        }
    }
}

impl Session {
    /// Starts to connect, in place of what was before.
    ///
    /// # Errors
    /// When the connect string is not one, or the system has no thread to give; thrown.
    pub(crate) fn connect(
        &self,
        connect_string: &str,
        timeout_ms: u32,
        watcher: Option<Callable>,
    ) -> Result<(), Thrown> {
        let hosts = ConnectString::parse(connect_string)
            .map_err(|error| errors::throw_not_started(&error.to_string()))?;
        let tls = settings::tls().map_err(errors::throw_not_started)?;
        self.close();
        let sameness = Sameness {
            connect_string: connect_string.to_owned(),
            timeout_ms,
            keeps_host_order: KEEPS_HOST_ORDER.load(Ordering::Relaxed),
            tls,
        };
        let host_count = hosts.hosts().len();
        let kept = idle::take(&sameness);
        let target = Target {
            sameness,
            host_count,
        };
        self.target.replace(Some(target.clone()));
        let replaced = self.watcher.replace(watcher.map(Rc::new));
        drop(replaced);
        match kept {
            Some(client) => self.adopt(&client, Told::State),
            None => drop(self.start(&target)?),
        }
        Ok(())
    }

    fn start(&self, target: &Target) -> Result<Rc<OfProcess<Client>>, Thrown> {
        let sameness = &target.sameness;
        let timeout = Duration::from_millis(u64::from(sameness.timeout_ms));
        let mut builder = Client::builder(&sameness.connect_string)
            .session_timeout(timeout)
            .close_timeout(CLOSE_TIMEOUT)
            .offline(Offline::FailWithAttempt)
            .backoff(BACKOFF)
            .expire_by_server_only();
        if sameness.keeps_host_order {
            builder = builder.keep_host_order();
        }
        if let Some(tls) = &sameness.tls {
            builder = builder.tls(tls.clone());
        }
        for Auth { scheme, cert } in self.auths.borrow().iter() {
            builder = builder.auth(scheme, cert.as_slice());
        }
        self.start_client(builder)
    }

    fn start_client(&self, builder: ClientBuilder) -> Result<Rc<OfProcess<Client>>, Thrown> {
        let client = deaf_to_signals(|| builder.start_blocking())
            .map_err(|error| errors::throw_not_started(&error.to_string()))?;
        let client = Rc::new(OfProcess::new(client));
        self.adopt(&client, Told::All);
        Ok(client)
    }

    fn adopt(&self, client: &Rc<OfProcess<Client>>, told: Told) {
        let replaced = self.client.replace(Some(Rc::clone(client)));
        drop(replaced);
        self.register_watcher(told);
        self.register_log(told);
    }

    /// The client.
    ///
    /// # Errors
    /// When it was never connected, or is closed; thrown.
    pub(crate) fn client(&self) -> Result<Rc<OfProcess<Client>>, Thrown> {
        let client = self.client.borrow().clone();
        if let Some(client) = client
            && client.get().is_some()
        {
            return Ok(client);
        }
        // In a child process the parent's client counts as none.
        let target = self.target.borrow().clone();
        let target = target.ok_or_else(errors::throw_not_connected)?;
        self.start(&target)
    }

    /// Sends a request and waits for its answer. A request that surely was not applied is sent again while there is a server
    /// that was not tried yet; one that may have been, only if it reads.
    ///
    /// # Errors
    /// Thrown.
    pub(crate) fn perform<R>(
        &self,
        repeat: Repeat,
        send: impl Fn(&zoa_client::Client) -> Pending<R>,
    ) -> Result<R, Thrown> {
        self.attempt(repeat, send)?
            .map_err(|error| errors::throw_failed(&error))
    }

    /// The same, with what the request came to given back.
    ///
    /// # Errors
    /// When there is no client; thrown.
    pub(crate) fn attempt<R>(
        &self,
        repeat: Repeat,
        send: impl Fn(&zoa_client::Client) -> Pending<R>,
    ) -> Result<Result<R, Error>, Thrown> {
        let client = self.client()?;
        let client = client.get().ok_or_else(errors::throw_not_connected)?;
        let hosts = self
            .target
            .borrow()
            .as_ref()
            .map_or(1, |target| target.host_count);
        let mut tries = 1;
        loop {
            let result = send(client.handle()).wait();
            match result {
                Err(error) if tries < hosts && may_repeat(&error, repeat) => {
                    tries += 1;
                    let text = format!("zookeeper: {error}; asked again, attempt {tries}");
                    self.log(Line::new(Level::Warning, text));
                }
                result => return Ok(result),
            }
        }
    }

    /// Puts a registration on the desk, so that the mailbox hears of all that comes.
    fn register(
        &self,
        (watch, first): (Option<WatchOf>, Option<News>),
        source: Source,
        callable: Option<Rc<Callable>>,
    ) -> u64 {
        let desk = Desk::here();
        let mailbox = desk.mailbox();
        let number = desk.next_number();
        let waker = mailbox.waker(number);
        let registration = Registration::new(self.number, watch, source, (waker, callable));
        let registration = Rc::new(registration.after(first));
        desk.add(number, Rc::clone(&registration));
        for _ in 0..registration.listen() {
            mailbox.push(number);
        }
        number
    }

    /// Adds an identity. With a callable, the outcome is told to it.
    ///
    /// # Errors
    /// When the session has ended; thrown.
    pub(crate) fn add_auth(
        &self,
        (scheme, cert): (&str, &[u8]),
        callable: Option<Callable>,
    ) -> Result<(), Thrown> {
        let client = self.client()?;
        let client = client.get().ok_or_else(errors::throw_not_connected)?;
        match client.handle().state() {
            SessionState::Expired => return Err(errors::throw_code(errors::SESSION_EXPIRED)),
            SessionState::AuthFailed => return Err(errors::throw_code(errors::AUTH_FAILED)),
            SessionState::Connecting
            | SessionState::Connected
            | SessionState::ConnectedReadOnly
            | SessionState::Suspended
            | SessionState::Closed => {}
        }
        let pending = client.handle().add_auth(scheme, cert);
        let auth = Auth {
            scheme: scheme.to_owned(),
            cert: cert.to_vec(),
        };
        let mut auths = self.auths.borrow_mut();
        if !auths.contains(&auth) {
            auths.push(auth);
        }
        drop(auths);
        if let Some(callable) = callable {
            let callable = Some(Rc::new(callable));
            self.register((None, None), Source::Auth(pending), callable);
        }
        Ok(())
    }

    /// Goes on with other hosts.
    ///
    /// # Errors
    /// When there is no client; thrown.
    pub(crate) fn set_hosts(&self, text: &str, hosts: &ConnectString) -> Result<(), Thrown> {
        let client = self.client()?;
        let client = client.get().ok_or_else(errors::throw_not_connected)?;
        client.handle().set_hosts(hosts);
        if let Some(target) = &mut *self.target.borrow_mut() {
            let chroot = client.handle().chroot();
            let (servers, _) = text.split_once('/').unwrap_or((text, ""));
            target.sameness.connect_string = format!("{servers}{chroot}");
            target.host_count = hosts.hosts().len();
        }
        Ok(())
    }

    /// The state of the session; `None` without a client.
    pub(crate) fn state(&self) -> Option<SessionState> {
        let client = self.client.borrow().clone()?;
        client.get().map(|client| client.handle().state())
    }

    /// Ends the session, waiting for the server within bounds. Callbacks of it are not called any more. False when it was not
    /// connected.
    pub(crate) fn close(&self) -> bool {
        let target = self.target.take();
        let client = self.client.take();
        self.end(client);
        target.is_some()
    }

    /// It owns ephemerals from now on.
    pub(crate) fn note_ephemeral(&self) {
        self.owns_ephemerals.set(true);
    }

    /// Its object is gone: keeps the client for the next request where that is wanted, or closes it.
    fn release(&self) {
        let target = self.target.take();
        let client = self.client.take();
        let carries = self.owns_ephemerals.get() || !self.auths.borrow().is_empty();
        let left = match (client, target) {
            (Some(client), Some(target)) if !carries => {
                // Before the count of watches is taken: nobody is told any more.
                drop(Desk::here().remove_of(self.number));
                idle::keep(target.sameness, client)
            }
            (client, _) => client,
        };
        self.end(left);
    }

    fn end(&self, client: Option<Rc<OfProcess<Client>>>) {
        let watcher = self.watcher.take();
        let registrations = Desk::here().remove_of(self.number);
        if let Some(client) = &client
            && let Some(client) = client.get()
        {
            // If the server does not answer, the session is left to expire.
            let _ = client.close();
        }
        self.auths.borrow_mut().clear();
        self.owns_ephemerals.set(false);
        // PHP destructors may run here; nothing is borrowed.
        drop((watcher, registrations, client));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.release();
    }
}

fn may_repeat(error: &Error, repeat: Repeat) -> bool {
    match error.kind() {
        ErrorKind::NotApplied(Reason::ConnectionLost(_)) => true,
        ErrorKind::Unknown(Reason::ConnectionLost(_)) => repeat == Repeat::Read,
        _ => false,
    }
}
