//! The receiving end of a link: how long it waits for a word, and how much it reads that nobody has dealt with.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use zoa_ensemble::limits::FRAME_LEN_MAX;
use zoa_ensemble::limits::HELLO_LEN_MAX;

use super::PATIENCE;
use super::pipe;
use crate::limits::LONG_FRAMES_OF_STRANGERS_MAX;
use crate::limits::PEER_UNREAD_LEN_MAX;
use crate::limits::STRANGER_FRAME_LEN_MAX;
use crate::peers::Frames;
use crate::peers::framing;
use crate::peers::framing::FrameReader;
use crate::peers::incoming;
use crate::peers::incoming::Bounds;
use crate::peers::incoming::Standing;
use crate::peers::stream::PeerStream;

fn bounds_of(standing: Standing) -> Bounds<impl Fn() -> Standing> {
    Bounds {
        standing: move || standing,
        long_frames: Arc::new(Semaphore::new(LONG_FRAMES_OF_STRANGERS_MAX)),
    }
}

async fn say(stream: &mut PeerStream, frame: &[u8]) {
    stream.write_all(&framing::head(frame)).await.unwrap();
    stream.write_all(frame).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_is_silent_for_too_long_is_taken_for_dead_and_signs_of_life_are_no_silence() {
    let (mut theirs, ours) = pipe();
    let silence = Duration::from_millis(2_000);
    let bounds = bounds_of(Standing::Member);
    let reading = incoming::read(ours, FrameReader::new(100), silence, bounds, |_| {
        panic!("a sign of life is not handed on")
    });
    let talking = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            say(&mut theirs, incoming::ALIVE).await;
        }
        tokio::time::Instant::now()
    };
    let (ending, last) = tokio::join!(reading, talking);
    assert!(ending.contains("not a word"), "{ending}");
    assert_eq!(last.elapsed(), silence);
}

/// How much of 64 MiB in frames of `len` bytes is read while nothing of it is dealt with; then all of it is.
async fn unread_of(standing: Standing, len: usize) -> usize {
    let (mut theirs, ours) = pipe();
    let (sender, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    let reading = incoming::read(
        ours,
        FrameReader::new(FRAME_LEN_MAX),
        PATIENCE,
        bounds_of(standing),
        move |frames| drop(sender.send(frames)),
    );
    let frame = vec![7; len];
    let talking = async {
        for _ in 0..(64 << 20) / len {
            say(&mut theirs, &frame).await;
        }
        drop(theirs);
    };
    let dealing = async {
        let mut held = Vec::new();
        // Nothing is let go of: the stream comes to a halt.
        while let Ok(some) = tokio::time::timeout(Duration::from_millis(500), waiting.recv()).await
        {
            held.push(some.unwrap());
        }
        let len_of = |some: &Frames| some.frames.iter().map(Bytes::len).sum::<usize>();
        let unread = held.iter().map(len_of).sum();
        held.clear();
        let mut all = unread;
        while let Some(some) = waiting.recv().await {
            all += len_of(&some);
        }
        assert_eq!(all, 64 << 20);
        unread
    };
    let reading = tokio::time::timeout(PATIENCE, reading);
    let (ending, (), unread) = tokio::join!(reading, talking, dealing);
    assert!(ending.unwrap().contains("closed"));
    unread
}

#[tokio::test]
async fn no_more_is_read_while_peer_unread_len_max_is_not_dealt_with() {
    let unread = unread_of(Standing::Member, 1 << 20).await;
    assert!(unread <= PEER_UNREAD_LEN_MAX, "{unread}");
    assert!(unread > PEER_UNREAD_LEN_MAX / 2, "{unread}");
}

#[tokio::test]
async fn no_more_is_read_of_a_stranger_while_stranger_frame_len_max_is_not_dealt_with() {
    for standing in [Standing::Outside, Standing::Unknown] {
        let unread = unread_of(standing, STRANGER_FRAME_LEN_MAX / 4).await;
        assert!(unread <= STRANGER_FRAME_LEN_MAX, "{standing:?}: {unread}");
    }
    // Long ones are read one by one, and all of them, while they are dealt with.
    assert!(unread_of(Standing::Unknown, 1 << 20).await <= 1 << 20);
}

#[tokio::test]
async fn no_more_than_long_frames_of_strangers_max_are_under_way() {
    let bounds = bounds_of(Standing::Unknown);
    let (sender, mut waiting) = tokio::sync::mpsc::unbounded_channel();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..=LONG_FRAMES_OF_STRANGERS_MAX {
        let (mut their, ours) = pipe();
        let sender = sender.clone();
        let bounds = Bounds {
            standing: || Standing::Unknown,
            long_frames: Arc::clone(&bounds.long_frames),
        };
        let give = move |frames| drop(sender.send(frames));
        let frames = FrameReader::new(HELLO_LEN_MAX);
        tasks.spawn(async move {
            incoming::read(ours, frames, PATIENCE, bounds, give).await;
        });
        tasks.spawn(async move {
            say(&mut their, &[7; STRANGER_FRAME_LEN_MAX + 1]).await;
            // It stays open.
            std::future::pending().await
        });
    }
    let mut held = Vec::new();
    while let Ok(some) = tokio::time::timeout(Duration::from_millis(300), waiting.recv()).await {
        held.push(some.unwrap());
    }
    assert_eq!(held.len(), LONG_FRAMES_OF_STRANGERS_MAX);
    held.pop();
    let next = tokio::time::timeout(PATIENCE, waiting.recv()).await;
    assert!(next.unwrap().is_some());
}
