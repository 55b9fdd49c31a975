//! `zoa farm`: a task farm from the command line, without a line of code: submit tasks, work on them with any command, look on.
//!
//! It is *not* the farm: what is promised stands in zoa-recipes. Invariant: whatever it says was accepted is accepted, and a command
//! that is interrupted says how far it came and how to go on.
//!
//! ```text
//! submit, results, dead, cancel        a client that asks and ends
//! lead, work                           processes that stay, each with a session that is renewed when it ends
//! status                               screen.rs draws what recipes tell
//! ```

mod ended;
mod people;
mod progress;
mod status;
mod submit;
mod work;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use zoa_client::Client;
use zoa_client::TlsOptions;
use zoa_client::recipes::FarmClient;

/// What every command of a farm may be told.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct FarmArgs {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
A farm in three terminals:
  zoa dev                                          a server to try it with
  zoa farm work --lead --exec 'tr a-z A-Z'         a worker that runs a command for each task
  seq 1 1000 | zoa farm submit --wait              a thousand tasks, a line each
And then:
  zoa farm status --watch
  zoa farm results";

/// Which farm is meant.
#[derive(Clone, Debug, clap::Args)]
struct Place {
    /// The servers, as host:port,host:port
    #[arg(
        long,
        short,
        global = true,
        default_value = "127.0.0.1:2181",
        env = "ZOA_SERVER",
        hide_env_values = true
    )]
    server: String,
    /// The znode below which the farm is; made when needed
    #[arg(
        long,
        global = true,
        default_value = "/farm",
        env = "ZOA_FARM",
        hide_env_values = true
    )]
    path: String,
    /// Seconds after which a process that died is taken for dead
    #[arg(long, global = true, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    session_timeout: u64,
    /// Speak TLS, and believe servers whose certificates these authorities have signed (PEM)
    #[arg(long, global = true, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// With --tls-ca: the own certificate (PEM)
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        requires = "tls_ca",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// With --tls-cert: its key (PEM)
    #[arg(long, global = true, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show leader, workers, queue, running and done
    Status(status::StatusArgs),
    /// Submit tasks: arguments, or the lines of a file or of stdin
    Submit(submit::SubmitArgs),
    /// Show results, or put them into files
    Results(ended::ResultsArgs),
    /// Show the dead letters: tasks that were given up or cancelled
    Dead(ended::DeadArgs),
    /// Cancel tasks by name, wherever they are
    Cancel {
        /// Their names, as submit prints them
        #[arg(required = true)]
        tasks: Vec<String>,
    },
    /// Work on tasks: run a command for each, its payload on stdin, the result from stdout
    Work(work::WorkArgs),
    /// Stand as a leader: one must, more may, and one that dies is replaced by the next
    Lead(work::LeadArgs),
}

pub(crate) fn run(args: FarmArgs) -> anyhow::Result<()> {
    // Sessions are kept alive by a thread of their own, also while this one waits for a pipe or a pager.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("the system gives no events")?;
    let place = args.place;
    let done = runtime.block_on(async {
        match args.command {
            Command::Status(args) => status::run(&place, &args).await,
            Command::Submit(args) => submit::run(&place, args).await,
            Command::Results(args) => ended::results(&place, &args).await,
            Command::Dead(args) => ended::dead(&place, &args).await,
            Command::Cancel { tasks } => ended::cancel(&place, &tasks).await,
            Command::Work(args) => work::work(&place, args).await,
            Command::Lead(args) => work::lead(&place, args).await,
        }
    });
    // A reader of stdin or a lookup of a name may still be stuck in the system.
    runtime.shutdown_background();
    match done {
        // Whoever reads has seen enough: head, a pager.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        done => done,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.root_cause().downcast_ref::<std::io::Error>();
    error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

impl Place {
    async fn connect(&self) -> anyhow::Result<Client> {
        let timeout = Duration::from_secs(self.session_timeout);
        let mut builder = Client::builder(&self.server)
            .session_timeout(timeout)
            .no_request_timeout();
        if let Some(authorities) = &self.tls_ca {
            let mut tls = TlsOptions::new(authorities);
            if let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) {
                tls = tls.identity(certificate, key);
            }
            builder = builder.tls(tls);
        }
        let connected = builder.connect().await;
        connected.with_context(|| format!("cannot reach {}", self.server))
    }

    fn client(&self, client: &Client) -> FarmClient<Client> {
        FarmClient::new(client, &self.path)
    }
}
