//! What is told to a log: how important each thing is, and in which words.
//!
//! Nothing is said unless somebody asks: a PSR-3 logger hears everything of its session, a stream what the level lets through, of
//! all sessions of the request. Secrets never come into a line (G-25).

use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering;

use zoa_client::ExpiredBy;
use zoa_client::Notice;
use zoa_client::SessionEvent;

/// How important a line is; the numbers are those of the original's constants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Level {
    Error = 1,
    Warning = 2,
    Info = 3,
}

impl Level {
    /// PSR-3's word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    const fn number(self) -> i64 {
        match self {
            Self::Error => 1,
            Self::Warning => 2,
            Self::Info => 3,
        }
    }

    /// Whether a stream is told of it.
    pub(crate) fn is_wanted(self) -> bool {
        self.number() <= LEVEL.load(Ordering::Relaxed)
    }
}

/// The level of streams, process-wide as in the original, which begins with warnings.
static LEVEL: AtomicI64 = AtomicI64::new(2);

/// Streams are told of this level and of what is more important.
pub(crate) fn set_level(level: i64) {
    LEVEL.store(level, Ordering::Relaxed);
}

/// A line for a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) text: String,
}

impl Line {
    pub(crate) const fn new(level: Level, text: String) -> Self {
        Self { level, text }
    }

    /// An attempt to connect that failed.
    pub(crate) fn of_notice(notice: &Notice) -> Self {
        let text = match notice {
            Notice::AttemptFailed {
                host,
                address: Some(address),
                error,
            } => format!("zookeeper: no connection to {host} at {address}: {error}"),
            Notice::AttemptFailed {
                host,
                address: None,
                error,
            } => format!("zookeeper: no connection to {host}: {error}"),
        };
        Self::new(Level::Warning, text)
    }

    /// What happened to the session, as this client knows it now.
    pub(crate) fn of_session(event: SessionEvent, client: &zoa_client::Client) -> Self {
        let session = client.session_id().0;
        let server = client
            .server()
            .map_or_else(|| "a server".to_owned(), |(host, _)| host.to_string());
        let (level, text) = match event {
            SessionEvent::Connected {
                session,
                timeout_ms,
                is_new: true,
                ..
            } => (
                Level::Info,
                format!(
                    "session 0x{:x} established at {server}, timeout {timeout_ms} ms",
                    session.0
                ),
            ),
            SessionEvent::Connected { .. } => (
                Level::Info,
                format!(
                    "session 0x{session:x} goes on at {server}; {} watches are set again",
                    client.watch_count()
                ),
            ),
            SessionEvent::Suspended(error) => (
                Level::Warning,
                format!("session 0x{session:x}: {error}; looking for another server"),
            ),
            SessionEvent::MayHaveExpired => (
                Level::Warning,
                format!(
                    "session 0x{session:x} was not heard of for its timeout and may have expired"
                ),
            ),
            SessionEvent::Expired(ExpiredBy::Server) => (
                Level::Error,
                format!(
                    "session 0x{session:x} has expired, and with it its ephemerals and watches"
                ),
            ),
            SessionEvent::Expired(ExpiredBy::Silence) => (
                Level::Error,
                format!("session 0x{session:x} is given up: no server was reached for its timeout"),
            ),
            SessionEvent::AuthFailed => (
                Level::Error,
                format!("session 0x{session:x}: the server refused an identity"),
            ),
            SessionEvent::Closed { .. } => {
                (Level::Info, format!("session 0x{session:x} is closed"))
            }
        };
        Self::new(level, format!("zookeeper: {text}"))
    }
}
