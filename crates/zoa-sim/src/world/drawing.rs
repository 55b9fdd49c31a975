//! What clients do in a run and what fails meanwhile, drawn from the seed and cut to the scenario.
//!
//! The test kit draws profiles and plans for one kind of client; here is what the others of [`Scenario`](super::Scenario) change in them.

use super::Options;
use super::cast::Cast;
use zoa_testkit::clock::SimTime;
use zoa_testkit::faults;
use zoa_testkit::faults::Crash;
use zoa_testkit::faults::Fault;
use zoa_testkit::faults::FaultKind;
use zoa_testkit::rng::Rng;
use zoa_testkit::workload::Profile;

/// What clients do, and what fails meanwhile.
pub(super) fn draw((options, cast): (Options, &Cast), rng: &mut Rng) -> (Profile, Vec<Fault>) {
    let servers = cast.machines();
    let mut drawn = Profile::draw(&mut rng.fork("profile"));
    if options.scenario.has_users() {
        drawn = among_users(drawn);
    }
    if options.scenario.has_scripts() {
        drawn = for_scripts(drawn);
    }
    let mut dice = rng.fork("plan");
    if servers > 1 {
        drawn.streams = dice.percent(40);
    }
    if options.plan.power_cuts {
        drawn.length_ms = 30_000;
        drawn.think_us_max = drawn.think_us_max.min(60_000);
    }
    let plan = if options.plan.power_cuts {
        faults::power_cuts(&mut dice, drawn.length_ms, servers)
    } else if servers > 1 {
        faults::ensemble_plan(&mut dice, drawn.length_ms, servers)
    } else {
        faults::plan(&mut dice, drawn.length_ms)
    };
    drawn.ensemble = cast.change(&plan);
    match options.point {
        None if options.scenario.has_users() => (drawn, options.plan.keep(keep_moving(&plan))),
        None => (drawn, options.plan.keep(plan)),
        Some(_) => scenario(drawn),
    }
}

/// The test kit's clients are few where users are the ones to be looked at, and sessions end soon.
fn among_users(drawn: Profile) -> Profile {
    Profile {
        clients: 1 + drawn.clients % 2,
        length_ms: drawn.length_ms / 2,
        think_us_max: drawn.think_us_max.min(60_000),
        pipeline_max: drawn.pipeline_max.min(16),
        data_len_max: drawn.data_len_max.min(20_000),
        big_directory: false,
        timeout_ms: (1_000, drawn.timeout_ms.1.clamp(1_100, 3_500)),
        ..drawn
    }
}

/// Nobody but those with scripts, and long enough for them to meet again after a session has expired.
fn for_scripts(drawn: Profile) -> Profile {
    Profile {
        clients: 0,
        length_ms: drawn.length_ms * 2,
        timeout_ms: (700, drawn.timeout_ms.1.min(2_500)),
        ..drawn
    }
}

/// Without slow networks in a trickle: a full pipe would take minutes to run dry, and nothing else would happen.
fn keep_moving(plan: &[Fault]) -> Vec<Fault> {
    let end = |fault: &Fault| fault.start.after_ms(fault.len_ms);
    let trickles = || plan.iter().filter(|fault| fault.kind == FaultKind::Trickle);
    let overlaps = |slow: &Fault| {
        trickles().any(|trickle| trickle.start <= end(slow) && slow.start <= end(trickle))
    };
    let is_slow = |fault: &Fault| matches!(fault.kind, FaultKind::SlowNetwork { .. });
    let kept = plan
        .iter()
        .filter(|fault| !is_slow(fault) || !overlaps(fault));
    kept.copied().collect()
}

/// A run of a second and a half that appends, rotates, snapshots, cuts, purges and recovers, and is over soon.
fn scenario(drawn: Profile) -> (Profile, Vec<Fault>) {
    let profile = Profile {
        clients: 3,
        length_ms: 1_500,
        think_us_max: 40_000,
        pipeline_max: 3,
        drop_permille: 2,
        close_permille: 2,
        silence_permille: 0,
        data_len_max: 3_000,
        big_directory: false,
        snapshot_every_ms: 120,
        ..drawn
    };
    let restart = Fault {
        kind: FaultKind::Crash(Crash::Process),
        start: SimTime::from_ms(700),
        len_ms: 40,
        server: 0,
    };
    (profile, vec![restart])
}
