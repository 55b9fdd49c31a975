//! `zoa-sim`: runs seeds and says whether all guarantees held.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that speaks to people"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the host's clock measures the speed; nothing simulated sees it"
)]

use clap::Parser;
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;
use zoa_sim::Counters;
use zoa_sim::Failure;
use zoa_sim::HASH_KEYS;
use zoa_sim::Options;
use zoa_sim::Plan;
use zoa_sim::Point;
use zoa_sim::RecipeTally;
use zoa_sim::Scenario;
use zoa_sim::Tally;
use zoa_sim::replay_command;
use zoa_testkit::history::ConnectionId;

/// Of so many seeds one is run twice with different hash keys.
const TWICE_EVERY: u64 = 20;

/// How often a long campaign says how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(30);

/// So many seeds must show enough of everything; fewer may happen to be quiet.
const SEEDS_THAT_SHOW: u64 = 50;

/// Simulates servers, clients and faults from seeds and checks every guarantee.
#[derive(Debug, Parser)]
struct Arguments {
    /// Runs this seed alone and tells more.
    #[arg(long, conflicts_with_all = ["hours"])]
    seed: Option<u64>,
    /// Whose clients meet the server.
    #[arg(long, value_enum, default_value_t = Whose::Server)]
    scenario: Whose,
    /// Runs so many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Runs seeds for so many hours instead of a number of them.
    #[arg(long)]
    hours: Option<f64>,
    /// Threads; each runs seeds of its own.
    #[arg(long)]
    jobs: Option<usize>,
    /// Runs every seed twice with different hash keys, and not only every twentieth.
    #[arg(long)]
    twice: bool,
    /// Fails the disk at every single operation of this seed's short scenario, in every way there is.
    #[arg(long)]
    points: bool,
    /// Ensembles whose power goes again and again as a whole, until that has happened so many times.
    #[arg(long, conflicts_with_all = ["scenario", "points"])]
    power_cuts: Option<u64>,
    /// With --seed: only these faults of its plan, a bit each, hexadecimal, as in the reports.
    #[arg(long)]
    faults: Option<String>,
    /// With --seed: shows what this connection's client saw.
    #[arg(long)]
    connection: Option<usize>,
    /// With --seed: lists the connections that asked for this session, or got it; hexadecimal as in the reports.
    #[arg(long)]
    session: Option<String>,
}

/// The scenarios, as they are called on the command line.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Whose {
    /// Clients of the test kit's.
    Server,
    /// Production clients, which are judged as well.
    Clients,
    /// Recipes on production clients.
    Recipes,
    /// Three, five or seven servers.
    Ensemble,
    /// A task farm on production clients.
    Farm,
}

impl From<Whose> for Scenario {
    fn from(clients: Whose) -> Self {
        match clients {
            Whose::Server => Self::Server,
            Whose::Clients => Self::Clients,
            Whose::Recipes => Self::Recipes,
            Whose::Ensemble => Self::Ensemble,
            Whose::Farm => Self::Farm,
        }
    }
}

impl Arguments {
    fn scenario(&self) -> Scenario {
        if self.power_cuts.is_some() {
            Scenario::Ensemble
        } else {
            self.scenario.into()
        }
    }

