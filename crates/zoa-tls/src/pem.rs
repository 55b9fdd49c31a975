//! Reading PEM files.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::Error;
use rustls::pki_types::pem::PemObject;

use crate::error::TlsError;

/// All certificates of a file, in its order; at least one.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    let found = found.and_then(|found| {
        if found.is_empty() {
            Err(Error::NoItemsFound)
        } else {
            Ok(found)
        }
    });
    found.map_err(|error| not_read(file, error, |file| TlsError::NoCertificate { file }))
}

/// The first key of a file.
pub(crate) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(file)
        .map_err(|error| not_read(file, error, |file| TlsError::NoKey { file }))
}

fn not_read(
    file: &Path,
    error: Error,
    not_found: impl FnOnce(std::path::PathBuf) -> TlsError,
) -> TlsError {
    match error {
        Error::Io(error) => TlsError::File {
            file: file.to_owned(),
            reason: error.to_string(),
        },
        _ => not_found(file.to_owned()),
    }
}
