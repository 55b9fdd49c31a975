//! Writes of clients on any server, through changes of leader.

use bytes::Bytes;
use zoa_ensemble::Event;
use zoa_ensemble::LinkId;
use zoa_ensemble::Role;
use zoa_proto::SessionId;
use zoa_tree::Settings;
use zoa_tree::Touch;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

use crate::world::World;
use crate::world::txn;

fn served(count: u8, seed: u64) -> (World, u8) {
    let mut world = World::new(count, seed);
    world.start_all();
    let leader = world.run_until_served();
    (world, leader)
}

fn follower(world: &World, leader: u8) -> u8 {
    let others = world.ids().into_iter().find(|id| *id != leader);
    others.expect("there is more than one")
}

#[test]
fn a_follower_sends_on_what_its_clients_write_in_order() {
    let (mut world, leader) = served(3, 1);
    let other = follower(&world, leader);
    let connection = world.write(other, None);
    for _ in 0..50 {
        world.write(other, connection);
    }
    world.run(3);
    assert_eq!(world.acked.len(), 51);
    world.check_agreement();
}

/// Nobody looks at these.
const WORDS: &str = "not looked at";

/// Time, settings and server of all writes that this server has applied.
fn stamps(world: &World, id: u8) -> Vec<(i64, Settings, u8)> {
    let applied = world.at(id).machine.applied.iter();
    let txns = applied.filter_map(|(_, _, data)| Txn::decode(data).ok());
    txns.filter(|txn| matches!(txn.op, TxnOp::Request { .. }))
        .map(|txn| (txn.time_ms, txn.settings, txn.owner.server.0))
        .collect()
}

#[test]
fn a_forwarded_write_gets_the_leaders_clock_and_settings() {
    let mut world = World::new(3, 20);
    let leaders = Settings::RECONFIG_ENABLED.union(Settings::ENFORCE_QUOTA);
    for server in world.servers.values_mut() {
        server.settings = leaders;
    }
    world.start_all();
    let leader = world.run_until_served();
    let other = follower(&world, leader);
    world.server(leader).wall_ms = 10_000_000;
    let (slow, fast) = (1_000_000, 90_000_000);
    let mark = Settings::LOCAL_SESSION;
    let theirs = [
        txn(other, slow, Settings::SKIP_ACL, WORDS),
        txn(other, fast, mark.union(Settings::SKIP_ACL), WORDS),
    ];
    world.event(other, Event::Propose(theirs.to_vec()));
    world.run(3);
    let expected = [
        (10_000_000, leaders, other),
        (10_000_000, leaders.union(mark), other),
    ];
    for id in world.ids() {
        assert_eq!(stamps(&world, id), expected, "server {id}");
    }
}

#[test]
fn time_never_runs_backwards_while_one_leads() {
    let (mut world, leader) = served(3, 21);
    let other = follower(&world, leader);
    // The clock is set back, and a turn of another connection was quicker.
    for (clock_ms, own_ms) in [(5_000, 4_000), (3_000, 6_000), (6_500, 2_000)] {
        world.server(leader).wall_ms = clock_ms;
        world.event(
            other,
            Event::Propose(vec![txn(other, 9, Settings::NONE, WORDS)]),
        );
        world.run(2);
        let own = txn(leader, own_ms, Settings::SKIP_ACL, WORDS);
        let behind = txn(leader, own_ms - 1, Settings::SKIP_ACL, WORDS);
        world.event(leader, Event::Propose(vec![own, behind]));
        world.run(2);
    }
    let stamps = stamps(&world, other);
    let times: Vec<i64> = stamps.iter().map(|(time_ms, _, _)| *time_ms).collect();
    assert_eq!(
        times,
        [
            5_000, 5_000, 5_000, 5_000, 6_000, 6_000, 6_500, 6_500, 6_500
        ]
    );
    let own = stamps.iter().filter(|(_, _, server)| *server == leader);
    own.for_each(|(_, settings, _)| assert_eq!(*settings, Settings::SKIP_ACL));
    world.check_agreement();
}

