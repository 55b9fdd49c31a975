//! Snapshots over a pipe that may break, from a real folder to another.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::io::AsyncReadExt;
use zoa_log::ClusterId;
use zoa_proto::PeerId;

use super::*;

/// A folder with snapshots that goes away with the test.
struct Folder {
    path: PathBuf,
    store: SnapshotStore<RealDisk>,
}

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("zoa-stream-{}-{number}", std::process::id()));
        let disk = RealDisk::open_buffered(&path).unwrap();
        let store = SnapshotStore::open(disk, ClusterId([1; 16])).unwrap();
        Self { path, store }
    }

    /// With a snapshot of index 7.
    fn with_snapshot(len: usize) -> Self {
        let folder = Self::new();
        let meta = SnapshotMeta {
            index: LogIndex(7),
            term: 3,
            zxid: 1,
            extra: vec![1, 2],
        };
        let mut writer = folder.store.begin(meta).unwrap();
        let bytes: Vec<u8> = (0..len).map(|at| (at / 7) as u8).collect();
        writer.write(&bytes).unwrap();
        writer.finish().unwrap();
        folder
    }

    fn bytes(&self) -> Vec<u8> {
        let file = self.store.open_file(LogIndex(7)).unwrap();
        file.read(0, file.len() as usize).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.path).ok();
    }
}

fn pipe() -> (PeerStream, PeerStream) {
    let (one, other) = tokio::io::duplex(32 << 10);
    (Box::new(one), Box::new(other))
}

/// The sender, and what a message of it says: a kind, a sender, and a place.
const SENDER: NodeId = NodeId::founding(PeerId(2));

fn message(kind: u8, from: NodeId, (index, term): (u64, u64), rest: &[u8]) -> Bytes {
    let mut message = BytesMut::from(&[1, kind][..]);
    message.put_u64(from.raft());
    message.put_u64(1);
    message.put_u64(9);
    message.put_u64(index);
    message.put_u64(term);
    message.put_slice(rest);
    message.freeze()
}

/// The message that belongs to the snapshots here.
fn right(rest: &[u8]) -> Bytes {
    message(9, SENDER, (7, 3), rest)
}

async fn sends(mut stream: PeerStream, folder: &Folder, rest: &[u8]) -> Result<u64, String> {
    let mut frames = FrameReader::new(0);
    let snapshot = (LogIndex(7), right(rest));
    send(&mut stream, &mut frames, &folder.store, snapshot).await
}

async fn receives(
    mut stream: PeerStream,
    folder: &Folder,
    arriving: &mut Option<Arriving>,
) -> (Result<(), String>, Option<(SnapshotMeta, Bytes)>) {
    let mut frames = FrameReader::new(0);
    let taken = Arc::new(parking_lot::Mutex::new(None));
    let takes = Arc::clone(&taken);
    let outcome = async {
        let offer = read_offer(&mut stream, &mut frames, SENDER).await?;
        receive(
            &mut stream,
            &mut frames,
            (&folder.store, offer),
            (arriving, std::future::pending()),
            move |meta, message| {
                *takes.lock() = Some((meta, message));
                Ok(())
            },
        )
        .await
    }
    .await;
    let taken = taken.lock().take();
    (outcome, taken)
}

#[tokio::test]
async fn a_snapshot_arrives_as_it_was_with_its_message() {
    for len in [0, 1, PIECE_LEN, 3 * PIECE_LEN + 17] {
        let (from, to) = (Folder::with_snapshot(len), Folder::new());
        let (one, other) = pipe();
        let mut arriving = None;
        let (sent, (received, taken)) = tokio::join!(
            sends(one, &from, b"offer"),
            receives(other, &to, &mut arriving)
        );
        assert_eq!(
            (sent, received),
            (Ok(from.bytes().len() as u64), Ok(())),
            "{len} bytes"
        );
        let (meta, message) = taken.expect("it was taken in");
        assert_eq!(
            (meta.index, meta.term, message),
            (LogIndex(7), 3, right(b"offer"))
        );
        assert!(to.bytes() == from.bytes());
    }
}

