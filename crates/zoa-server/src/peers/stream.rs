//! What bytes travel on between servers, and how a connection becomes that.
//!
//! What it is: the one place where plain TCP or TLS is decided. Everything else sees a [`PeerStream`].
//! Invariant: nothing is said on a connection, and nothing believed, before [`Security`] has made a stream of it.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use zoa_tls::TlsError;

use crate::server::PeerTls;
use crate::tls;
use crate::tls::Acceptor;
use crate::tls::Dialer;

/// A connection that can carry frames.
pub(crate) trait PeerIo: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> PeerIo for S {}

/// A stream of either kind.
pub(crate) type PeerStream = Box<dyn PeerIo>;

/// A stream on its way.
pub(crate) type Securing = Pin<Box<dyn Future<Output = io::Result<PeerStream>> + Send>>;

/// The certificate that the other side has shown, when it must be for a host that its server is known by.
pub(crate) type Shown = Option<CertificateDer<'static>>;

/// A stream of a connection that came in, on its way.
pub(crate) type Accepting = Pin<Box<dyn Future<Output = io::Result<(PeerStream, Shown)>> + Send>>;

/// Makes streams of connections. An implementation with TLS does its handshake here.
pub(crate) trait Security: fmt::Debug + Send + Sync {
    /// For a connection that this server has made, to a server that the configuration calls `host`.
    fn dialed(&self, socket: TcpStream, host: &str) -> Securing;

    /// For a connection that came in.
    fn accepted(&self, socket: TcpStream) -> Accepting;

    /// Whether nobody becomes a stream who has not proven that an authority of this ensemble lets it in.
    fn proves_who(&self) -> bool;
}

/// Mutual TLS: who has no certificate of a named authority is not heard.
pub(crate) struct Tls {
    acceptor: Arc<Acceptor>,
    dialer: Arc<Dialer>,
    checks_client_names: bool,
}

impl Tls {
    pub(crate) fn new(tls: &PeerTls) -> Result<Self, TlsError> {
        Ok(Self {
            acceptor: Arc::new(Acceptor::new(tls.files.clone())?),
            dialer: Arc::new(Dialer::new(tls.files.clone(), tls.checks_names)?),
            checks_client_names: tls.checks_client_names,
        })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

impl Security for Tls {
    fn dialed(&self, socket: TcpStream, host: &str) -> Securing {
        let (dialer, host) = (Arc::clone(&self.dialer), host.to_owned());
        Box::pin(async move { Ok(Box::new(dialer.connect(socket, host).await?) as PeerStream) })
    }

    fn accepted(&self, socket: TcpStream) -> Accepting {
        let acceptor = Arc::clone(&self.acceptor);
        let checks_names = self.checks_client_names;
        Box::pin(async move {
            let stream = acceptor.accept(socket).await?;
            let shown = checks_names.then(|| tls::certificate(&stream)).flatten();
            if checks_names && shown.is_none() {
                return Err(io::Error::other("no certificate was shown"));
            }
            Ok((Box::new(stream) as PeerStream, shown))
        })
    }

    fn proves_who(&self) -> bool {
        true
    }
}

/// No security: whoever reaches the port is heard, and cut off only by what it says.
#[derive(Debug)]
pub(crate) struct Plain;

impl Security for Plain {
    fn dialed(&self, socket: TcpStream, _host: &str) -> Securing {
        Box::pin(async { Ok(Box::new(socket) as PeerStream) })
    }

    fn accepted(&self, socket: TcpStream) -> Accepting {
        Box::pin(async { Ok((Box::new(socket) as PeerStream, None)) })
    }

    fn proves_who(&self) -> bool {
        false
    }
}
