//! Servers that lost their disks, and new ones.

use zoa_ensemble::Event;
use zoa_ensemble::HelloRefusal;
use zoa_ensemble::Notice;
use zoa_ensemble::Start;
use zoa_proto::PeerId;

use crate::members::reconfig;
use crate::world::INIT_MS;
use crate::world::TICK_MS;
use crate::world::World;
use crate::world::words_of;

fn founded(count: u8, seed: u64) -> World {
    let mut world = World::new(count, seed);
    world.start_all();
    world.run_until_served();
    for id in 1..=count {
        world.write(id, None);
    }
    world.run(5);
    world
}

fn wipe(world: &mut World, id: u8) {
    world.crash(id);
    world.wipe(id);
}

#[test]
fn a_wiped_server_joins_under_a_new_id_and_takes_its_old_place() {
    for victim in 1..=3 {
        let mut world = founded(3, u64::from(victim));
        wipe(&mut world, victim);
        world.run(40);
        world.start(victim);
        world.run_until_served();
        world.run(20);
        let node = world.node(victim).expect("it has joined");
        assert_eq!(node.myid(), PeerId(victim));
        assert_ne!(node.incarnation(), 0);
        let others = (1..=3).filter(|id| *id != u64::from(victim));
        let expected: Vec<u64> = others.chain([node.raft()]).collect();
        let leader = world.leader().expect("two were there all the time");
        assert_eq!(world.voters(leader), expected);
        assert!(world.learners(leader).is_empty());
        world.write(victim, None);
        world.run(5);
        world.check_agreement();
        let replaces = |notice: &Notice| matches!(notice, Notice::Replaces { .. });
        assert!(
            world
                .servers
                .values()
                .any(|it| it.notices.iter().any(replaces))
        );
    }
}

// Goal: initLimit is for whoever waits for a server that does not come; the server itself goes on.
#[test]
fn a_server_that_catches_up_for_longer_than_init_limit_says_so_again_and_again() {
    let mut world = founded(3, 7);
    wipe(&mut world, 3);
    world.run(40);
    world.parcels_are_slow = true;
    world.start(3);
    let told = |world: &World| -> Vec<u64> {
        let notices = world.at(3).notices.iter();
        notices
            .filter_map(|notice| match notice {
                Notice::CatchesUp { for_ms, missing } if *missing > 0 => Some(*for_ms),
                _ => None,
            })
            .collect()
    };
    let ticks = |ms: u64| usize::try_from(ms / TICK_MS).expect("a few");
    world.run(ticks(INIT_MS));
    assert_eq!(told(&world), [], "not before");
    world.run(ticks(3 * INIT_MS));
    let said = told(&world);
    assert!(said.len() >= 2 && said[0] > INIT_MS, "{said:?}");
    world.parcels_are_slow = false;
    world.run_until_served();
    world.run(ticks(3 * INIT_MS));
    assert_eq!(told(&world).len(), said.len(), "it serves");
}

#[test]
fn two_wiped_of_three_found_nothing_and_say_what_to_do() {
    for survivor in 1..=3 {
        let mut world = founded(3, 10 + u64::from(survivor));
        let wiped: Vec<u8> = (1..=3).filter(|id| *id != survivor).collect();
        wiped.iter().for_each(|id| wipe(&mut world, *id));
        let before = world.history.clone();
        wiped.iter().for_each(|id| world.start(*id));
        world.run(3_000);
        assert_eq!(world.history, before, "nobody decides anything");
        assert!(world.servers.values().all(|it| !it.serves));
        for id in &wiped {
            // A leader that has not noticed yet may have been heard of; to vote takes a snapshot of it.
            let has_say = world.at(*id).disk.snapshot.is_some();
            assert!(!has_say && world.at(*id).disk.founded_in.len() == 1);
            let says = world.at(*id).notices.iter().filter(|it| matches!(it, Notice::NobodyToJoin { members, .. } if *members == [PeerId(survivor)]));
            assert!(says.count() >= 2, "again and again");
        }
        let told = world
            .at(survivor)
            .notices
            .iter()
            .any(|it| matches!(it, Notice::NoQuorum { .. }));
        assert!(told);
    }
}

#[test]
fn two_wiped_are_whole_again_when_one_disk_comes_back() {
    let mut world = founded(3, 20);
    let kept = world.at(2).disk.clone();
    wipe(&mut world, 1);
    wipe(&mut world, 2);
    world.start(1);
    world.run(300);
    world.server(2).disk = kept;
    world.start(2);
    world.run_until_served();
    world.run(20);
    assert_eq!(world.voters(2).len(), 3);
    world.check_agreement();
}

