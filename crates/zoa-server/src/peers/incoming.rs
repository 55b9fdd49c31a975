//! A connection that a peer has made and sends on.
//!
//! What it is not: an interpreter of frames. Invariant: nothing more is read while what was read and not yet dealt with is above
//! [`PEER_UNREAD_LEN_MAX`], so a peer that talks faster than this server thinks fills the socket and not the memory.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

use super::framing::FrameReader;
use super::outgoing::Ending;
use super::stream::PeerStream;
use crate::limits::PEER_UNREAD_LEN_MAX;

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

/// Frames that came together, and their share of the room for what is not dealt with yet: dropped, it is given back.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) frames: Vec<Bytes>,
    _room: OwnedSemaphorePermit,
}

/// Reads until the connection is over, and hands on what came.
pub(super) async fn read(
    mut stream: PeerStream,
    mut frames: FrameReader,
    silence_max: Duration,
    mut give: impl FnMut(Frames),
) -> Ending {
    let room = Arc::new(Semaphore::new(PEER_UNREAD_LEN_MAX));
    loop {
        match take_all(&mut frames) {
            Err(fault) => return fault,
            Ok(came) if came.is_empty() => {}
            Ok(came) => {
                let len: usize = came.iter().map(Bytes::len).sum();
                let share = u32::try_from(len.min(PEER_UNREAD_LEN_MAX)).unwrap_or(u32::MAX);
                let room = Arc::clone(&room).acquire_many_owned(share).await;
                give(Frames {
                    frames: came,
                    _room: room.expect("this semaphore is never closed"),
                });
            }
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

fn take_all(frames: &mut FrameReader) -> Result<Vec<Bytes>, Ending> {
    let mut came = Vec::new();
    while let Some(frame) = frames.next().map_err(|fault| fault.to_string())? {
        if frame != ALIVE {
            came.push(frame);
        }
    }
    Ok(came)
}
