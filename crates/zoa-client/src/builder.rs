//! The settings of a client, and its start.

use std::sync::Arc;
use std::time::Duration;

use zoa_client_core::Backoff;
use zoa_client_core::ClientConfig;
use zoa_client_core::ConnectString;
use zoa_client_core::Offline;
use zoa_client_core::SessionTicket;

use crate::blocking;
use crate::client::Client;
use crate::clock;
use crate::driver::Driver;
use crate::error::ConnectError;
use crate::shared::Shared;
use crate::tls::Connector;
use crate::tls::TlsOptions;

/// How long a close waits for the server unless told otherwise.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The settings of a client; [`Client::builder`] starts with the defaults.
#[derive(Clone, Debug)]
#[must_use = "this is not yet a client"]
pub struct ClientBuilder {
    connect_string: String,
    /// All but the connect string, which is read at the start.
    config: ClientConfig,
    request_timeout: RequestTimeout,
    connect_within: Option<Duration>,
    close_timeout: Duration,
    auths: Vec<AuthEntry>,
    tls: Option<TlsOptions>,
}

#[derive(Clone, Copy, Debug)]
enum RequestTimeout {
    /// The session timeout that was asked for.
    AsSession,
    Some(Duration),
    Never,
}

/// A secret: it is not shown (G-25).
#[derive(Clone)]
struct AuthEntry {
    scheme: String,
    auth: Vec<u8>,
}