// Goal: an old disk that comes back after its place was given away does not take part, and says so.
#[test]
fn a_disk_that_was_replaced_is_refused_and_serves_nobody() {
    let mut world = founded(3, 30);
    let old = world.at(3).disk.clone();
    wipe(&mut world, 3);
    world.run(40);
    world.start(3);
    world.run_until_served();
    world.run(20);
    let new = world.node(3).expect("it has joined").raft();
    world.crash(3);
    world.server(3).disk = old;
    world.start(3);
    world.run(600);
    assert!(!world.at(3).serves);
    assert!(
        world
            .refusals
            .iter()
            .any(|(id, _, refusal)| *id == 3 && *refusal == HelloRefusal::NoMember)
    );
    assert!(world.at(3).notices.contains(&Notice::NoMember));
    assert_eq!(world.voters(1), [1, 2, new]);
    assert!(world.at(1).serves && world.at(2).serves);
}

#[test]
fn a_wiped_server_joins_a_log_that_was_cut() {
    let mut world = founded(3, 40);
    wipe(&mut world, 2);
    world.run(40);
    for _ in 0..30 {
        world.write(1, None);
        world.run(1);
    }
    world.snapshot(1, 0);
    world.snapshot(3, 0);
    world.start(2);
    world.run_until_served();
    world.run(20);
    world.check_agreement();
    assert_eq!(world.voters(1).len(), 3);
}

// Goal: what a server alone has written is kept when its zoo.cfg is given more servers.
#[test]
fn a_server_alone_grows_into_an_ensemble() {
    let mut world = World::with_lines("", 50);
    world.add(1, Default::default());
    world.start(1);
    world.settle();
    for _ in 0..20 {
        world.write(1, None);
        world.settle();
    }
    world.crash(1);
    let lines = zoa_tree::MemberLines::parse(&crate::world::lines_of(3)).expect("lines");
    world.server(1).lines = lines.clone();
    (2..=3).for_each(|id| world.add(id, lines.clone()));
    world.start_all();
    world.run_until_served();
    world.run(50);
    assert_eq!(world.voters(1).len(), 3);
    assert_eq!(world.at(3).machine.writes().len(), 20);
    world.check_agreement();
}

#[test]
fn the_survivor_goes_on_alone_when_it_is_told_to_and_the_others_join() {
    let mut world = founded(3, 60);
    let writes = world.at(1).machine.writes();
    for id in 1..=3 {
        world.crash(id);
    }
    world.wipe(2);
    world.wipe(3);
    world.server(1).force = true;
    world.start(1);
    world.run(20);
    assert!(world.at(1).serves);
    assert!(was_forced(&world, 1));
    world.write(1, None);
    world.run(5);
    assert!(!world.at(1).force, "the marker has had its effect");
    world.crash(1);
    world.start_all();
    world.run_until_served();
    world.run(20);
    assert_eq!(world.voters(1).len(), 3);
    world.check_agreement();
    assert_eq!(world.at(3).machine.writes().len(), writes.len() + 1);
}

fn was_forced(world: &World, id: u8) -> bool {
    let mut notices = world.at(id).notices.iter();
    notices.any(|notice| matches!(notice, Notice::Forced { .. }))
}

// Goal: the end of the log, term first, says who has every acknowledged write; what a start shows as applied does not. Method: of five
// servers one has everything and has stored an old commit index, the other lacks the last write and has stored that all it has is
// committed.
#[test]
fn the_survivor_with_the_newest_log_has_what_was_acknowledged_though_it_shows_less() {
    let mut world = founded(5, 63);
    let acked = world.acked.clone();
    for id in 1..=5 {
        world.crash(id);
    }
    let full = &mut world.server(1).disk;
    full.hard_state.commit = full.base.index.0;
    let shorter = &mut world.server(2).disk;
    let is_write = |data: &[u8]| words_of(data).is_some_and(|words| acked.contains(&words));
    while let Some(entry) = shorter.entries.pop() {
        if is_write(&entry.data) {
            break;
        }
    }
    shorter.hard_state.commit = shorter.last().0;
    let shows = |world: &mut World, id| match world.server(id).disk.start([0; 32], false) {
        (Start::Founded { recovery, .. }, machine) => {
            let last = recovery.last();
            (machine.position(), (last.term, last.index))
        }
        other => panic!("{other:?} has no log"),
    };
    let (one, two) = (shows(&mut world, 1), shows(&mut world, 2));
    assert!(one.0 < two.0 && one.1 > two.1, "{one:?} {two:?}");

    let has_all = |world: &World, id| {
        let writes = world.at(id).machine.writes();
        acked.iter().all(|write| writes.contains(write))
    };
    for (id, is_right) in [(2, false), (1, true)] {
        let mut world = founded_again(&world, id);
        world.start(id);
        world.run(20);
        assert!(world.at(id).serves);
        assert_eq!(has_all(&world, id), is_right, "server {id}");
    }
}

