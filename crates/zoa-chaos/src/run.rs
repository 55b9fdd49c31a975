//! A run: servers, network, clients, faults, and the end at which everything must come to rest.
//!
//! Invariant: faults are over before the last look, and what is judged is what clients saw and what the logs hold, not what this
//! code believes to have done. Times of faults are noted generously: in them some checkers expect less.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;
use rustix::process::Signal;
use tokio::task;
use zoa_testkit::clock::SimTime;
use zoa_testkit::history::History;
use zoa_testkit::observed::ServerBounds;
use zoa_testkit::observed::Span;
use zoa_testkit::rng::Rng;
use zoa_testkit::workload::Profile;

use crate::actors::Actor;
use crate::actors::Place;
use crate::actors::Room;
use crate::actors::TIMEOUTS_MS;
use crate::clock::Clock;
use crate::clock::pause_ms;
use crate::gathering::Gathering;
use crate::grounds;
use crate::grounds::Grounds;
use crate::network::CLIENTS;
use crate::network::Network;
use crate::network::Route;
use crate::server::CLIENT_PORT;
use crate::server::QUORUM_PORT;
use crate::server::Server;
use crate::server::Setup;
use crate::tally::Tally;

/// How long servers may take to serve once nothing is amiss.
const WHOLE_MS_MAX: u64 = 30_000;

/// How long clients may take to come to rest once nothing is amiss.
const REST_MS_MAX: u64 = 30_000;

/// From the end of faults to the last look.
const SETTLE_MS: u64 = 1_500;

/// How long a server that was told to stop may take.
pub(crate) const STOP_MS_MAX: u64 = 10_000;

/// The log of one server is read this often at least: it keeps only so much behind a snapshot.
const GATHER_EVERY_MS: u64 = 4_000;

/// The same while much is written, and for how long that may be after it was asked for: 8 MiB are soon written.
const GATHER_EVERY_MS_OF_MUCH: u64 = 300;
const MUCH_MS_MAX: u64 = 20_000;

/// A server may take this long to stand still.
const STANDSTILL_MS_MAX: u64 = 2_000;

/// The same machine runs everything, so a thread may have to wait long for its turn.
const EXPIRY_SLACK_MS: u64 = 2_500;

/// A server that stands still for no longer does not miss a turn that anybody waits for.
const UNNOTICED_MS: u64 = 100;

/// When this process itself had no turn for so long, nothing is known of that time.
const OWN_STANDSTILL_MS: u64 = 300;

/// What decides a run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) servers: u8,
    pub(crate) clients: u32,
    pub(crate) program: PathBuf,
    pub(crate) folder: PathBuf,
}

/// A run under way.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) clock: Clock,
    pub(crate) grounds: Grounds,
    pub(crate) servers: Vec<Server>,
    pub(crate) network: Network,
    pub(crate) tally: Tally,
    pub(crate) errands: Rc<RefCell<Actor>>,
    pub(crate) rng: Rng,
    pub(crate) setup: Setup,
    /// What went wrong beside what the checkers see, each with its guarantee.
    pub(crate) wrong: Vec<(&'static str, String)>,
    room: Rc<RefCell<Room>>,
    actors: Vec<Rc<RefCell<Actor>>>,
    gathering: Gathering,
    gathered_at: SimTime,
    /// Until then much may be written.
    much_until: SimTime,
    /// Which logs were read, for who looks for what none of them held.
    readings: fs::File,
    outages: Rc<RefCell<Vec<Span>>>,
    /// Since when something is amiss, if anything is.
    amiss_since: Option<SimTime>,
    profile: Profile,
}

