//! The election: five workers, a leader that is killed, and who notices.
//!
//! Three things are checked besides the words: the takeover waits for the dead leader's session, it does
//! not wait much longer, and the third worker's watch stays silent.

use std::time::Duration;

use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

use super::Cast;
use super::PATIENCE;
use super::server::Server;
use super::stage::ActorId;
use super::stage::Stage;

/// The workers ask for this session timeout: the least that a server with a tick of 2 s grants.
const SESSION_TIMEOUT: Duration = Duration::from_secs(4);
/// The server may round the end of a session up to the next tick.
const TICK: Duration = Duration::from_secs(2);
/// A client has last been heard up to this long before it was killed: ours pings at a third.
const SILENCE_MAX: Duration = Duration::from_millis(1500);
/// What starting a scene on a busy machine may add.
const SLACK: Duration = Duration::from_secs(3);

/// Three times `examples/php/worker.php`, then the same in Python and in Rust.
pub(super) fn play(stage: &mut Stage, server: &Server, cast: &Cast) -> Result<()> {
    let workers = enter(stage, server.address(), cast)?;
    succeed(stage, &workers)
}

/// Five workers join a queue for the lead, at these servers (`host:port,...`).
pub(super) fn enter(stage: &mut Stage, servers: &str, cast: &Cast) -> Result<Vec<ActorId>> {
    println!("\n== three PHP workers elect a leader; a Python and a Rust one join them");
    let mut workers = Vec::new();
    for (at, place) in [
        "nobody is before me: I lead",
        "watching w-0000000000",
        "watching w-0000000001",
        "watching w-0000000002",
        "watching w-0000000003",
    ]
    .iter()
    .enumerate()
    {
        let mut command = match at {
            0..=2 => cast.php("worker.php"),
            3 => cast.python("worker.py"),
            _ => cast.rust(),
        };
        command
            .arg(servers)
            .arg(SESSION_TIMEOUT.as_secs().to_string());
        let worker = stage.enter(&format!("worker {}", at + 1), &mut command)?;
        stage.await_line(worker, &format!("I am w-000000000{at}"), PATIENCE)?;
        stage.await_line(worker, place, PATIENCE)?;
        workers.push(worker);
    }
    stage.listen_for(TICK);
    Ok(workers)
}

/// The first of them dies, the second takes over, the third sleeps on.
pub(super) fn succeed(stage: &mut Stage, workers: &[ActorId]) -> Result<()> {
    let [first, second, third, ..] = workers else {
        bail!("five workers should have entered")
    };

    println!("\n== the leader dies without a word; its session lives on for a while");
    let died = stage.kill(*first)?;
    let latest = SESSION_TIMEOUT + TICK + SLACK;
    let took_over = stage.await_line(*second, "now I lead", latest)?;
    let waited = took_over.at.duration_since(died);
    let earliest = SESSION_TIMEOUT - SILENCE_MAX;
    ensure!(
        waited >= earliest,
        "worker 2 took over after {waited:.1?}: before the leader's session can have expired"
    );
    stage.await_line(*second, "leading", PATIENCE)?;

    println!("\n== and the third goes on working");
    let worked = stage.count(*third, "working");
    stage.listen_for(TICK + TICK);
    ensure!(
        stage.count(*third, "working") > worked,
        "worker 3 has stopped working"
    );
    ensure!(
        stage.count(*third, "woken") == 0,
        "worker 3 was woken, though the worker before it lives"
    );
    println!(
        "\nworker 2 took over {:.1} s after the leader's death (its session timeout: {} s);",
        waited.as_secs_f64(),
        SESSION_TIMEOUT.as_secs()
    );
    println!("worker 3 was not woken.");
    Ok(())
}
