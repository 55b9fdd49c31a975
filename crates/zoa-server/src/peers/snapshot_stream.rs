//! A snapshot file on its way to a peer, on a connection of its own.
//!
//! ```text
//!   sender    offer: index, term, length, mark, message   ->
//!             <-  from this byte on                            receiver
//!             pieces of the file                          ->
//!             <-  it is whole, loaded and durable
//! ```
//!
//! What it is not: the question who needs one, or what it means to have it. Invariant: a connection that breaks costs what was on the wire
//! and no more: the next one goes on where the receiver is, as long as it is the same file ([`SnapshotFile::mark`]).

use std::time::Duration;

use bytes::Buf;
use bytes::BufMut;
use bytes::Bytes;
use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use zoa_ensemble::NodeId;
use zoa_ensemble::is_snapshot_offer;
use zoa_log::LogError;
use zoa_log::LogIndex;
use zoa_log::SnapshotFile;
use zoa_log::SnapshotMeta;
use zoa_log::SnapshotReceiver;
use zoa_log::SnapshotStore;
use zoa_raft::LogPosition;

use super::framing;
use super::framing::FrameReader;
use super::greeting::read_frame;
use super::greeting::write_frame;
use super::stream::PeerStream;
use crate::disk::RealDisk;
use crate::limits::GREETING_TIME;
use crate::limits::OFFER_LEN_MAX;
use crate::limits::PIECE_LEN;
use crate::limits::SNAPSHOT_BURST_LEN_MAX;
use crate::limits::SNAPSHOT_BYTES_PER_SECOND;
use crate::limits::SNAPSHOT_SILENCE_MAX;
use crate::limits::SNAPSHOT_TAKEN_IN_MAX;

/// The answer to an offer: go on from here.
const FROM: u8 = 1;
/// The last word of the receiver: it has all of it.
const DONE: u8 = 2;

/// What the sender has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) index: LogIndex,
    pub(super) term: u64,
    pub(super) len: u64,
    pub(super) mark: u32,
    /// For the receiver's replication, once the file is there.
    pub(super) message: Bytes,
}

impl Offer {
    fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(28 + self.message.len());
        bytes.put_u64(self.index.0);
        bytes.put_u64(self.term);
        bytes.put_u64(self.len);
        bytes.put_u32(self.mark);
        bytes.put_slice(&self.message);
        bytes.freeze()
    }

    fn decode(mut bytes: Bytes) -> Option<Self> {
        Some(Self {
            index: LogIndex(bytes.try_get_u64().ok()?),
            term: bytes.try_get_u64().ok()?,
            len: bytes.try_get_u64().ok()?,
            mark: bytes.try_get_u32().ok()?,
            message: bytes,
        })
    }

    fn is_same_file(&self, other: &Self) -> bool {
        (self.index, self.term, self.len, self.mark)
            == (other.index, other.term, other.len, other.mark)
    }
}

/// Sends the snapshot of `index` to whom the stream leads; returns when the receiver has it all.
pub(super) async fn send(
    stream: &mut PeerStream,
    frames: &mut FrameReader,
    store: &SnapshotStore<RealDisk>,
    (index, message): (LogIndex, Bytes),
) -> Result<u64, String> {
    frames.allow(OFFER_LEN_MAX);
    let opening = store.clone();
    let (file, term) = blocking(move || {
        let term = opening.read(index)?.meta().term;
        Ok((opening.open_file(index)?, term))
    })
    .await?;
    let offer = Offer {
        index,
        term,
        len: file.len(),
        mark: file.mark(),
        message,
    };
    in_time(SNAPSHOT_SILENCE_MAX, write_frame(stream, &offer.encode())).await?;
    let answer = in_time(SNAPSHOT_SILENCE_MAX, read_frame(stream, frames)).await?;
    let from = wanted(&answer).filter(|from| *from <= offer.len);
    let from = from.ok_or("the receiver answers an offer with something else")?;
    send_pieces(stream, file, (from, offer.len)).await?;
    let answer = in_time(SNAPSHOT_TAKEN_IN_MAX, read_frame(stream, frames)).await?;
    match answer.as_ref() {
        [DONE] => Ok(offer.len - from),
        _ => Err("the receiver ends with something else than that it is done".to_owned()),
    }
}

fn wanted(mut answer: &[u8]) -> Option<u64> {
    (answer.try_get_u8().ok()? == FROM).then_some(())?;
    answer.try_get_u64().ok().filter(|_| answer.is_empty())
}

/// Sends the bytes of the file, no faster than [`SNAPSHOT_BYTES_PER_SECOND`].
async fn send_pieces(
    stream: &mut PeerStream,
    mut file: SnapshotFile<RealDisk>,
    (from, len): (u64, u64),
) -> Result<(), String> {
    let mut pace = Pace::new(Instant::now());
    let mut at = from;
    while at < len {
        let piece;
        (file, piece) = blocking(move || {
            let piece = file.read(at, PIECE_LEN)?;
            Ok((file, piece))
        })
        .await?;
        if piece.is_empty() {
            return Err("the file is shorter than it was".to_owned());
        }
        let writing = async {
            stream.write_all(&framing::head(&piece)).await?;
            stream.write_all(&piece).await
        };
        in_time(SNAPSHOT_SILENCE_MAX, writing).await?;
        at += piece.len() as u64;
        tokio::time::sleep_until(pace.next(Instant::now(), piece.len() as u64)).await;
    }
    in_time(SNAPSHOT_SILENCE_MAX, stream.flush()).await
}