/// What is left of a run to be judged.
#[derive(Debug)]
pub(crate) struct Remains {
    pub(crate) clock: Clock,
    pub(crate) history: History,
    pub(crate) gathering: Gathering,
    pub(crate) outages: Vec<Span>,
    pub(crate) served_from: SimTime,
    pub(crate) ended_at: SimTime,
    pub(crate) bounds: ServerBounds,
    pub(crate) wrong: Vec<(&'static str, String)>,
    pub(crate) tally: Tally,
    pub(crate) founders: u8,
}

/// What all servers are told.
const SETTINGS: &str = "tickTime=500\ninitLimit=20\nsyncLimit=4\nminSessionTimeout=1000\nmaxSessionTimeout=10000\n\
    maxClientCnxns=0\n4lw.commands.whitelist=*\nsnapCount=3000\nreconfigEnabled=true\nextendedTypesEnabled=true\n\
    znode.container.checkIntervalMs=300\nznode.container.maxNeverUsedIntervalMs=1500\nadmin.enableServer=false\n";

/// What the checkers must know of these settings.
fn bounds() -> ServerBounds {
    ServerBounds {
        tick_ms: 500,
        session_timeout_ms_min: 1_000,
        session_timeout_ms_max: 10_000,
        expiry_slack_ms: EXPIRY_SLACK_MS,
    }
}

/// How clients behave: busy, but not so that the history outgrows the memory.
fn profile(clients: u32) -> Profile {
    Profile {
        clients,
        length_ms: 0,
        think_us_max: 60_000,
        pipeline_max: 8,
        weights: [20, 12, 24, 10, 14, 8, 4, 5],
        drop_permille: 6,
        close_permille: 4,
        silence_permille: 3,
        data_len_max: 3_000,
        timeout_ms: TIMEOUTS_MS,
        ensemble: None,
        big_directory: false,
        snapshot_every_ms: 0,
        ..Profile::draw(&mut Rng::new(0))
    }
}

impl Run {
    /// Starts servers and clients, and waits until all servers serve.
    pub(crate) async fn begin(options: &Options, grounds: Grounds) -> Result<Self> {
        let clock = Clock::start();
        let setup = Setup {
            program: options.program.clone(),
            folder: options.folder.clone(),
            count: options.servers,
            settings: format!(
                "{SETTINGS}DigestAuthenticationProvider.superDigest={}\n",
                zoa_testkit::people::SUPER_DIGEST
            ),
        };
        let servers: Vec<Server> = (1..=options.servers)
            .map(|number| Server::new(number, &setup, &grounds))
            .collect::<Result<_>>()?;
        let mut network = Network::default();
        open_ways(&mut network, &setup, &grounds).await?;
        let mut rng = Rng::new(options.seed);
        let room = Rc::new(RefCell::new(Room::new(clock)));
        let profile = profile(options.clients);
        let everywhere = ways_of_clients(options.servers);
        let place = |number| Place {
            number,
            from: IpAddr::V4(grounds.client_address(number)),
            to: everywhere.clone(),
        };
        let mut actors: Vec<_> = (0..options.clients)
            .map(|number| Actor::working(&room, place(number), &profile, &mut rng))
            .collect();
        actors.push(Actor::tidying(
            &room,
            place(options.clients),
            &profile,
            &mut rng,
        ));
        let errands = Actor::for_errands(&room, place(options.clients + 1), &profile, &mut rng);
        actors.push(Rc::clone(&errands));
        let outages = Rc::default();
        task::spawn_local(watch_own_turns(clock, Rc::clone(&outages)));
        let readings = fs::File::create(setup.folder.join("readings.txt"));
        let readings = readings.context("making readings.txt")?;
        let mut run = Self {
            clock,
            grounds,
            servers,
            network,
            tally: Tally::default(),
            errands,
            rng,
            setup,
            wrong: Vec::new(),
            room,
            actors,
            gathering: Gathering::default(),
            gathered_at: SimTime::ZERO,
            much_until: SimTime::ZERO,
            readings,
            outages,
            amiss_since: Some(SimTime::ZERO),
            profile,
        };
        for number in 1..=options.servers {
            run.start(number)?;
        }
        run.await_whole().await?;
        Ok(run)
    }

    /// Now.
    pub(crate) fn now(&self) -> SimTime {
        self.clock.now()
    }

    /// Says what happens.
    #[expect(clippy::print_stdout, reason = "a run is watched while it runs")]
    pub(crate) fn say(&self, what: &str) {
        println!("{:9.3} s  {what}", self.now().0 as f64 / 1e6);
    }

    /// The numbers of all servers.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u8> + use<> {
        1..=self.setup.count
    }

    /// The server of this number.
    pub(crate) fn server(&mut self, number: u8) -> &mut Server {
        let at = usize::from(number.saturating_sub(1));
        self.servers
            .get_mut(at)
            .expect("servers are numbered from 1, and all of them are there")
    }

    /// Starts a server that is down.
    pub(crate) fn start(&mut self, number: u8) -> Result<()> {
        let grounds = &self.grounds;
        let server = self
            .servers
            .iter_mut()
            .find(|server| server.number == number && !server.is_started());
        self.tally.starts += u64::from(server.is_some());
        server.map_or(Ok(()), |server| server.start(grounds))
    }

    /// From now on something is amiss, until all servers serve again.
    pub(crate) fn begin_outage(&mut self) {
        self.amiss_since = self.amiss_since.or_else(|| Some(self.now()));
    }

    fn end_outage(&mut self) {
        if let Some(from) = self.amiss_since.take() {
            let to = self.now();
            self.outages.borrow_mut().push(Span { from, to });
        }
    }

