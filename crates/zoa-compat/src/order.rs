//! Readers with watches against writers, under real threads; what each connection saw is judged afterwards.
//!
//! Not a simulation: real sockets, real scheduling, so a run that finds nothing proves little by itself;
//! a server whose reply leaves the lock before its events do is caught within seconds.

mod arrival;
mod check;
mod connection;
mod history;
mod node;

use crate::random::Random;
use crate::wire::Acl;
use crate::wire::Body;
use crate::wire::op;
use anyhow::Context;
use anyhow::bail;
use arrival::Arrival;
use arrival::Asked;
use arrival::Persistent;
use arrival::stamp;
use check::check;
use connection::Connection;
use history::History;
use node::Kind;
use node::Node;
use node::ROOT;
use std::sync::Arc;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// What to run. The server must be fresh.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The server.
    #[arg(long)]
    server: String,
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// How many znodes have data that changes.
const KEYS: u16 = 12;
/// Requests that one connection keeps in flight.
const IN_FLIGHT_MAX: usize = 4;

/// What a connection does all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Persona {
    /// Changes data, of one znode or of two in one multi. Hears its own changes by a recursive watch.
    Writer,
    /// Makes and removes children, and the znode that comes and goes.
    Churner,
    /// Reads with one-shot watches, and comes back on a new connection now and then.
    OneShot,
    /// Reads, with persistent watches on single znodes.
    Exact,
    /// Reads, with a recursive watch on everything.
    Recursive,
}

fn persona(place: usize) -> Persona {
    match place % 8 {
        0 | 4 => Persona::Writer,
        1 => Persona::Churner,
        2 | 3 | 5 => Persona::OneShot,
        6 => Persona::Exact,
        _ => Persona::Recursive,
    }
}

/// Runs the check. An error means that a guarantee is broken, or that the server failed.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let setup = set_up(&options.server)?;
    let until = Instant::now() + Duration::from_secs(options.seconds);
    let quiet = Arc::new(Barrier::new(options.connections));
    let threads: Vec<_> = (0..options.connections)
        .map(|place| {
            let worker = Worker {
                place,
                persona: persona(place),
                random: Random::new(
                    options
                        .seed
                        .wrapping_mul(1_000_003)
                        .wrapping_add(u64::try_from(place).unwrap_or(0)),
                ),
                writes: 0,
                children: Vec::new(),
                flap_exists: false,
            };
            let (server, quiet) = (options.server.clone(), Arc::clone(&quiet));
            thread::spawn(move || worker.work(&server, until, &quiet))
        })
        .collect();
    let mut logs = vec![setup];
    for (place, thread) in threads.into_iter().enumerate() {
        let log = thread
            .join()
            .map_err(|_| anyhow::anyhow!("connection {place} panicked"))?;
        logs.push(log.with_context(|| format!("connection {place}"))?);
    }
    judge(&logs)
}

/// Makes the znodes; its log is part of the history.
fn set_up(server: &str) -> anyhow::Result<Vec<Arrival>> {
    let mut connection = Connection::open(server)?;
    create(&mut connection, ROOT, 0, Vec::new())?;
    create(&mut connection, &Node::Parent.path(), 0, Vec::new())?;
    for key in 0..KEYS {
        let node = Node::Key(key);
        create(
            &mut connection,
            &node.path(),
            0,
            vec![(node, Kind::Created, 0)],
        )?;
    }
    connection.drain()?;
    let refused = connection
        .log
        .iter()
        .any(|arrival| !matches!(arrival, Arrival::Written { .. }));
    if refused {
        bail!(
            "the server is not fresh: {ROOT} could not be made: {:?}",
            connection.log
        );
    }
    Ok(connection.log)
}

fn create_body(path: &str, stamp: u64) -> Vec<u8> {
    Body::new()
        .text(path)
        .bytes(Some(&stamp.to_be_bytes()))
        .acl(&Acl::open())
        .int(0)
        .done()
}

