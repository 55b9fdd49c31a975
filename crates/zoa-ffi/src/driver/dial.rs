//! Names and probes: what takes time on the way to a connection and cannot be polled.
//!
//! In libzookeeper_mt each has a thread of its own, which puts the answer into a mailbox; in libzookeeper_st the caller's thread does
//! it, as with the original. Invariant: one name and one probe at most are waited for; what comes later than the core's deadline is
//! not looked at.

use std::collections::VecDeque;
use std::io::Read;
use std::io::Write;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::net::ToSocketAddrs;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use zoa_client_core::ConnectionId;
use zoa_client_core::Host;
use zoa_client_core::PROBE_REQUEST;

use crate::limits::ADDRESSES_MAX;
use crate::limits::PROBE_ANSWER_LEN_MAX;

/// How long a probe may take in each of its steps.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);

/// What became of a name or a probe.
#[derive(Debug)]
pub(crate) enum Dialed {
    /// The addresses; none when the name has none.
    Resolved(Vec<IpAddr>),
    /// What the server said.
    Probed(Vec<u8>),
}

/// Where answers wait for the next turn.
#[derive(Debug)]
pub(crate) struct Mailbox {
    mail: Mutex<VecDeque<(ConnectionId, Dialed)>>,
    wake: OwnedFd,
}

impl Mailbox {
    /// One that wakes by this counter.
    pub(crate) const fn new(wake: OwnedFd) -> Self {
        Self {
            mail: Mutex::new(VecDeque::new()),
            wake,
        }
    }

    pub(crate) fn take(&self) -> Option<(ConnectionId, Dialed)> {
        self.mail.lock().pop_front()
    }

    fn put(&self, connection: ConnectionId, dialed: Dialed) {
        self.mail.lock().push_back((connection, dialed));
        // A full counter wakes as well as one more.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }
}

pub(super) fn resolve(mailbox: &Arc<Mailbox>, connection: ConnectionId, host: Host) {
    run(mailbox, connection, move || {
        Dialed::Resolved(look_up(&host))
    });
}

pub(super) fn probe(mailbox: &Arc<Mailbox>, connection: ConnectionId, host: Host) {
    run(mailbox, connection, move || {
        let answer = look_up(&host)
            .first()
            .and_then(|address| ask(SocketAddr::new(*address, host.port)));
        Dialed::Probed(answer.unwrap_or_default())
    });
}

#[cfg(not(feature = "single-threaded"))]
fn run(
    mailbox: &Arc<Mailbox>,
    connection: ConnectionId,
    work: impl FnOnce() -> Dialed + Send + 'static,
) {
    let answers = Arc::clone(mailbox);
    let thread = std::thread::Builder::new().name("zookeeper-dns".to_owned());
    let started = thread.spawn(move || answers.put(connection, work()));
    if started.is_err() {
        mailbox.put(connection, Dialed::Resolved(Vec::new()));
    }
}

#[cfg(feature = "single-threaded")]
fn run(mailbox: &Arc<Mailbox>, connection: ConnectionId, work: impl FnOnce() -> Dialed) {
    mailbox.put(connection, work());
}

/// Asks the system's resolver; nothing when it has no answer.
pub(crate) fn look_up(host: &Host) -> Vec<IpAddr> {
    let found = (host.name.as_str(), host.port).to_socket_addrs();
    let found = found.into_iter().flatten();
    found
        .map(|address| address.ip())
        .take(ADDRESSES_MAX)
        .collect()
}

/// Asks a server whether it takes writes.
fn ask(address: SocketAddr) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, PROBE_PATIENCE).ok()?;
    stream.set_read_timeout(Some(PROBE_PATIENCE)).ok()?;
    stream.set_write_timeout(Some(PROBE_PATIENCE)).ok()?;
    stream.write_all(PROBE_REQUEST).ok()?;
    let mut answer = Vec::new();
    let len_max = u64::try_from(PROBE_ANSWER_LEN_MAX).unwrap_or(u64::MAX);
    stream.take(len_max).read_to_end(&mut answer).ok()?;
    Some(answer)
}

#[cfg(test)]
mod tests {
    use super::ask;
    use super::look_up;
    use crate::limits::ADDRESSES_MAX;
    use crate::limits::PROBE_ANSWER_LEN_MAX;
    use std::io::Read;
    use std::io::Write;
    use std::net::TcpListener;
    use zoa_client_core::Host;

    #[test]
    fn a_talkative_server_is_cut_short() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a probe");
            let mut word = [0; 4];
            stream.read_exact(&mut word).expect("the word");
            // The other end closes when it has had enough.
            while stream.write_all(&[b'r'; 64]).is_ok() {}
            word
        });
        let answer = ask(address).expect("an answer");
        assert_eq!(answer.len(), PROBE_ANSWER_LEN_MAX);
        assert_eq!(&server.join().expect("no panic"), b"isro");
    }

    #[test]
    fn a_name_has_no_more_addresses_than_are_used() {
        let host = |name: &str| Host {
            name: name.to_owned(),
            port: 1,
        };
        let addresses = look_up(&host("127.0.0.1"));
        assert_eq!(addresses.len(), 1.min(ADDRESSES_MAX));
        assert!(look_up(&host("no.such.name.invalid")).is_empty());
    }
}
