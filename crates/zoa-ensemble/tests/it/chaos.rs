//! Everything goes wrong at random, and nothing that was acknowledged is lost. The checks stand in `world.rs`.

use crate::dice::Dice;
use crate::world::TICK_MS;
use crate::world::World;

fn make_noise(world: &mut World, dice: &mut Dice) {
    let ids = world.ids();
    let id = *ids
        .get(dice.below(ids.len()))
        .expect("it is below the count");
    match dice.below(1000) {
        0..150 => {
            world.now_ms += TICK_MS / 2;
            world.tick(id);
        }
        150..450 => {
            let links: Vec<u64> = world.wires.keys().copied().collect();
            if let Some(link) = links.get(dice.below(links.len())) {
                (0..=dice.below(4)).for_each(|_| world.deliver(*link));
            }
        }
        450..600 => world.sync(id, 1 + dice.below(4)),
        600..680 => {
            let to = *ids
                .get(dice.below(ids.len()))
                .expect("it is below the count");
            world.dial(id, to);
        }
        680..760 if !world.handshakes.is_empty() => {
            let at = dice.below(world.handshakes.len());
            world.link(at);
        }
        760..900 => {
            let open: Vec<u64> = world.at(id).connections.keys().copied().collect();
            let connection = open.get(dice.below(open.len() + 2)).copied();
            let connection = world.write(id, connection);
            for _ in 0..dice.below(4) {
                world.write(id, connection);
            }
        }
        900..915 => {
            let links: Vec<u64> = world.wires.keys().copied().collect();
            if let Some(link) = links.get(dice.below(links.len())) {
                world.drop_wire(*link);
                world.pump();
            }
        }
        915..918 if world.is_up(id) => world.crash(id),
        915..940 if !world.is_up(id) => world.start(id),
        940..950 => world.snapshot(id, u64::try_from(dice.below(5)).unwrap_or(0)),
        950..975 if !world.parcels.is_empty() => {
            let at = dice.below(world.parcels.len());
            if dice.below(4) == 0 {
                let parcel = world.parcels.remove(at);
                world.lose(parcel);
            } else {
                world.hand_over_parcel(at);
            }
        }
        975..976 => world.event(id, zoa_ensemble::Event::Handover),
        978 => {
            let to = *ids
                .get(dice.below(ids.len()))
                .expect("it is below the count");
            world.cuts.insert((id, to));
        }
        979..988 => world.cuts.clear(),
        988..996 => world.save(id),
        _ => {}
    }
    world.pump();
}

fn check(count: u8, seed: u64) -> usize {
    let mut world = World::new(count, seed);
    let mut dice = Dice(seed);
    world.start_all();
    world.run_until_served();
    for _ in 0..4_000 {
        make_noise(&mut world, &mut dice);
        // One disk at most is lost at a time, and only after the server before it has its place again.
        if dice.below(2_000) == 0 {
            lose_a_disk(&mut world, &mut dice);
        }
    }
    world.cuts.clear();
    for id in world.ids() {
        // Also those that hand over: they would have stopped.
        if world.is_up(id) {
            world.crash(id);
        }
        world.start(id);
    }
    let leader = world.run_until_served();
    world.write(leader, None);
    world.run(60);
    world.check_agreement();
    assert_eq!(
        world.voters(leader).len(),
        usize::from(count),
        "seed {seed}"
    );
    assert!(world.learners(leader).is_empty(), "seed {seed}");
    world.acked.len()
}

fn lose_a_disk(world: &mut World, dice: &mut Dice) {
    let Some(leader) = world.leader() else { return };
    let voters = world.voters(leader);
    let all_there = world.ids().into_iter().all(|id| {
        let node = world.node(id).map(|node| node.raft());
        node.is_some_and(|node| voters.contains(&node))
    });
    if !all_there {
        return;
    }
    let ids = world.ids();
    let id = *ids
        .get(dice.below(ids.len()))
        .expect("it is below the count");
    // What only this disk and one that is behind have must not be lost with it.
    world.cuts.clear();
    world.run(20);
    if world.ids().into_iter().any(|id| !world.at(id).serves) {
        return;
    }
    world.crash(id);
    world.wipe(id);
    world.start(id);
}

#[test]
fn three_servers_agree_whatever_happens() {
    let acked: usize = (0..40).map(|seed| check(3, seed)).sum();
    assert!(acked > 5_000, "the noise must leave room for work: {acked}");
}

#[test]
fn five_servers_agree_whatever_happens() {
    let acked: usize = (100..130).map(|seed| check(5, seed)).sum();
    assert!(acked > 1_000, "the noise must leave room for work: {acked}");
}
