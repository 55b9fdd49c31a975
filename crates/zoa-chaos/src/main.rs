//! `zoa-chaos`: real servers, real faults, and the checkers of the simulator.
//!
//! It starts an ensemble of `zoa serve` processes, puts a proxy on every link, kills, stops, cuts off and fills up by a plan that is
//! drawn from a seed, records what clients did and saw, and judges that with what the servers' logs hold. A seed repeats the plan,
//! not the run: these are real threads and a real clock.
//!
//! Invariant: no process outlives the run, however it ends; exit code 0 means that it was judged and nothing was wrong.
//! Serves G-01 to G-19 and G-21 with real processes, sockets and disks.
//!
//! ```text
//!   actors --> proxies --> servers <--> proxies        faulting: signals, links, disks
//!      |                      |
//!   history               their logs --> gathering --> judging: the test kit's replay and checkers
//! ```

mod actors;
mod clock;
mod faulting;
mod gathering;
mod grounds;
mod judging;
mod network;
mod plan;
mod report;
mod rounds;
mod run;
mod server;
mod tally;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use clap::Parser;
use clap::ValueEnum;
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use zoa_testkit::rng::Rng;

use grounds::Grounds;
use judging::Judged;
use judging::Tampering;
use plan::Kind;
use plan::Plan;
use run::Options;
use run::Remains;
use run::Run;

/// Runs longer than this have pauses longer than every session timeout.
const LONG_RUN_S: u64 = 60;

/// Real servers, real faults, and the checkers of the simulator.
#[derive(Debug, Parser)]
struct Arguments {
    /// The program `zoa`.
    #[arg(long)]
    program: PathBuf,
    /// Where servers, logs and, after a violation, the history are kept; emptied at the beginning.
    #[arg(long)]
    folder: PathBuf,
    /// How many servers.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=7))]
    servers: u8,
    /// How many clients.
    #[arg(long, default_value_t = 8)]
    clients: u32,
    /// How long faults go on.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Decides the faults and what clients want; drawn from the clock if it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Only faults of these kinds.
    #[arg(long, value_delimiter = ',')]
    faults: Vec<Kind>,
    /// Which plan.
    #[arg(long, value_enum, default_value_t = Which::Mixed)]
    plan: Which,
    /// Rounds of the plan kill-all.
    #[arg(long, default_value_t = 50)]
    rounds: u64,
    /// In the end, spoil what was recorded in two ways, each of which must be noticed.
    #[arg(long)]
    prove: bool,
    /// Print the waves of the seed and do nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Faults of all kinds, for so many seconds.
    Mixed,
    /// All servers are killed at once, so many times.
    KillAll,
    /// Not a fault but a fraud: all disks become as they were before. It must be noticed.
    Rewind,
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool tells what came of it"
)]
fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            println!("chaos: FAILED");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "a run is watched while it runs")]
fn run(arguments: &Arguments) -> Result<bool> {
    let seed = arguments.seed.unwrap_or_else(seed_of_today);
    if arguments.dry_run {
        let mut plan = waves(arguments, seed);
        for wave in (0..40).filter_map(|_| plan.next()) {
            println!("after {} ms: {wave}", wave.after_ms);
        }
        return Ok(true);
    }
    let grounds = grounds::enter()?;
    println!(
        "seed {seed}, {} servers, {} clients, {:?}",
        arguments.servers, arguments.clients, arguments.plan
    );
    println!("again: {}", again(arguments, seed));
    for missing in &grounds.missing {
        println!("SKIPPED: {missing}");
    }
    let options = Options {
        seed,
        servers: arguments.servers,
        clients: arguments.clients,
        program: fs::canonicalize(&arguments.program)
            .with_context(|| format!("looking for {}", arguments.program.display()))?,
        folder: emptied(&arguments.folder)?,
    };
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("starting the runtime")?;
    let work = async {
        tokio::select! {
            judged = play(arguments, &options, grounds) => judged,
            _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        }
    };
    let (judged, table) = LocalSet::new().block_on(&runtime, work)?;
    print!("{table}{judged}");
    if arguments.plan == Which::Rewind {
        let is_noticed = judged
            .wrong
            .iter()
            .any(|wrong| ["G-02", "G-18"].contains(&wrong.guarantee.as_str()));
        ensure!(
            is_noticed,
            "acknowledged writes were taken away, and nobody noticed"
        );
        println!("chaos: ok, the loss was noticed");
        return Ok(true);
    }
    if judged.wrong.is_empty() {
        println!("chaos: ok");
        return Ok(true);
    }
    judged.keep(&options.folder)?;
    Run::keep_disks(&options.folder, options.servers);
    println!(
        "kept: history.txt, entries.txt, violations.txt, and each server's log and data in {}\nagain: {}",
        options.folder.display(),
        again(arguments, seed)
    );
    Ok(false)
}

