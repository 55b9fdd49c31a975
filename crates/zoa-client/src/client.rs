//! The client's handle: what it knows, and how it ends. The operations are in `operations` and `watching`.

mod operations;
mod watching;

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use zoa_client_core::ConnectString;
use zoa_client_core::ExpiredBy;
use zoa_client_core::Host;
use zoa_client_core::Notice;
use zoa_client_core::Reason;
use zoa_client_core::SessionEvent;
use zoa_client_core::SessionState;
use zoa_client_core::SessionTicket;
use zoa_proto::KeeperState;
use zoa_proto::SessionId;
use zoa_proto::Zxid;

use crate::builder::ClientBuilder;
use crate::clock;
use crate::error::ConnectError;
use crate::session::Listener;
use crate::shared::Shared;
pub use operations::Reconfig;
pub use operations::Removal;

/// A client of one session. It is cheap to clone, and all clones speak for the same session.
///
/// Every operation is sent when its method is called and gives back a [`Pending`](crate::Pending) to await. Replies come in the
/// order of the calls.
///
/// Close it with [`close`](Self::close) to have the session end on the server at once, ephemerals and all. When the last clone
/// is dropped without that, the same is begun and not waited for: if the runtime or the process ends first, the session is left
/// to expire.
#[derive(Clone, Debug)]
pub struct Client {
    handle: Arc<Handle>,
}

/// The last one to be dropped closes the session.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    close_timeout: Duration,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close(self.close_timeout);
    }
}

impl Client {
    pub(crate) fn new(shared: Arc<Shared>, close_timeout: Duration) -> Self {
        let handle = Arc::new(Handle {
            shared,
            close_timeout,
        });
        Self { handle }
    }

    /// The settings of a client, to be changed before it is started. The connect string is `host:port,host:port/chroot`.
    pub fn builder(connect_string: &str) -> ClientBuilder {
        ClientBuilder::new(connect_string)
    }

    /// Connects with the default settings.
    ///
    /// # Errors
    /// When the connect string is not one, or no server takes the session within its timeout, 30 s.
    pub async fn connect(connect_string: &str) -> Result<Self, ConnectError> {
        Self::builder(connect_string).connect().await
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// The state of the session.
    #[must_use]
    pub fn state(&self) -> SessionState {
        self.shared().lock().core.state()
    }

    /// The state of the connection, as ZooKeeper's libraries name it.
    #[must_use]
    pub fn keeper_state(&self) -> KeeperState {
        self.shared().lock().keeper_state()
    }

    /// What happens to the session from now on, as a stream that ends with the session.
    #[must_use]
    pub fn session_events(&self) -> Listener<SessionEvent> {
        self.shared().session_events()
    }

    /// The same for the client's own use, which no limit refuses.
    pub(crate) fn own_events(&self) -> Listener<SessionEvent> {
        self.shared().own_events()
    }

    /// The attempts to connect that fail from now on, as a stream that ends with the session. Something to log.
    #[must_use]
    pub fn notices(&self) -> Listener<Notice> {
        self.shared().notices()
    }

    /// How the last attempt to connect failed, if one ever did.
    #[must_use]
    pub fn last_failure(&self) -> Option<Notice> {
        self.shared().last_failure()
    }

    /// The session's id; `SessionId::NONE` before there is one.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.shared().lock().core.session_id()
    }

    /// Id, password and position: all it takes to attach to this session from another client. `None` while there is none.
    #[must_use]
    pub fn ticket(&self) -> Option<SessionTicket> {
        self.shared().lock().core.ticket().cloned()
    }

    /// The session timeout agreed on; before a server agreed, the one asked for.
    #[must_use]
    pub fn session_timeout(&self) -> Duration {
        Duration::from_millis(self.shared().lock().core.session_timeout_ms())
    }

    /// How long the session is surely alive on the servers from now on, whatever happens; zero when it may be gone. Whoever
    /// acts in its name, such as a leader, must not rely on it any longer.
    #[must_use]
    pub fn surely_alive_for(&self) -> Duration {
        let until_ms = self.shared().lock().core.alive_until_ms();
        let left_ms = until_ms.map_or(0, |until_ms| until_ms.saturating_sub(clock::now_ms()));
        Duration::from_millis(left_ms)
    }

