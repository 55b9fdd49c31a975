//! Making connections to a peer, again and again.
//!
//! What it is not: a judge of who answers. Invariant: names are looked up at each try, so that a peer that moved is found; between two
//! tries passes a pause that grows, and a peer whose name has no address is as good as one that is down.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use rustix::net::sockopt;
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

/// Connects to the first place that answers. One that does not costs no more than its own time.
pub(super) async fn connect(
    places: &[PeerAddress],
    names: &dyn Names,
    security: &dyn Security,
    silence_max: Duration,
) -> io::Result<PeerStream> {
    let mut failed = io::Error::other("no address is known");
    for place in places {
        let addresses = match in_time(names.find(&place.host, place.port)).await {
            Ok(addresses) => addresses,
            Err(error) => {
                failed = error;
                continue;
            }
        };
        if addresses.is_empty() {
            failed = io::Error::other(format!("{} has no address", place.host));
        }
        for address in addresses {
            let trying = async {
                security
                    .dialed(dial(address, silence_max).await?, &place.host)
                    .await
            };
            match in_time(trying).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
    }
    Err(failed)
}

async fn in_time<T>(trying: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(DIAL_TIME, trying).await {
        Ok(outcome) => outcome,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// What is sent has to be acknowledged within `silence_max`: after a network that lost everything, or when the machine at the other end is
/// gone, the system would go on trying for a quarter of an hour, and nobody else would reach that peer meanwhile.
async fn dial(address: SocketAddr, silence_max: Duration) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_nodelay(true)?;
    // The system takes no more than a signed number holds.
    let silence_ms = i32::try_from(silence_max.as_millis()).unwrap_or(i32::MAX);
    sockopt::set_tcp_user_timeout(&socket, silence_ms.cast_unsigned())?;
    socket.connect(address).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::stream::Accepting;
    use crate::peers::stream::Plain;
    use crate::peers::stream::Securing;

    const SILENCE_MAX: Duration = Duration::from_secs(7);

    // Goal: G-21. Servers find each other again soon after a network that lost everything without a word.
    #[tokio::test]
    async fn what_nobody_acknowledges_for_so_long_ends_a_connection() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = dial(listener.local_addr().unwrap(), SILENCE_MAX)
            .await
            .unwrap();
        assert_eq!(sockopt::tcp_user_timeout(&socket).unwrap(), 7_000);
        let patient = dial(listener.local_addr().unwrap(), Duration::MAX).await;
        assert!(patient.is_ok(), "{patient:?}");
    }

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
        let refused = connect(
            std::slice::from_ref(&nowhere),
            &SystemNames,
            &Plain,
            SILENCE_MAX,
        )
        .await;
        assert!(refused.is_err());
        assert!(
            connect(
                &[nowhere, place("127.0.0.1", port)],
                &SystemNames,
                &Plain,
                SILENCE_MAX
            )
            .await
            .is_ok()
        );
    }

    /// Takes connections to this port only; those to others never come to anything, as behind a firewall that drops them.
    #[derive(Debug)]
    struct OnlyAt(u16);

    impl Security for OnlyAt {
        fn dialed(&self, socket: TcpStream, _: &str) -> Securing {
            let answers = socket.peer_addr().unwrap().port() == self.0;
            Box::pin(async move {
                match answers {
                    true => Ok(Box::new(socket) as PeerStream),
                    false => std::future::pending().await,
                }
            })
        }
        fn accepted(&self, _: TcpStream) -> Accepting {
            Box::pin(std::future::pending())
        }
        fn proves_who(&self) -> bool {
            false
        }
    }

    /// A name with these addresses.
    #[derive(Debug)]
    struct AllOf(Vec<SocketAddr>);

    impl Names for AllOf {
        fn find<'a>(&'a self, _: &'a str, _: u16) -> Finding<'a> {
            Box::pin(std::future::ready(Ok(self.0.clone())))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_does_not_answer_within_dial_time_is_given_up_for_the_next() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let answers = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (silent, answers) = (silent.local_addr().unwrap(), answers.local_addr().unwrap());
        let place = PeerAddress {
            host: "zk1.example".to_owned(),
            port: 2888,
        };
        let connecting = async |names: AllOf| {
            let begun = tokio::time::Instant::now();
            let security = OnlyAt(answers.port());
            let connected =
                connect(std::slice::from_ref(&place), &names, &security, SILENCE_MAX).await;
            (connected.is_ok(), begun.elapsed() >= DIAL_TIME)
        };
        assert_eq!(connecting(AllOf(vec![silent])).await, (false, true));
        assert_eq!(connecting(AllOf(vec![silent, answers])).await, (true, true));
        assert_eq!(
            connecting(AllOf(vec![answers, silent])).await,
            (true, false)
        );
    }
}
