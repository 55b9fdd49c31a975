//! What bytes travel on between servers, and how a connection becomes that.
//!
//! What it is: the one place where plain TCP or TLS is decided. Everything else sees a [`PeerStream`].
//! Invariant: nothing is said on a connection, and nothing believed, before [`Security`] has made a stream of it.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// A connection that can carry frames.
pub(crate) trait PeerIo: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> PeerIo for S {}

/// A stream of either kind.
pub(crate) type PeerStream = Box<dyn PeerIo>;

/// A stream on its way.
pub(crate) type Securing = Pin<Box<dyn Future<Output = io::Result<PeerStream>> + Send>>;

/// Makes streams of connections. An implementation with TLS does its handshake here.
pub(crate) trait Security: fmt::Debug + Send + Sync {
    /// For a connection that this server has made, to a server that the configuration calls `host`.
    fn dialed(&self, socket: TcpStream, host: &str) -> Securing;

    /// For a connection that came in.
    fn accepted(&self, socket: TcpStream) -> Securing;
}

/// No security: whoever reaches the port is heard, and cut off only by what it says.
#[derive(Debug)]
pub(crate) struct Plain;

impl Security for Plain {
    fn dialed(&self, socket: TcpStream, _host: &str) -> Securing {
        Box::pin(async { Ok(Box::new(socket) as PeerStream) })
    }

    fn accepted(&self, socket: TcpStream) -> Securing {
        Box::pin(async { Ok(Box::new(socket) as PeerStream) })
    }
}
