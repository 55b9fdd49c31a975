//! The file behind `-client-configuration`: properties of ZooKeeper's Java client, of which those about TLS mean something here.
//!
//! ```text
//! zookeeper.client.secure=true                   speak TLS; without it the rest is not looked at
//! zookeeper.ssl.trustStore.location=/ca.pem      the authorities that are believed
//! zookeeper.ssl.keyStore.location=/me.pem        the own certificate and its key
//! zookeeper.ssl.hostnameVerification=false       any name in the server's certificate will do
//! ```
//!
//! Invariant: what was asked for and cannot be had is an error, never left out in silence.

use std::collections::BTreeMap;
use std::fs;

use zoa_client::TlsOptions;

use crate::error::Answer;
use crate::error::ShellError;

const SECURE: &str = "zookeeper.client.secure";
const TRUST_STORE: &str = "zookeeper.ssl.trustStore.location";
const KEY_STORE: &str = "zookeeper.ssl.keyStore.location";
const CHECKS_NAME: &str = "zookeeper.ssl.hostnameVerification";

/// How to speak TLS, when the file asks for it.
pub(crate) fn read(file: &str) -> Answer<Option<TlsOptions>> {
    let text = fs::read_to_string(file).map_err(|error| refuse(file, &error))?;
    let properties = properties(&text);
    let is = |key, wanted: &str| {
        properties
            .get(key)
            .is_some_and(|value| value.eq_ignore_ascii_case(wanted))
    };
    if !is(SECURE, "true") {
        return Ok(None);
    }
    let Some(trust_store) = properties.get(TRUST_STORE) else {
        let missing = format!(
            "{SECURE} asks for TLS, and {TRUST_STORE} is missing: the PEM file of the authorities that are believed"
        );
        return Err(refuse(file, &missing));
    };
    let mut options = TlsOptions::new(pem(file, TRUST_STORE, trust_store)?);
    if let Some(key_store) = properties.get(KEY_STORE) {
        let key_store = pem(file, KEY_STORE, key_store)?;
        options = options.identity(key_store, key_store);
    }
    if is(CHECKS_NAME, "false") {
        options = options.any_name();
    }
    Ok(Some(options))
}

fn properties(text: &str) -> BTreeMap<&str, &str> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['#', '!']));
    lines
        .map(|line| line.split_once(['=', ':']).unwrap_or((line, "")))
        .map(|(key, value)| (key.trim(), value.trim()))
        .collect()
}

/// Java's key stores are not read here.
fn pem<'v>(file: &str, key: &str, value: &'v str) -> Answer<&'v str> {
    let lower = value.to_ascii_lowercase();
    if [".jks", ".p12", ".pfx", ".bcfks"]
        .iter()
        .any(|end| lower.ends_with(end))
    {
        let what = format!(
            "{key} must name a PEM file: openssl pkcs12 -in {value} -nodes -out NEW makes one of a PKCS12 key store"
        );
        return Err(refuse(file, &what));
    }
    Ok(value)
}

fn refuse(file: &str, what: &dyn std::fmt::Display) -> ShellError {
    ShellError::bad_start(format!("{file}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Option<TlsOptions>, String> {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("client.cfg");
        fs::write(&file, text).expect("written");
        let file = file.to_string_lossy().into_owned();
        read(&file).map_err(|error| error.message.replace(&file, "FILE"))
    }

    #[test]
    fn without_a_wish_for_tls_there_is_none() {
        assert_eq!(
            read_text("# nothing\nzookeeper.request.timeout=5\n"),
            Ok(None)
        );
        assert_eq!(read_text("zookeeper.client.secure=false\n"), Ok(None));
    }

    #[test]
    fn what_java_is_told_is_understood() {
        let text = "zookeeper.client.secure = true\nzookeeper.ssl.trustStore.location=/ca.pem\n\
                    zookeeper.ssl.keyStore.location=/me.pem\nzookeeper.ssl.hostnameVerification=false\n";
        let expected = TlsOptions::new("/ca.pem")
            .identity("/me.pem", "/me.pem")
            .any_name();
        assert_eq!(read_text(text), Ok(Some(expected)));
    }

    #[test]
    fn what_cannot_be_had_is_said_with_what_to_do() {
        let told = read_text("zookeeper.client.secure=true\n").expect_err("no authority is named");
        assert!(told.starts_with("FILE: zookeeper.client.secure asks for TLS, and zookeeper.ssl.trustStore.location is missing"), "{told}");
        let told =
            read_text("zookeeper.client.secure=true\nzookeeper.ssl.trustStore.location=/t.jks\n")
                .expect_err("it is no PEM file");
        assert!(told.contains("openssl pkcs12 -in /t.jks"), "{told}");
    }
}