fn set_body(path: &str, stamp: u64) -> Vec<u8> {
    Body::new()
        .text(path)
        .bytes(Some(&stamp.to_be_bytes()))
        .int(-1)
        .done()
}

fn create(
    connection: &mut Connection,
    path: &str,
    stamp: u64,
    changes: Vec<(Node, Kind, u64)>,
) -> anyhow::Result<()> {
    connection.write(op::CREATE, &create_body(path, stamp), Asked::Write(changes))
}

struct Worker {
    place: usize,
    persona: Persona,
    random: Random,
    writes: u32,
    /// The children that this churner has made and not removed.
    children: Vec<u64>,
    flap_exists: bool,
}

impl Worker {
    fn work(
        mut self,
        server: &str,
        until: Instant,
        quiet: &Barrier,
    ) -> anyhow::Result<Vec<Arrival>> {
        let done = self.load(server, until);
        // Everyone arrives here, also who failed: the others would wait for ever.
        quiet.wait();
        let mut connection = done?;
        connection.settle()?;
        Ok(connection.log)
    }

    fn load(&mut self, server: &str, until: Instant) -> anyhow::Result<Connection> {
        let mut connection = Connection::open(server)?;
        self.watch(&mut connection)?;
        while Instant::now() < until {
            while connection.in_flight() < IN_FLIGHT_MAX {
                self.ask(&mut connection)?;
            }
            connection.take()?;
            if self.persona == Persona::OneShot && self.random.below(2_000) == 0 {
                self.come_back(&mut connection)?;
            }
        }
        connection.drain()?;
        Ok(connection)
    }

    fn watch(&self, connection: &mut Connection) -> anyhow::Result<()> {
        match self.persona {
            Persona::Writer | Persona::Recursive => connection.add_watch(Persistent::Recursive),
            Persona::Exact => {
                connection.add_watch(Persistent::Exact(Node::Parent))?;
                (0..KEYS)
                    .step_by(2)
                    .try_for_each(|key| connection.add_watch(Persistent::Exact(Node::Key(key))))
            }
            Persona::Churner | Persona::OneShot => Ok(()),
        }
    }

    /// A new connection for the session; its watches are set as of the last zxid seen.
    fn come_back(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        connection.reattach()?;
        let nodes = (0..KEYS)
            .filter(|_| self.random.chance(50))
            .map(Node::Key)
            .collect();
        connection.set_watches(nodes)
    }

    fn key(&mut self) -> Node {
        Node::Key(u16::try_from(self.random.below(usize::from(KEYS))).unwrap_or(0))
    }

    fn ask(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        match self.persona {
            Persona::Writer if self.random.chance(60) => self.set_data(connection),
            Persona::Churner if self.random.chance(60) => self.churn(connection),
            _ => {
                let node = match self.random.below(10) {
                    0 => Node::Parent,
                    1 => Node::Flap,
                    _ => self.key(),
                };
                let watch = self.persona == Persona::OneShot && self.random.chance(60);
                if self.random.below(50) == 0 {
                    connection.ping()
                } else {
                    connection.read(node, watch)
                }
            }
        }
    }

    fn stamp(&mut self) -> u64 {
        self.writes += 1;
        stamp(self.place, self.writes)
    }

    fn set_data(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let (first, second, stamp) = (self.key(), self.key(), self.stamp());
        match self.random.below(10) {
            0 => {
                // Refused: it takes a zxid and changes nothing.
                let body = Body::new()
                    .text(&first.path())
                    .bytes(Some(b"refused!"))
                    .int(i32::MAX)
                    .done();
                connection.write(op::SET_DATA, &body, Asked::Write(Vec::new()))
            }
            1 if first != second => {
                let body = [first, second].iter().fold(Body::new(), |body, node| {
                    body.int(op::SET_DATA)
                        .flag(false)
                        .int(-1)
                        .raw(&set_body(&node.path(), stamp))
                });
                let changes = vec![
                    (first, Kind::Changed, stamp),
                    (second, Kind::Changed, stamp),
                ];
                connection.write(
                    op::MULTI,
                    &body.int(-1).flag(true).int(-1).done(),
                    Asked::Write(changes),
                )
            }
            _ => {
                let changes = vec![(first, Kind::Changed, stamp)];
                connection.write(
                    op::SET_DATA,
                    &set_body(&first.path(), stamp),
                    Asked::Write(changes),
                )
            }
        }
    }

