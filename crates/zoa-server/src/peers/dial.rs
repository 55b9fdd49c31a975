//! Making connections to a peer, again and again.
//!
//! What it is not: a judge of who answers. Invariant: names are looked up at each try, so that a peer that moved is found; between two
//! tries passes a pause that grows, and a peer whose name has no address is as good as one that is down.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::net::lookup_host;

use super::stream::PeerStream;
use super::stream::Security;
use crate::limits::DIAL_PAUSE_MAX;
use crate::limits::DIAL_PAUSE_MIN;
use crate::limits::DIAL_TIME;

/// One of the places where a peer can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PeerAddress {
    /// A name or an address.
    pub(crate) host: String,
    /// The port for replication.
    pub(crate) port: u16,
}

/// The pause between two tries: it doubles from [`DIAL_PAUSE_MIN`] to [`DIAL_PAUSE_MAX`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Self {
        Self(DIAL_PAUSE_MIN)
    }

    pub(super) fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(DIAL_PAUSE_MAX);
        now
    }
}

/// What has been found of a name.
pub(crate) type Finding<'a> =
    Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Where names are looked up.
pub(crate) trait Names: std::fmt::Debug + Send + Sync {
    /// The addresses of a name, now.
    fn find<'a>(&'a self, host: &'a str, port: u16) -> Finding<'a>;
}

/// Where this machine looks names up.
#[derive(Debug)]
pub(crate) struct SystemNames;

impl Names for SystemNames {
    fn find<'a>(&'a self, host: &'a str, port: u16) -> Finding<'a> {
        Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
    }
}

/// Connects to the first place that answers.
pub(super) async fn connect(
    places: &[PeerAddress],
    names: &dyn Names,
    security: &dyn Security,
) -> io::Result<PeerStream> {
    let mut failed = io::Error::other("no address is known");
    for place in places {
        let trying = async {
            let mut failed = io::Error::other(format!("{} has no address", place.host));
            for address in names.find(&place.host, place.port).await? {
                match dial(address).await {
                    Ok(socket) => return security.dialed(socket, &place.host).await,
                    Err(error) => failed = error,
                }
            }
            Err(failed)
        };
        match tokio::time::timeout(DIAL_TIME, trying).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = error,
            Err(_) => failed = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failed)
}

async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::stream::Plain;

    #[test]
    fn the_pause_grows_from_dial_pause_min_to_dial_pause_max() {
        let mut backoff = Backoff::new();
        let pauses: Vec<Duration> = (0..10).map(|_| backoff.next()).collect();
        assert_eq!(pauses[0], DIAL_PAUSE_MIN);
        assert!(pauses.windows(2).all(|two| two[0] <= two[1]));
        assert_eq!(pauses[9], DIAL_PAUSE_MAX);
    }

    #[tokio::test]
    async fn the_place_that_answers_is_taken_and_a_name_without_address_is_no_obstacle() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let place = |host: &str, port| PeerAddress {
            host: host.to_owned(),
            port,
        };
        let nowhere = place("no-such-host.invalid", port);
        let refused = connect(std::slice::from_ref(&nowhere), &SystemNames, &Plain).await;
        assert!(refused.is_err());
        assert!(
            connect(&[nowhere, place("127.0.0.1", port)], &SystemNames, &Plain)
                .await
                .is_ok()
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_answer_within_dial_time_is_given_up() {
        // A security that never ends stands for a peer that takes the connection and says nothing.
        #[derive(Debug)]
        struct Never;
        impl Security for Never {
            fn dialed(&self, _: TcpStream, _: &str) -> super::super::stream::Securing {
                Box::pin(std::future::pending())
            }
            fn accepted(&self, _: TcpStream) -> super::super::stream::Securing {
                Box::pin(std::future::pending())
            }
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = PeerAddress {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
        };
        let begun = tokio::time::Instant::now();
        assert!(connect(&[place], &SystemNames, &Never).await.is_err());
        assert!(begun.elapsed() >= DIAL_TIME);
    }
}