    /// The server in use or being tried: as the connect string has it, and its address once it is known.
    #[must_use]
    pub fn server(&self) -> Option<(Host, Option<SocketAddr>)> {
        let state = self.shared().lock();
        let server = state.core.server();
        server.map(|(host, address)| (host.clone(), address))
    }

    /// The chroot; empty for none.
    #[must_use]
    pub fn chroot(&self) -> String {
        self.shared().lock().core.chroot().to_owned()
    }

    /// The newest zxid that a server has shown.
    #[must_use]
    pub fn last_zxid_seen(&self) -> Zxid {
        self.shared().lock().core.last_zxid_seen()
    }

    /// Requests that are not yet answered.
    #[must_use]
    pub fn pending_count(&self) -> usize {
        self.shared().lock().core.pending_count()
    }

    /// Watches that are set.
    #[must_use]
    pub fn watch_count(&self) -> usize {
        self.shared().lock().core.watch_count()
    }

    /// Leaves the server for the next one. What is under way ends as after any loss of the connection.
    pub fn reconnect(&self) {
        self.shared()
            .input_for_driver(|state, now_ms| state.core.reconnect(now_ms));
    }

    /// From now on these are the hosts; a server that is not among them is left. The chroot stays.
    pub fn set_hosts(&self, hosts: &ConnectString) {
        self.shared()
            .input_for_driver(|state, now_ms| state.core.set_hosts(now_ms, hosts));
    }

    /// Waits until a server holds the session.
    ///
    /// # Errors
    /// When none does within `timeout`, or the session has ended.
    pub async fn wait_connected(&self, timeout: Duration) -> Result<(), ConnectError> {
        let events = self.shared().own_events();
        let waiting = std::future::poll_fn(|context| self.poll_connected(&events, context));
        match tokio::time::timeout(timeout, waiting).await {
            Ok(result) => result,
            Err(_) => Err(self.no_server(timeout)),
        }
    }

    /// Ends the session in order: what is under way is answered first, then the server ends the session, and its ephemerals go
    /// at once. True when the server is known to have ended it; otherwise it is left to expire. Later requests are refused.
    pub async fn close(&self) -> bool {
        let events = self.shared().own_events();
        self.start_close();
        std::future::poll_fn(|context| self.poll_end(&events, context)).await
    }

    pub(crate) fn start_close(&self) {
        self.shared().close(self.handle.close_timeout);
    }

    pub(crate) fn poll_connected(
        &self,
        events: &Listener<SessionEvent>,
        context: &Context<'_>,
    ) -> Poll<Result<(), ConnectError>> {
        loop {
            if let Some(end) = self.shared().end() {
                return Poll::Ready(Err(ConnectError::Ended(reason_of(&end))));
            }
            if let SessionState::Connected | SessionState::ConnectedReadOnly = self.state() {
                return Poll::Ready(Ok(()));
            }
            // A change wakes this task, and then the state is asked again.
            match events.poll(context) {
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => {
                    return Poll::Ready(Err(ConnectError::Ended(Reason::Closed)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    pub(crate) fn poll_end(
        &self,
        events: &Listener<SessionEvent>,
        context: &Context<'_>,
    ) -> Poll<bool> {
        while let Poll::Ready(event) = events.poll(context) {
            if event.is_none() {
                return Poll::Ready(self.shared().end().is_some_and(|end| is_gone(&end)));
            }
        }
        Poll::Pending
    }

    pub(crate) fn no_server(&self, waited: Duration) -> ConnectError {
        ConnectError::NoServer {
            waited_ms: clock::millis(waited),
            last: self.last_failure(),
        }
    }
}

/// Whether the server is known to have ended the session.
const fn is_gone(end: &SessionEvent) -> bool {
    match end {
        SessionEvent::Closed { session_ended } => *session_ended,
        SessionEvent::Expired(by) => matches!(by, ExpiredBy::Server),
        SessionEvent::AuthFailed
        | SessionEvent::Connected { .. }
        | SessionEvent::Suspended(_)
        | SessionEvent::MayHaveExpired => false,
    }
}

const fn reason_of(end: &SessionEvent) -> Reason {
    match end {
        SessionEvent::Expired(_) => Reason::SessionExpired,
        SessionEvent::AuthFailed => Reason::AuthFailed,
        SessionEvent::Closed { .. }
        | SessionEvent::Connected { .. }
        | SessionEvent::Suspended(_)
        | SessionEvent::MayHaveExpired => Reason::Closed,
    }
}