#[test]
fn a_broken_link_to_the_leader_makes_what_was_sent_unknown_and_nothing_newer_overtakes_it() {
    let (mut world, leader) = served(3, 2);
    let other = follower(&world, leader);
    let unknowns = world.at(other).unknowns;
    let connection = world.write(other, None);
    let link = *world
        .wires
        .iter()
        .find(|(_, wire)| (wire.from, wire.to) == (other, leader))
        .expect("they are connected")
        .0;
    world.drop_wire(link);
    world.pump();
    assert_eq!(world.at(other).unknowns, unknowns + 1);
    assert!(
        world.at(other).connections.is_empty(),
        "its client does not wait in vain"
    );
    let again = world.write(other, connection);
    assert_ne!(again, connection);
    world.run(5);
    assert!(
        world
            .acked
            .iter()
            .any(|data| data.starts_with(&format!("{other} {} ", again.expect("it serves"))))
    );
    assert!(world.at(other).serves, "reads go on");
}

#[test]
fn writes_wait_for_a_leader_and_then_go() {
    let (mut world, leader) = served(3, 3);
    let other = follower(&world, leader);
    world.run(5);
    world.crash(leader);
    let unknowns = world.at(other).unknowns;
    world.write(other, None);
    world.run(40);
    assert_eq!(
        world.at(other).unknowns,
        unknowns,
        "nothing was given to the dead leader"
    );
    assert_eq!(world.acked.len(), 1);
}

#[test]
fn a_new_leader_is_there_soon_after_the_leaders_links_end() {
    let (mut world, leader) = served(3, 4);
    world.crash(leader);
    world.run(9);
    assert!(
        world.leader().is_some(),
        "sooner than an election timeout of 10 ticks"
    );
}

// Goal: also that the words of the leader that waited on the connection meanwhile are no measure of what was acknowledged (G-04).
#[test]
fn who_is_cut_off_serves_no_longer_than_the_quiet_time_and_again_afterwards() {
    let (mut world, leader) = served(3, 5);
    let other = follower(&world, leader);
    world.cut_off(other);
    world.run(150);
    assert!(world.at(other).serves);
    world.write(leader, None);
    world.run(100);
    assert!(!world.at(other).serves);
    assert!(world.at(leader).serves);
    world.write(leader, None);
    world.cuts.clear();
    world.run(50);
    assert!(world.at(other).serves);
    world.check_agreement();
}

#[test]
fn a_cut_off_leader_serves_no_longer_and_what_it_took_is_unknown() {
    let (mut world, leader) = served(3, 6);
    world.cut_off(leader);
    world.write(leader, None);
    world.run(30);
    assert_eq!(
        world.at(leader).role.map(|(role, _, _)| role),
        Some(Role::Looking)
    );
    assert!(world.at(leader).connections.is_empty());
    assert!(world.acked.is_empty());
    world.run(230);
    assert!(!world.at(leader).serves);
    let new = world.leader().expect("the others are two");
    assert_ne!(new, leader);
}

fn touch(session: i64, age_ms: u32) -> Touch {
    Touch {
        session: SessionId(session),
        age_ms,
    }
}

fn hear(world: &mut World, id: u8, touches: Vec<Touch>) {
    let now_ms = world.now_ms;
    world.event(id, Event::Touched { now_ms, touches });
}

// Goal: what is heard at the end of a standstill counts from then, not from the last tick before it.
#[test]
fn touches_after_a_standstill_are_as_old_as_they_are() {
    let (mut world, leader) = served(3, 7);
    let other = follower(&world, leader);
    world.now_ms += 250;
    hear(&mut world, other, vec![touch(1, 0)]);
    let said_ms = world.now_ms;
    world.run(3);
    let [heard] = world.at(leader).touches.as_slice() else {
        panic!("one session was heard of")
    };
    assert!(u64::from(heard.age_ms) <= world.now_ms - said_ms);
}

#[test]
fn touches_reach_the_leader_with_their_age_also_after_a_broken_link() {
    let (mut world, leader) = served(3, 7);
    let other = follower(&world, leader);
    hear(&mut world, other, vec![touch(1, 3), touch(2, 0)]);
    world.run(3);
    assert_eq!(world.at(leader).touches.len(), 2);
    world.server(leader).touches.clear();
    hear(&mut world, other, vec![touch(1, 0)]);
    let said_ms = world.now_ms;
    let link = *world
        .wires
        .iter()
        .find(|(_, wire)| (wire.from, wire.to) == (other, leader))
        .expect("they are connected")
        .0;
    for _ in 0..2 {
        world.now_ms += 10;
        world.tick(other);
    }
    world
        .wires
        .get_mut(&link)
        .expect("it stands")
        .frames
        .clear();
    world.drop_wire(link);
    world.run(4);
    let heard = world.at(leader).touches.clone();
    let [only] = heard.as_slice() else {
        panic!("one session was heard of: {heard:?}")
    };
    assert_eq!(only.session, SessionId(1));
    assert!(only.age_ms > 0 && u64::from(only.age_ms) <= world.now_ms - said_ms);
}

