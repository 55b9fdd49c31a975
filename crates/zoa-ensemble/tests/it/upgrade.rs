//! Goal: G-24. Ensembles of servers of two versions: `Versions::FIRST` announces what the version before announced, in a hello as it wrote
//! them, and cannot go by newer rules (`world.rs` fails when it would have to).

use zoa_ensemble::HelloRefusal;
use zoa_ensemble::Versions;
use zoa_proto::PeerId;

use crate::world::World;
use crate::world::lines_of;

/// A founded ensemble of the version before.
fn before(lines: &str, seed: u64) -> World {
    let mut world = World::with_lines(lines, seed);
    for id in world.ids() {
        world.server(id).versions = Versions::FIRST;
    }
    world.start_all();
    world.run_until_served();
    world.run(30);
    world
}

/// Stops a server and starts it again with the program of today.
fn upgrade(world: &mut World, id: u8) {
    world.crash(id);
    write_everywhere(world);
    world.server(id).versions = Versions::THIS;
    world.start(id);
    world.run_until_served();
    write_everywhere(world);
}

fn write_everywhere(world: &mut World) {
    for id in world.ids() {
        if world.is_up(id) && world.at(id).serves {
            world.write(id, None);
        }
    }
    world.run(30);
}

fn rules(world: &World) -> Vec<u32> {
    world
        .servers
        .values()
        .map(|server| server.machine.semantics())
        .collect()
}

#[test]
fn newer_rules_hold_when_the_last_server_knows_them_and_no_write_is_lost_meanwhile() {
    for (count, seed) in [(3, 1), (3, 2), (5, 3), (7, 4)] {
        let mut world = before(&lines_of(count), seed);
        let mut order = world.ids();
        // The leader first, last, or in between.
        let by = usize::try_from(seed).expect("it is small");
        order.rotate_left(by);
        let last = order.pop().expect("there is one");
        for id in order {
            upgrade(&mut world, id);
            assert_eq!(rules(&world), vec![1; usize::from(count)], "seed {seed}");
        }
        upgrade(&mut world, last);
        world.run(30);
        assert_eq!(rules(&world), vec![2; usize::from(count)], "seed {seed}");
        world.check_agreement();
        assert!(world.acked.len() >= 2 * usize::from(count));
    }
}

#[test]
fn a_server_without_a_vote_and_one_that_is_down_have_to_know_newer_rules_too() {
    let lines = lines_of(3) + "server.4=h4:1:2:observer\n";
    let mut world = before(&lines, 5);
    (1..=3).for_each(|id| upgrade(&mut world, id));
    world.run(30);
    assert_eq!(rules(&world), [1; 4], "the observer does not know them");
    world.crash(4);
    world.run(60);
    assert_eq!(world.at(1).machine.semantics(), 1, "and comes back");
    world.server(4).versions = Versions::THIS;
    world.start(4);
    world.run_until_served();
    world.run(60);
    assert_eq!(rules(&world), [2; 4]);
    world.check_agreement();
}

#[test]
fn an_earlier_program_is_not_taken_on_where_newer_rules_hold() {
    let mut world = World::new(3, 6);
    world.start_all();
    world.run_until_served();
    world.run(30);
    assert_eq!(rules(&world), [2; 3]);
    world.crash(3);
    world.wipe(3);
    world.server(3).versions = Versions::FIRST;
    world.start(3);
    world.run(200);
    assert!(!world.at(3).serves);
    let too_old = (3, HelloRefusal::TooOld);
    let refusals = world.refusals.iter();
    assert!(
        refusals
            .filter(|(_, to, _)| *to != PeerId(3))
            .all(|(id, _, refusal)| (*id, *refusal) == too_old)
    );
    assert!(
        world
            .refusals
            .iter()
            .any(|(id, _, it)| (*id, *it) == too_old)
    );
    let leader = world.leader().expect("two are there");
    assert!(world.learners(leader).is_empty());
    world.crash(3);
    world.server(3).versions = Versions::THIS;
    world.start(3);
    world.run_until_served();
    world.check_agreement();
}

#[test]
fn upgrades_roll_through_crashes_at_any_moment() {
    for seed in 0..40 {
        let mut world = before(&lines_of(3), 100 + seed);
        for step in 0..60 {
            let id = u8::try_from(1 + (seed + 7 * step + step * step) % 3).expect("it is small");
            if step % 5 == 0 && world.servers.values().all(|it| it.ensemble.is_some()) {
                world.crash(id);
            } else if !world.is_up(id) {
                if (seed + step) % 2 == 0 {
                    world.server(id).versions = Versions::THIS;
                }
                world.start(id);
            } else if world.at(id).serves {
                world.write(id, None);
            }
            world.run(usize::try_from(1 + (seed + step) % 9).expect("it is small"));
        }
        for id in world.ids() {
            if world.is_up(id) {
                world.crash(id);
            }
            world.server(id).versions = Versions::THIS;
        }
        world.start_all();
        world.run_until_served();
        world.run(60);
        assert_eq!(rules(&world), [2; 3], "seed {seed}");
        world.check_agreement();
    }
}
