//! Who a certificate is about, as ACLs of the scheme `x509` name it.

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// The subject as RFC 2253 and its successor RFC 4514 write it, such as `CN=worker,O=Example`; `None` for what is no certificate.
///
/// The original's `X509AuthenticationProvider` uses the same form (`X500Principal.getName()`).
#[must_use]
pub fn subject(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = Certificate::from_der(certificate).ok()?;
    Some(certificate.tbs_certificate.subject.to_string())
}
