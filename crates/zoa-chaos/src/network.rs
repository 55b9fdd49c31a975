//! The network between the processes: a proxy on every link, which holds bytes back, lets them through late or one by one, or
//! breaks the connection.
//!
//! A link that is cut holds its bytes, as TCP does while packets are lost: they arrive when it is whole again, unless an end gave
//! up meanwhile. Each direction between two places has a state of its own, which holds for all connections between them, whoever
//! opened them. Invariant: bytes that arrive are those that were sent, in their order.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::net::SocketAddr;

use anyhow::Context;
use anyhow::Result;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::watch;
use tokio::task;

use crate::clock::pause_ms;

/// An end of a link: [`CLIENTS`], or a server's number.
pub(crate) type Place = u8;

/// All clients.
pub(crate) const CLIENTS: Place = 0;

/// From where to where bytes go.
type Flow = (Place, Place);

/// Bytes let through in one piece.
const PIECE_LEN: usize = 64 << 10;

/// The same where they come in a trickle.
const TRICKLE_LEN: usize = 7;

/// What a direction between two places is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Nothing gets through.
    pub(crate) is_cut: bool,
    /// Each piece takes so much longer.
    pub(crate) delay_ms: u64,
    /// Pieces are a few bytes long.
    pub(crate) trickles: bool,
    /// How often all connections were broken.
    breaks: u64,
}

/// All directions there are.
#[derive(Debug, Default)]
pub(crate) struct Network {
    flows: BTreeMap<Flow, watch::Sender<Weather>>,
}

/// A way that a proxy offers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    /// Who connects.
    pub(crate) from: Place,
    /// Who is connected to.
    pub(crate) to: Place,
    /// Where the proxy listens.
    pub(crate) listen: SocketAddr,
    /// Where the other end really is.
    pub(crate) target: SocketAddr,
}

impl Network {
    /// Opens a way; it stays open until the run ends.
    pub(crate) async fn open(&mut self, route: Route) -> Result<()> {
        let listener = TcpListener::bind(route.listen)
            .await
            .with_context(|| format!("a proxy that listens on {}", route.listen))?;
        let there = self.watch((route.from, route.to));
        let back = self.watch((route.to, route.from));
        task::spawn_local(accept(listener, route, (there, back)));
        Ok(())
    }

    fn watch(&mut self, flow: Flow) -> watch::Receiver<Weather> {
        self.flows
            .entry(flow)
            .or_insert_with(|| watch::channel(Weather::default()).0)
            .subscribe()
    }

    /// Changes the weather of the directions that `is_meant` names.
    pub(crate) fn change(
        &self,
        is_meant: impl Fn(Place, Place) -> bool,
        change: impl Fn(&mut Weather),
    ) {
        for ((from, to), weather) in &self.flows {
            if is_meant(*from, *to) {
                weather.send_modify(&change);
            }
        }
    }

    /// Breaks the connections of the directions that `is_meant` names.
    pub(crate) fn break_all(&self, is_meant: impl Fn(Place, Place) -> bool) {
        self.change(is_meant, |weather| weather.breaks += 1);
    }

    /// Everything gets through at once again.
    pub(crate) fn calm_down(&self) {
        self.change(
            |_, _| true,
            |weather| {
                *weather = Weather {
                    breaks: weather.breaks,
                    ..Weather::default()
                }
            },
        );
    }
}

async fn accept(
    listener: TcpListener,
    route: Route,
    weather: (watch::Receiver<Weather>, watch::Receiver<Weather>),
) {
    loop {
        match listener.accept().await {
            Ok((near, from)) => {
                task::spawn_local(carry(near, from.ip(), route, weather.clone()));
            }
            Err(_) => pause_ms(20).await,
        }
    }
}

/// Carries one connection to its end.
async fn carry(
    near: TcpStream,
    from: IpAddr,
    route: Route,
    (there, back): (watch::Receiver<Weather>, watch::Receiver<Weather>),
) {
    let breaks = (there.borrow().breaks, back.borrow().breaks);
    let (mut until_there, mut until_back) = (there.clone(), back.clone());
    let whole = async {
        // A connection cannot be made while either direction is cut.
        until_there.wait_for(|it| !it.is_cut).await.ok()?;
        until_back.wait_for(|it| !it.is_cut).await.ok()?;
        let far = connect(from, route.target).await.ok()?;
        near.set_nodelay(true).ok()?;
        far.set_nodelay(true).ok()?;
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        tokio::join!(
            pump(near_read, far_write, there.clone()),
            pump(far_read, near_write, back.clone())
        );
        Some(())
    };
    let (mut broken_there, mut broken_back) = (there.clone(), back.clone());
    tokio::select! {
        _ = whole => {}
        _ = broken_there.wait_for(|it| it.breaks != breaks.0) => {}
        _ = broken_back.wait_for(|it| it.breaks != breaks.1) => {}
    }
}

/// Clients keep their addresses, since servers may judge by them.
async fn connect(from: IpAddr, target: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(target).await
}

/// Carries bytes one way until an end closes, which the other end then hears of.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut weather: watch::Receiver<Weather>,
) {
    let mut piece = vec![0; PIECE_LEN];
    loop {
        if weather.wait_for(|it| !it.is_cut).await.is_err() {
            return;
        }
        let len_max = if weather.borrow().trickles {
            TRICKLE_LEN
        } else {
            PIECE_LEN
        };
        let room = piece.get_mut(..len_max).unwrap_or_default();
        let len = match from.read(room).await {
            Ok(0) | Err(_) => break,
            Ok(len) => len,
        };
        // What was read in the moment of the cut is held back, too.
        let Ok(delay_ms) = weather
            .wait_for(|it| !it.is_cut)
            .await
            .map(|it| it.delay_ms)
        else {
            return;
        };
        if delay_ms > 0 {
            pause_ms(delay_ms).await;
        }
        if to
            .write_all(piece.get(..len).unwrap_or_default())
            .await
            .is_err()
        {
            break;
        }
    }
    to.shutdown().await.ok();
}