/// Another world with the disk of one server, which is told to go on alone.
fn founded_again(world: &World, id: u8) -> World {
    let mut again = World::new(5, 64);
    again.server(id).disk = world.at(id).disk.clone();
    again.server(id).force = true;
    again
}

// Goal: disks that were given up and come back all the same take no part in the new cluster, vote for nobody in it and bring it nothing;
// started empty they join it.
#[test]
fn disks_that_were_given_up_come_back_to_nobody() {
    let mut world = founded(3, 61);
    for id in 1..=3 {
        world.crash(id);
    }
    world.server(1).force = true;
    world.start(1);
    world.run(20);
    assert!(world.at(1).serves && was_forced(&world, 1));
    world.start(2);
    world.start(3);
    world.run(100);
    let refused = |from: u8, to: u8| {
        let refused = (from, PeerId(to), HelloRefusal::OtherCluster);
        world.refusals.contains(&refused)
    };
    assert!(refused(1, 2) && refused(1, 3) && refused(2, 1) && refused(3, 1));
    let term = |id: u8| world.at(id).role.map_or(0, |(_, _, term)| term);
    assert!(term(1) > term(2).max(term(3)) + zoa_raft::limits::TERMS_LEFT_OUT / 2);
    assert_eq!(world.leader(), Some(1));
    assert_eq!(world.voters(1), [1]);
    assert!(world.learners(1).is_empty());
    world.write(1, None);
    world.run(20);
    assert!(world.at(1).machine.writes().len() > world.at(2).machine.writes().len());

    for id in 2..=3 {
        wipe(&mut world, id);
    }
    world.run(40);
    world.start(2);
    world.start(3);
    world.run_until_served();
    world.run(20);
    assert_eq!(world.voters(1).len(), 3);
    world.check_agreement();
}

// Goal: a marker that lies on an empty disk has no effect on what comes onto that disk.
#[test]
fn nothing_is_forced_by_an_empty_disk() {
    let mut world = founded(3, 62);
    wipe(&mut world, 3);
    world.server(3).force = true;
    world.run(40);
    world.start(3);
    world.run_until_served();
    world.run(20);
    assert!(!was_forced(&world, 3));
    assert!(!world.at(3).force, "it must not be forced at a later start");
}

// Goal: a reconfig is refused when those who would vote then could not decide anything, because the vote of one of them is still that of
// the disk it has lost. Asked at every moment of its return.
#[test]
fn a_reconfig_never_leaves_the_votes_to_a_disk_that_is_lost() {
    for late in 0..30 {
        let mut world = founded(3, 60 + late);
        let leader = world.leader().expect("it was founded");
        let mut others = (1..=3).filter(|id| *id != leader);
        let (victim, third) = (others.next().expect("one"), others.next().expect("two"));
        wipe(&mut world, victim);
        world.run(40);
        world.start(victim);
        (0..late).for_each(|_| world.run(1));
        let leaves = reconfig("", &third.to_string(), -1);
        world.event(leader, Event::Propose(vec![leaves]));
        world.pump();
        world.run(60);
        let leader = world.leader().expect("two were there all the time");
        let before = world.at(leader).machine.writes().len();
        world.write(leader, None);
        world.run(10);
        let after = world.at(leader).machine.writes().len();
        assert!(after > before, "after {late} ticks");
    }
}

// Goal: what the lines from before a change forbid, and those after it allow, is no reason to let a reconfig by without its change of the
// members.
#[test]
fn a_reconfig_behind_one_that_makes_it_possible_is_refused_as_any_other() {
    let mut world = founded(3, 90);
    let leader = world.leader().expect("it was founded");
    let others: Vec<String> = (1..=3)
        .filter(|id| *id != leader)
        .map(|id: u8| id.to_string())
        .collect();
    let joins = reconfig("server.4=h4:1:2:participant;3", "", -1);
    let leave = reconfig("", &others.join(","), -1);
    world.event(leader, Event::Propose(vec![joins, leave]));
    world.pump();
    world.run(40);
    assert_eq!(crate::members::line_ids(&world, leader), [1, 2, 3, 4]);
    assert_eq!(
        crate::members::refusals(&world, leader),
        [zoa_proto::ErrorCode::ReconfigInProgress]
    );
    assert_eq!(world.voters(leader), [1, 2, 3]);
}
