//! For which hosts a certificate is.
//!
//! What it is not: a check of who has signed it, which comes before. Invariant: only the names and addresses that the authority has put
//! into the certificate for this purpose (subjectAltName) count, as for those who connect to a server.

use std::fmt;

use rustls::CertificateError;
use rustls::Error;
use rustls::client::verify_server_name;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::server::ParsedCertificate;

/// A certificate that is for none of the hosts it should be for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OtherHost {
    /// One of these.
    pub expected: Vec<String>,
    /// What it is for.
    pub presented: Vec<String>,
}

impl fmt::Display for OtherHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (expected, presented) = (self.expected.join(" or "), self.presented.join(", "));
        match self.presented.is_empty() {
            true => write!(
                f,
                "a certificate for {expected} was expected, and its is for no host"
            ),
            false => write!(
                f,
                "a certificate for {expected} was expected, and its is for {presented}"
            ),
        }
    }
}

impl std::error::Error for OtherHost {}

/// Checks that a certificate is for one of these names or addresses.
///
/// # Errors
///
/// When it is for none of them, or none is given.
pub fn check_hosts(certificate: &CertificateDer<'_>, hosts: &[String]) -> Result<(), OtherHost> {
    let mut presented = Vec::new();
    if let Ok(parsed) = ParsedCertificate::try_from(certificate) {
        for host in hosts {
            let Ok(name) = ServerName::try_from(host.as_str()) else {
                continue;
            };
            match verify_server_name(&parsed, &name) {
                Ok(()) => return Ok(()),
                Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
                    presented: found,
                    ..
                })) => presented = found,
                Err(_) => {}
            }
        }
    }
    Err(OtherHost {
        expected: hosts.to_vec(),
        presented,
    })
}
