//! What a client is told once, at its start.

use std::fmt;

use zoa_proto::SessionId;
use zoa_proto::Zxid;

use crate::connect_string::ConnectString;
use crate::host_list::Backoff;
use crate::limits;

/// The settings of a client; [`ClientConfig::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where to connect, and the chroot.
    pub connect_string: ConnectString,
    /// The session timeout to ask for, in milliseconds; the server has the last word.
    pub session_timeout_ms: u32,
    /// How long one attempt may take until the handshake is answered, in milliseconds: name and connection get as much, the
    /// handshake once more. `None` is the session timeout divided by the number of hosts, 200 at least.
    pub connect_timeout_ms: Option<u64>,
    /// How long a request may go unanswered, in milliseconds; `None` for ever. On expiry the connection is dropped.
    pub request_timeout_ms: Option<u64>,
    /// Whether a read-only server will do while no other is found.
    pub read_only_allowed: bool,
    /// A session to attach to, from an earlier client; `None` for a new one.
    pub session: Option<SessionTicket>,
    /// What becomes of requests while there is no connection.
    pub offline: Offline,
    /// Whether the client declares its session expired when it has heard nothing for 4/3 of the timeout, as the original's
    /// Java client does. Else it goes on trying until a server has said so.
    pub expires_by_silence: bool,
    /// Whether the hosts are tried in a random order, so that clients spread over the servers.
    pub shuffles_hosts: bool,
    /// The delays between rounds of attempts.
    pub backoff: Backoff,
    /// The longest request, in bytes: what the servers' `jute.maxbuffer` allows.
    pub request_len_max: usize,
    /// The longest reply or event, in bytes.
    pub reply_len_max: usize,
    /// Requests that may be pending.
    pub pending_max: usize,
    /// Bytes that may wait to be sent.
    pub unsent_len_max: usize,
    /// Watches that may be set.
    pub watches_max: usize,
}

impl ClientConfig {
    /// The defaults: a new session of 30 s, requests wait for a connection, no request timeout.
    #[must_use]
    pub const fn new(connect_string: ConnectString) -> Self {
        Self {
            connect_string,
            session_timeout_ms: 30_000,
            connect_timeout_ms: None,
            request_timeout_ms: None,
            read_only_allowed: false,
            session: None,
            offline: Offline::Wait,
            expires_by_silence: true,
            shuffles_hosts: true,
            backoff: Backoff {
                min_ms: 100,
                max_ms: 5_000,
            },
            request_len_max: limits::REQUEST_LEN_MAX,
            reply_len_max: limits::REPLY_LEN_MAX,
            pending_max: limits::PENDING_MAX,
            unsent_len_max: limits::UNSENT_LEN_MAX,
            watches_max: limits::WATCHES_MAX,
        }
    }
}

/// What becomes of requests submitted while there is no connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Offline {
    /// They wait for the next connection, the request timeout or the end of the session.
    #[default]
    Wait,
    /// They end as not applied when the attempt to connect fails, as in the original's libraries.
    FailWithAttempt,
}

/// All it takes to attach to a session again.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionTicket {
    /// The session.
    pub id: SessionId,
    /// Its password; a secret, which Debug does not show (G-25).
    pub password: Vec<u8>,
    /// The newest zxid its client has seen: servers behind it are not used (G-04).
    pub last_zxid_seen: Zxid,
}

impl fmt::Debug for SessionTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionTicket")
            .field("id", &self.id)
            .field("last_zxid_seen", &self.last_zxid_seen)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::ClientConfig;
    use super::SessionTicket;
    use crate::connect_string::ConnectString;
    use zoa_proto::SessionId;
    use zoa_proto::Zxid;

    // G-25
    #[test]
    fn a_session_password_is_not_shown() {
        let connect_string = ConnectString::parse("a").expect("a host");
        let mut config = ClientConfig::new(connect_string);
        config.session = Some(SessionTicket {
            id: SessionId(7),
            password: b"sesame".to_vec(),
            last_zxid_seen: Zxid(9),
        });
        let shown = format!("{config:?}");
        assert!(shown.contains("SessionId(0x7)"), "{shown}");
        let as_numbers = format!("{:?}", b"sesame");
        assert!(
            !shown.contains("sesame") && !shown.contains(&as_numbers),
            "{shown}"
        );
    }
}
