//! Founding: once, by all, whatever happens in between; and never by servers that may have lost their disks.

use zoa_ensemble::Notice;

use crate::world::World;

#[test]
fn three_empty_servers_found_an_ensemble_and_serve() {
    let mut world = World::new(3, 1);
    world.start_all();
    let leader = world.run_until_served();
    assert_eq!(world.voters(leader), [1, 2, 3]);
    world.write(1, None);
    world.run(5);
    assert_eq!(world.acked.len(), 1);
    world.check_agreement();
    let lines = &world.at(2).machine.lines;
    assert_eq!(lines.len(), 3, "the first leader says who the servers are");
}

#[test]
fn a_server_alone_founds_itself_and_serves_at_once() {
    let mut world = World::with_lines("", 1);
    world.add(1, Default::default());
    world.start(1);
    world.settle();
    assert!(world.at(1).serves);
    world.write(1, None);
    world.settle();
    assert_eq!(world.acked.len(), 1);
}

#[test]
fn nobody_founds_before_the_last_one_is_there() {
    let mut world = World::new(3, 2);
    (1..=2).for_each(|id| world.start(id));
    world.run(1500);
    assert!(world.leader().is_none() && world.history.is_empty());
    let waits = |notice: &Notice| matches!(notice, Notice::WaitsForFounding { missing } if missing.len() == 1);
    assert!(world.at(1).notices.iter().any(waits));
    world.start(3);
    world.run_until_served();
    assert_eq!(world.voters(1), [1, 2, 3]);
    assert!(
        world
            .ids()
            .into_iter()
            .all(|id| world.at(id).disk.founded_in.len() == 1)
    );
}

#[test]
fn an_observer_of_the_founding_follows_without_a_vote() {
    let lines = "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2:observer\n";
    let mut world = World::with_lines(lines, 3);
    world.start_all();
    world.run_until_served();
    assert_eq!((world.voters(1), world.learners(1)), (vec![1, 2], vec![3]));
    let role = world.at(3).role.map(|(role, _, _)| role);
    assert_eq!(role, Some(zoa_ensemble::Role::Observer));
}

#[test]
fn servers_that_name_different_servers_found_nothing() {
    let mut world = World::new(3, 4);
    world.add(
        3,
        zoa_tree::MemberLines::parse(
            "server.1=h1:1:2\nserver.2=h2:1:2\nserver.3=h3:1:2:observer\n",
        )
        .expect("lines"),
    );
    world.start_all();
    world.run(1500);
    assert!(world.history.is_empty());
    let differs = |notice: &Notice| matches!(notice, Notice::OtherFounders { .. });
    assert!(world.at(1).notices.iter().any(differs));
}

#[test]
fn with_the_marker_a_quorum_founds_and_the_late_one_joins() {
    let mut world = World::new(3, 5);
    for id in 2..=3 {
        world.server(id).initialize = true;
        world.start(id);
    }
    world.run_until_served();
    assert_eq!(world.voters(2), [1, 2, 3]);
    assert!(!world.at(2).initialize, "the marker has had its effect");
    world.start(1);
    world.run_until_served();
    world.run(20);
    let node = world.node(1).expect("it has joined");
    assert_ne!(
        node.incarnation(),
        0,
        "it was not there when the ensemble was founded"
    );
    assert_eq!(world.voters(2), [2, 3, node.raft()]);
}

#[test]
fn the_marker_is_nothing_to_those_that_have_it_not() {
    let mut world = World::new(3, 6);
    world.server(2).initialize = true;
    (2..=3).for_each(|id| world.start(id));
    world.run(50);
    assert!(world.history.is_empty() && world.leader().is_none());
}

// Goal: where an empty server needs the marker to found, one that lost its disk unseen is no founder of an empty ensemble, neither as the
// one that asks nor as one that is asked; and it may join.
#[test]
fn who_may_not_found_does_so_only_with_the_marker() {
    for without in 1..=3 {
        let mut world = World::new(3, 7);
        for id in 1..=3 {
            world.server(id).may_found = false;
            world.server(id).initialize = id != without;
        }
        world.start_all();
        world.run(1500);
        assert_eq!(world.at(without).disk.prepared, None);
        assert!(world.at(without).notices.contains(&Notice::MustNotFound));
        assert!(world.history.is_empty() && world.leader().is_none());
        world.crash(without);
        world.server(without).initialize = true;
        world.start(without);
        world.run_until_served();
        wipe(&mut world, without);
        world.run(40);
        world.start(without);
        world.run_until_served();
    }
}

