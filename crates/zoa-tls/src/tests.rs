//! What files are taken, what is said of others, and how subjects are written.

use std::fs;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::*;
use crate::testing::Authority;

fn identity(file: &Path) -> Identity {
    Identity {
        certificates: file.to_owned(),
        key: file.to_owned(),
    }
}

#[test]
fn an_authority_and_a_certificate_with_its_key_are_all_it_takes() {
    let authority = Authority::new();
    let (trusted, own) = (
        authority.certificate(),
        identity(&authority.issue("server", &["localhost"])),
    );
    assert!(client_config(&trusted, None, true).is_ok());
    assert!(client_config(&trusted, Some(&own), false).is_ok());
    for wanted in [ClientAuth::Need, ClientAuth::Want, ClientAuth::None] {
        assert!(server_config(&own, Some(&trusted), wanted).is_ok());
    }
    assert!(server_config(&own, None, ClientAuth::None).is_ok());
}

#[test]
fn whom_to_let_in_must_be_named_unless_all_are() {
    let authority = Authority::new();
    let own = identity(&authority.issue("server", &["localhost"]));
    let refused = server_config(&own, None, ClientAuth::Need);
    assert_eq!(refused.map(|_| ()), Err(TlsError::NoAuthorities));
}

#[test]
fn a_file_that_is_not_there_or_not_pem_is_named_with_what_to_do() {
    let authority = Authority::new();
    let message = |file: &Path| {
        let refused = client_config(file, None, true);
        refused
            .map(|_| ())
            .expect_err("it is no file for this")
            .to_string()
    };
    let absent = authority.file("absent.pem");
    assert!(message(&absent).starts_with(&format!("cannot read {}", absent.display())));
    let store = authority.file("store.jks");
    fs::write(&store, b"\xfe\xed\xfe\xed\0\0").expect("written");
    let told = message(&store);
    assert!(told.contains("keytool"), "{told}");
    let refused = server_config(&identity(&authority.certificate()), None, ClientAuth::None);
    let told = refused.map(|_| ()).expect_err("no key in it").to_string();
    assert!(told.contains("holds no private key"), "{told}");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let authority = Authority::new();
    let mixed = Identity {
        certificates: authority.issue("one", &["localhost"]),
        key: authority.issue("other", &["localhost"]),
    };
    let refused = server_config(&mixed, None, ClientAuth::None);
    let told = refused.map(|_| ()).expect_err("they differ").to_string();
    assert!(
        told.starts_with(&format!("cannot use {}", mixed.key.display())),
        "{told}"
    );
}

#[test]
fn a_subject_is_written_as_acls_have_it() {
    let authority = Authority::new();
    let file = authority.issue("worker, the first", &["localhost"]);
    let certificate = CertificateDer::from_pem_file(file).expect("a certificate");
    let found = subject(&certificate).expect("it has one");
    assert_eq!(found, "CN=worker\\, the first,O=Example");
    assert_eq!(subject(&CertificateDer::from(b"nothing".to_vec())), None);
}

#[test]
fn a_certificate_is_for_the_names_and_addresses_in_it_and_no_other() {
    let authority = Authority::new();
    let file = authority.issue("zk9.example", &["zk1.example", "10.0.0.1"]);
    let certificate = CertificateDer::from_pem_file(file).expect("a certificate");
    let check = |hosts: &[&str]| {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        check_hosts(&certificate, &hosts)
    };
    for right in [
        &["zk1.example"][..],
        &["10.0.0.1"],
        &["zk2.example", "ZK1.example"],
    ] {
        assert_eq!(check(right), Ok(()), "{right:?}");
    }
    // The subject is no host.
    for wrong in [&["zk9.example"][..], &["10.0.0.2"], &["not a host"], &[]] {
        assert!(check(wrong).is_err(), "{wrong:?}");
    }
    let told = check(&["zk2.example", "10.0.0.2"])
        .expect_err("it is for others")
        .to_string();
    assert!(
        told.contains("zk2.example or 10.0.0.2 was expected"),
        "{told}"
    );
    assert!(told.contains("zk1.example"), "{told}");
}
