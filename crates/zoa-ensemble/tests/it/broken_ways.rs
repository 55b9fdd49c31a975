//! Ways that are broken in one direction, words that got lost with their link, and writes from where no client is.

use bytes::Bytes;
use zoa_ensemble::Direction;
use zoa_ensemble::Event;
use zoa_ensemble::Forward;
use zoa_ensemble::LinkId;
use zoa_ensemble::PeerMessage;
use zoa_ensemble::Purpose;
use zoa_ensemble::StreamPlace;
use zoa_proto::PeerId;
use zoa_tree::Settings;

use crate::world::QUIET_MS;
use crate::world::TICK_MS;
use crate::world::World;
use crate::world::expiry;
use crate::world::lines_of;
use crate::world::txn;

/// Three servers; the leader, and another.
fn served(seed: u64) -> (World, u8, u8) {
    let mut world = World::new(3, seed);
    world.start_all();
    let leader = world.run_until_served();
    (world, leader, leader % 3 + 1)
}

fn way(world: &World, from: u8, to: u8) -> u64 {
    let mut wires = world.wires.iter();
    let found = wires.find(|(_, wire)| (wire.from, wire.to) == (from, to));
    *found.expect("they are connected").0
}

fn forward(term: u64, stream: u64, proposals: Vec<Bytes>) -> Bytes {
    let place = StreamPlace {
        term,
        stream,
        seq: 0,
    };
    PeerMessage::Forward(Forward { place, proposals }).encode()
}

fn term_of(world: &World, id: u8) -> u64 {
    world.at(id).role.map_or(0, |(_, _, term)| term)
}

// Goal: clients of a server whose signs of life reach nobody are not kept on sessions that the leader gives to others.
#[test]
fn who_hears_the_leader_and_cannot_reach_it_serves_no_longer_than_the_quiet_time() {
    let (mut world, leader, other) = served(80);
    world.cuts.insert((other, leader));
    let link = way(&world, other, leader);
    world.drop_wire(link);
    world.pump();
    let quiet = usize::try_from(QUIET_MS / TICK_MS).expect("it is small");
    world.run(quiet - 10);
    assert!(world.at(other).serves, "it may come back");
    world.run(20);
    assert!(!world.at(other).serves);
    assert!(world.at(leader).serves);
    world.cuts.clear();
    world.run_until_served();
    world.check_agreement();
}

// Goal: G-21. The leader takes nothing more of a stream, and the word of it is lost with the link that was to bring it.
#[test]
fn who_did_not_hear_that_its_writes_are_refused_does_not_wait_for_ever() {
    let (mut world, leader, other) = served(81);
    world.write(other, None);
    world.run(5);
    assert_eq!(world.acked.len(), 1);
    // As if the stream that it writes on were refused.
    let later = forward(
        term_of(&world, leader) + 1,
        1_000,
        vec![txn(other, 0, Settings::NONE, "no")],
    );
    let stream = way(&world, other, leader);
    world.receive(leader, LinkId(stream), later);
    let back = way(&world, leader, other);
    world.drop_wire(back);
    world.pump();
    world.run_until_served();
    world.write(other, None);
    world.run(5);
    assert_eq!(world.acked.len(), 2);
}

// Goal: G-04. What was said before a standstill is no measure afterwards, also on a server that was about to serve.
#[test]
fn who_stands_still_while_it_catches_up_begins_again_on_new_connections() {
    let (mut world, leader, other) = served(82);
    world.cut_off(other);
    world.run(250);
    assert!(!world.at(other).serves);
    world.write(leader, None);
    world.run(5);
    world.cuts.clear();
    world.connect_all();
    // It hears who leads, and of no entry.
    for _ in 0..4 {
        world.now_ms += TICK_MS;
        world.tick(leader);
        let link = way(&world, leader, other);
        let frames = &mut world.wires.get_mut(&link).expect("it stands").frames;
        frames.retain(|frame| !frame.starts_with(&[1, 1]));
        for _ in 0..frames.len() {
            world.deliver(link);
        }
    }
    let before = way(&world, leader, other);
    assert!(!world.at(other).serves, "something is missing");
    assert!(matches!(world.at(other).role, Some((_, Some(_), _))));
    world.now_ms += QUIET_MS + TICK_MS;
    world.tick(other);
    assert!(!world.wires.contains_key(&before));
    world.run_until_served();
}

