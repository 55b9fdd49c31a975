//! A connection that a peer has made and sends on.
//!
//! What it is not: an interpreter of frames. Invariant: nothing more is read while what was read and not yet dealt with is above
//! [`PEER_UNREAD_LEN_MAX`], so a peer that talks faster than this server thinks fills the socket and not the memory. Of a server that is
//! no member it is [`STRANGER_FRAME_LEN_MAX`], and longer frames only by turns.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use zoa_ensemble::Hello;
use zoa_ensemble::Identity;
use zoa_ensemble::limits::FRAME_LEN_MAX;

use super::framing::FrameFault;
use super::framing::FrameReader;
use super::outgoing::Ending;
use super::stream::PeerStream;
use crate::limits::PEER_UNREAD_LEN_MAX;
use crate::limits::STRANGER_FRAME_LEN_MAX;

/// A frame that says nothing but that its sender lives.
pub(super) const ALIVE: &[u8] = &[0];

/// The handle to end such a connection; clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incoming(Arc<Notify>);

impl Incoming {
    /// Ends the connection.
    pub(crate) fn cut(&self) {
        self.0.notify_one();
    }

    /// Until somebody ends it.
    pub(super) async fn is_cut(&self) {
        self.0.notified().await;
    }
}

/// How far the server at the other end is trusted with the memory of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has no data of this cluster.
    Outside,
    /// It has, or says so, and is no member as far as this server knows.
    Unknown,
    /// It is a member.
    Member,
}

impl Standing {
    pub(super) fn of(hello: &Hello, identity: &Identity) -> Self {
        match (hello.state.cluster(), hello.state.node()) {
            (Some(cluster), Some(node)) if identity.state.cluster() == Some(cluster) => {
                if identity.members.contains(node.raft()) {
                    Self::Member
                } else {
                    Self::Unknown
                }
            }
            _ => Self::Outside,
        }
    }
}

/// What one connection may take of the memory here.
pub(super) struct Bounds<S> {
    /// How it stands with the peer now: a server may become a member.
    pub(super) standing: S,
    /// Shared by all connections of those that are not.
    pub(super) long_frames: Arc<Semaphore>,
}

/// Frames that came together, and their share of the room for what is not dealt with yet: dropped, it is given back.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) frames: Vec<Bytes>,
    _room: OwnedSemaphorePermit,
    _long: Option<OwnedSemaphorePermit>,
}

/// Reads until the connection is over, and hands on what came.
pub(super) async fn read(
    mut stream: PeerStream,
    mut frames: FrameReader,
    silence_max: Duration,
    bounds: Bounds<impl Fn() -> Standing>,
    mut give: impl FnMut(Frames),
) -> Ending {
    frames.allow(STRANGER_FRAME_LEN_MAX);
    let mut room_len = STRANGER_FRAME_LEN_MAX;
    let room = Arc::new(Semaphore::new(room_len));
    let mut long = None;
    loop {
        let is_member = room_len == PEER_UNREAD_LEN_MAX;
        let standing = if is_member {
            Standing::Member
        } else {
            (bounds.standing)()
        };
        if standing == Standing::Member && !is_member {
            room.add_permits(PEER_UNREAD_LEN_MAX - room_len);
            room_len = PEER_UNREAD_LEN_MAX;
            frames.allow(FRAME_LEN_MAX);
        }
        let (came, fault) = take_all(&mut frames, long.is_some());
        let is_given = !came.is_empty();
        if is_given {
            let len: usize = came.iter().map(Bytes::len).sum();
            let share = u32::try_from(len.min(room_len)).unwrap_or(u32::MAX);
            let room = Arc::clone(&room).acquire_many_owned(share).await;
            let was_long = long.take();
            if was_long.is_some() && room_len < PEER_UNREAD_LEN_MAX {
                frames.allow(STRANGER_FRAME_LEN_MAX);
            }
            give(Frames {
                frames: came,
                _room: room.expect("this semaphore is never closed"),
                _long: was_long,
            });
        }
        match fault {
            None if is_given => continue,
            None => {}
            Some(FrameFault::Length { len, .. })
                if standing == Standing::Unknown && (1..=FRAME_LEN_MAX).contains(&len) =>
            {
                let turn = Arc::clone(&bounds.long_frames).acquire_owned();
                let Ok(turn) = tokio::time::timeout(silence_max, turn).await else {
                    return "others that are no members keep the room for long frames".to_owned();
                };
                long = Some(turn.expect("this semaphore is never closed"));
                frames.allow(FRAME_LEN_MAX);
                continue;
            }
            Some(fault) => return fault.to_string(),
        }
        let reading = stream.read_buf(frames.room());
        match tokio::time::timeout(silence_max, reading).await {
            Err(_) => {
                return format!("not a word for {} ms (syncLimit)", silence_max.as_millis());
            }
            Ok(Err(error)) => return error.to_string(),
            Ok(Ok(0)) => return "the peer has closed the connection".to_owned(),
            Ok(Ok(_)) => {}
        }
    }
}

/// The frames that are there, up to one that cannot be taken; or only the next.
fn take_all(frames: &mut FrameReader, only_one: bool) -> (Vec<Bytes>, Option<FrameFault>) {
    let mut came = Vec::new();
    loop {
        match frames.next() {
            Ok(Some(frame)) if frame == ALIVE => {}
            Ok(Some(frame)) => came.push(frame),
            Ok(None) => return (came, None),
            Err(fault) => return (came, Some(fault)),
        }
        if only_one && !came.is_empty() {
            return (came, None);
        }
    }
}