    /// What each server that runs is: `leader`, `follower`, or nothing while it does not serve.
    pub(crate) async fn modes(&self) -> Vec<(u8, Option<String>)> {
        let asked: Vec<_> = self
            .servers
            .iter()
            .map(|server| {
                let (number, address) = (server.number, server.client_address());
                let can_answer = server.is_started() && !server.is_paused;
                (
                    number,
                    can_answer.then(|| task::spawn_local(Server::mode(address))),
                )
            })
            .collect();
        let mut modes = Vec::new();
        for (number, answer) in asked {
            let mode = match answer {
                Some(answer) => answer.await.ok().flatten(),
                None => None,
            };
            modes.push((number, mode));
        }
        modes
    }

    /// The server that leads, if one says so.
    pub(crate) async fn leader(&self) -> Option<u8> {
        let modes = self.modes().await;
        let leads = |(_, mode): &&(u8, Option<String>)| mode.as_deref() == Some("leader");
        modes.iter().find(leads).map(|(number, _)| *number)
    }

    /// Waits until all servers serve and one of them leads; `false` when they do not come to it.
    pub(crate) async fn await_whole(&mut self) -> Result<bool> {
        let begun = self.now();
        loop {
            self.look_after(&BTreeSet::new())?;
            let modes = self.modes().await;
            let leads = modes
                .iter()
                .any(|(_, mode)| mode.as_deref() == Some("leader"));
            if leads && modes.iter().all(|(_, mode)| mode.is_some()) {
                self.end_outage();
                return Ok(true);
            }
            if self.now().ms_since(begun) > WHOLE_MS_MAX {
                let words = format!(
                    "after {WHOLE_MS_MAX} ms without a fault the servers are {modes:?}; {}",
                    self.servers
                        .iter()
                        .map(Server::last_words)
                        .collect::<Vec<_>>()
                        .join(" || ")
                );
                self.say(&words);
                self.wrong.push(("G-21", words));
                return Ok(false);
            }
            self.gather_now_and_then().await?;
            pause_ms(20).await;
        }
    }

    /// A server that ended by itself has no business to, unless its disk was taken away; it is started again.
    pub(crate) fn look_after(&mut self, excused: &BTreeSet<u8>) -> Result<()> {
        for number in self.numbers() {
            let server = self.server(number);
            if server.is_stopping {
                continue;
            }
            let Some(status) = server.take_end() else {
                continue;
            };
            let words = format!(
                "server {number} ended by itself: {status}: {}",
                server.last_words()
            );
            self.say(&words);
            if excused.contains(&number) {
                self.tally.gave_up += 1;
            } else {
                self.wrong.push(("G-19", words));
                self.start(number)?;
            }
        }
        Ok(())
    }

    /// Reads the log of a server that is down.
    pub(crate) fn gather_from(&mut self, number: u8) -> Result<()> {
        let data = self.server(number).data();
        let scratch = self.setup.folder.join("copy");
        let begun = self.now();
        let taken = self.gathering.take(&data, &scratch);
        if let Ok(held) = &taken {
            let took_ms = self.now().ms_since(begun);
            let at = begun.ms_since(SimTime::ZERO);
            writeln!(
                self.readings,
                "{at} ms: server {number} {held}, in {took_ms} ms"
            )?;
        }
        if let Err(error) = taken {
            let words =
                format!("what server {number} left on its disk cannot be recovered: {error:#}");
            self.say(&words);
            self.wrong.push(("G-19", words));
            let kept = self.setup.folder.join(format!("unreadable-{number}"));
            fs::rename(&scratch, kept).ok();
        }
        Ok(())
    }

    /// Reads the log of a server that runs, if that was not done for a while.
    pub(crate) async fn gather_now_and_then(&mut self) -> Result<()> {
        let every_ms = if self.now() < self.much_until {
            GATHER_EVERY_MS_OF_MUCH
        } else {
            GATHER_EVERY_MS
        };
        if self.now().ms_since(self.gathered_at) < every_ms {
            return Ok(());
        }
        self.gather_now().await
    }

    /// Time passes, and logs are read in it.
    pub(crate) async fn pass_ms(&mut self, ms: u64) -> Result<()> {
        let until = self.now().after_ms(ms);
        while self.now() < until {
            pause_ms(until.ms_since(self.now()).min(100)).await;
            self.gather_now_and_then().await?;
        }
        Ok(())
    }

    /// Much is about to be written.
    pub(crate) fn expect_much(&mut self) {
        self.much_until = self.now().after_ms(MUCH_MS_MAX);
    }

