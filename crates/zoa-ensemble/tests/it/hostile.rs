//! Frames that no correct server sends, on a link that was greeted, and answers that none gives to a hello.
//!
//! Goal: none of them reaches the replication, and the link that brought it is over. Method: a follower hears any frames from another
//! follower; what it has on its disk, its term and its log among it, stays as it was, and the ensemble goes on.

use bytes::BufMut;
use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use zoa_ensemble::Event;
use zoa_ensemble::HelloRefusal;
use zoa_ensemble::LinkId;
use zoa_ensemble::Notice;
use zoa_ensemble::PeerMessage;
use zoa_proto::PeerId;

use crate::world::World;

/// Frames whose first byte is below belong to the replication.
const KIND_FORWARD: u8 = 16;

/// A message of the replication that claims to come from a server that this link is not for.
fn forged(liar: u64) -> impl Strategy<Value = Vec<u8>> {
    let others = prop_oneof![3 => 1..4_u64, 1 => any::<u64>()];
    let other = others.prop_filter("its own", move |from| *from != liar);
    let rest = prop::collection::vec(any::<u8>(), 0..80);
    (0..KIND_FORWARD, 0..12_u8, other, rest).prop_map(|(version, kind, from, rest)| {
        let mut frame = vec![version, kind];
        frame.put_u64(from);
        frame.extend(rest);
        frame
    })
}

/// Anything that is not a message of the replication, most of it no message at all.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![9 => KIND_FORWARD..26, 1 => KIND_FORWARD..=255];
    let rest = prop::collection::vec(prop_oneof![2 => Just(0_u8), 1 => any::<u8>()], 0..60);
    (kind, rest).prop_map(|(kind, rest)| [vec![kind], rest].concat())
}

/// Three servers, a follower of them, and another that lies to it.
fn victim_and_liar(seed: u64) -> (World, u8, u8) {
    let mut world = World::new(3, seed);
    world.start_all();
    let leader = world.run_until_served();
    world.write(leader, None);
    world.run(5);
    let mut followers = (1..=3).filter(|id| *id != leader);
    let (Some(victim), Some(liar)) = (followers.next(), followers.next()) else {
        panic!("two of three follow");
    };
    (world, victim, liar)
}

/// Says it on the link from the liar, which is made anew if need be; returns whether it still stands afterwards.
fn hears(world: &mut World, (victim, liar): (u8, u8), frame: Vec<u8>) -> bool {
    world.settle();
    let wires = world.wires.iter();
    let mut leading_there = wires.filter(|(_, wire)| (wire.from, wire.to) == (liar, victim));
    let link = *leading_there.next().expect("it was made anew").0;
    let frame = Bytes::from(frame);
    world.receive(victim, LinkId(link), frame);
    world.pump();
    world.wires.contains_key(&link)
}

fn check(seed: u64, any_frame: impl Fn(u64) -> BoxedStrategy<Vec<u8>>, must_cut: bool) {
    let (mut world, victim, liar) = victim_and_liar(seed);
    let frames = any_frame(u64::from(liar));
    let state = |world: &World| {
        let server = world.at(victim);
        let disk = &server.disk;
        let held = (disk.hard_state, disk.base, disk.entries.len());
        (held, disk.queue.len(), server.role)
    };
    world.settle();
    let before = state(&world);
    let mut runner = TestRunner::deterministic();
    for _ in 0..1_500 {
        let tree = frames.new_tree(&mut runner).expect("there are some");
        let frame = proptest::strategy::ValueTree::current(&tree);
        let is_message = PeerMessage::decode(frame.clone().into()).is_ok();
        let stands = hears(&mut world, (victim, liar), frame.clone());
        assert_eq!(state(&world), before, "{frame:?}");
        if must_cut || !is_message {
            assert!(!stands, "{frame:?}");
        }
    }
    world.run_until_served();
    world.write(victim, None);
    world.run(5);
    world.check_agreement();
}

#[test]
fn a_message_in_another_servers_name_never_reaches_the_replication() {
    check(40, |liar| forged(liar).boxed(), true);
}

#[test]
fn noise_on_a_greeted_link_never_reaches_the_replication() {
    check(41, |_| noise().boxed(), false);
}

/// A peer says that this server is no member any more.
fn is_called_no_member(world: &mut World, victim: u8) {
    let peer = PeerId(victim % 3 + 1);
    let refusal = HelloRefusal::NoMember;
    world.event(victim, Event::LinkRefused { peer, refusal });
    world.pump();
}

// Goal: nobody's word ends the service of a server that leads or hears of a leader.
#[test]
fn who_leads_or_follows_does_not_believe_that_it_was_taken_out() {
    let mut world = World::new(3, 42);
    world.start_all();
    world.run_until_served();
    let unknowns = |world: &World| -> usize { (1..=3).map(|id| world.at(id).unknowns).sum() };
    let before = unknowns(&world);
    for id in 1..=3 {
        is_called_no_member(&mut world, id);
        assert!(world.at(id).serves, "server {id}");
        assert!(!world.at(id).notices.contains(&Notice::NoMember));
    }
    assert_eq!(unknowns(&world), before);
}

// Goal: said while nobody leads, it is believed, and yet it does not keep a server from serving that is elected all the same.
#[test]
fn who_is_elected_was_not_taken_out() {
    let mut world = World::new(3, 43);
    world.start_all();
    let leader = world.run_until_served();
    world.crash(leader);
    world.settle();
    let left: Vec<u8> = (1..=3).filter(|id| *id != leader).collect();
    for id in &left {
        is_called_no_member(&mut world, *id);
        assert!(world.at(*id).notices.contains(&Notice::NoMember));
    }
    world.run_until_served();
    assert!(left.iter().all(|id| world.at(*id).serves));
}
