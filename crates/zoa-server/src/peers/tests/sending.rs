//! The sending end of a link: how much waits there, what is flushed, and what ends it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;
use tokio::io::ReadBuf;

use super::pipe;
use crate::limits::PEER_QUEUE_LEN_MAX;
use crate::peers::Outgoing;

#[tokio::test]
async fn a_peer_that_takes_nothing_is_cut_off_at_peer_queue_len_max() {
    let (theirs, ours) = pipe();
    let line = Outgoing::new(ours);
    let task = {
        let line = line.clone();
        std::future::poll_fn(move |context| line.poll(context))
    };
    let filling = async {
        tokio::task::yield_now().await;
        let frame = Bytes::from(vec![7; 1 << 20]);
        for _ in 0..(PEER_QUEUE_LEN_MAX >> 20) + 2 {
            line.push(frame.clone());
            line.flush();
        }
    };
    let (ending, ()) = tokio::join!(task, filling);
    assert!(ending.contains("takes none"), "{ending}");
    drop(theirs);
}

/// Takes every byte at once, and lets go of them only when it is flushed for the second time: as TLS does on a socket that is full.
#[derive(Default)]
struct Holding {
    flushed: Arc<AtomicUsize>,
}

impl AsyncRead for Holding {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Holding {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if self.flushed.fetch_add(1, Ordering::Relaxed) > 0 {
            return Poll::Ready(Ok(()));
        }
        // There is room again at once.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn what_a_stream_could_not_let_go_of_is_flushed_when_it_can() {
    let holding = Holding::default();
    let flushed = Arc::clone(&holding.flushed);
    let line = Outgoing::new(Box::new(holding));
    line.push(Bytes::from_static(b"the last frame of a burst"));
    let carrying = std::future::poll_fn(|context| line.poll(context));
    let carried = tokio::time::timeout(Duration::from_millis(100), carrying).await;
    assert!(carried.is_err(), "{carried:?}");
    assert!(flushed.load(Ordering::Relaxed) > 1);
}

#[tokio::test]
async fn a_peer_that_talks_where_it_should_listen_is_cut_off() {
    let (mut theirs, ours) = pipe();
    let line = Outgoing::new(ours);
    theirs.write_all(b"x").await.unwrap();
    let ending = std::future::poll_fn(|context| line.poll(context)).await;
    assert!(ending.contains("should listen"), "{ending}");
}
