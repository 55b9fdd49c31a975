//! TLS to the servers: whom a client trusts, and how it shows who it is.
//!
//! Servers take TLS at a port of its own, `secureClientPort`, and by default ask for a client's certificate. All files are PEM.
//! A server must have a certificate for the name in the connect string, or for the address if that is what stands there.

mod failure;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zoa_client_core::Host;
use zoa_tls::Identity;
use zoa_tls::TlsError;

pub(crate) use failure::Failure;

/// How a client speaks TLS; see [`ClientBuilder::tls`](crate::ClientBuilder::tls).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsOptions {
    authorities: PathBuf,
    identity: Option<Identity>,
    checks_name: bool,
}

impl TlsOptions {
    /// Trusts the servers whose certificates are signed by one of the authorities in this PEM file.
    pub fn new(authorities: impl Into<PathBuf>) -> Self {
        Self {
            authorities: authorities.into(),
            identity: None,
            checks_name: true,
        }
    }

    /// Shows this certificate, a PEM file with those between it and its authority behind it, and its key, PEM without a password.
    #[must_use]
    pub fn identity(mut self, certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.identity = Some(Identity {
            certificates: certificates.into(),
            key: key.into(),
        });
        self
    }

    /// Takes a certificate of a trusted authority whatever name is in it, as ZooKeeper does with `ssl.hostnameVerification=false`.
    /// Whoever has any certificate of that authority can then pass for a server.
    #[must_use]
    pub const fn any_name(mut self) -> Self {
        self.checks_name = false;
        self
    }
}

/// Makes TLS of connections.
#[derive(Clone)]
pub(crate) struct Connector(TlsConnector);

impl Connector {
    pub(crate) fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        let TlsOptions {
            authorities,
            identity,
            checks_name,
        } = options;
        let config = zoa_tls::client_config(authorities, identity.as_ref(), *checks_name)?;
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// The handshake, up to where this client knows whom it speaks to.
    pub(crate) async fn connect(
        &self,
        host: &Host,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.name.clone())
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        self.0.connect(name, stream).await
    }
}