/// Lets so many bytes through, then breaks.
async fn relay_until(mut from: PeerStream, mut to: PeerStream, bytes_max: usize) {
    let mut buffer = vec![0; 10_000];
    let mut there = 0;
    while there < bytes_max {
        tokio::select! {
            read = from.read(&mut buffer) => {
                let Ok(len) = read else { return };
                there += len;
                to.write_all(&buffer[..len]).await.ok();
            }
            back = async { let mut back = [0; 64]; to.read(&mut back).await.map(|len| (back, len)) } => {
                let Ok((back, len)) = back else { return };
                from.write_all(&back[..len]).await.ok();
            }
        }
    }
}

#[tokio::test]
async fn a_broken_connection_costs_what_was_on_the_wire_and_no_more() {
    let (from, to) = (Folder::with_snapshot(20 * PIECE_LEN), Folder::new());
    let whole = from.bytes().len() as u64;
    let mut arriving = None;
    let ((one, near), (far, other)) = (pipe(), pipe());
    let (sent, (received, taken), ()) = tokio::join!(
        sends(one, &from, b"first"),
        receives(other, &to, &mut arriving),
        relay_until(near, far, 10 * PIECE_LEN)
    );
    assert!(sent.is_err() && received.is_err() && taken.is_none());
    let there = arriving
        .as_ref()
        .expect("what arrived is kept")
        .file
        .offset();
    assert!(there >= 8 * PIECE_LEN as u64, "{there}");
    let (one, other) = pipe();
    let (sent, (received, taken)) = tokio::join!(
        sends(one, &from, b"second"),
        receives(other, &to, &mut arriving)
    );
    assert_eq!((sent, received), (Ok(whole - there), Ok(())));
    assert_eq!(taken.expect("it was taken in").1, right(b"second"));
    assert!(to.bytes() == from.bytes());
}

#[tokio::test]
async fn another_file_of_the_same_index_begins_anew() {
    let (one_side, to) = (Folder::with_snapshot(9 * PIECE_LEN), Folder::new());
    let other_side = Folder::with_snapshot(9 * PIECE_LEN + 1);
    let mut arriving = None;
    let ((one, near), (far, other)) = (pipe(), pipe());
    let (sent, (received, _), ()) = tokio::join!(
        sends(one, &one_side, b""),
        receives(other, &to, &mut arriving),
        relay_until(near, far, 4 * PIECE_LEN)
    );
    assert!(sent.is_err() && received.is_err());
    assert!(arriving.is_some());
    let (one, other) = pipe();
    let (sent, (received, _)) = tokio::join!(
        sends(one, &other_side, b""),
        receives(other, &to, &mut arriving)
    );
    assert_eq!(
        (sent, received),
        (Ok(other_side.bytes().len() as u64), Ok(()))
    );
    assert!(to.bytes() == other_side.bytes());
}

/// What a receiver says to these frames.
async fn received_of(offer: &[u8], pieces: &[Vec<u8>]) -> (Result<(), String>, bool) {
    let to = Folder::new();
    let (mut theirs, ours) = pipe();
    let mut arriving = None;
    let talking = async {
        let mut frames = FrameReader::new(OFFER_LEN_MAX);
        write_frame(&mut theirs, offer).await.ok();
        read_frame(&mut theirs, &mut frames).await.ok();
        for piece in pieces {
            write_frame(&mut theirs, piece).await.ok();
        }
        read_frame(&mut theirs, &mut frames).await.ok();
    };
    let ((outcome, taken), ()) = tokio::join!(receives(ours, &to, &mut arriving), talking);
    let is_there = taken.is_some() || !to.store.list().unwrap().is_empty();
    (outcome, is_there)
}

