//! Why a file for TLS cannot be used, and what to do about it.

use std::path::Path;
use std::path::PathBuf;

/// Why TLS cannot be spoken as asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {}: {reason}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the operating system says.
        reason: String,
    },
    /// A file holds no certificate in PEM form.
    #[error(
        "{} holds no certificate in PEM form; those of a Java key store are taken out with keytool -exportcert -rfc",
        file.display()
    )]
    NoCertificate {
        /// Which file.
        file: PathBuf,
    },
    /// A file holds no private key in PEM form.
    #[error(
        "{} holds no private key in PEM form without a password; openssl pkey -in FILE -out NEW writes one with a password \
         without it, and openssl pkcs12 -in FILE -nodes -out NEW one from a PKCS12 key store",
        file.display()
    )]
    NoKey {
        /// Which file.
        file: PathBuf,
    },
    /// Certificates are asked for, and nobody is named who might have signed them.
    #[error(
        "ssl.trustStore.location is missing: the PEM file of the authorities whose certificates let somebody in; or ask for none \
         with ssl.clientAuth=none"
    )]
    NoAuthorities,
    /// A certificate or key cannot be used.
    #[error("cannot use {}: {reason}", file.display())]
    Unusable {
        /// The file it is in.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

impl TlsError {
    pub(crate) fn unusable(file: &Path, error: &impl ToString) -> Self {
        Self::Unusable {
            file: file.to_owned(),
            reason: error.to_string(),
        }
    }
}
