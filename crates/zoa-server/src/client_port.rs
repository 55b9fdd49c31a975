//! The client port: accepts connections and carries bytes between their sockets and the core. It decides nothing.
//!
//! One task a connection, on tokio's workers. Reading needs no buffer of the connection's own: bytes go through one buffer a worker, so
//! that ten thousand idle sessions cost little.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;
use std::time::Duration;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::io::ReadBuf;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use zoa_core::Connection;
use zoa_core::Core;
use zoa_core::Progress;
use zoa_core::Proposals;
use zoa_core::Turn;

use crate::entropy;
use crate::replication::Proposer;
use crate::time;

/// Bytes read in one system call.
const READ_LEN: usize = 64 << 10;

/// Reads a connection may do before others have their turn.
const ROUNDS_PER_POLL: usize = 16;

thread_local! {
    static READ_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_LEN]);
}

/// Accepts connections until the task is dropped.
pub(crate) async fn accept_loop(listener: TcpListener, core: Arc<Core>, proposer: Proposer) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => accept_one(socket, peer, &core, &proposer),
            // Out of file descriptors, mostly: what is open lives on, and new ones wait in the backlog.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection; trying again");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn accept_one(socket: TcpStream, peer: SocketAddr, core: &Arc<Core>, proposer: &Proposer) {
    // A socket for both families shows IPv4 clients as IPv6 addresses; ACLs and limits mean the IPv4 ones.
    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
    match core.accept(peer, time::now()) {
        Ok(connection) => {
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%peer, %error, "cannot switch off Nagle's algorithm");
            }
            tokio::spawn(drive(socket, connection, proposer.clone()));
        }
        Err(refused) => tracing::warn!(%peer, ?refused, "connection refused"),
    }
}

/// Carries bytes for one connection until it is over.
async fn drive(socket: TcpStream, connection: Connection, proposer: Proposer) {
    let handshake_deadline = connection.deadline_ms();
    let mut driver = Driver {
        socket,
        connection,
        proposer,
        progress: Progress::Reading,
    };
    let mut handshake = std::pin::pin!(async {
        match handshake_deadline {
            Some(deadline_ms) => {
                tokio::time::sleep(Duration::from_millis(
                    deadline_ms.saturating_sub(time::now().mono_ms),
                ))
                .await;
            }
            None => std::future::pending().await,
        }
    });
    poll_fn(|context| {
        let waits_for_session = driver.connection.deadline_ms().is_some();
        if waits_for_session && handshake.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        driver.poll(context)
    })
    .await;
}

struct Driver {
    socket: TcpStream,
    connection: Connection,
    proposer: Proposer,
    progress: Progress,
}

/// The connection is over: nothing more can be carried.
struct Over;

impl Driver {
    /// Carries what can be carried now; ready when the connection is over.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.poll_both_ways(context) {
            Ok(()) => Poll::Pending,
            Err(Over) => Poll::Ready(()),
        }
    }

    fn poll_both_ways(&mut self, context: &mut Context<'_>) -> Result<(), Over> {
        for _ in 0..ROUNDS_PER_POLL {
            let has_moved = match self.progress {
                Progress::Reading => self.poll_read(context)?,
                Progress::Blocked | Progress::Again => {
                    self.turn(&[]);
                    self.progress == Progress::Reading
                }
                Progress::Closed => false,
            };
            self.poll_write(context)?;
            if !has_moved {
                if self.progress == Progress::Again {
                    context.waker().wake_by_ref();
                }
                return Ok(());
            }
        }
        // Others first.
        context.waker().wake_by_ref();
        Ok(())
    }

    /// Reads once; whether anything came in.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Result<bool, Over> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            match Pin::new(&mut self.socket).poll_read(context, &mut read) {
                Poll::Pending => Ok(false),
                Poll::Ready(Err(_)) => Err(Over),
                Poll::Ready(Ok(())) if read.filled().is_empty() => Err(Over),
                Poll::Ready(Ok(())) => {
                    self.turn(read.filled());
                    Ok(true)
                }
            }
        })
    }

    /// Writes until nothing waits or the socket takes no more.
    fn poll_write(&mut self, context: &mut Context<'_>) -> Result<(), Over> {
        loop {
            let output = self.connection.output(Some(context.waker()));
            if output.bytes.is_empty() {
                return if output.is_last { Err(Over) } else { Ok(()) };
            }
            match Pin::new(&mut self.socket).poll_write(context, output.bytes) {
                // A client that does not even read the end of its session is not waited for.
                Poll::Pending if output.is_last => return Err(Over),
                Poll::Pending => return Ok(()),
                Poll::Ready(Err(_)) => return Err(Over),
                Poll::Ready(Ok(len)) => self.connection.handle_sent(len),
            }
        }
    }

    fn turn(&mut self, bytes: &[u8]) {
        let mut proposals = Proposals::default();
        let mut turn = Turn {
            now: time::now(),
            random: &mut entropy::fill,
            proposals: &mut proposals,
        };
        self.progress = self.connection.handle_input(bytes, &mut turn);
        if !proposals.is_empty() {
            self.proposer.propose(proposals.take());
        }
    }
}
