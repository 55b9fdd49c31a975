//! TLS on the server's sockets, those of clients and those between servers: certificates that are read again when their files change, and the handshake.
//!
//! Invariants: nobody keeps others waiting. A handshake has a deadline, and no more than so many are under way. And a certificate
//! that cannot be read takes nothing away: the one before it stays in use.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::TlsConnector;
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
    fn identity(&self) -> Identity {
        Identity {
            certificates: self.key_store.clone(),
            key: self.key_store.clone(),
        }
    }

    fn read_server(&self) -> Result<ServerConfig, TlsError> {
        let trust_store = self.trust_store.as_deref();
        zoa_tls::server_config(&self.identity(), trust_store, self.client_auth)
    }

    fn read_client(&self, checks_name: bool) -> Result<ClientConfig, TlsError> {
        let trust_store = self.trust_store.as_deref().ok_or(TlsError::NoAuthorities)?;
        zoa_tls::client_config(trust_store, Some(&self.identity()), checks_name)
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

type Read<C> = Box<dyn Fn(&TlsFiles) -> Result<C, TlsError> + Send + Sync>;

/// What was made of files, and is made anew when they change.
struct Fresh<C> {
    files: TlsFiles,
    read: Read<C>,
    loaded: Mutex<Loaded<C>>,
}

struct Loaded<C> {
    config: Arc<C>,
    stamps: Stamps,
    looked_at_ms: u64,
}

impl<C> Fresh<C> {
    fn new(files: TlsFiles, read: Read<C>) -> Result<Self, TlsError> {
        let stamps = files.stamps();
        let loaded = Mutex::new(Loaded {
            config: Arc::new(read(&files)?),
            stamps,
            looked_at_ms: time::now().mono_ms,
        });
        Ok(Self {
            files,
            read,
            loaded,
        })
    }

    /// As the files are now, if they can be used.
    fn config(&self, now_ms: u64) -> Arc<C> {
        let mut loaded = self.loaded.lock();
        if now_ms >= loaded.looked_at_ms + LOOKED_AT_EVERY_MS {
            loaded.looked_at_ms = now_ms;
            let stamps = self.files.stamps();
            if stamps != loaded.stamps {
                loaded.stamps = stamps;
                match (self.read)(&self.files) {
                    Ok(config) => {
                        loaded.config = Arc::new(config);
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

/// Takes handshakes.
pub(crate) struct Acceptor {
    server: Fresh<ServerConfig>,
    handshakes: Semaphore,
    time: Duration,
}

impl Acceptor {
    pub(crate) fn new(files: TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            server: Fresh::new(files, Box::new(TlsFiles::read_server))?,
            handshakes: Semaphore::new(TLS_HANDSHAKES_MAX),
            time: TLS_HANDSHAKE_TIME,
        })
    }

    /// The handshake, unless too many are under way: then the connection is closed at once.
    pub(crate) async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let Ok(_under_way) = self.handshakes.try_acquire() else {
            return Err(io::Error::other("too many TLS handshakes are under way"));
        };
        let acceptor = TlsAcceptor::from(self.server.config(time::now().mono_ms));
        match tokio::time::timeout(self.time, acceptor.accept(socket)).await {
            Ok(accepted) => accepted,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

/// Begins handshakes, with a server that must have a certificate for its name.
pub(crate) struct Dialer {
    client: Fresh<ClientConfig>,
}

impl Dialer {
    pub(crate) fn new(files: TlsFiles, checks_name: bool) -> Result<Self, TlsError> {
        let read = move |files: &TlsFiles| files.read_client(checks_name);
        Ok(Self {
            client: Fresh::new(files, Box::new(read))?,
        })
    }

    pub(crate) async fn connect(
        &self,
        socket: TcpStream,
        host: String,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let name = ServerName::try_from(host)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let connector = TlsConnector::from(self.client.config(time::now().mono_ms));
        connector.connect(name, socket).await
    }
}

/// Whom the other side's certificate is about; `None` when it showed none.
pub(crate) fn subject(stream: &TlsStream<TcpStream>) -> Option<String> {
    zoa_tls::subject(&certificate(stream)?)
}

/// The other side's certificate; `None` when it showed none.
pub(crate) fn certificate(stream: &TlsStream<TcpStream>) -> Option<CertificateDer<'static>> {
    let (_, connection) = stream.get_ref();
    connection.peer_certificates()?.first().cloned()
}

#[cfg(test)]
mod tests;