#[test]
fn leadership_is_handed_over_before_a_leader_stops() {
    let (mut world, leader) = served(3, 8);
    world.event(leader, Event::Handover);
    world.settle();
    assert!(
        world.at(leader).handed_over,
        "without waiting for any timeout"
    );
    let new = world.leader().expect("somebody leads");
    assert_ne!(new, leader);
    let other = follower(&world, new);
    world.event(other, Event::Handover);
    assert!(
        world.at(other).handed_over,
        "who does not lead has nothing to give"
    );
    world.crash(leader);
    world.write(new, None);
    world.run(3);
    assert_eq!(world.acked.len(), 1);
}

#[test]
fn a_leader_alone_stops_at_once() {
    let mut world = World::with_lines("", 9);
    world.add(1, Default::default());
    world.start(1);
    world.settle();
    world.event(1, Event::Handover);
    assert!(world.at(1).handed_over);
}

#[test]
fn hostile_frames_cut_their_link_and_nothing_else() {
    let (mut world, leader) = served(3, 10);
    let other = follower(&world, leader);
    let frames: [&'static [u8]; 7] = [
        b"",
        &[200, 1],
        &[16, 0, 0],
        &[18; 40],
        // A snapshot that nobody checked.
        &[
            1, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9,
        ],
        // A vote in another server's name.
        &[
            1, 4, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9,
        ],
        &[
            1, 99, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9,
        ],
    ];
    for frame in frames {
        world.settle();
        let link = *world
            .wires
            .iter()
            .find(|(_, wire)| (wire.from, wire.to) == (other, leader))
            .expect("they are connected")
            .0;
        let frame = Bytes::from_static(frame);
        world.receive(leader, LinkId(link), frame.clone());
        assert!(!world.wires.contains_key(&link), "{frame:?}");
        world.pump();
        assert_eq!(world.leader(), Some(leader));
    }
    world.write(other, None);
    world.run(5);
    assert_eq!(world.acked.len(), 1);
}

// Goal: a server that stood still hears first what has happened, before its own clock makes it campaign.
#[test]
fn no_more_than_ticks_at_once_max_are_made_up_for() {
    let (mut world, leader) = served(3, 11);
    let other = follower(&world, leader);
    world.settle();
    let term = world.at(other).role.map(|(_, _, term)| term);
    for _ in 0..4 {
        world.now_ms += 40 * crate::world::TICK_MS;
        world.tick(other);
    }
    const { assert!(4 * zoa_ensemble::limits::TICKS_AT_ONCE_MAX < 10) };
    const { assert!(4 * 40 * crate::world::TICK_MS < crate::world::QUIET_MS) };
    assert_eq!(
        world
            .at(other)
            .role
            .map(|(_, leader, term)| (leader.map(|it| it.0), Some(term))),
        Some((Some(leader), term))
    );
}

// Goal: a leader that stops in good order costs nobody a connection, and no write stays in doubt.
#[test]
fn no_write_is_lost_or_in_doubt_when_leadership_is_handed_over() {
    for seed in 0..40 {
        let (mut world, leader) = served(if seed % 2 == 0 { 3 } else { 5 }, 100 + seed);
        let mut dice = crate::dice::Dice(seed);
        let mut connections: Vec<Option<u64>> = vec![None; world.ids().len()];
        let unknowns = |world: &World| world.servers.values().map(|it| it.unknowns).sum::<usize>();
        let before = unknowns(&world);
        let mut written = 0;
        for step in 0..400 {
            let id = 1 + dice.below(world.ids().len());
            if let (Ok(id), Some(connection)) = (u8::try_from(id), connections.get_mut(id - 1)) {
                *connection = world.write(id, *connection);
                written += usize::from(connection.is_some());
            }
            if step == 200 {
                world.event(leader, Event::Handover);
                world.pump();
            }
            for _ in 0..dice.below(6) {
                let links: Vec<u64> = world.wires.keys().copied().collect();
                let link = links.get(dice.below(links.len())).copied();
                link.into_iter().for_each(|link| world.deliver(link));
            }
            world.ids().into_iter().for_each(|id| world.sync(id, 2));
        }
        world.run(5);
        assert!(world.at(leader).handed_over, "seed {seed}");
        assert_ne!(world.leader(), Some(leader), "seed {seed}");
        assert_eq!(unknowns(&world), before, "seed {seed}");
        assert_eq!(world.acked.len(), written, "seed {seed}");
        world.check_agreement();
    }
}

