//! SIGKILL under load, again and again: what was acknowledged is there, what was refused is not.
//!
//! Not a proof of syncing: the page cache outlives the process. It shows recovery; the strace check beside
//! it shows the syncs.

mod ledger;
mod writer;

use crate::link::Link;
use crate::random::Random;
use crate::server_process::ServerProcess;
use crate::wire::Acl;
use crate::wire::Body;
use crate::wire::ConnectRequest;
use crate::wire::op;
use anyhow::Context;
use anyhow::bail;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use std::time::Instant;
use writer::ROOT;
use writer::Writer;

/// What to run. The data directory must be new.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[arg(long, default_value_t = 100)]
    rounds: usize,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the server will listen, as its configuration says.
    #[arg(long)]
    address: String,
    /// The shortest time under load before the kill; the longest is three times that.
    #[arg(long, default_value_t = 150)]
    load_ms: u64,
    /// Where the server's own output goes.
    #[arg(long)]
    log: PathBuf,
    /// The command that starts the server.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Runs the rounds. An error tells the round and the connection whose directory is wrong.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut random = Random::new(options.seed);
    let mut writers: Vec<Writer> = (0..options.connections)
        .map(|place| Writer::new(place, options.seed))
        .collect();
    let begin = Instant::now();
    for round in 0..=options.rounds {
        let mut server = ServerProcess::start(&options.command, &options.address, &options.log)
            .with_context(|| format!("round {round}"))?;
        if round == 0 {
            set_up(&options.address, &mut writers)?;
        }
        let last = round == options.rounds;
        let load =
            Duration::from_millis(options.load_ms + random.next() % (2 * options.load_ms).max(1));
        let done = one_round(
            &options.address,
            writers,
            (!last).then_some(load),
            &mut server,
        );
        writers = done.with_context(|| format!("round {round}, seed {}", options.seed))?;
        if round % 10 == 0 || last {
            let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged).sum();
            println!(
                "after {round} kills, {:.0?}: {acknowledged} writes acknowledged, all there",
                begin.elapsed()
            );
        }
    }
    let acknowledged: usize = writers.iter().map(|writer| writer.acknowledged).sum();
    let refused: usize = writers.iter().map(|writer| writer.refused).sum();
    println!(
        "{} rounds, {} connections: {acknowledged} acknowledged writes, 0 lost; {refused} refused writes, 0 visible; {} sessions kept",
        options.rounds,
        options.connections,
        writers.len()
    );
    if acknowledged < options.rounds * options.connections || refused < options.rounds {
        bail!("too few writes to say anything");
    }
    Ok(())
}

fn set_up(address: &str, writers: &mut [Writer]) -> anyhow::Result<()> {
    let mut link = Link::open(address)?;
    link.open_session(&ConnectRequest::new(30_000), Duration::from_secs(20))?;
    link.send(
        1,
        op::CREATE,
        &Body::new()
            .text(ROOT)
            .bytes(None)
            .acl(&Acl::open())
            .int(0)
            .done(),
    )?;
    link.read(Duration::from_secs(20));
    writers
        .iter_mut()
        .try_for_each(|writer| writer.set_up(address))
}

/// Every connection verifies what the last round left; when all have, they write until the kill.
fn one_round(
    address: &str,
    writers: Vec<Writer>,
    load: Option<Duration>,
    server: &mut ServerProcess,
) -> anyhow::Result<Vec<Writer>> {
    let verified = in_threads(writers, {
        let address = address.to_owned();
        move |mut writer: Writer| {
            let mut link = writer.connect(&address)?;
            writer.verify(&mut link)?;
            Ok((writer, link))
        }
    });
    let verified = joined(verified)?;
    let Some(load) = load else {
        return Ok(verified.into_iter().map(|(writer, _)| writer).collect());
    };
    let writing = in_threads(verified, |(mut writer, mut link): (Writer, Link)| {
        writer.write_until_killed(&mut link)?;
        Ok(writer)
    });
    thread::sleep(load);
    server.kill()?;
    joined(writing)
}

type Thread<T> = thread::JoinHandle<anyhow::Result<T>>;

fn in_threads<A, B>(
    items: Vec<A>,
    work: impl Fn(A) -> anyhow::Result<B> + Clone + Send + 'static,
) -> Vec<Thread<B>>
where
    A: Send + 'static,
    B: Send + 'static,
{
    items
        .into_iter()
        .map(|item| {
            let work = work.clone();
            thread::spawn(move || work(item))
        })
        .collect()
}

fn joined<T>(threads: Vec<Thread<T>>) -> anyhow::Result<Vec<T>> {
    threads
        .into_iter()
        .enumerate()
        .map(|(place, thread)| {
            let done = thread
                .join()
                .map_err(|_| anyhow::anyhow!("connection {place} panicked"))?;
            done.with_context(|| format!("connection {place}"))
        })
        .collect()
}
