//! Connections that others make to the quorum port.
//!
//! What it is not: a judge of who may speak. Invariant: a connection that has not said who it is, or which snapshot it brings, is open for
//! twice [`GREETING_TIME`] at most, and there are only so many of them ([`super::greetings`]); of each peer there is one connection for
//! messages, the newest, and of all together one that brings a snapshot and one that waits to.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use zoa_ensemble::Hello;
use zoa_ensemble::Purpose;
use zoa_log::SnapshotStore;
use zoa_proto::PeerId;
use zoa_tls::check_hosts;

use super::Context;
use super::Incoming;
use super::Line;
use super::PeerAddress;
use super::PeerEvent;
use super::framing::FrameReader;
use super::greeting;
use super::greeting::GreetingFault;
use super::greetings::Greetings;
use super::greetings::Turn;
use super::incoming;
use super::incoming::Bounds;
use super::incoming::Standing;
use super::link::Up;
use super::snapshot_stream;
use super::snapshot_stream::Offer;
use super::stream::PeerStream;
use crate::disk::RealDisk;
use crate::limits::GREETING_TIME;
use crate::limits::LONG_FRAMES_OF_STRANGERS_MAX;
use crate::time;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 128;

/// How long until an own name that had no address is looked up again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Between two lines of the log about connections without a certificate, which anybody can make one after the other.
const STRANGERS_TOLD_EVERY_MS: u64 = 10_000;

/// When the log last told of such a connection.
#[derive(Debug, Default)]
struct Strangers(Mutex<Option<u64>>);

impl Strangers {
    fn are_due(&self, now_ms: u64) -> bool {
        let mut told_ms = self.0.lock();
        let are_due = told_ms.is_none_or(|told_ms| now_ms >= told_ms + STRANGERS_TOLD_EVERY_MS);
        if are_due {
            *told_ms = Some(now_ms);
        }
        are_due
    }
}

/// Tries until the log says again that there is none.
const TRIES_PER_WARNING: u32 = 60;

/// What the accepting tasks share.
struct Door {
    context: Arc<Context>,
    handle: Handle,
    greetings: Greetings,
    /// For those who are no members.
    long_frames: Arc<Semaphore>,
    strangers: Strangers,
    /// The newest connection of each peer.
    present: Mutex<HashMap<PeerId, Incoming>>,
}

impl Door {
    fn new(handle: &Handle, context: &Arc<Context>) -> Arc<Self> {
        Arc::new(Self {
            context: Arc::clone(context),
            handle: handle.clone(),
            greetings: Greetings::default(),
            long_frames: Arc::new(Semaphore::new(LONG_FRAMES_OF_STRANGERS_MAX)),
            strangers: Strangers::default(),
            present: Mutex::default(),
        })
    }
}

/// Listens on every place of this server; those that have no address yet are tried again in the background.
pub(super) fn start(handle: &Handle, context: &Arc<Context>) -> io::Result<Vec<SocketAddr>> {
    let door = Door::new(handle, context);
    let mut listens_on = Vec::new();
    let _inside = handle.enter();
    for place in &context.options.listen {
        match listen_now(place, context) {
            Ok((listener, at)) => {
                listens_on.push(at);
                handle.spawn(take_in(Arc::clone(&door), listener));
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let what = format!("{}:{}: {error}", place.host, place.port);
                return Err(io::Error::new(io::ErrorKind::AddrInUse, what));
            }
            Err(error) => {
                tell_cannot_listen(place, &error);
                handle.spawn(listen_later(Arc::clone(&door), place.clone()));
            }
        }
    }
    Ok(listens_on)
}

/// At the start, when nobody waits for the thread that looks the name up.
fn listen_now(place: &PeerAddress, context: &Context) -> io::Result<(TcpListener, SocketAddr)> {
    let addresses = if context.options.listen_on_all {
        everywhere(place.port)
    } else {
        let found = (place.host.as_str(), place.port).to_socket_addrs()?;
        found.collect()
    };
    listen_at_one(&addresses, context)
}