// Goal: a handover that comes to nothing costs nothing either, and what was said during it counts no more.
#[test]
fn a_handover_that_comes_to_nothing_is_over_in_time_and_writes_go_on() {
    let (mut world, leader) = served(3, 12);
    let others: Vec<u8> = world.ids().into_iter().filter(|id| *id != leader).collect();
    others.iter().for_each(|id| {
        world.write(*id, None);
    });
    world.run(3);
    let unknowns: usize = world.servers.values().map(|it| it.unknowns).sum();
    world.event(leader, Event::Handover);
    // Everything comes through but what the heirs would win their election with.
    for _ in 0..200 {
        let links: Vec<u64> = world.wires.keys().copied().collect();
        for link in links {
            let first = world
                .wires
                .get(&link)
                .and_then(|wire| wire.frames.front())
                .cloned();
            if first.is_some_and(|frame| matches!(frame.as_ref(), [1, 3..=6 | 10, ..])) {
                world
                    .wires
                    .get_mut(&link)
                    .map(|wire| wire.frames.pop_front());
            } else {
                world.deliver(link);
            }
        }
        world
            .ids()
            .into_iter()
            .for_each(|id| world.sync(id, usize::MAX));
        world.now_ms += 1;
        world.ids().into_iter().for_each(|id| world.tick(id));
    }
    assert!(
        world.at(leader).handed_over,
        "its server need not wait for ever"
    );
    assert_eq!(world.leader(), Some(leader));
    for id in world.ids() {
        world.write(id, None);
    }
    world.run(5);
    assert_eq!(world.acked.len(), 5);
    assert_eq!(
        world.servers.values().map(|it| it.unknowns).sum::<usize>(),
        unknowns
    );
    let link = *world
        .wires
        .iter()
        .find(|(_, wire)| wire.from == leader)
        .expect("they are connected")
        .0;
    assert!(world.wires.contains_key(&link));
    others.iter().for_each(|id| {
        world.write(*id, None);
    });
    world.crash(leader);
    world.run(30);
    assert!(
        others.iter().all(|id| world.at(*id).unknowns > 0),
        "what the crashed leader was sent is in doubt"
    );
}

// Goal: a write that waits behind one that is lost goes with it, also when it was never sent (G-03).
#[test]
fn what_waits_behind_a_lost_write_is_not_sent_to_the_next_leader() {
    let (mut world, leader) = served(3, 13);
    let other = follower(&world, leader);
    world.run(5);
    let wire_between = |world: &World, from: u8, to: u8| {
        let found = world
            .wires
            .iter()
            .find(|(_, wire)| (wire.from, wire.to) == (from, to));
        *found.expect("they are connected").0
    };
    let connection = world.write(other, None);
    let there = wire_between(&world, other, leader);
    world.deliver(there);
    // The leader has the write, and nobody else gets it.
    world
        .wires
        .values_mut()
        .filter(|wire| wire.from == leader)
        .for_each(|wire| wire.frames.clear());
    world.event(leader, Event::Handover);
    let back = wire_between(&world, leader, other);
    world.deliver(back);
    assert_eq!(world.write(other, connection), connection);
    let unknowns = world.at(other).unknowns;
    world.crash(leader);
    world.run(60);
    assert_eq!(world.at(other).unknowns, unknowns + 1);
    assert!(world.acked.is_empty());
    assert!(world.at(other).machine.writes().is_empty());
    world.write(other, connection);
    world.run(5);
    assert_eq!(world.acked.len(), 1);
}

fn wire_between(world: &World, from: u8, to: u8) -> u64 {
    let found = world
        .wires
        .iter()
        .find(|(_, wire)| (wire.from, wire.to) == (from, to));
    *found.expect("they are connected").0
}