/// Plays the plan and judges what came of it; with the numbers of what was done.
async fn play(
    arguments: &Arguments,
    options: &Options,
    grounds: Grounds,
) -> Result<(Judged, String)> {
    let mut run = Run::begin(options, grounds).await?;
    run.say("all servers serve");
    let mut rounds = Vec::new();
    match arguments.plan {
        Which::KillAll => rounds = run.play_rounds(arguments.rounds).await?,
        Which::Rewind => run.rewind().await?,
        Which::Mixed => {
            let mut plan = waves(arguments, options.seed);
            play_waves(&mut run, &mut plan, arguments.seconds).await?;
        }
    }
    run.say("no more faults");
    let remains = run.end().await?;
    let tally = remains.tally.clone();
    let judged = judging::judge(&remains, None)?;
    if arguments.prove && judged.wrong.is_empty() {
        prove(&remains)?;
    }
    let table = match arguments.plan {
        Which::KillAll => rounds::table(&rounds, &judged),
        Which::Mixed | Which::Rewind => format!("{tally}\n"),
    };
    Ok((judged, table))
}

/// Judges what was spoiled on purpose.
#[expect(clippy::print_stdout, reason = "a run is watched while it runs")]
fn prove(remains: &Remains) -> Result<()> {
    for (tampering, guarantee) in [
        (Tampering::LostWrite, "G-02"),
        (Tampering::OtherData, "G-05"),
    ] {
        let judged = judging::judge(remains, Some(tampering))?;
        let is_noticed = judged
            .wrong
            .iter()
            .any(|wrong| wrong.guarantee == guarantee);
        ensure!(
            is_noticed,
            "{tampering:?} was not noticed: the verdict means nothing"
        );
        println!("spoiled on purpose: {tampering:?}, and {guarantee} notices");
    }
    Ok(())
}

async fn play_waves(run: &mut Run, plan: &mut Plan, seconds: u64) -> Result<()> {
    let until_ms = run.now().as_ms() + seconds * 1_000;
    while let Some(wave) = plan.next() {
        if run.now().as_ms() + wave.after_ms >= until_ms {
            return Ok(());
        }
        let skipped = wave.faults.iter().filter(|fault| !run.can_have(fault.kind));
        let skipped: Vec<String> = skipped.map(plan::Fault::to_string).collect();
        if !skipped.is_empty() {
            run.say(&format!("SKIPPED: {}", skipped.join(" + ")));
        }
        run.pass_ms(wave.after_ms).await?;
        if !run.play(&wave).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// What the seed draws, whether this machine can do it or not.
fn waves(arguments: &Arguments, seed: u64) -> Plan {
    let all = Kind::value_variants();
    let kinds = if arguments.faults.is_empty() {
        all
    } else {
        arguments.faults.as_slice()
    };
    let rng = Rng::new(seed).fork("plan");
    Plan::new(rng, kinds, arguments.seconds >= LONG_RUN_S)
}

fn emptied(folder: &PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("emptying {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    fs::canonicalize(folder).with_context(|| format!("looking for {}", folder.display()))
}

/// The one command that plays a plan again.
fn again(arguments: &Arguments, seed: u64) -> String {
    let Arguments {
        servers, clients, ..
    } = arguments;
    let what = match arguments.plan {
        Which::Mixed => format!("--seconds {}", arguments.seconds),
        Which::KillAll => format!("--plan kill-all --rounds {}", arguments.rounds),
        Which::Rewind => "--plan rewind".to_owned(),
    };
    let faults: Vec<String> = arguments.faults.iter().map(Kind::to_string).collect();
    let faults = if faults.is_empty() {
        String::new()
    } else {
        format!(" --faults {}", faults.join(","))
    };
    format!(
        "cargo xtask chaos --servers {servers} --clients {clients} {what} --seed {seed}{faults}"
    )
}

fn seed_of_today() -> u64 {
    let now = clock::Clock::start();
    now.wall_us() % 1_000_000
}
