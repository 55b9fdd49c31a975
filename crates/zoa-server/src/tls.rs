//! The server's side of TLS: certificates that are read again when their files change, and the handshake.
//!
//! Invariants: nobody keeps others waiting. A handshake has a deadline, and no more than so many are under way. And a certificate
//! that cannot be read takes nothing away: the one before it stays in use.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zoa_tls::ClientAuth;
use zoa_tls::Identity;
use zoa_tls::TlsError;

use crate::limits::TLS_HANDSHAKE_TIME;
use crate::limits::TLS_HANDSHAKES_MAX;
use crate::time;

/// How often the files are looked at, in milliseconds.
const LOOKED_AT_EVERY_MS: u64 = 1_000;

/// Where the certificates are.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The own certificate, those between it and its authority, and its key: one PEM file.
    pub key_store: PathBuf,
    /// The authorities whose certificates let somebody in.
    pub trust_store: Option<PathBuf>,
    /// Whether they are asked for one.
    pub client_auth: ClientAuth,
}

impl TlsFiles {
    fn read(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let identity = Identity {
            certificates: self.key_store.clone(),
            key: self.key_store.clone(),
        };
        let trust_store = self.trust_store.as_deref();
        zoa_tls::server_config(&identity, trust_store, self.client_auth).map(Arc::new)
    }

    fn stamps(&self) -> Stamps {
        let stamp = |file: &PathBuf| {
            let metadata = std::fs::metadata(file).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        [
            stamp(&self.key_store),
            self.trust_store.as_ref().and_then(stamp),
        ]
    }
}

/// What tells whether a file has changed: time and length.
type Stamps = [Option<(SystemTime, u64)>; 2];

/// Takes handshakes.
pub(crate) struct Acceptor {
    files: TlsFiles,
    loaded: Mutex<Loaded>,
    handshakes: Semaphore,
    time: Duration,
}

struct Loaded {
    config: Arc<ServerConfig>,
    stamps: Stamps,
    looked_at_ms: u64,
}

impl Acceptor {
    pub(crate) fn new(files: TlsFiles) -> Result<Self, TlsError> {
        let stamps = files.stamps();
        let loaded = Loaded {
            config: files.read()?,
            stamps,
            looked_at_ms: time::now().mono_ms,
        };
        Ok(Self {
            files,
            loaded: Mutex::new(loaded),
            handshakes: Semaphore::new(TLS_HANDSHAKES_MAX),
            time: TLS_HANDSHAKE_TIME,
        })
    }

    /// Whether one more handshake may begin; beyond the limit a connection is closed at once.
    pub(crate) async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let Ok(_under_way) = self.handshakes.try_acquire() else {
            return Err(io::Error::other("too many TLS handshakes are under way"));
        };
        let acceptor = TlsAcceptor::from(self.config(time::now().mono_ms));
        match tokio::time::timeout(self.time, acceptor.accept(socket)).await {
            Ok(accepted) => accepted,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// The certificates as they are now.
    fn config(&self, now_ms: u64) -> Arc<ServerConfig> {
        let mut loaded = self.loaded.lock();
        if now_ms >= loaded.looked_at_ms + LOOKED_AT_EVERY_MS {
            loaded.looked_at_ms = now_ms;
            let stamps = self.files.stamps();
            if stamps != loaded.stamps {
                loaded.stamps = stamps;
                match self.files.read() {
                    Ok(config) => {
                        loaded.config = config;
                        tracing::info!(file = %self.files.key_store.display(), "certificates read again");
                    }
                    Err(error) => tracing::error!(
                        "the certificates have changed and cannot be used; those before stay in use: {error}"
                    ),
                }
            }
        }
        Arc::clone(&loaded.config)
    }
}

/// Whom the other side's certificate is about; `None` when it showed none.
pub(crate) fn subject(stream: &TlsStream<TcpStream>) -> Option<String> {
    let (_, connection) = stream.get_ref();
    let certificate = connection.peer_certificates()?.first()?;
    zoa_tls::subject(certificate)
}

#[cfg(test)]
mod tests;
