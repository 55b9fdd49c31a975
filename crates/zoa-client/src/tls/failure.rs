//! What an error of a socket says to the core: the system's word for it, or what was wrong with TLS.

use std::io;

use rustls::AlertDescription;
use rustls::CertificateError;
use rustls::Error;
use zoa_client_core::TlsFailure;

/// Why a connection failed or broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    Socket(io::ErrorKind),
    Tls(TlsFailure),
}

impl Failure {
    pub(crate) fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
        inner.map_or_else(
            || Self::Socket(error.kind()),
            |error| Self::Tls(of_tls(error)),
        )
    }

    /// As [`Self::of`], for an attempt that did not come to its end: who closes in the midst of a TLS handshake does not speak TLS.
    pub(crate) fn of_handshake(error: &io::Error) -> Self {
        match Self::of(error) {
            Self::Socket(io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset) => {
                Self::Tls(TlsFailure::NotTls)
            }
            failure => failure,
        }
    }
}

fn of_tls(error: &Error) -> TlsFailure {
    match error {
        Error::InvalidMessage(_) => TlsFailure::NotTls,
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::AlertReceived(alert) => of_alert(*alert),
        _ => TlsFailure::Protocol,
    }
}

fn of_certificate(error: &CertificateError) -> TlsFailure {
    match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            TlsFailure::UnknownAuthority
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFailure::WrongName
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => TlsFailure::WrongTime,
        _ => TlsFailure::BadCertificate,
    }
}

fn of_alert(alert: AlertDescription) -> TlsFailure {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::DecryptError
        | AlertDescription::AccessDenied => TlsFailure::ClientRefused,
        _ => TlsFailure::Protocol,
    }
}