/// When the next bytes may be sent. Time in which nothing moved is no claim on more than [`SNAPSHOT_BURST_LEN_MAX`] at once.
#[derive(Debug)]
struct Pace {
    /// When what was sent so far would have been sent at the right speed.
    due: Instant,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { due: now }
    }

    /// So many bytes were sent just now.
    fn next(&mut self, now: Instant, len: u64) -> Instant {
        let earliest = now.checked_sub(fair_time(SNAPSHOT_BURST_LEN_MAX));
        self.due = self.due.max(earliest.unwrap_or(self.due)) + fair_time(len);
        self.due
    }
}

/// How long so many bytes have to take.
fn fair_time(len: u64) -> Duration {
    Duration::from_nanos(len.saturating_mul(1_000_000_000) / SNAPSHOT_BYTES_PER_SECOND)
}

/// What has arrived of a snapshot; it outlives the connection it came on.
#[derive(Debug)]
pub(super) struct Arriving {
    offer: Offer,
    file: SnapshotReceiver<RealDisk>,
}

/// Waits for what `from` offers, as long as for a greeting: nothing is due to it before it has said that.
pub(super) async fn read_offer(
    stream: &mut PeerStream,
    frames: &mut FrameReader,
    from: NodeId,
) -> Result<Offer, String> {
    frames.allow(OFFER_LEN_MAX);
    let offer = in_time(GREETING_TIME, read_frame(stream, frames)).await?;
    let offer = Offer::decode(offer).ok_or("an offer of a snapshot that is none")?;
    let position = LogPosition {
        index: offer.index,
        term: offer.term,
    };
    if is_snapshot_offer(&offer.message, from, position) {
        Ok(offer)
    } else {
        Err(
            "the message with the offer of a snapshot is not its sender's word on that snapshot"
                .to_owned(),
        )
    }
}

/// Receives a snapshot, going on with `arriving` if it is of the same file. What has arrived stays in `arriving` when the connection
/// breaks, or comes on another one now, as `elsewhere` tells. `take_in` makes use of the whole file before the sender hears that it has arrived.
pub(super) async fn receive(
    stream: &mut PeerStream,
    frames: &mut FrameReader,
    (store, offer): (&SnapshotStore<RealDisk>, Offer),
    (arriving, elsewhere): (&mut Option<Arriving>, impl Future<Output = ()>),
    take_in: impl FnOnce(SnapshotMeta, Bytes) -> Result<(), LogError> + Send + 'static,
) -> Result<(), String> {
    let before = arriving.take();
    let mut now = match before.filter(|before| before.offer.is_same_file(&offer)) {
        Some(before) => before,
        // Another file was given up, and removed, before this one is made.
        None => {
            let (store, index) = (store.clone(), offer.index);
            let file = blocking(move || store.receive(index)).await?;
            let offer = offer.clone();
            Arriving { offer, file }
        }
    };
    now.offer.message = offer.message;
    let mut answer = vec![FROM];
    answer.put_u64(now.file.offset());
    if let Err(error) = in_time(SNAPSHOT_SILENCE_MAX, write_frame(stream, &answer)).await {
        *arriving = Some(now);
        return Err(error);
    }
    frames.allow(PIECE_LEN);
    let mut elsewhere = std::pin::pin!(elsewhere);
    while now.file.offset() < now.offer.len {
        let reading = in_time(SNAPSHOT_SILENCE_MAX, read_frame(stream, frames));
        let piece = tokio::select! {
            piece = reading => piece,
            () = &mut elsewhere => Err("it comes on another connection now".to_owned()),
        };
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => {
                *arriving = Some(now);
                return Err(error);
            }
        };
        now = blocking(move || {
            now.file.write(&piece)?;
            Ok(now)
        })
        .await?;
    }
    let Arriving { offer, file } = now;
    if file.offset() > offer.len {
        return Err("more bytes came than were offered".to_owned());
    }
    let meta = blocking(move || file.finish()).await?;
    if (meta.index, meta.term) != (offer.index, offer.term) {
        return Err("the file is the snapshot of another place than was offered".to_owned());
    }
    blocking(move || take_in(meta, offer.message)).await?;
    in_time(SNAPSHOT_SILENCE_MAX, write_frame(stream, &[DONE])).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, String> {
    match spawn_blocking(work).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err("the work on the file was given up".to_owned()),
    }
}

async fn in_time<T>(
    patience: Duration,
    work: impl Future<Output = std::io::Result<T>>,
) -> Result<T, String> {
    match tokio::time::timeout(patience, work).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("nothing moved for {} s", patience.as_secs())),
    }
}

#[cfg(test)]
mod tests;
