//! rolling: every server in turn is stopped in order and started again, while clients write; the Rust client says of each write
//! what became of it.
//!
//! A write that was *not applied* is simply made again: that is what is allowed. One of which nobody knows is not, nor a session that
//! is lost. Each client counts in a znode of its own, so that what was applied shows.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use zoa_client::Client;
use zoa_client::CreateMode;
use zoa_client::Outcome;
use zoa_client::Version;

use crate::bench::clock;
use crate::bench::cluster::arena::Arena;
use crate::bench::cluster::arena::progress;
use crate::bench::cluster::ensemble::Death;
use crate::bench::cluster::ensemble::Ensemble;
use crate::bench::cluster::ensemble::SERVERS;
use crate::bench::cluster::table::Findings;
use crate::bench::cluster::table::Target;
use crate::bench::compare::tell;
use crate::bench::report::Unit;

/// The name of the part.
pub(crate) const PART: &str = "rolling";
/// Clients, each with a session of its own: eight at each server.
const CLIENTS: usize = 24;
/// Between two writes of a client.
const PACE: Duration = Duration::from_millis(4);
/// Between the return of a server and the end of the next.
const REST: Duration = Duration::from_millis(500);
/// How long a client waits for a server, and for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the clients were told.
#[derive(Debug, Default)]
struct Told {
    done: AtomicU64,
    not_applied: AtomicU64,
    unknown: AtomicU64,
    refused: AtomicU64,
    sessions_lost: AtomicU64,
}

impl Told {
    fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Restarts all servers so many times.
pub(crate) fn run(arena: &Arena, rounds: usize, findings: &mut Findings) -> Result<()> {
    let (side, named) = arena.left();
    let mut ensemble = arena.ensemble(named)?;
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let told = Arc::new(Told::default());
    let is_stopping = Arc::new(AtomicBool::new(false));
    let clients = start(&runtime, &ensemble, (&told, &is_stopping))?;
    let outcome = restart_all(&mut ensemble, rounds, |text| progress(PART, named, text));
    is_stopping.store(true, Ordering::Relaxed);
    let wrong = runtime.block_on(join(clients));
    outcome?;
    let wrong = wrong?;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
    for (figure, target, value) in [
        ("restarts", Target::None, (rounds * SERVERS) as f64),
        ("writes done", Target::None, count(&told.done)),
        (
            "writes not applied, made again",
            Target::None,
            count(&told.not_applied),
        ),
        (
            "writes in doubt",
            Target::Exactly(0.0),
            count(&told.unknown),
        ),
        ("writes refused", Target::Exactly(0.0), count(&told.refused)),
        (
            "sessions lost",
            Target::Exactly(0.0),
            count(&told.sessions_lost),
        ),
        (
            "clients whose znode says another number",
            Target::Exactly(0.0),
            wrong,
        ),
    ] {
        findings.put((side, PART), (figure, Unit::Count), target, value);
    }
    Ok(())
}

fn restart_all(ensemble: &mut Ensemble, rounds: usize, tell: impl Fn(&str)) -> Result<()> {
    for round in 1..=rounds {
        for server in 0..SERVERS {
            clock::pause(REST);
            ensemble.end(server, Death::Asked)?;
            clock::pause(REST);
            ensemble.start(server)?;
            ensemble.await_serving()?;
        }
        tell(&format!("round {round} of {rounds}"));
    }
    clock::pause(REST);
    Ok(())
}

type Clients = JoinSet<Result<bool>>;

fn start(
    runtime: &Runtime,
    ensemble: &Ensemble,
    (told, is_stopping): (&Arc<Told>, &Arc<AtomicBool>),
) -> Result<Clients> {
    let hosts = ensemble.connect_string();
    let mut clients = Clients::new();
    for number in 0..CLIENTS {
        let client = runtime.block_on(async {
            let client = Client::builder(&hosts)
                .session_timeout(PATIENCE)
                .request_timeout(PATIENCE)
                .connect()
                .await?;
            let path = format!("/counter-{number}");
            client.create(&path, b"0", CreateMode::Persistent).await?;
            anyhow::Ok(Counting {
                client,
                path,
                told: Arc::clone(told),
                is_stopping: Arc::clone(is_stopping),
            })
        })?;
        clients.spawn_on(client.run(), runtime.handle());
    }
    Ok(clients)
}

/// How many clients found another number in their znode than they had written.
async fn join(mut clients: Clients) -> Result<f64> {
    let mut wrong = 0.0;
    while let Some(ended) = clients.join_next().await {
        wrong += if ended.context("a client has panicked")?? {
            0.0
        } else {
            1.0
        };
    }
    Ok(wrong)
}

/// A client that writes 1, 2, 3 and so on.
struct Counting {
    client: Client,
    path: String,
    told: Arc<Told>,
    is_stopping: Arc<AtomicBool>,
}

impl Counting {
    /// Whether the znode says what was written last.
    async fn run(self) -> Result<bool> {
        let session = self.client.session_id();
        let (mut number, mut is_unsure) = (0_u64, false);
        while !self.is_stopping.load(Ordering::Relaxed) {
            tokio::time::sleep(PACE).await;
            // Each write names the version that it must find, so that a write made twice shows.
            let version = i32::try_from(number)?;
            let next = (number + 1).to_string();
            let written = self
                .client
                .set_data(&self.path, &next, Version(version))
                .await;
            match written {
                Ok(_) => {
                    number += 1;
                    Told::count(&self.told.done);
                }
                Err(error) if error.is_final() => {
                    Told::count(&self.told.sessions_lost);
                    bail!("session {:#x}: {error}", session.0);
                }
                Err(error) => match error.outcome() {
                    Outcome::NotApplied => Told::count(&self.told.not_applied),
                    Outcome::Unknown => {
                        Told::count(&self.told.unknown);
                        tell(&format!("{PART}: in doubt: {error}"));
                        number = self.look().await?;
                        is_unsure = true;
                    }
                    Outcome::Done => {
                        Told::count(&self.told.refused);
                        number = self.look().await?;
                    }
                },
            }
        }
        ensure!(
            self.client.session_id() == session,
            "a session was replaced"
        );
        let found = self.look().await?;
        self.client.close().await;
        Ok(is_unsure || found == number)
    }

    /// The number in the znode, which is its version, too.
    async fn look(&self) -> Result<u64> {
        loop {
            let seen = async {
                self.client.sync(&self.path).await?;
                self.client.get_data(&self.path).await
            };
            match seen.await {
                Ok(node) => return Ok(u64::try_from(node.stat.version.0)?),
                Err(error) if error.is_final() => return Err(error.into()),
                Err(_) => tokio::time::sleep(PACE).await,
            }
        }
    }
}