#[tokio::test]
async fn what_is_no_snapshot_is_refused_whatever_it_says() {
    let offer_with = |len: u64, message: Bytes| {
        let offer = Offer {
            index: LogIndex(7),
            term: 3,
            len,
            mark: 5,
            message,
        };
        offer.encode()
    };
    let offer = |len: u64| offer_with(len, right(b"members"));
    let check = async |offer: &[u8], pieces: &[Vec<u8>], expected: &str| {
        let (outcome, is_there) = received_of(offer, pieces).await;
        let why = outcome.expect_err(expected);
        assert!(why.contains(expected) && !is_there, "{why}");
    };
    check(b"short", &[], "is none").await;
    let other = NodeId::founding(PeerId(3));
    for wrong in [
        Bytes::new(),
        message(3, SENDER, (7, 3), b""),
        message(9, other, (7, 3), b""),
        message(9, SENDER, (8, 3), b""),
        message(9, SENDER, (7, 4), b""),
    ] {
        check(
            &offer_with(10, wrong),
            &[vec![7; 10]],
            "not its sender's word",
        )
        .await;
    }
    check(&offer(10), &[vec![7; 10]], "damaged").await;
    check(&offer(10), &[vec![7; 11]], "more bytes").await;
    check(
        &offer(1 << 40),
        &[vec![7; PIECE_LEN + 1]],
        &format!("{PIECE_LEN} are allowed"),
    )
    .await;
    let long = vec![7; OFFER_LEN_MAX + 1];
    check(&long, &[], &format!("{OFFER_LEN_MAX} are allowed")).await;
}

/// How many bytes are sent in a second from `now` on.
fn sent_in_a_second(pace: &mut Pace, mut now: Instant) -> u64 {
    let (end, mut sent) = (now + Duration::from_secs(1), 0);
    while now < end {
        sent += PIECE_LEN as u64;
        now = now.max(pace.next(now, PIECE_LEN as u64));
    }
    sent
}

#[tokio::test]
async fn a_second_sends_no_more_than_snapshot_bytes_per_second() {
    let begun = Instant::now();
    let sent = sent_in_a_second(&mut Pace::new(begun), begun);
    assert_eq!(sent, SNAPSHOT_BYTES_PER_SECOND);
}

#[tokio::test]
async fn a_second_after_a_stall_sends_no_more_than_snapshot_burst_len_max_beyond_that() {
    let begun = Instant::now();
    let mut pace = Pace::new(begun);
    sent_in_a_second(&mut pace, begun);
    let sent = sent_in_a_second(&mut pace, begun + Duration::from_secs(20));
    let expected = SNAPSHOT_BYTES_PER_SECOND + SNAPSHOT_BURST_LEN_MAX;
    assert!(sent.abs_diff(expected) <= PIECE_LEN as u64, "{sent}");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_snapshot_silence_max_for_a_piece_and_snapshot_taken_in_max_for_the_last_word()
 {
    let (from, to) = (Folder::with_snapshot(100), Folder::new());
    // A sender that says nothing, and one that says no more than what it has.
    let (_theirs, ours) = pipe();
    let begun = Instant::now();
    let (outcome, _) = receives(ours, &to, &mut None).await;
    assert!(outcome.unwrap_err().contains("nothing moved"));
    assert_eq!(begun.elapsed(), GREETING_TIME);
    let (mut theirs, ours) = pipe();
    let offer = Offer {
        index: LogIndex(7),
        term: 3,
        len: 10,
        mark: 5,
        message: right(b""),
    };
    write_frame(&mut theirs, &offer.encode()).await.unwrap();
    let begun = Instant::now();
    let (outcome, _) = receives(ours, &to, &mut None).await;
    assert!(outcome.unwrap_err().contains("nothing moved"));
    assert_eq!(begun.elapsed(), SNAPSHOT_SILENCE_MAX);
    // A receiver that takes everything and never says that it has it.
    let (ours, mut theirs) = pipe();
    let taking = async {
        let mut frames = FrameReader::new(OFFER_LEN_MAX);
        read_frame(&mut theirs, &mut frames).await.unwrap();
        let mut answer = vec![FROM];
        answer.put_u64(0);
        write_frame(&mut theirs, &answer).await.unwrap();
        read_frame(&mut theirs, &mut frames).await.unwrap();
        Instant::now()
    };
    let (outcome, last) = tokio::join!(sends(ours, &from, b""), taking);
    assert!(outcome.unwrap_err().contains("nothing moved"));
    assert!(last.elapsed() >= SNAPSHOT_TAKEN_IN_MAX);
}
