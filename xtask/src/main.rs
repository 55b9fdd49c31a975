//! The program behind `cargo xtask`: reads the command line and calls the library.
//!
//! It decides nothing. Exit code 0 means that all went as it must, 1 that something did not.

#![expect(
    clippy::print_stderr,
    reason = "a command line tool tells why it failed"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use anyhow::ensure;
use clap::Args;
use clap::Parser;
use clap::Subcommand;
use xtask::bench;
use xtask::bench_client;
use xtask::chaos;
use xtask::demo;
use xtask::disk_space;
use xtask::dist;
use xtask::ffi;
use xtask::museum;
use xtask::nightly;
use xtask::php;
use xtask::prefix;
use xtask::recipes;
use xtask::step;
use xtask::suite;
use xtask::workspace;
use xtask::workspace::Profile;

/// Builds, checks and shows Zoarium.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Plays a day with stock clients against our server, live.
    Demo {
        /// An empty server that runs already (host:port), in the place of ours.
        #[arg(long)]
        server: Option<String>,
        /// Three servers, and the death of the one that leads.
        #[arg(long, conflicts_with = "server")]
        cluster: bool,
        /// A task farm with five PHP workers; every few seconds a worker or the leader is killed.
        #[arg(long, conflicts_with_all = ["server", "cluster"])]
        farm: bool,
    },
    /// Runs three real servers through deaths, wiped disks and restarts under load.
    Cluster {
        /// Passed on to compat/cluster/run.py.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Puts real servers through faults drawn from a seed, and judges them as the simulator does.
    Chaos {
        /// Passed on to `zoa-chaos`; `chaos -- --help` shows what there is.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Runs every check that a change must pass.
    Test {
        /// Only these steps.
        steps: Vec<String>,
    },
    /// Runs the long suites.
    Nightly {
        /// Only these suites.
        suites: Vec<String>,
    },
    /// Checks the house rules and shows the sizes of files and functions.
    Tidy,
    /// Lays out target/dist/zoarium.
    Dist,
    /// Measures our server and the original in turn and writes docs/performance.md.
    Bench {
        /// Passed on to `zoa bench compare`, or behind `growth` or `cluster` to `zoa bench growth` or `zoa bench cluster`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures recipes and the task farm on our server and the original, and writes docs/performance.md.
    Recipes {
        /// Measure; there is nothing else to do, so it need not be said.
        #[arg(long)]
        bench: bool,
        /// Only count the requests of a release before herds of 20, 100 and 500.
        #[arg(long)]
        herd: bool,
        /// The table shows medians of so many rounds.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Try it with the debug build, and write nothing.
        #[arg(long)]
        debug: bool,
    },
    /// Measures our Rust client and the original's C library in turn and writes docs/performance.md.
    BenchClient,
    /// Builds the C library, or tries it out beside the original's.
    Ffi(FfiArguments),
    /// Puts server, shell, scripts, C library and headers in place.
    Install {
        /// Where to; as `./configure --prefix`.
        #[arg(long, default_value = "/usr/local")]
        prefix: PathBuf,
        /// Lay it out as Debian's packages do.
        #[arg(long)]
        debian: bool,
        /// Take away what was installed there.
        #[arg(long, conflicts_with = "debian")]
        uninstall: bool,
    },
    /// Builds the PHP extension and installs it into this machine's PHP, or tries it out.
    Php(PhpArguments),
    /// Puts known bugs back, one at a time, and shows that the checks catch them.
    Museum {
        /// Only the patches whose names begin so.
        bugs: Vec<String>,
    },
}

#[derive(Args)]
struct FfiArguments {
    /// Only build it, as users get it.
    #[arg(long, group = "work")]
    build: bool,
    /// The trials that fit into the time of a change.
    #[arg(long, group = "work")]
    short: bool,
    /// Only these trials, by name; all of them, the long ones too, if none is named.
    trials: Vec<String>,
}

impl FfiArguments {
    fn run(&self) -> Result<()> {
        if self.build {
            return ffi::build(ffi::Optimized::Fully).map(drop);
        }
        let tried = if self.short {
            ffi::test()
        } else {
            ffi::try_all(&self.trials)
        };
        tried.map(drop)
    }
}

#[derive(Args)]
struct PhpArguments {
    /// Run its suite instead of installing it.
    #[arg(long, group = "trial")]
    test: bool,
    /// Run the suite under valgrind.
    #[arg(long, requires = "test")]
    valgrind: bool,
    /// Run the suite so often.
    #[arg(long, requires = "test", default_value_t = 1)]
    repeat: usize,
    /// Run the two scripts in this folder against our server and the original.
    #[arg(long, group = "trial", value_name = "FOLDER")]
    article: Option<PathBuf>,
    /// Run so many random sequences of everything it offers.
    #[arg(long, group = "trial", value_name = "SEQUENCES")]
    fuzz: Option<u64>,
    /// Run the suite of the Composer library, and its recipes beside kazoo's and Rust's.
    #[arg(long, group = "trial")]
    library: bool,
    /// Kill and pause the processes of a task farm of PHP and Rust for so many seconds.
    #[arg(long, group = "trial", value_name = "SECONDS")]
    farm_faults: Option<u64>,
    /// Have eight processes contend for Symfony's lock for so many seconds.
    #[arg(long, group = "trial", value_name = "SECONDS")]
    symfony: Option<u64>,
    /// Compare the cost of a read with the original's C library.
    #[arg(long, group = "trial")]
    cost: bool,
    /// Measure how soon a watch is heard of, so many times.
    #[arg(long, group = "trial", value_name = "EVENTS")]
    delivery: Option<u64>,
    /// Type what the tutorial says, apart from the machine's own PHP.
    #[arg(long, group = "trial")]
    tutorial: bool,
    /// Run phpize, configure, make, make test and make install, apart from the machine's own PHP.
    #[arg(long, group = "trial")]
    phpize: bool,
    /// Only tests of the suite whose names begin so.
    #[arg(requires = "test")]
    tests: Vec<String>,
}

impl PhpArguments {
    fn work(self) -> php::Work {
        if self.test {
            return php::Work::Test(php::Suite {
                repetitions: self.repeat,
                valgrind: self.valgrind,
                tests: self.tests,
            });
        }
        for (is_meant, work) in [
            (self.library, php::Work::Library),
            (self.cost, php::Work::Cost),
            (self.tutorial, php::Work::Tutorial),
            (self.phpize, php::Work::Phpize),
        ] {
            if is_meant {
                return work;
            }
        }
        let article = self.article.map(php::Work::Article);
        let fuzz = self.fuzz.map(php::Work::Fuzz);
        let symfony = self.symfony.map(php::Work::Symfony);
        let delivery = self.delivery.map(php::Work::Delivery);
        let farm_faults = self.farm_faults.map(php::Work::FarmFaults);
        let trial = article.or(fuzz).or(symfony).or(delivery).or(farm_faults);
        trial.unwrap_or(php::Work::Install)
    }
}

fn main() -> ExitCode {
    let Err(error) = run(Arguments::parse().command) else {
        return ExitCode::SUCCESS;
    };
    eprintln!("{error:#}");
    ExitCode::FAILURE
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Demo {
            server,
            cluster,
            farm,
        } => demo::run(&demo::Options {
            server,
            cluster,
            farm,
        }),
        Task::Cluster { arguments } => suite::run_cluster(Profile::Release, &arguments).map(drop),
        Task::Chaos { arguments } => chaos::run(Profile::Release, &arguments).map(drop),
        Task::Test { steps } => {
            if steps.is_empty() {
                disk_space::warn_if_short_for_tests(&workspace::target());
            }
            step::run(&suite::steps(), &steps)
        }
        Task::Nightly { suites } => step::run(&nightly::steps()?, &suites),
        Task::Tidy => suite::run_tidy().map(drop),
        Task::Dist => dist::lay_out(Profile::Release).map(drop),
        Task::Bench { arguments } => bench::run(&arguments),
        Task::Recipes {
            bench: _,
            herd,
            rounds,
            debug,
        } => recipes::run(&recipes::Options {
            rounds,
            herd,
            debug,
        }),
        Task::BenchClient => bench_client::run(),
        Task::Ffi(arguments) => arguments.run(),
        Task::Install {
            prefix,
            uninstall: true,
            ..
        } => prefix::uninstall(&prefix),
        Task::Install { prefix, debian, .. } => {
            let style = if debian {
                prefix::Style::Debian
            } else {
                prefix::Style::Plain
            };
            prefix::install(&prefix, style)
        }
        Task::Php(arguments) => php::run(&arguments.work()),
        Task::Museum { bugs } => {
            let tally = museum::run(&bugs)?;
            ensure!(tally.failed == 0, "{}", tally.closing_line());
            Ok(())
        }
    }
}
