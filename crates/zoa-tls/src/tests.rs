use std::fs;
use std::path::Path;
use std::path::PathBuf;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

use super::*;

/// A folder with an authority and a certificate it has signed.
struct Folder {
    dir: TempDir,
}

impl Folder {
    fn new() -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let authority_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&authority_key).expect("an authority");
        fs::write(dir.path().join("ca.pem"), authority.pem()).expect("written");
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        // RFC 4514 writes the last of them first.
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Example, Inc.");
        params.distinguished_name.push(DnType::CommonName, "worker");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        fs::write(dir.path().join("cert.pem"), certificate.pem()).expect("written");
        fs::write(dir.path().join("key.pem"), key.serialize_pem()).expect("written");
        Self { dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn identity(&self) -> Identity {
        Identity {
            certificates: self.file("cert.pem"),
            key: self.file("key.pem"),
        }
    }
}

#[test]
fn a_folder_with_an_authority_a_certificate_and_a_key_is_all_it_takes() {
    let folder = Folder::new();
    let (authority, identity) = (folder.file("ca.pem"), folder.identity());
    assert!(client_config(&authority, None, true).is_ok());
    assert!(client_config(&authority, Some(&identity), false).is_ok());
    for wanted in [ClientAuth::Need, ClientAuth::Want, ClientAuth::None] {
        assert!(server_config(&identity, Some(&authority), wanted).is_ok());
    }
    assert!(server_config(&identity, None, ClientAuth::None).is_ok());
}

#[test]
fn whom_to_let_in_must_be_named_unless_all_are() {
    let folder = Folder::new();
    let refused = server_config(&folder.identity(), None, ClientAuth::Need);
    assert_eq!(refused.map(|_| ()), Err(TlsError::NoAuthorities));
}

#[test]
fn a_file_that_is_not_there_or_not_pem_is_named_with_what_to_do() {
    let folder = Folder::new();
    let message = |authority: &Path| {
        let refused = client_config(authority, None, true);
        refused
            .map(|_| ())
            .expect_err("it is no file for this")
            .to_string()
    };
    let absent = folder.file("absent.pem");
    assert!(message(&absent).starts_with(&format!("cannot read {}", absent.display())));
    let store = folder.file("store.jks");
    fs::write(&store, b"\xfe\xed\xfe\xed\0\0").expect("written");
    let told = message(&store);
    assert!(told.contains("keytool"), "{told}");
    let identity = Identity {
        certificates: folder.file("cert.pem"),
        key: folder.file("cert.pem"),
    };
    let refused = server_config(&identity, None, ClientAuth::None);
    let told = refused.map(|_| ()).expect_err("no key in it").to_string();
    assert!(told.contains("holds no private key"), "{told}");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (one, other) = (Folder::new(), Folder::new());
    let identity = Identity {
        certificates: one.file("cert.pem"),
        key: other.file("key.pem"),
    };
    let refused = server_config(&identity, None, ClientAuth::None);
    let told = refused.map(|_| ()).expect_err("they differ").to_string();
    assert!(
        told.starts_with(&format!("cannot use {}", other.file("key.pem").display())),
        "{told}"
    );
}

#[test]
fn a_subject_is_written_as_acls_have_it() {
    let folder = Folder::new();
    let certificate =
        CertificateDer::from_pem_file(folder.file("cert.pem")).expect("a certificate");
    let subject = subject(&certificate).expect("it has one");
    assert_eq!(subject, "CN=worker,O=Example\\, Inc.");
    assert_eq!(
        super::subject(&CertificateDer::from(b"nothing".to_vec())),
        None
    );
}