    fn plan(&self) -> Plan {
        let kept = self.faults.as_ref().map(|faults| {
            let digits = faults.trim_start_matches("0x");
            u64::from_str_radix(digits, 16).unwrap_or(u64::MAX)
        });
        Plan {
            power_cuts: self.power_cuts.is_some(),
            kept: kept.unwrap_or(u64::MAX),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.points {
        return run_points(&arguments);
    }
    match arguments.seed {
        Some(seed) => run_one(seed, &arguments),
        None => run_many(&arguments),
    }
}

fn run_one(seed: u64, arguments: &Arguments) -> ExitCode {
    let (scenario, plan) = (arguments.scenario(), arguments.plan());
    announce_panics(seed, scenario);
    let report = zoa_sim::run(Options {
        seed,
        hash_key: HASH_KEYS[0],
        scenario,
        point: None,
        plan,
    });
    print!("{report}");
    if !report.is_clean() && arguments.faults.is_none() {
        print!("{}", zoa_sim::shrink(&report));
    }
    println!("fault kinds: {:?}", report.fault_kinds);
    if let Some(connection) = arguments.connection {
        print!("{}", report.connection(ConnectionId(connection)));
    }
    if let Some(session) = &arguments.session {
        print!("{}", report.session(session));
    }
    let again = zoa_sim::run(Options {
        seed,
        hash_key: HASH_KEYS[1],
        scenario,
        point: None,
        plan,
    });
    let same = again.trace.hash() == report.trace.hash();
    println!(
        "trace {:016x}, {} happenings, the same with other hash keys: {same}",
        report.trace.hash(),
        report.trace.count()
    );
    if report.is_clean() && same {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Exhaustive: every operation, every way to fail.
fn run_points(arguments: &Arguments) -> ExitCode {
    let seed = arguments.seed.unwrap_or(0);
    announce_panics(seed, Scenario::Server);
    let ops = zoa_sim::operations_of_scenario(seed);
    let points: Vec<Point> = (1..=ops)
        .flat_map(|op| Failure::ALL.map(|failure| Point { op, failure }))
        .collect();
    let next = AtomicU64::new(0);
    let totals = Mutex::new((Counters::default(), 0_u64));
    let work = || {
        while let Some(point) =
            points.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX))
        {
            let report = zoa_sim::run_point(seed, *point);
            let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
            totals.0.add(&report.counters);
            if !report.is_clean() {
                totals.1 += 1;
                println!("{point:?}\n{report} --points");
                next.store(u64::MAX / 2, Ordering::Relaxed);
            }
        }
    };
    std::thread::scope(|scope| (0..jobs(arguments)).for_each(|_| drop(scope.spawn(work))));
    let (counters, failed) = *totals.lock().unwrap_or_else(PoisonError::into_inner);
    println!(
        "{} points of {ops} operations of the disk: {counters}",
        points.len()
    );
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn jobs(arguments: &Arguments) -> usize {
    arguments
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// A panic is told with its seed before the process ends.
fn announce_panics(seed: u64, scenario: Scenario) {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let command = replay_command(seed, scenario);
        eprintln!("a panic in seed {seed}; replay: {command}");
        usual(panic);
    }));
}

/// What all threads share.
#[derive(Debug)]
struct Campaign {
    begun: Instant,
    scenario: Scenario,
    plan: Plan,
    /// So many times the power of a whole ensemble is to go.
    power_cuts: Option<u64>,
    next: AtomicU64,
    end: u64,
    deadline: Option<Instant>,
    failed: AtomicBool,
    totals: Mutex<Totals>,
}

#[derive(Debug, Default)]
struct Totals {
    runs: u64,
    twice: u64,
    counters: Counters,
    clients: Tally,
    recipes: RecipeTally,
    /// Of each recipe: seeds, and what its users did.
    each: BTreeMap<&'static str, (u64, RecipeTally)>,
    least_acknowledged: Option<u64>,
    least_kinds: Option<usize>,
    /// When it was last said how far the campaign is, since its beginning.
    told: Duration,
}

thread_local! {
    static CURRENT_SEED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

fn run_many(arguments: &Arguments) -> ExitCode {
    let scenario = arguments.scenario();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let seed = CURRENT_SEED.get();
        let command = replay_command(seed, scenario);
        eprintln!("a panic in seed {seed}; replay: {command}");
        usual(panic);
    }));
    let begun = Instant::now();
    let campaign = Campaign {
        begun,
        scenario,
        plan: arguments.plan(),
        power_cuts: arguments.power_cuts,
        next: AtomicU64::new(arguments.from),
        end: if arguments.hours.is_some() || arguments.power_cuts.is_some() {
            u64::MAX
        } else {
            arguments.from + arguments.seeds
        },
        deadline: arguments
            .hours
            .map(|hours| begun + Duration::from_secs_f64(hours * 3600.0)),
        failed: AtomicBool::new(false),
        totals: Mutex::default(),
    };
    let jobs = jobs(arguments);
    let panicked = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs)
            .map(|_| scope.spawn(|| campaign.work(arguments.twice)))
            .collect();
        threads.into_iter().any(|thread| thread.join().is_err())
    });
    let totals = campaign
        .totals
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let wall = begun.elapsed().as_secs_f64();
    println!(
        "{} seeds, {} of them twice with other hash keys: {}",
        totals.runs, totals.twice, totals.counters
    );
    println!(
        "least in a seed: {} acknowledged calls, {} kinds of faults; {wall:.1} s on {jobs} threads, {:.0} simulated seconds a core second",
        totals.least_acknowledged.unwrap_or(0),
        totals.least_kinds.unwrap_or(0),
        totals.counters.sim_ms as f64 / 1000.0 / (wall * jobs as f64)
    );
    if arguments.power_cuts.is_some() {
        println!(
            "{}",
            words_of_power_cuts(&totals, campaign.failed.load(Ordering::Relaxed))
        );
    }
    let is_shown = shows_enough(scenario, &totals);
    if panicked || !is_shown || campaign.failed.load(Ordering::Relaxed) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// What became of what was acknowledged when the power of whole ensembles went.
