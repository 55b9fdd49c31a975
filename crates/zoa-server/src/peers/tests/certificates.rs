//! Servers with certificates: who is spoken to, who is heard, and as whom.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use zoa_ensemble::HelloRefusal;
use zoa_ensemble::Purpose;
use zoa_proto::PeerId;
use zoa_tls::ClientAuth;
use zoa_tls::testing::Authority;

use super::Given;
use super::Node;
use super::identity;
use super::outgoing;
use super::place;
use super::send;
use crate::peers::Context;
use crate::peers::PeerOptions;
use crate::peers::Tls;
use crate::server::PeerTls;
use crate::tls::TlsFiles;

/// How long nothing is heard where nothing must be.
const SILENCE: Duration = Duration::from_millis(700);

/// What a server shows that has a certificate of this authority for `localhost`.
fn tls(me: u8, authority: &Authority) -> PeerTls {
    PeerTls {
        files: TlsFiles {
            key_store: authority.issue(&format!("server{me}"), &["localhost"]),
            trust_store: Some(authority.certificate()),
            client_auth: ClientAuth::Need,
        },
        checks_names: true,
        checks_client_names: true,
    }
}

fn secured(me: u8, tls: &PeerTls) -> Node {
    let given = Given {
        security: Arc::new(Tls::new(tls).unwrap()),
        ..Given::default()
    };
    Node::given(me, given)
}

fn certified(me: u8, authority: &Authority) -> Node {
    secured(me, &tls(me, authority))
}

#[test]
fn servers_with_certificates_of_one_authority_speak_and_frames_arrive_whole() {
    let authority = Authority::new();
    let mut one = certified(1, &authority);
    let two = certified(2, &authority);
    one.reach(&two);
    let (_, peer, line) = one.up();
    assert_eq!((peer, two.up().1), (PeerId(2), PeerId(1)));
    let line = outgoing(line);
    let sent: Vec<Bytes> = (1..200_usize)
        .map(|len| Bytes::from(vec![7; len * 999]))
        .collect();
    send(&line, &sent);
    assert!(two.frames(sent.len()) == sent);
}

#[test]
fn nobody_without_a_certificate_of_the_authority_is_heard_or_spoken_to() {
    let (authority, other) = (Authority::new(), Authority::new());
    let mut one = certified(1, &authority);
    for mut stranger in [Node::start(2), certified(3, &other)] {
        stranger.reach(&one);
        // Not even a word on why.
        stranger.assert_hears_nothing_for(SILENCE);
    }
    let stranger = Node::start(4);
    one.reach(&stranger);
    one.assert_hears_nothing_for(SILENCE);
}

/// Any server of the ensemble has a certificate of its authority; it must not speak as another one.
#[test]
fn a_certificate_lets_its_server_speak_only_as_the_one_whose_host_it_is_for() {
    let authority = Authority::new();
    let mut two = certified(2, &authority);
    two.reach_at(PeerId(1), place("zk1.invalid", 1));
    let mut one = certified(1, &authority);
    one.reach(&two);
    assert_eq!(one.refused(), (PeerId(2), HelloRefusal::OtherHost));
    // The log says so behind the answer, which the other one has before.
    two.assert_hears_nothing_for(SILENCE);
    let told = two.peers.context.told.lock().get(&PeerId(1)).cloned();
    let told = told.expect("the log says why");
    assert!(
        told.contains("a certificate for zk1.invalid was expected"),
        "{told}"
    );
    assert!(told.contains("localhost"), "{told}");
    // It is for one of its hosts now.
    two.reach_at(PeerId(1), place("localhost", 1));
    assert_eq!(two.up().1, PeerId(1));
}

#[test]
fn names_are_not_looked_at_when_client_hostname_verification_is_off() {
    let authority = Authority::new();
    let lenient = PeerTls {
        checks_client_names: false,
        ..tls(2, &authority)
    };
    let mut two = secured(2, &lenient);
    two.reach_at(PeerId(1), place("zk1.invalid", 1));
    let mut one = certified(1, &authority);
    one.reach(&two);
    assert_eq!(two.up().1, PeerId(1));
}

/// Its own line says who it is only while nothing else does.
#[test]
fn a_server_of_zoo_cfg_is_not_known_by_its_own_line() {
    let options = PeerOptions {
        listen: Vec::new(),
        ..Given::default().options(Arc::new(drop))
    };
    let context = Context::new(options);
    let mut own = identity(2);
    own.founders.participants = vec![PeerId(1), PeerId(2)];
    *context.identity.lock() = Some(Arc::new(own));
    let hosts_of = |me: u8| context.hosts_of(&identity(me).hello(PeerId(2), Purpose::Messages));
    assert!(
        hosts_of(1).is_empty(),
        "where it is dialed is not known yet"
    );
    assert_eq!(hosts_of(7), ["localhost"]);
    let known = HashMap::from([(PeerId(1), vec!["zk1.example".to_owned()])]);
    *context.hosts.lock() = Some(known);
    assert_eq!(hosts_of(1), ["zk1.example"]);
    assert_eq!(hosts_of(7), ["localhost"]);
}