// Goal: only members have clients, so what anybody else sends never reaches the replication.
#[test]
fn a_write_from_a_server_that_is_no_member_is_not_taken() {
    let (mut world, leader, _) = served(83);
    let lines = zoa_tree::MemberLines::parse(&lines_of(4)).expect("these are lines");
    world.add(4, lines);
    world.start(4);
    world.connect_all();
    let link = way(&world, 4, leader);
    let foreign = txn(4, 0, Settings::NONE, "foreign");
    let frame = forward(term_of(&world, leader), 1, vec![foreign]);
    world.receive(leader, LinkId(link), frame);
    world.run(5);
    let writes = world.at(leader).machine.writes();
    assert!(writes.is_empty(), "{writes:?}");
}

// Goal: an entry that nobody can read stops every server for good.
#[test]
fn what_is_no_transaction_never_reaches_the_replication() {
    let (mut world, leader, other) = served(84);
    world.settle();
    let link = way(&world, other, leader);
    let last = world.at(leader).disk.last().0;
    let garbage = vec![Bytes::from_static(b"x")];
    let frame = forward(term_of(&world, leader), 1_000, garbage);
    world.receive(leader, LinkId(link), frame);
    assert!(!world.wires.contains_key(&link), "it is cut");
    assert_eq!(world.at(leader).disk.last().0, last);
}

// Goal: G-11. Who led a moment ago and called a session silent may not know that others hear of it.
#[test]
fn an_expiry_that_another_server_forwards_is_not_taken() {
    let (mut world, leader, other) = served(88);
    // What a leader proposes of itself comes first.
    world.run(30);
    let last = world.at(leader).disk.last().0;
    let link = way(&world, other, leader);
    let write = txn(other, 0, Settings::NONE, "a");
    let frame = forward(
        term_of(&world, leader),
        1_000,
        vec![expiry(other), write, expiry(other)],
    );
    world.receive(leader, LinkId(link), frame);
    world.run(5);
    assert_eq!(world.at(leader).machine.writes(), ["a"]);
    assert_eq!(world.at(leader).disk.last().0, last + 1);
}

// Goal: G-24. A server that was upgraded before its leader says of its settings what that one does not know, and what decides nothing.
#[test]
fn settings_that_the_leader_does_not_know_are_no_obstacle_to_a_forwarded_write() {
    let (mut world, leader, other) = served(89);
    world.settle();
    let link = way(&world, other, leader);
    let plain = txn(other, 0, Settings::NONE, "a");
    let with_one = txn(other, 0, Settings::RECONFIG_ENABLED, "a");
    let mut pairs = plain.iter().zip(&with_one);
    let at = pairs.position(|(one, other)| one != other);
    let mut newer = plain.to_vec();
    *newer
        .get_mut(at.expect("they differ"))
        .expect("it is there") |= 0x80;
    let frame = forward(term_of(&world, leader), 1_000, vec![newer.into()]);
    world.receive(leader, LinkId(link), frame);
    world.run(5);
    assert_eq!(world.at(leader).machine.writes(), ["a"]);
}

// Goal: G-21. A stranger that cannot be told where the leader is keeps its connection to who would tell it.
#[test]
fn a_line_that_is_too_long_for_a_peer_ends_no_connection() {
    let places = |id: u8| {
        let mut all = (1..=300).map(|n| format!("h{id}x{n}:1:2"));
        let first = format!("server.{id}=h{id}:1:2");
        format!("{first}|{}\n", all.by_ref().collect::<Vec<_>>().join("|"))
    };
    let text: String = (1..=3).map(places).collect();
    let mut world = World::with_lines(&text, 91);
    world.start_all();
    let leader = world.run_until_served();
    let follower = leader % 3 + 1;
    let own = places(follower) + "server.4=h4:1:2\n";
    world.add(4, zoa_tree::MemberLines::parse(&own).expect("lines"));
    world.start(4);
    world.run(10);
    let link = way(&world, follower, 4);
    world.run(100);
    assert!(world.wires.contains_key(&link));
}

// Goal: G-21. What kept a server from agreeing to a founding passes, while all connections stand.
#[test]
fn who_could_not_agree_to_a_founding_is_asked_again() {
    let mut old = World::new(3, 85);
    old.start_all();
    old.run_until_served();
    let identity = old.at(3).identity.clone().expect("it is a member");
    let mut world = World::new(3, 86);
    world.start(2);
    // A connection of an older cluster's server 3, which has gone without a word.
    world.cuts.insert((2, 3));
    let link = LinkId(900);
    world.event(
        2,
        Event::LinkUp {
            link,
            peer: PeerId(3),
            direction: Direction::Outgoing,
            hello: identity.hello(PeerId(2), Purpose::Messages),
            epoch: world.at(2).identity.as_ref().map_or(0, |it| it.epoch),
        },
    );
    world.start(1);
    world.start(3);
    world.run(20);
    assert!(world.history.is_empty(), "it looks as if there were data");
    world.event(2, Event::LinkDown { link });
    world.pump();
    world.run(20);
    assert!(!world.history.is_empty());
}