fn words_of_power_cuts(totals: &Totals, failed: bool) -> String {
    let Counters {
        whole_power_cuts,
        succeeded,
        ..
    } = totals.counters;
    let lost = if failed {
        "NOT all is well"
    } else {
        "none lost"
    };
    format!(
        "the power of a whole ensemble went {whole_power_cuts} times; {succeeded} calls that succeeded, of those acknowledged {lost}"
    )
}

/// What users met, and whether it was enough to call it a test.
fn shows_enough(scenario: Scenario, totals: &Totals) -> bool {
    let missing = match scenario {
        Scenario::Server | Scenario::Ensemble => return true,
        Scenario::Clients => {
            println!("users and their clients: {}", totals.clients);
            totals.clients.missing(totals.runs)
        }
        Scenario::Recipes | Scenario::Farm => {
            for (recipe, (seeds, tally)) in &totals.each {
                println!("{recipe}: {seeds} seeds, {tally}");
            }
            println!("recipes: {}", totals.recipes);
            totals.recipes.missing(totals.runs)
        }
    };
    if totals.runs < SEEDS_THAT_SHOW {
        return true;
    }
    for line in &missing {
        println!("too little happened: {line}");
    }
    missing.is_empty()
}

/// Stops the other threads when this one panics: the first failing seed is the one to look at.
struct StopOthers<'a>(&'a AtomicBool);

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Campaign {
    /// Runs seeds until there are no more, or one has failed.
    fn work(&self, twice: bool) {
        let _stop = StopOthers(&self.failed);
        while !self.failed.load(Ordering::Relaxed)
            && self
                .deadline
                .is_none_or(|deadline| Instant::now() < deadline)
        {
            if self.has_enough() {
                return;
            }
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.end {
                return;
            }
            CURRENT_SEED.set(seed);
            self.run(seed, twice || seed.is_multiple_of(TWICE_EVERY));
        }
    }

    fn has_enough(&self) -> bool {
        let totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        self.power_cuts
            .is_some_and(|wanted| totals.counters.whole_power_cuts >= wanted)
    }

    fn run(&self, seed: u64, twice: bool) {
        let report = zoa_sim::run(Options {
            seed,
            hash_key: HASH_KEYS[0],
            scenario: self.scenario,
            point: None,
            plan: self.plan,
        });
        if !report.is_clean() {
            let is_first = !self.failed.swap(true, Ordering::Relaxed);
            print!("{report}");
            if is_first {
                print!("{}", zoa_sim::shrink(&report));
            }
        }
        if twice {
            let again = zoa_sim::run(Options {
                seed,
                hash_key: HASH_KEYS[1],
                scenario: self.scenario,
                point: None,
                plan: self.plan,
            });
            if again.trace.hash() != report.trace.hash() {
                self.failed.store(true, Ordering::Relaxed);
                println!(
                    "G-16 broken: seed {seed} runs differently with other hash keys; replay: {}",
                    replay_command(seed, self.scenario)
                );
            }
        }
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.runs += 1;
        totals.twice += u64::from(twice);
        totals.counters.add(&report.counters);
        totals.clients.add(&report.clients);
        totals.recipes.add(&report.recipes);
        if let Some(recipe) = zoa_sim::recipe_of(seed, self.scenario) {
            let (seeds, tally) = totals.each.entry(recipe).or_default();
            *seeds += 1;
            tally.add(&report.recipes);
        }
        let acknowledged = report.counters.acknowledged;
        totals.least_acknowledged = Some(
            totals
                .least_acknowledged
                .map_or(acknowledged, |least| least.min(acknowledged)),
        );
        let kinds = report.fault_kinds.len();
        totals.least_kinds = Some(totals.least_kinds.map_or(kinds, |least| least.min(kinds)));
        self.tell(&mut totals);
    }

    /// Says how far the campaign is, now and then, beside the report that it ends with.
    fn tell(&self, totals: &mut Totals) {
        let elapsed = self.begun.elapsed();
        if elapsed.saturating_sub(totals.told) >= TOLD_EVERY {
            totals.told = elapsed;
            let minutes = elapsed.as_secs_f64() / 60.0;
            eprintln!(
                "{minutes:.1} min: {} seeds, {}",
                totals.runs, totals.counters
            );
        }
    }
}
