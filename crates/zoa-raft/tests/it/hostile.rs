//! Peers that say anything at all: well-formed messages with wrong content, and damaged bytes.
//!
//! Goal: no message of a peer stops this server, and what it does not believe it reports. What a
//! forger makes it believe is another matter: members of an ensemble trust each other.

use bytes::BufMut;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use zoa_log::HardState;
use zoa_log::LogIndex;
use zoa_raft::LogPosition;
use zoa_raft::Members;
use zoa_raft::Notices;
use zoa_raft::PeerFault;
use zoa_raft::RaftConfig;
use zoa_raft::RaftEffect;
use zoa_raft::RaftEvent;
use zoa_raft::RaftLoop;
use zoa_raft::Recovery;
use zoa_raft::limits::TERM_OR_INDEX_MAX;

/// A small number: near the edges of a short log.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..8u64, 1 => Just(1 << 62), 1 => any::<u64>()]
}

fn head(kind: u8) -> BoxedStrategy<Vec<u8>> {
    (
        prop_oneof![9 => 1..5u64, 1 => number()],
        prop_oneof![9 => Just(1u64), 1 => number()],
        number(),
    )
        .prop_map(move |(from, to, term)| {
            let mut buf = vec![1, kind];
            for field in [from, to, term] {
                buf.put_u64(field);
            }
            buf
        })
        .boxed()
}

fn numbers(count: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(number(), count).prop_map(|list| list.iter().flat_map(|n| n.to_be_bytes()).collect())
}

fn flag() -> impl Strategy<Value = Vec<u8>> {
    (0..2u8).prop_map(|byte| vec![byte])
}

fn entries() -> impl Strategy<Value = Vec<u8>> {
    vec((number(), 0..4u8, vec(any::<u8>(), 0..3)), 0..4).prop_map(|list| {
        let mut buf = Vec::new();
        buf.put_u32(u32::try_from(list.len()).expect("a short list"));
        for (term, kind, data) in list {
            buf.put_u64(term);
            buf.put_u8(kind);
            buf.put_u32(u32::try_from(data.len()).expect("short data"));
            buf.put_slice(&data);
        }
        buf
    })
}

fn members() -> impl Strategy<Value = Vec<u8>> {
    let list = || vec(0..5u64, 0..4);
    (list(), list()).prop_map(|(voters, learners)| {
        let mut buf = Vec::new();
        for list in [voters, learners] {
            buf.put_u32(u32::try_from(list.len()).expect("a short list"));
            list.into_iter().for_each(|id| buf.put_u64(id));
        }
        buf.put_slice(&[0; 9]);
        buf
    })
}

fn message() -> BoxedStrategy<Bytes> {
    let glue = |parts: (Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>)| -> Bytes {
        [parts.0, parts.1, parts.2, parts.3].concat().into()
    };
    let nothing = || Just(Vec::new());
    prop_oneof![
        6 => (head(1), numbers(3), entries(), nothing()).prop_map(glue),
        3 => (head(2), numbers(3), flag(), numbers(1)).prop_map(glue),
        2 => (prop_oneof![head(3), head(5)], numbers(4), flag(), nothing()).prop_map(glue),
        3 => (prop_oneof![head(4), head(6)], numbers(2), flag(), nothing()).prop_map(glue),
        3 => (prop_oneof![head(7), head(8)], numbers(1), nothing(), nothing()).prop_map(glue),
        2 => (head(9), numbers(2), members(), nothing()).prop_map(glue),
        1 => vec(any::<u8>(), 0..60).prop_map(Bytes::from),
    ]
    .boxed()
}

#[derive(Clone, Debug)]
enum Step {
    Hear(Bytes),
    /// The same, but in the server's own term, or so many above it.
    HearInTerm(Bytes, u64),
    Tick(u8),
    Sync,
    Propose,
    PeerLost(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => message().prop_map(Step::Hear),
        12 => (message(), 0..2u64).prop_map(|(message, above)| Step::HearInTerm(message, above)),
        2 => (1..30u8).prop_map(Step::Tick),
        3 => Just(Step::Sync),
        1 => Just(Step::Propose),
        1 => (1..4u64).prop_map(Step::PeerLost),
    ]
}