    fn churn(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let delete_body = |node: Node| Body::new().text(&node.path()).int(-1).done();
        // One churner alone has the znode that comes and goes, so that it knows whether it is there.
        if self.place == 1 && self.random.chance(30) {
            let stamp = self.stamp();
            let (op, body, kind) = if self.flap_exists {
                (op::DELETE, delete_body(Node::Flap), Kind::Deleted)
            } else {
                (
                    op::CREATE,
                    create_body(&Node::Flap.path(), stamp),
                    Kind::Created,
                )
            };
            self.flap_exists = !self.flap_exists;
            return connection.write(op, &body, Asked::Write(vec![(Node::Flap, kind, stamp)]));
        }
        if self.children.len() > 5 {
            let stamp = self
                .children
                .swap_remove(self.random.below(self.children.len()));
            let node = Node::Child(stamp);
            return connection.write(
                op::DELETE,
                &delete_body(node),
                Asked::Write(vec![(node, Kind::Deleted, stamp)]),
            );
        }
        let stamp = self.stamp();
        self.children.push(stamp);
        let node = Node::Child(stamp);
        create(
            connection,
            &node.path(),
            stamp,
            vec![(node, Kind::Created, stamp)],
        )
    }
}

/// How much of each kind came.
#[derive(Default)]
struct Counts {
    replies: usize,
    events: usize,
    made_up: usize,
    attached: usize,
    watching_reads: usize,
}

impl Counts {
    fn count(&mut self, arrival: &Arrival) {
        match arrival {
            Arrival::Event { zxid: -1, .. } => self.made_up += 1,
            Arrival::Event { .. } => self.events += 1,
            Arrival::Attached => self.attached += 1,
            Arrival::Read { watch: true, .. } => {
                self.watching_reads += 1;
                self.replies += 1;
            }
            _ => self.replies += 1,
        }
    }
}

/// Holds every log against the history of all.
fn judge(logs: &[Vec<Arrival>]) -> anyhow::Result<()> {
    let history = History::gather(logs.iter());
    let mut counts = Counts::default();
    logs.iter()
        .flatten()
        .for_each(|arrival| counts.count(arrival));
    let broken: usize = logs
        .iter()
        .enumerate()
        .map(|(place, log)| show_violations(&history, place, log))
        .sum();
    println!(
        "{} connections: {} replies ({} that set watches), {} events ({} of setWatches), {} reconnects, {} changes; {broken} violations",
        logs.len() - 1,
        counts.replies,
        counts.watching_reads,
        counts.events + counts.made_up,
        counts.made_up,
        counts.attached,
        history.len()
    );
    if broken > 0 {
        bail!("{broken} violations of G-04, G-05, G-07 or G-09");
    }
    if counts.events == 0 || counts.watching_reads == 0 || history.len() < 100 {
        bail!("too little happened to say anything");
    }
    Ok(())
}

/// Shows a connection's first violations with what came around them; returns how many there are.
fn show_violations(history: &History, place: usize, log: &[Arrival]) -> usize {
    const SHOWN_MAX: usize = 3;
    let violations = check(history, log);
    for violation in violations.iter().take(SHOWN_MAX) {
        println!(
            "{} broken on connection {place} at arrival {}: {}",
            violation.guarantee, violation.at, violation.what
        );
        let around = log
            .iter()
            .enumerate()
            .skip(violation.at.saturating_sub(6))
            .take(8);
        around.for_each(|(at, arrival)| println!("    {at}: {arrival:?}"));
    }
    violations.len()
}
