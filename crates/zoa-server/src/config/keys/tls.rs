//! TLS: for clients (`ssl.*`, at `secureClientPort`) and between the servers (`ssl.quorum.*`, with `sslQuorum`).

use std::path::PathBuf;

use zoa_tls::ClientAuth;

use crate::config::error::ConfigError;
use crate::config::given::Given;

keys! {
    "ssl.keyStore.location" => |draft, given| draft.config.tls.clients.key_store = Some(pem(given)?),
    "ssl.keyStore.type" => |_draft, given| pem_type(given)?,
    "ssl.trustStore.location" => |draft, given| draft.config.tls.clients.trust_store = Some(pem(given)?),
    "ssl.trustStore.type" => |_draft, given| pem_type(given)?,
    "ssl.clientAuth" => |draft, given| draft.config.tls.clients.client_auth = client_auth(given)?,
    "ssl.quorum.keyStore.location" => |draft, given| draft.config.tls.peers.key_store = Some(pem(given)?),
    "ssl.quorum.keyStore.type" => |_draft, given| pem_type(given)?,
    "ssl.quorum.trustStore.location" => |draft, given| draft.config.tls.peers.trust_store = Some(pem(given)?),
    "ssl.quorum.trustStore.type" => |_draft, given| pem_type(given)?,
    "ssl.quorum.hostnameVerification" => |draft, given| draft.config.tls.peers.checks_names = given.boolean()?,
    "ssl.quorum.clientHostnameVerification" => |draft, given| draft.config.tls.peers.checks_client_names = given.boolean()?,
    "sslQuorum" => |draft, given| draft.config.tls.between_servers = given.boolean()?,
    // Certificates are always read again when their files change.
    "client.certReload" => |_draft, given| given.boolean()?,
    "sslQuorumReloadCertFiles" => |_draft, given| given.boolean()?,
}

fn pem(given: &Given) -> Result<PathBuf, ConfigError> {
    let expected = "a PEM file: of a key store (JKS, PKCS12) openssl pkcs12 -in FILE -nodes -out NEW makes one, after \
                    keytool -importkeystore -deststoretype PKCS12 for JKS";
    let file = PathBuf::from(given.text(expected)?);
    let extension = file
        .extension()
        .map(|it| it.to_string_lossy().to_ascii_lowercase());
    match extension.as_deref() {
        Some("jks" | "p12" | "pfx" | "bcfks") => Err(given.bad(expected)),
        Some(_) | None => Ok(file),
    }
}

fn pem_type(given: &Given) -> Result<(), ConfigError> {
    given.one_of(&[("PEM", ())])
}

fn client_auth(given: &Given) -> Result<ClientAuth, ConfigError> {
    given.one_of(&[
        ("need", ClientAuth::Need),
        ("want", ClientAuth::Want),
        ("none", ClientAuth::None),
    ])
}