fn server() -> RaftLoop {
    let config = RaftConfig {
        id: 1,
        election_tick: 10,
        heartbeat_tick: 2,
        seed: 1,
        notices: Notices::default(),
    };
    let recovery = Recovery::new(
        HardState::default(),
        LogPosition::default(),
        Members::of_voters([1, 2, 3]),
    );
    RaftLoop::new(config, recovery, &mut Vec::new()).expect("the settings are right")
}

fn take(raft: &mut RaftLoop, step: Step, newest: &mut u64) -> Vec<RaftEffect> {
    let mut effects = Vec::new();
    match step {
        Step::Hear(message) => raft.handle(RaftEvent::Peer(message), &mut effects),
        Step::HearInTerm(message, above) => {
            let term = raft.hard_state().term + above;
            let mut message = message.to_vec();
            if let Some(field) = message.get_mut(18..26) {
                field.copy_from_slice(&term.to_be_bytes());
            }
            raft.handle(RaftEvent::Peer(message.into()), &mut effects);
        }
        Step::Tick(count) => {
            (0..count).for_each(|_| raft.handle(RaftEvent::Tick, &mut effects));
        }
        Step::Sync => raft.handle(RaftEvent::Persisted { number: *newest }, &mut effects),
        Step::Propose => {
            let proposals = vec![Bytes::from_static(b"x")];
            raft.handle(RaftEvent::Propose(proposals), &mut effects);
        }
        Step::PeerLost(peer) => raft.handle(RaftEvent::PeerLost { peer }, &mut effects),
    }
    let mut reads = Vec::new();
    for effect in &effects {
        match effect {
            RaftEffect::Persist(persist) => *newest = persist.number,
            RaftEffect::ReadLog { low, .. } => reads.push(*low),
            _ => {}
        }
    }
    for low in reads {
        raft.handle(
            RaftEvent::LogRead {
                low,
                entries: Vec::new(),
            },
            &mut effects,
        );
    }
    effects
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_message_of_a_peer_stops_a_server(steps in vec(step(), 1..60)) {
        let mut raft = server();
        let mut newest = 0;
        for step in steps {
            take(&mut raft, step, &mut newest);
        }
    }
}

fn server_hears(bytes: &[u8]) -> Vec<RaftEffect> {
    let mut effects = Vec::new();
    server().handle(RaftEvent::Peer(Bytes::copy_from_slice(bytes)), &mut effects);
    effects
}

