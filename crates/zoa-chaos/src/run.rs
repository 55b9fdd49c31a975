//! A run: servers, network, clients, faults, and the end at which everything must come to rest.
//!
//! Invariant: faults are over before the last look, and what is judged is what clients saw and what the logs hold, not what this
//! code believes to have done. Times of faults are noted generously: in them some checkers expect less.

mod disks;
mod end;
mod logs;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::Context;
use anyhow::Result;
use tokio::task;
use zoa_testkit::clock::SimTime;
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

pub(crate) use end::Remains;

/// How long servers may take to serve once nothing is amiss.
const WHOLE_MS_MAX: u64 = 30_000;

/// The same machine runs everything, so a thread may have to wait long for its turn.
const EXPIRY_SLACK_MS: u64 = 2_500;

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