    /// Reads the log of a server that runs: it stands still meanwhile.
    pub(crate) async fn gather_now(&mut self) -> Result<()> {
        let mut candidates: Vec<u8> = self.leader().await.into_iter().collect();
        candidates.extend(self.numbers());
        for number in candidates {
            let server = self.server(number);
            if !server.is_started() || server.is_paused {
                continue;
            }
            server.signal(Signal::STOP);
            let begun = self.now();
            while !self.server(number).stands_still()
                && self.now().ms_since(begun) < STANDSTILL_MS_MAX
            {
                pause_ms(1).await;
            }
            if self.server(number).stands_still() {
                // Not when a server that is down is read, which may be far behind.
                self.gathered_at = begun;
                self.gather_from(number)?;
            }
            self.server(number).signal(Signal::CONT);
            let stood = Span {
                from: begun,
                to: self.now(),
            };
            if stood.to.ms_since(stood.from) > UNNOTICED_MS {
                self.outages.borrow_mut().push(stood);
            }
            break;
        }
        Ok(())
    }

    /// Calls answered so far.
    pub(crate) fn acknowledged(&self) -> usize {
        self.room.borrow().history.acknowledged()
    }

    /// Writes answered without an error so far, and when the first of those was answered that was asked after `since`.
    pub(crate) fn writes(&self, since: SimTime) -> (usize, Option<SimTime>) {
        let room = self.room.borrow();
        let answered = room.history.calls().filter_map(|(_, _, call)| {
            let (at, _, outcome) = call.reply()?;
            (call.op.is_write() && outcome.is_ok()).then_some((call.invoked_at, at))
        });
        answered.fold((0, None), |(count, first), (invoked_at, at)| {
            let counts = invoked_at > since && first.is_none_or(|first| at < first);
            (count + 1, if counts { Some(at) } else { first })
        })
    }

    /// Everything is whole again and comes to rest; then the servers are stopped and all there is to know is handed over.
    pub(crate) async fn end(mut self) -> Result<Remains> {
        self.begin_outage();
        self.network.calm_down();
        let is_whole = self.await_whole().await?;
        self.end_outage();
        for actor in &self.actors {
            actor.borrow_mut().calm_down();
        }
        self.gather_now_and_then().await?;
        if is_whole {
            pause_ms(SETTLE_MS).await;
            self.take_last_look();
            self.await_rest().await?;
            pause_ms(SETTLE_MS).await;
        }
        let ended_at = self.now();
        self.room.borrow_mut().is_closed = true;
        self.stop_all().await;
        self.gather_last()?;
        self.listen_to_logs();
        let history = std::mem::take(&mut self.room.borrow_mut().history);
        let outages = self.outages.borrow().clone();
        Ok(Remains {
            clock: self.clock,
            history,
            gathering: std::mem::take(&mut self.gathering),
            served_from: outages.first().map_or(SimTime::ZERO, |first| first.to),
            outages,
            ended_at,
            bounds: bounds(),
            wrong: std::mem::take(&mut self.wrong),
            tally: std::mem::take(&mut self.tally),
            founders: self.setup.count,
        })
    }

    /// From each server everything is read.
    fn take_last_look(&mut self) {
        let first = u32::try_from(self.actors.len()).unwrap_or(u32::MAX / 2);
        for number in self.numbers() {
            let place = Place {
                number: first + u32::from(number),
                from: IpAddr::V4(self.grounds.client_address(u32::from(number))),
                to: vec![SocketAddr::new(
                    grounds::proxy_address(CLIENTS, number),
                    CLIENT_PORT,
                )],
            };
            let reader = Actor::reading(&self.room, place, &self.profile, &mut self.rng);
            self.actors.push(reader);
        }
    }

    async fn await_rest(&mut self) -> Result<()> {
        let mut moved_at = self.now();
        let mut seen = 0;
        loop {
            let restless: Vec<String> = self
                .actors
                .iter()
                .map(|actor| actor.borrow())
                .filter(|actor| !actor.is_at_rest())
                .map(|actor| actor.state())
                .collect();
            if restless.is_empty() {
                return Ok(());
            }
            self.look_after(&BTreeSet::new())?;
            let acknowledged = self.acknowledged();
            // Pings go on for ever; many answers are progress.
            if acknowledged > seen + 100 {
                (seen, moved_at) = (acknowledged, self.now());
            }
            if self.now().ms_since(moved_at) > REST_MS_MAX {
                let words = format!(
                    "no rest after {REST_MS_MAX} ms without a fault: {}",
                    restless.join(", ")
                );
                self.say(&words);
                self.wrong.push(("G-21", words));
                return Ok(());
            }
            pause_ms(50).await;
        }
    }