#[test]
fn bytes_that_are_not_a_message_are_reported() {
    let check = |bytes: &[u8], expected: PeerFault| {
        let effects = server_hears(bytes);
        let [RaftEffect::PeerFault { from: None, fault }] = effects[..] else {
            panic!("{effects:?}");
        };
        assert_eq!(fault, expected);
    };
    let ids = [
        0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9,
    ];
    let heartbeat = [&[1, 7][..], &ids, &[0; 8]].concat();
    check(&[], PeerFault::Truncated);
    check(&[2], PeerFault::UnknownVersion(2));
    check(&[1, 11], PeerFault::UnknownKind(11));
    check(&[1, 0], PeerFault::UnknownKind(0));
    check(&heartbeat[..30], PeerFault::Truncated);
    // TERM_OR_INDEX_MAX is the last number that is believed.
    let commit = |number: u64| [&[1, 7][..], &ids, &number.to_be_bytes()].concat();
    check(&commit(TERM_OR_INDEX_MAX + 1), PeerFault::NumberOutOfRange);
    let beyond = server_hears(&commit(TERM_OR_INDEX_MAX));
    let [
        RaftEffect::PeerFault {
            from: Some(2),
            fault: PeerFault::CommitBeyondLog,
        },
    ] = beyond[..]
    else {
        panic!("{beyond:?}");
    };
    check(&[&heartbeat[..], &[0]].concat(), PeerFault::TrailingBytes);
    check(
        &[&[1, 7][..], &ids[..23], &[0; 9]].concat(),
        PeerFault::NumberOutOfRange,
    );
    check(
        &[&[1, 7][..], &ids, &[255; 8]].concat(),
        PeerFault::NumberOutOfRange,
    );
    check(
        &[&[1, 4][..], &ids, &[0; 16], &[2]].concat(),
        PeerFault::NotABool(2),
    );
    let position = [
        0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let entry =
        |term: u8, kind: u8| [&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, term, kind][..], &[0; 4]].concat();
    for term in [2, 10] {
        let append = [&[1, 1][..], &ids, &position, &entry(term, 1)].concat();
        check(&append, PeerFault::TermsOutOfOrder);
    }
    let of_no_kind = [&[1, 1][..], &ids, &position, &entry(4, 3)].concat();
    check(&of_no_kind, PeerFault::BadChange);
    let many = [&[1, 1][..], &ids, &position, &[255; 4]].concat();
    check(&many, PeerFault::Truncated);
    let no_voters = [&[1, 9][..], &ids, &position[..16], &[0; 17]].concat();
    check(&no_voters, PeerFault::BadMembers);
}

// Goal: MEMBERS_MAX. Method: a snapshot that names one member more.
#[test]
fn an_ensemble_with_too_many_members_is_refused() {
    let check = |count: u64, accepted: bool| {
        let mut snapshot = vec![1, 9];
        [2, 1, 9, 5, 3]
            .iter()
            .for_each(|field| snapshot.put_u64(*field));
        snapshot.put_u32(u32::try_from(count).expect("a few hundred"));
        (1..=count).for_each(|id| snapshot.put_u64(id));
        snapshot.put_slice(&[0; 13]);
        let mut effects = Vec::new();
        server().handle(RaftEvent::Peer(snapshot.into()), &mut effects);
        let installs = effects.iter().any(|effect| {
            matches!(effect, RaftEffect::InstallSnapshot { position, .. } if position.index == LogIndex(5))
        });
        assert_eq!(installs, accepted, "{effects:?}");
    };
    let max = u64::try_from(zoa_raft::limits::MEMBERS_MAX).expect("a small number");
    check(max, true);
    check(max + 1, false);
}

// Goal: whoever wins an election has everything on disk, whatever a forger votes. Method: entries
// that are not synced, an election, and votes that nobody was asked for.
#[test]
fn votes_that_nobody_asked_for_do_not_count() {
    let say = |kind: u8, term: u64, rest: &[u64], last: &[u8]| {
        let mut buf = vec![1, kind];
        [2, 1, term]
            .iter()
            .chain(rest)
            .for_each(|field| buf.put_u64(*field));
        buf.put_slice(last);
        Step::Hear(buf.into())
    };
    let entry = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, b'x'];
    let (mut raft, mut newest) = (server(), 0);
    take(&mut raft, say(1, 1, &[0, 0, 0], &entry), &mut newest);
    take(&mut raft, Step::Tick(30), &mut newest);
    take(&mut raft, say(6, 2, &[0, 0], &[0]), &mut newest);
    let effects = take(&mut raft, say(4, 2, &[0, 0], &[0]), &mut newest);
    let [
        RaftEffect::PeerFault {
            from: Some(2),
            fault,
        },
    ] = effects[..]
    else {
        panic!("{effects:?}");
    };
    assert_eq!(fault, PeerFault::UnaskedVote);
    take(&mut raft, Step::Sync, &mut newest);
    take(&mut raft, say(4, 2, &[0, 0], &[0]), &mut newest);
    assert!(raft.is_leader(), "now it was asked for");
}
