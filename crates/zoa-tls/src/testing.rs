//! An authority for tests, and certificates of it, in a folder that goes away with it.

use std::fs;
use std::path::PathBuf;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use tempfile::TempDir;

/// An authority that signs what it is asked to.
#[derive(Debug)]
pub struct Authority {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// When it cannot be made: a test cannot go on without it.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a folder is no default")]
    pub fn new() -> Self {
        let dir = TempDir::new().expect("there is room for a folder");
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("it can be signed");
        fs::write(dir.path().join("ca.pem"), certificate.pem()).expect("it can be written");
        Self {
            dir,
            issuer: Issuer::new(params, key),
        }
    }

    /// A file of its folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The file with its own certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// Signs a certificate about `CN=<subject>,O=Example` for these names; the file with it and its key.
    ///
    /// # Panics
    /// When it cannot be made: a test cannot go on without it.
    #[must_use]
    pub fn issue(&self, subject: &str, names: &[&str]) -> PathBuf {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("these are names");
        // RFC 4514 writes the last of them first.
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, subject);
        let key = KeyPair::generate().expect("a key can be made");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("it can be signed");
        let file = self.file(&format!("{subject}.pem"));
        let text = format!("{}{}", certificate.pem(), key.serialize_pem());
        fs::write(&file, text).expect("it can be written");
        file
    }
}