/// Delivers what waits between two servers, but of it only frames of this kind.
fn deliver_only(world: &mut World, from: u8, to: u8, kind: u8) {
    let link = wire_between(world, from, to);
    let frames = world
        .wires
        .get_mut(&link)
        .map(|wire| std::mem::take(&mut wire.frames));
    for frame in frames.unwrap_or_default() {
        if frame.first() == Some(&kind) {
            world.receive(to, LinkId(link), frame);
        }
    }
}

// Goal: the word of a leader that gives its leadership away counts only if its successor really has all of it.
#[test]
fn writes_are_in_doubt_when_another_than_the_heir_leads() {
    let (mut world, leader) = served(3, 14);
    let other = follower(&world, leader);
    let third = 6 - leader - other;
    world.run(5);
    let connection = world.write(other, None);
    let there = wire_between(&world, other, leader);
    world.deliver(there);
    world.event(leader, Event::Handover);
    for peer in [other, third] {
        deliver_only(&mut world, leader, peer, 21);
        deliver_only(&mut world, peer, leader, 22);
    }
    // It has said where its log ends, and nobody else has that.
    deliver_only(&mut world, leader, other, 23);
    assert_eq!(world.write(other, connection), connection);
    let unknowns = world.at(other).unknowns;
    world.crash(leader);
    world.run(60);
    assert_eq!(world.at(other).unknowns, unknowns + 1);
    assert!(world.at(other).machine.writes().is_empty());
}

// Goal: a frame that is missing on a link that stands is found, though no correct driver loses one.
#[test]
fn a_gap_in_a_stream_ends_its_link_and_nothing_behind_it_is_taken() {
    let (mut world, leader) = served(3, 15);
    let other = follower(&world, leader);
    world.run(5);
    let connection = world.write(other, None);
    world.write(other, connection);
    world.write(other, connection);
    let link = wire_between(&world, other, leader);
    world.deliver(link);
    world
        .wires
        .get_mut(&link)
        .expect("it stands")
        .frames
        .pop_front();
    world.deliver(link);
    assert!(!world.wires.contains_key(&link));
    world.run(5);
    assert_eq!(world.at(leader).machine.writes().len(), 1);
    assert!(world.at(other).connections.is_empty());
}

// Goal: who was away serves nobody before it has what was acknowledged meanwhile.
#[test]
fn a_server_that_comes_back_serves_when_it_has_caught_up() {
    let (mut world, leader) = served(3, 16);
    let other = follower(&world, leader);
    world.crash(other);
    for _ in 0..10 {
        world.write(leader, None);
        world.run(1);
    }
    assert_eq!(world.acked.len(), 10);
    world.start(other);
    for _ in 0..20 {
        world.connect_all();
        let links: Vec<u64> = world.wires.keys().copied().collect();
        links.into_iter().for_each(|link| world.deliver(link));
        world.now_ms += crate::world::TICK_MS;
        world.ids().into_iter().for_each(|id| world.tick(id));
        // Its disk is slow: what it has heard of is not durable.
        world.sync(leader, usize::MAX);
    }
    let role = world.at(other).role.map(|(role, _, _)| role);
    assert_eq!(role, Some(Role::Follower), "it knows the leader");
    assert!(!world.at(other).serves);
    world.run(3);
    assert!(world.at(other).serves);
    assert_eq!(world.at(other).machine.writes().len(), 10);
}

// Goal: who was made the leader although what it has sent never came through decides first what becomes of that (G-03).
#[test]
fn an_heir_proposes_nothing_before_it_knows_what_became_of_what_it_sent() {
    let (mut world, leader) = served(3, 14);
    let heir = (1..=3).find(|id| *id != leader).expect("there are three");
    world.run(5);
    world.cuts.insert((heir, leader));
    let connection = world.write(heir, None);
    world.event(leader, Event::Handover);
    for _ in 0..40 {
        world.run(1);
        if world.at(heir).role.map(|(role, _, _)| role) == Some(Role::Leader) {
            break;
        }
    }
    assert_eq!(world.leader(), Some(heir));
    assert_eq!(world.write(heir, connection), connection);
    world.run(5);
    assert!(world.at(heir).machine.writes().is_empty());
    // What was sent is lost, and what came after it with it.
    let unknowns = world.at(heir).unknowns;
    world.crash(leader);
    world.run(60);
    assert_eq!(world.at(heir).unknowns, unknowns + 1);
    assert!(world.at(heir).machine.writes().is_empty());
    world.write(heir, None);
    world.run(5);
    assert_eq!(world.acked.len(), 1);
}