fn wipe(world: &mut World, id: u8) {
    world.crash(id);
    world.wipe(id);
}

/// What happens to servers between two steps of a founding.
fn play(world: &mut World, moves: &mut dyn FnMut(usize) -> usize) {
    let ids = world.ids();
    for _ in 0..60 {
        let id = *ids.get(moves(ids.len())).expect("it is below the count");
        match moves(12) {
            0..=3 => {
                let to = *ids.get(moves(ids.len())).expect("it is below the count");
                world.dial(id, to);
                if !world.handshakes.is_empty() && moves(4) > 0 {
                    let at = moves(world.handshakes.len());
                    world.link(at);
                }
            }
            4..=6 => {
                let links: Vec<u64> = world.wires.keys().copied().collect();
                if let Some(link) = links.get(moves(links.len().max(1))) {
                    world.deliver(*link);
                }
            }
            7..=8 => world.save(id),
            9 => world.sync(id, 1),
            10 if world.is_up(id) && moves(3) == 0 => world.crash(id),
            10 if !world.is_up(id) => world.start(id),
            _ => world.tick(id),
        }
    }
}

// Goal: whatever order the steps come in, and whoever crashes before or after any of them, one ensemble is founded, with the ids of the
// founding, and nothing of a founding that a crash interrupted is left.
#[test]
fn one_ensemble_is_founded_whoever_crashes_at_whatever_step() {
    for seed in 0..400 {
        let count = if seed % 4 == 0 { 5 } else { 3 };
        let mut world = World::new(count, seed);
        let mut dice = crate::dice::Dice(seed + 77);
        world.start_all();
        for _ in 0..dice.below(6) {
            play(&mut world, &mut |bound| dice.below(bound));
        }
        for id in world.ids() {
            if !world.is_up(id) {
                world.start(id);
            }
        }
        let leader = world.run_until_served();
        let expected: Vec<u64> = (1..=u64::from(count)).collect();
        assert_eq!(world.voters(leader), expected, "seed {seed}");
        world.write(leader, None);
        world.run(10);
        assert_eq!(world.clusters.len(), 1, "seed {seed}");
        world.check_agreement();
    }
}

// Goal: crash points are enumerated. Every server crashes right before and right after each of its durable steps, once each.
#[test]
fn a_crash_at_any_durable_step_of_any_server_founds_one_ensemble() {
    for victim in 1..=3 {
        for step in 0..4 {
            for after in [false, true] {
                let mut world = World::new(3, 9);
                world.start_all();
                let mut seen = 0;
                for _ in 0..2_000 {
                    let is_due = world.at(victim).disk.saving.is_some();
                    if is_due && seen == step {
                        if after {
                            world.server(victim).disk.save();
                        }
                        world.crash(victim);
                        world.run(3);
                        world.start(victim);
                        break;
                    }
                    seen += usize::from(is_due);
                    world.connect_all();
                    world.ids().into_iter().for_each(|id| world.save(id));
                    let links: Vec<u64> = world.wires.keys().copied().collect();
                    links.into_iter().for_each(|link| world.deliver(link));
                }
                let leader = world.run_until_served();
                assert_eq!(world.voters(leader), [1, 2, 3], "{victim} {step} {after}");
                world.run(5);
                assert_eq!(world.clusters.len(), 1);
            }
        }
    }
}

// Goal: a founding that only its first server completed, whose disk is then lost, is done again, under another identity.
#[test]
fn a_founding_whose_only_founded_disk_is_lost_begins_anew() {
    let mut world = World::new(3, 10);
    world.start_all();
    while world.at(1).disk.identity.is_none() {
        world.connect_all();
        (1..=3).for_each(|id| {
            if world.at(id).disk.identity.is_none() {
                world.save(id);
            }
        });
        let links: Vec<u64> = world.wires.keys().copied().collect();
        if world.at(1).disk.identity.is_some() {
            break;
        }
        links.into_iter().for_each(|link| world.deliver(link));
    }
    let lost = world.at(1).disk.identity.map(|(cluster, _)| cluster);
    (1..=3).for_each(|id| world.crash(id));
    assert!(
        (2..=3)
            .all(|id| world.at(id).disk.identity.is_none() && world.at(id).disk.prepared.is_some())
    );
    world.wipe(1);
    world.start_all();
    world.run_until_served();
    assert_eq!(world.voters(2), [1, 2, 3]);
    assert_ne!(world.at(2).disk.identity.map(|(cluster, _)| cluster), lost);
}