    /// Stops all servers in order; one that does not is killed and named.
    async fn stop_all(&mut self) {
        for number in self.numbers() {
            self.server(number).signal(Signal::TERM);
        }
        for number in self.numbers() {
            self.await_stop(number).await;
        }
    }

    /// Waits until a server that was told to stop has ended well.
    pub(crate) async fn await_stop(&mut self, number: u8) {
        let begun = self.now();
        while self.server(number).is_started() {
            if let Some(status) = self.server(number).take_end() {
                if !status.success() {
                    let words = format!("server {number} ended with {status} after SIGTERM");
                    self.wrong.push(("G-19", words));
                }
                return;
            }
            if self.now().ms_since(begun) > STOP_MS_MAX {
                let words = format!("server {number} does not stop after SIGTERM");
                self.say(&words);
                self.wrong.push(("G-21", words));
                self.server(number).kill();
            }
            pause_ms(5).await;
        }
    }

    fn gather_last(&mut self) -> Result<()> {
        let data: Vec<PathBuf> = self.servers.iter().map(Server::data).collect();
        let data: Vec<_> = data.iter().map(PathBuf::as_path).collect();
        let scratch = self.setup.folder.join("copy");
        self.gathering
            .take_last(&data, &scratch)
            .context("reading the logs of all servers")
    }

    fn listen_to_logs(&mut self) {
        for server in &self.servers {
            if server.count_said("panicked at") > 0 {
                let words = format!(
                    "server {} panicked: see {}",
                    server.number,
                    server.log().display()
                );
                self.wrong.push(("G-19", words));
            }
        }
    }

    /// Everybody is killed and has the disk again that it had some time before. Nothing survives that: it shows what is noticed.
    pub(crate) async fn rewind(&mut self) -> Result<()> {
        pause_ms(1_500).await;
        self.begin_outage();
        self.kill_all();
        let aside = |data: PathBuf| data.with_file_name("data-before");
        for server in &self.servers {
            copy_folder(&server.data(), &aside(server.data()))?;
        }
        for number in self.numbers() {
            self.start(number)?;
        }
        self.await_whole().await?;
        pause_ms(3_000).await;
        self.kill_all();
        self.gather_from(1)?;
        for server in &self.servers {
            fs::remove_dir_all(server.data()).context("taking a disk away")?;
            fs::rename(aside(server.data()), server.data()).context("putting a disk back")?;
        }
        self.say("all servers have their disks of some seconds ago");
        for number in self.numbers() {
            self.start(number)?;
        }
        self.await_whole().await?;
        pause_ms(1_500).await;
        Ok(())
    }

    /// Keeps what is on the disks, for people who look for a cause.
    pub(crate) fn keep_disks(folder: &Path, servers: u8) {
        for number in 1..=servers {
            let server = folder.join(format!("server-{number}"));
            let (from, to) = (server.join("disk/data"), server.join("data-at-the-end"));
            copy_folder(&from, &to).ok();
        }
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let output = Command::new("cp").arg("-r").arg(from).arg(to).output();
    let output = output.context("starting cp")?;
    ensure!(
        output.status.success(),
        "cp ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Where clients find the servers.
fn ways_of_clients(count: u8) -> Vec<SocketAddr> {
    (1..=count)
        .map(|number| SocketAddr::new(grounds::proxy_address(CLIENTS, number), CLIENT_PORT))
        .collect()
}

async fn open_ways(network: &mut Network, setup: &Setup, grounds: &Grounds) -> Result<()> {
    for to in 1..=setup.count {
        let way = |from, port| Route {
            from,
            to,
            listen: SocketAddr::new(grounds::proxy_address(from, to), port),
            target: SocketAddr::new(grounds::server_address(to), port),
        };
        network.open(way(CLIENTS, CLIENT_PORT)).await?;
        for from in (1..=setup.count).filter(|from| *from != to && grounds.has_proxies()) {
            network.open(way(from, QUORUM_PORT)).await?;
        }
    }
    Ok(())
}

/// Notes when this process had no turn: then nobody pinged, and nobody listened.
async fn watch_own_turns(clock: Clock, outages: Rc<RefCell<Vec<Span>>>) {
    loop {
        let before = clock.now();
        pause_ms(50).await;
        let after = clock.now();
        if after.ms_since(before) > OWN_STANDSTILL_MS {
            outages.borrow_mut().push(Span {
                from: before,
                to: after,
            });
        }
    }
}
