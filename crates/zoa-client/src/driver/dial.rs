//! Names, attempts and probes: whatever takes time on the way to a connection, one future for each.
//!
//! The core has a deadline for each and stops what takes longer.

use std::future::Future;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use zoa_client_core::Action;
use zoa_client_core::ConnectionId;
use zoa_client_core::Host;
use zoa_client_core::PROBE_REQUEST;

use crate::limits::ADDRESSES_MAX;
use crate::limits::LOOKUPS_MAX;
use crate::limits::PROBE_ANSWER_LEN_MAX;
use crate::tls::Connector;
use crate::tls::Failure;

use super::socket::Socket;

/// How it went.
#[derive(Debug)]
pub(super) enum Dialed {
    Resolved(Vec<IpAddr>),
    Unresolved,
    Connected(Socket),
    Failed(Failure),
    Probed(Vec<u8>),
}

type Dialing = Pin<Box<dyn Future<Output = Dialed> + Send>>;

/// What is under way: one attempt and one probe at most.
pub(super) struct Dialer {
    tls: Option<Connector>,
    attempt: Option<(ConnectionId, Dialing)>,
    probe: Option<(ConnectionId, Dialing)>,
    lookups: Arc<AtomicUsize>,
}

impl Dialer {
    pub(super) fn new(tls: Option<Connector>) -> Self {
        Self {
            tls,
            attempt: None,
            probe: None,
            lookups: Arc::default(),
        }
    }

    /// Begins what the core asks for; an older one of the same kind is over by then.
    pub(super) fn start(&mut self, action: Action) {
        match action {
            Action::Resolve { connection, host } => {
                let lookups = Arc::clone(&self.lookups);
                self.attempt = Some((connection, Box::pin(resolve(host, lookups))));
            }
            Action::Connect {
                connection,
                address,
                host,
            } => {
                let tls = self.tls.clone();
                let connecting = async move {
                    match connect(address, &host, tls.as_ref()).await {
                        Ok(socket) => Dialed::Connected(socket),
                        Err(failure) => Dialed::Failed(failure),
                    }
                };
                self.attempt = Some((connection, Box::pin(connecting)));
            }
            Action::Probe { connection, host } => {
                let lookups = Arc::clone(&self.lookups);
                let tls = self.tls.clone();
                self.probe = Some((connection, Box::pin(probe(host, tls, lookups))));
            }
            Action::Close { connection } => self.stop(connection),
        }
    }

    pub(super) fn stop(&mut self, connection: ConnectionId) {
        self.attempt
            .take_if(|(under_way, _)| *under_way == connection);
        self.probe
            .take_if(|(under_way, _)| *under_way == connection);
    }

    /// What came to its end.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Option<(ConnectionId, Dialed)> {
        for under_way in [&mut self.attempt, &mut self.probe] {
            if let Some((connection, dialing)) = under_way
                && let Poll::Ready(dialed) = dialing.as_mut().poll(context)
            {
                let connection = *connection;
                *under_way = None;
                return Some((connection, dialed));
            }
        }
        None
    }
}

async fn resolve(host: Host, lookups: Arc<AtomicUsize>) -> Dialed {
    match look_up(&host, &lookups).await {
        Some(addresses) if !addresses.is_empty() => Dialed::Resolved(addresses),
        Some(_) | None => Dialed::Unresolved,
    }
}

/// Asks the system's resolver; `None` when it has no answer, or is stuck already.
async fn look_up(host: &Host, lookups: &Arc<AtomicUsize>) -> Option<Vec<IpAddr>> {
    if lookups.fetch_add(1, Ordering::Relaxed) >= LOOKUPS_MAX {
        lookups.fetch_sub(1, Ordering::Relaxed);
        return None;
    }
    // On a thread of its own, and counted until it ends there: to drop this future does not end it.
    let (name, port) = (host.name.clone(), host.port);
    let lookups = Arc::clone(lookups);
    let lookup = tokio::task::spawn_blocking(move || {
        let found = std::net::ToSocketAddrs::to_socket_addrs(&(name.as_str(), port));
        let addresses = found.map(|found| first_of(found.map(|address| address.ip())));
        lookups.fetch_sub(1, Ordering::Relaxed);
        addresses.ok()
    });
    lookup.await.ok().flatten()
}

fn first_of(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    addresses.take(ADDRESSES_MAX).collect()
}

async fn connect(
    address: SocketAddr,
    host: &Host,
    tls: Option<&Connector>,
) -> Result<Socket, Failure> {
    let stream = TcpStream::connect(address).await;
    let stream = stream.map_err(|error| Failure::of(&error))?;
    // Requests are small and each is waited for.
    stream
        .set_nodelay(true)
        .map_err(|error| Failure::of(&error))?;
    let Some(tls) = tls else {
        return Ok(Socket::Plain(stream));
    };
    let secured = tls.connect(host, stream).await;
    secured
        .map(|stream| Socket::Tls(Box::new(stream)))
        .map_err(|error| Failure::of_handshake(&error))
}

async fn probe(host: Host, tls: Option<Connector>, lookups: Arc<AtomicUsize>) -> Dialed {
    let answer = ask(&host, tls.as_ref(), &lookups).await;
    Dialed::Probed(answer.unwrap_or_default())
}

/// Asks a server whether it takes writes; the beginning of its answer.
async fn ask(host: &Host, tls: Option<&Connector>, lookups: &Arc<AtomicUsize>) -> Option<Vec<u8>> {
    let address = match host.name.parse() {
        Ok(address) => address,
        Err(_) => *look_up(host, lookups).await?.first()?,
    };
    match connect((address, host.port).into(), host, tls).await.ok()? {
        Socket::Plain(stream) => exchange(stream).await,
        Socket::Tls(stream) => exchange(stream).await,
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<Vec<u8>> {
    stream.write_all(PROBE_REQUEST).await.ok()?;
    stream.flush().await.ok()?;
    let mut answer = Vec::new();
    let len_max = u64::try_from(PROBE_ANSWER_LEN_MAX).unwrap_or(u64::MAX);
    let mut reading = stream.take(len_max);
    let read = reading.read_to_end(&mut answer).await;
    // A server that closes without the goodbye of TLS has answered all the same.
    (read.is_ok() || !answer.is_empty()).then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::first_of;
    use super::look_up;
    use crate::limits::ADDRESSES_MAX;
    use crate::limits::LOOKUPS_MAX;
    use std::net::IpAddr;
    use std::net::Ipv4Addr;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;
    use zoa_client_core::Host;

    #[tokio::test]
    async fn a_resolver_that_is_stuck_is_not_asked_again_and_again() {
        let host = Host {
            name: "localhost".to_owned(),
            port: 1,
        };
        let lookups = Arc::new(AtomicUsize::new(LOOKUPS_MAX));
        assert_eq!(look_up(&host, &lookups).await, None);
        assert_eq!(lookups.load(Ordering::Relaxed), LOOKUPS_MAX);
        lookups.store(LOOKUPS_MAX - 1, Ordering::Relaxed);
        let found = look_up(&host, &lookups).await.expect("every system has it");
        assert!(found.iter().all(IpAddr::is_loopback), "{found:?}");
        assert_eq!(lookups.load(Ordering::Relaxed), LOOKUPS_MAX - 1);
    }

    #[test]
    fn of_very_many_addresses_the_first_are_kept() {
        let many = std::iter::repeat_n(IpAddr::V4(Ipv4Addr::LOCALHOST), ADDRESSES_MAX + 1);
        assert_eq!(first_of(many).len(), ADDRESSES_MAX);
    }
}
