//! The end of a run: all is whole again and comes to rest, everything is read once more, and the servers are stopped.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::net::SocketAddr;

use anyhow::Result;
use rustix::process::Signal;
use zoa_testkit::clock::SimTime;
use zoa_testkit::history::History;
use zoa_testkit::observed::ServerBounds;
use zoa_testkit::observed::Span;

use super::Run;
use crate::actors::Actor;
use crate::actors::Place;
use crate::clock::Clock;
use crate::clock::pause_ms;
use crate::gathering::Gathering;
use crate::grounds;
use crate::network::CLIENTS;
use crate::server::CLIENT_PORT;
use crate::tally::Tally;

/// How long clients may take to come to rest once nothing is amiss.
const REST_MS_MAX: u64 = 30_000;

/// From the end of faults to the last look.
const SETTLE_MS: u64 = 1_500;

/// How long a server that was told to stop may take.
const STOP_MS_MAX: u64 = 10_000;

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

impl Run {
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
            bounds: super::bounds(),
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
}
