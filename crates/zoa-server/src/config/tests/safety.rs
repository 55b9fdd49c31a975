//! Certificates and secrets; and nothing is less safe than what was asked for.

use std::path::Path;

use super::Case;
use super::PLAIN;
use super::three_and;
use crate::config::Secret;

#[test]
fn the_super_digest_is_kept_and_never_shown() {
    let key = "DigestAuthenticationProvider.superDigest";
    let digest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
    for case in [
        Case::plain_and(&format!("{key}={digest}")),
        Case::new(PLAIN).word(&format!("-Dzookeeper.{key}={digest}")),
    ] {
        let secret = case.config().access.super_digest;
        assert_eq!(secret.as_ref().map(Secret::expose), Some(digest));
        assert_eq!(case.notices(), [""; 0]);
    }
    let wrong = Case::plain_and(&format!("{key}=hunter2")).errors();
    let expected = "expected a user, a colon and the base64 of the SHA-1 of user:password";
    assert_eq!(
        wrong,
        [format!("conf/zoo.cfg:3: {key}=(not shown): {expected}")]
    );
}

#[test]
fn what_would_be_less_safe_than_asked_for_is_refused() {
    let check = |text: &str, expected: &str| {
        let refused = Case::plain_and(text).my_id("1").check();
        assert_eq!(refused, Err(format!("conf/zoo.cfg: {expected}")), "{text}");
    };
    check(
        "secureClientPort=2281",
        "secureClientPort is set, but ssl.keyStore.location is missing: the PEM file with this server's key and certificate",
    );
    check(
        "secureClientPort=2281\nssl.keyStore.location=/server.pem",
        "secureClientPort is set, but ssl.trustStore.location is missing: the PEM file with the authorities whose certificates \
         let somebody in",
    );
    let everyone = "sessionRequireClientSASLAuth and enforce.auth.enabled ask for authentication of every client, which this version cannot enforce";
    let unequal = "group.N and weight.N give servers unequal votes, which this version cannot do: every participant has one. Leave them out";
    check(&three_and("group.1=1:2:3\n"), unequal);
    let sasl = |keys: &str| {
        format!(
            "{keys}: the servers are to know each other by SASL, which this version does not do, and without it anybody could speak as \
             one of them. Let them know each other by certificates: sslQuorum=true, with ssl.quorum.keyStore.location and \
             ssl.quorum.trustStore.location"
        )
    };
    let key = |name: &str| format!("quorum.auth.{name}=true");
    let all = ["enableSasl", "learnerRequireSasl", "serverRequireSasl"].map(key);
    for given in &all {
        check(&three_and(given), &sasl(given));
    }
    check(&three_and(&all.join("\n")), &sasl(&all.join(", ")));
    check("sessionRequireClientSASLAuth=true", everyone);
    check("enforce.auth.enabled=true", everyone);
    check(
        "DigestAuthenticationProvider.enabled=false",
        "DigestAuthenticationProvider.enabled=false cannot be obeyed by this version",
    );
}

#[test]
fn sasl_between_servers_is_no_loss_where_certificates_are_asked_for_or_nobody_else_is() {
    let certified = "sslQuorum=true\nssl.quorum.keyStore.location=/peer.pem\nssl.quorum.trustStore.location=/ca.pem\n";
    let asked = "quorum.auth.enableSasl=true\nquorum.auth.serverRequireSasl=false\n";
    let off = asked.replace("true", "false");
    let told = "settings for what this version does not do: quorum.auth.enableSasl";
    for (text, notices) in [
        (three_and(&format!("{certified}{asked}")), vec![told]),
        (asked.to_owned(), vec![told]),
        (three_and(&off), vec![]),
    ] {
        let case = Case::plain_and(&text).my_id("1");
        assert_eq!(case.check(), Ok(()), "{text}");
        assert_eq!(case.notices(), notices, "{text}");
    }
}

#[test]
fn certificates_between_servers_are_for_their_hosts_unless_that_is_switched_off() {
    let checks = |text: &str| {
        let peers = Case::plain_and(text).config().tls.peers;
        (peers.checks_names, peers.checks_client_names)
    };
    assert_eq!(checks("sslQuorum=true"), (true, true));
    assert!(!checks("ssl.quorum.hostnameVerification=false").0);
    assert_eq!(
        checks("ssl.quorum.clientHostnameVerification=false"),
        (true, false)
    );
}

#[test]
fn certificates_are_pem_files() {
    let case = Case::plain_and(
        "secureClientPort=2281\nssl.keyStore.location=/server.pem\nssl.keyStore.type=PEM\nssl.trustStore.location=/ca.pem\n\
         ssl.clientAuth=want\nsslQuorum=true\nssl.quorum.keyStore.location=/peer.pem\n",
    );
    assert_eq!(case.check(), Ok(()));
    let config = case.config();
    let clients = config.tls.clients.files("ssl").expect("both are named");
    assert_eq!(clients.key_store, Path::new("/server.pem"));
    assert_eq!(clients.trust_store.as_deref(), Some(Path::new("/ca.pem")));
    assert_eq!(clients.client_auth, zoa_tls::ClientAuth::Want);
    assert!(config.tls.between_servers);
    assert_eq!(
        config.tls.peers.key_store.as_deref(),
        Some(Path::new("/peer.pem"))
    );
    for wrong in [
        "ssl.keyStore.location=/server.jks",
        "ssl.keyStore.type=JKS",
        "ssl.clientAuth=perhaps",
    ] {
        let errors = Case::plain_and(wrong).errors();
        assert_eq!(errors.len(), 1, "{wrong}: {errors:?}");
    }
}
