//! A connection that this server has made and sends on: one to each peer.
//!
//! Whoever has frames (the replication thread) writes them itself, all that is queued in one system call; what the socket does not take
//! at once is left to the connection's task, which also sees the end of the connection and keeps it from falling silent.
//! Invariant: frames leave in the order in which they were given, and none of them on a later connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::task::Waker;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;

use super::send_queue::SendQueue;
use super::stream::PeerStream;
use crate::limits::PEER_QUEUE_LEN_MAX;

/// Why a connection ended.
pub(super) type Ending = String;

/// One connection; clones are the same.
#[derive(Clone)]
pub(crate) struct Outgoing(Arc<Mutex<State>>);

struct State {
    queue: SendQueue,
    /// `None` once the connection is over.
    stream: Option<PeerStream>,
    /// Why it is over, for the task to tell.
    ending: Option<Ending>,
    task: Option<Waker>,
    /// Whether anything was given since the task last looked; while nothing is, the task says that this server lives.
    was_used: bool,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outgoing")
    }
}

impl Outgoing {
    pub(super) fn new(stream: PeerStream) -> Self {
        Self(Arc::new(Mutex::new(State {
            queue: SendQueue::new(PEER_QUEUE_LEN_MAX),
            stream: Some(stream),
            ending: None,
            task: None,
            was_used: false,
        })))
    }

    /// Queues a frame. A full queue ends the connection: the peer does not take what it is sent.
    pub(crate) fn push(&self, frame: Bytes) {
        let mut state = self.0.lock();
        state.was_used = true;
        if state.stream.is_some() && state.queue.push(frame).is_err() {
            state.end(format!(
                "{PEER_QUEUE_LEN_MAX} bytes wait already, and the peer takes none of them"
            ));
        }
    }

    /// Writes what is queued, as far as the socket takes it now.
    pub(crate) fn flush(&self) {
        let mut state = self.0.lock();
        // A task that was never polled writes when it is.
        let Some(task) = state.task.clone() else {
            return;
        };
        if let Err(ending) = state.poll_write(&mut Context::from_waker(&task)) {
            state.end(ending);
        }
    }

    /// Ends the connection.
    pub(crate) fn cut(&self, reason: &str) {
        self.0.lock().end(reason.to_owned());
    }

    /// For the task: ready when the connection is over.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<Ending> {
        let mut state = self.0.lock();
        state.task = Some(context.waker().clone());
        let polled = state
            .poll_write(context)
            .and_then(|()| state.poll_read(context));
        if let Err(ending) = polled {
            state.end(ending);
        }
        match state.ending.take() {
            Some(ending) => Poll::Ready(ending),
            None if state.stream.is_none() => Poll::Ready(String::new()),
            None => Poll::Pending,
        }
    }

    /// Whether a frame was given since this was last asked.
    pub(super) fn was_used(&self) -> bool {
        std::mem::take(&mut self.0.lock().was_used)
    }
}

impl State {
    fn end(&mut self, ending: Ending) {
        if self.stream.take().is_some() {
            self.ending = Some(ending);
            self.queue = SendQueue::new(0);
            if let Some(task) = &self.task {
                task.wake_by_ref();
            }
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Result<(), Ending> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        while !self.queue.is_empty() {
            let slices = self.queue.slices();
            match Pin::new(&mut *stream).poll_write_vectored(context, &slices) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(error)) => return Err(error.to_string()),
                Poll::Ready(Ok(0)) => return Err("the socket takes no more".to_owned()),
                Poll::Ready(Ok(len)) => self.queue.advance(len),
            }
        }
        // Plain sockets have nothing to flush. A stream with TLS may, also of what was written before: then the socket took no more.
        if let Poll::Ready(Err(error)) = Pin::new(stream).poll_flush(context) {
            return Err(error.to_string());
        }
        Ok(())
    }

    /// Nothing is said on this side of the connection; what comes is its end.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Result<(), Ending> {
        let Some(stream) = &mut self.stream else {
            return Ok(());
        };
        let mut bytes = [0; 16];
        let mut read = ReadBuf::new(&mut bytes);
        match Pin::new(stream).poll_read(context, &mut read) {
            Poll::Pending => Ok(()),
            Poll::Ready(Err(error)) => Err(error.to_string()),
            Poll::Ready(Ok(())) if read.filled().is_empty() => {
                Err("the peer has closed the connection".to_owned())
            }
            Poll::Ready(Ok(())) => Err("the peer talks where it should listen".to_owned()),
        }
    }
}