impl std::fmt::Debug for AuthEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthEntry")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    pub(crate) fn new(connect_string: &str) -> Self {
        let placeholder = ConnectString::parse("localhost");
        let config = ClientConfig::new(placeholder.expect("this is a connect string"));
        Self {
            connect_string: connect_string.to_owned(),
            config,
            request_timeout: RequestTimeout::AsSession,
            connect_within: None,
            close_timeout: CLOSE_TIMEOUT,
            auths: Vec::new(),
            tls: None,
        }
    }

    /// The session timeout to ask for; the server has the last word. 30 s unless set.
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.config.session_timeout_ms = u32::try_from(clock::millis(timeout)).unwrap_or(u32::MAX);
        self
    }

    /// How long [`connect`](Self::connect) looks for a server; unless set, as long as the session timeout.
    pub const fn connect_within(mut self, timeout: Duration) -> Self {
        self.connect_within = Some(timeout);
        self
    }

    /// How long one attempt may take: name and connection so long, the handshake once more. Unless set, the session timeout
    /// divided by the number of hosts.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.config.connect_timeout_ms = Some(clock::millis(timeout));
        self
    }

    /// How long a request may go unanswered, waiting for a connection included; unless set, as long as the session timeout. A
    /// request that was sent and is not answered in time ends the connection, since replies come in order.
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = RequestTimeout::Some(timeout);
        self
    }

    /// Requests wait as long as the session lives.
    pub const fn no_request_timeout(mut self) -> Self {
        self.request_timeout = RequestTimeout::Never;
        self
    }

    /// How long [`Client::close`] waits for the server, 5 s unless set.
    pub const fn close_timeout(mut self, timeout: Duration) -> Self {
        self.close_timeout = timeout;
        self
    }

    /// A read-only server will do while no other is found.
    pub const fn allow_read_only(mut self) -> Self {
        self.config.read_only_allowed = true;
        self
    }

    /// Attaches to this session instead of a new one.
    pub fn session(mut self, ticket: SessionTicket) -> Self {
        self.config.session = Some(ticket);
        self
    }

    /// What becomes of requests while there is no connection; unless set, they wait.
    pub const fn offline(mut self, offline: Offline) -> Self {
        self.config.offline = offline;
        self
    }

    /// Adds an identity to every connection, as [`Client::add_auth`] does. May be called several times.
    pub fn auth(mut self, scheme: &str, auth: impl Into<Vec<u8>>) -> Self {
        self.auths.push(AuthEntry {
            scheme: scheme.to_owned(),
            auth: auth.into(),
        });
        self
    }

    /// Speaks TLS with the servers: the ports in the connect string are their `secureClientPort`s.
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.tls = Some(options);
        self
    }

    /// Tries the hosts in the order of the connect string, instead of a random one.
    pub const fn keep_host_order(mut self) -> Self {
        self.config.shuffles_hosts = false;
        self
    }

    /// Goes on looking for a server, after however long a silence, until one says that the session has expired. Otherwise the
    /// client declares it expired after 4/3 of its timeout, as the original's Java client does.
    pub const fn expire_by_server_only(mut self) -> Self {
        self.config.expires_by_silence = false;
        self
    }

    /// The delays between rounds of attempts.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.config.backoff = backoff;
        self
    }

    /// The longest request, in bytes: what the servers' `jute.maxbuffer` allows. 0xfffff unless set.
    pub const fn request_len_max(mut self, len: usize) -> Self {
        self.config.request_len_max = len;
        self
    }

    /// The longest reply or event, in bytes; a longer one ends the connection. 64 MiB unless set.
    pub const fn reply_len_max(mut self, len: usize) -> Self {
        self.config.reply_len_max = len;
        self
    }

    /// Requests that may be pending; a further one is refused. 65536 unless set.
    pub const fn pending_max(mut self, count: usize) -> Self {
        self.config.pending_max = count;
        self
    }

    /// Bytes that may wait to be sent; a request that would exceed it is refused. 64 MiB unless set.
    pub const fn unsent_len_max(mut self, len: usize) -> Self {
        self.config.unsent_len_max = len;
        self
    }

    /// Watches that may be set; a request for a further one is refused. A million unless set.
    pub const fn watches_max(mut self, count: usize) -> Self {
        self.config.watches_max = count;
        self
    }

    /// Starts the client, on this tokio runtime, without waiting for a connection.
    ///
    /// # Errors
    /// When the connect string is not one, or there is no runtime.
    pub fn start(self) -> Result<Client, ConnectError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let (client, driver) = self.build(false)?;
        runtime.spawn(driver);
        Ok(client)
    }

    /// Starts the client and waits until a server has taken the session.
    ///
    /// # Errors
    /// When none does in time, or the session ends at once; the client is closed then.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let within = self.patience();
        let client = self.start()?;
        client.wait_connected(within).await?;
        Ok(client)
    }

    /// Starts a client for use without tokio, with a thread of its own, without waiting for a connection.
    ///
    /// # Errors
    /// When the connect string is not one, or the system has no thread to give.
    pub fn start_blocking(self) -> Result<blocking::Client, ConnectError> {
        let (client, driver) = self.build(true)?;
        blocking::Client::start(client, driver)
    }

    /// Starts a client for use without tokio and waits until a server has taken the session.
    ///
    /// # Errors
    /// When none does in time, or the session ends at once; the client is closed then.
    pub fn connect_blocking(self) -> Result<blocking::Client, ConnectError> {
        let within = self.patience();
        let client = self.start_blocking()?;
        client.wait_connected(within)?;
        Ok(client)
    }

    fn patience(&self) -> Duration {
        let session = Duration::from_millis(u64::from(self.config.session_timeout_ms));
        self.connect_within.unwrap_or(session)
    }

    fn build(self, writes_at_once: bool) -> Result<(Client, Driver), ConnectError> {
        let mut config = self.config;
        config.connect_string = ConnectString::parse(&self.connect_string)?;
        config.request_timeout_ms = match self.request_timeout {
            RequestTimeout::AsSession => Some(u64::from(config.session_timeout_ms)),
            RequestTimeout::Some(timeout) => Some(clock::millis(timeout)),
            RequestTimeout::Never => None,
        };
        let tls = self.tls.as_ref().map(Connector::new).transpose()?;
        let entropy = clock::entropy().ok_or(ConnectError::System("random bytes"))?;
        let shared = Arc::new(Shared::new(config, entropy, writes_at_once));
        let client = Client::new(Arc::clone(&shared), self.close_timeout);
        for AuthEntry { scheme, auth } in self.auths {
            // A refusal ends the session, and is told so.
            drop(client.add_auth(&scheme, &auth));
        }
        Ok((client, Driver::new(shared, tls)))
    }
}
