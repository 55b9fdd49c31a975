//! Certificates and keys for TLS, from the files an operator has to what rustls takes; no sockets.
//!
//! All files are PEM. ZooKeeper's own default is the Java key store, which this does not read: its errors say how such a store is
//! turned into PEM.
//!
//! Invariant: TLS 1.2 and 1.3 only, with the cipher suites that rustls holds safe. Nobody is believed whose certificate no named
//! authority has signed, and no name is ever asked for by address (CVE-2026-24281).

mod any_name;
mod error;
mod hosts;
mod pem;
mod subject;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;

pub use error::TlsError;
pub use hosts::OtherHost;
pub use hosts::check_hosts;
pub use subject::subject;

/// A certificate of one's own, with its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The certificate, and behind it those between it and its authority.
    pub certificates: PathBuf,
    /// The key, without a password. It may be the same file.
    pub key: PathBuf,
}

/// Whether a server wants to see certificates of those who connect: `ssl.clientAuth`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientAuth {
    /// Nobody without one gets in.
    #[default]
    Need,
    /// Who has one shows it.
    Want,
    /// None is asked for.
    None,
}

/// What one who connects needs: whom to trust, and perhaps who to be.
///
/// # Errors
///
/// When a file cannot be read, or does not hold what it should.
pub fn client_config(
    authorities: &Path,
    identity: Option<&Identity>,
    checks_name: bool,
) -> Result<ClientConfig, TlsError> {
    let provider = provider();
    let roots = Arc::new(roots(authorities)?);
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|error| TlsError::unusable(authorities, &error))?;
    let verifier: Arc<dyn ServerCertVerifier> = if checks_name {
        verifier
    } else {
        Arc::new(any_name::AnyName::new(verifier))
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::unusable(authorities, &error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match identity {
        None => Ok(config.with_no_client_auth()),
        Some(Identity { certificates, key }) => config
            .with_client_auth_cert(pem::certificates(certificates)?, pem::private_key(key)?)
            .map_err(|error| TlsError::unusable(key, &error)),
    }
}

/// What one who is connected to needs: who to be, and whom to let in. `authorities` may be left out where no certificate is asked for.
///
/// # Errors
///
/// When a file cannot be read, or does not hold what it should.
pub fn server_config(
    identity: &Identity,
    authorities: Option<&Path>,
    client_auth: ClientAuth,
) -> Result<ServerConfig, TlsError> {
    let provider = provider();
    let Identity { certificates, key } = identity;
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::unusable(certificates, &error))?;
    let config = match (client_auth, authorities) {
        (ClientAuth::None, _) => config.with_no_client_auth(),
        (ClientAuth::Need | ClientAuth::Want, None) => return Err(TlsError::NoAuthorities),
        (ClientAuth::Need | ClientAuth::Want, Some(authorities)) => {
            let roots = Arc::new(roots(authorities)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
            let verifier = if client_auth == ClientAuth::Want {
                verifier.allow_unauthenticated()
            } else {
                verifier
            };
            let verifier = verifier
                .build()
                .map_err(|error| TlsError::unusable(authorities, &error))?;
            config.with_client_cert_verifier(verifier)
        }
    };
    config
        .with_single_cert(pem::certificates(certificates)?, pem::private_key(key)?)
        .map_err(|error| TlsError::unusable(key, &error))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn roots(file: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in pem::certificates(file)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::unusable(file, &error))?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;