fn everywhere(port: u16) -> Vec<SocketAddr> {
    vec![
        SocketAddr::from(([0_u16; 8], port)),
        SocketAddr::from(([0_u8; 4], port)),
    ]
}

/// On the first of these that can be had.
fn listen_at_one(
    addresses: &[SocketAddr],
    context: &Context,
) -> io::Result<(TcpListener, SocketAddr)> {
    let mut failed = io::Error::other("the name has no address");
    for address in addresses {
        match listen_at(*address) {
            Ok(listener) => {
                let at = listener.local_addr()?;
                tell_where(at, context.options.security.proves_who());
                return Ok((listener, at));
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn tell_where(address: SocketAddr, proves_who: bool) {
    tracing::info!("listening for the other servers at {address}");
    if !address.ip().to_canonical().is_loopback() && !proves_who {
        tracing::warn!(
            "the other servers are listened for at {address}, beyond this machine, and nothing proves who they are: whoever reaches that \
             port may speak as one of them. Let nobody else reach it, or set sslQuorum=true"
        );
    }
}

fn tell_cannot_listen(PeerAddress { host, port }: &PeerAddress, error: &io::Error) {
    tracing::warn!(
        "cannot listen for the other servers on {host}:{port}, so none of them reaches this one; trying again: {error}. The host in this \
         server's own server.N line must be a name or an address of this machine; where the others reach it by one that is not, as behind \
         NAT, set quorumListenOnAllIPs=true"
    );
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn listen_later(door: Arc<Door>, place: PeerAddress) {
    let options = &door.context.options;
    for tries in 1_u32.. {
        tokio::time::sleep(LISTEN_AGAIN).await;
        let addresses = if options.listen_on_all {
            Ok(everywhere(place.port))
        } else {
            options.names.find(&place.host, place.port).await
        };
        match addresses.and_then(|found| listen_at_one(&found, &door.context)) {
            Ok((listener, _)) => return take_in(Arc::clone(&door), listener).await,
            Err(error) if tries.is_multiple_of(TRIES_PER_WARNING) => {
                tell_cannot_listen(&place, &error);
            }
            Err(_) => {}
        }
    }
}

async fn take_in(door: Arc<Door>, listener: TcpListener) {
    loop {
        let Ok((socket, from)) = listener.accept().await else {
            // Out of file descriptors, mostly: what is open lives on.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        match door.greetings.begin(from.ip()) {
            Some(turn) => {
                let greeted = greet(Arc::clone(&door), socket, from, turn);
                door.handle.spawn(greeted);
            }
            None => tracing::debug!(%from, "too many connections that do not say who they are"),
        }
    }
}

async fn greet(door: Arc<Door>, socket: TcpStream, from: SocketAddr, turn: Turn) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%from, %error, "cannot switch off Nagle's algorithm");
    }
    let context = &door.context;
    let greeted = async {
        let securing = context.options.security.accepted(socket).await;
        let (mut stream, shown) = securing.map_err(GreetingFault::from)?;
        let identity = context.identity();
        let identity = identity.ok_or_else(|| GreetingFault::Broken("too early".to_owned()))?;
        let check_name = |hello: &Hello| match &shown {
            Some(certificate) => check_hosts(certificate, &context.hosts_of(hello)),
            None => Ok(()),
        };
        let greeted = greeting::answer(&mut stream, &identity, check_name).await?;
        Ok((stream, greeted, identity.epoch))
    };
    match tokio::time::timeout(GREETING_TIME, greeted).await {
        Ok(Ok((stream, (hello, frames), epoch))) => match hello.purpose {
            Purpose::Messages => {
                drop(turn);
                hear(&door, (hello, epoch), stream, frames).await;
            }
            Purpose::Snapshot => receive(&door, &hello, (stream, frames), turn).await,
        },
        Ok(Err(GreetingFault::Broken(why))) => {
            tracing::debug!(%from, why, "a connection that came to nothing");
        }
        Ok(Err(fault @ GreetingFault::Unproven(_))) => {
            if door.strangers.are_due(time::now().mono_ms) {
                let from = from.ip().to_canonical();
                tracing::warn!("a connection from {from} to the quorum port is refused: {fault}");
            }
        }
        // Said in the log only: whoever comes in may claim to be anybody.
        Ok(Err(fault @ GreetingFault::RefusedByThem { peer, .. })) => {
            context.tell(peer, &fault.to_string());
        }
        Ok(Err(
            fault
            @ (GreetingFault::RefusedByUs { peer, .. } | GreetingFault::Misnamed { peer, .. }),
        )) => {
            context.tell(peer, &format!("{fault}; it came from {}", from.ip()));
        }
        Err(_) => tracing::debug!(%from, "a connection that did not say who it is in time"),
    }
}

async fn hear(door: &Door, said: (Hello, u64), stream: PeerStream, frames: FrameReader) {
    let context = &door.context;
    let hello = said.0.clone();
    let peer = hello.me;
    let standing = || {
        let identity = context.identity();
        identity.map_or(Standing::Outside, |identity| {
            Standing::of(&hello, &identity)
        })
    };
    let bounds = Bounds {
        standing,
        long_frames: Arc::clone(&door.long_frames),
    };
    let incoming = Incoming::default();
    if let Some(older) = door.present.lock().insert(peer, incoming.clone()) {
        older.cut();
    }
    if let Some(nudge) = context.nudges.lock().get(&peer) {
        nudge.notify_one();
    }
    let up = Up::new(context, said, Line::In(incoming.clone()));
    let link = up.link();
    let give = |frames| context.give(PeerEvent::Received { link, frames });
    let ending = tokio::select! {
        ending = incoming::read(stream, frames, context.options.silence_max, bounds, give) => ending,
        () = incoming.is_cut() => "it was cut from here".to_owned(),
    };
    drop(up);
    tracing::debug!(peer = peer.0, "the link from the peer is over: {ending}");
}

/// Takes a snapshot from a server that was greeted; until it has said which, it counts as one that has not said who it is.
async fn receive(
    door: &Door,
    hello: &Hello,
    (mut stream, mut frames): (PeerStream, FrameReader),
    turn: Turn,
) {
    let context = &door.context;
    let peer = hello.me.0;
    let store = context.store.lock().clone();
    let (Some(store), Some(node)) = (store, hello.state.node()) else {
        return;
    };
    let offered = snapshot_stream::read_offer(&mut stream, &mut frames, node).await;
    drop(turn);
    let outcome = match offered {
        Ok(offer) => take_snapshot(context, &store, (stream, frames), offer).await,
        Err(reason) => Err(reason),
    };
    match outcome {
        Ok(()) => tracing::info!(peer, "snapshot received"),
        Err(reason) => tracing::warn!(peer, "the snapshot did not arrive: {reason}"),
    }
}

/// One arrives at a time, and one waits at most: the newest.
async fn take_snapshot(
    context: &Context,
    store: &SnapshotStore<RealDisk>,
    (mut stream, mut frames): (PeerStream, FrameReader),
    offer: Offer,
) -> Result<(), String> {
    let mut newest = context.newest_arrival.subscribe();
    let mut own = 0;
    context.newest_arrival.send_modify(|number| {
        *number += 1;
        own = *number;
    });
    let mut elsewhere = std::pin::pin!(async move {
        // The sender lives as long as the context.
        newest.wait_for(|number| *number > own).await.ok();
    });
    let mut arriving = tokio::select! {
        arriving = context.arriving.lock() => arriving,
        () = &mut elsewhere => return Err("it comes on another connection now".to_owned()),
    };
    let take_in = Arc::clone(&context.options.take_in);
    let taken_from = store.clone();
    snapshot_stream::receive(
        &mut stream,
        &mut frames,
        (store, offer),
        (&mut *arriving, elsewhere),
        move |meta, message| take_in(&taken_from, meta, message),
    )
    .await
}

#[cfg(test)]
mod tests;
