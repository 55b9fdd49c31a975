//! Faults as they happen: whom they meet, how they begin, how they end.

use std::collections::BTreeSet;

use anyhow::Result;
use rustix::process::Signal;
use zoa_testkit::op::Blob;
use zoa_testkit::op::Op;
use zoa_testkit::people;

use crate::clock::pause_ms;
use crate::network::CLIENTS;
use crate::network::Place;
use crate::plan::Fault;
use crate::plan::Kind;
use crate::plan::Shape;
use crate::plan::Wave;
use crate::plan::Who;
use crate::run::Run;

/// How long a server with an empty disk may take until it votes again.
const REPLACED_MS_MAX: u64 = 40_000;

/// How long a change of the members may take once nothing is amiss.
const CHANGED_MS_MAX: u64 = 30_000;

/// One large write.
const MUCH_LEN: usize = 500 << 10;

/// So many of these are more than two segments of a log.
const MUCH_COUNT: usize = 36;

/// What a server says when another one takes the place of its former self.
const REPLACED: &str = "takes the place of";

/// A fault and whom it met.
#[derive(Clone, Copy, Debug)]
struct Active {
    fault: Fault,
    server: u8,
}

/// A moment of a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Ends(usize),
    Begins(usize),
}

impl Run {
    /// Plays a wave to its end; `false` when the servers did not become whole again.
    pub(crate) async fn play(&mut self, wave: &Wave) -> Result<bool> {
        let since = self.now();
        self.begin_outage();
        let mut moments: Vec<(u64, Moment)> = Vec::new();
        for (at, fault) in wave.faults.iter().enumerate() {
            moments.push((fault.after_ms, Moment::Begins(at)));
            // To be added again takes a quorum, for which the other faults must be over.
            let others = wave.faults.iter().filter(|_| fault.kind == Kind::Reconfig);
            let ends = others.map(|other| other.after_ms + other.length_ms).max();
            let ends_ms = ends.unwrap_or(fault.after_ms + fault.length_ms);
            moments.push((ends_ms, Moment::Ends(at)));
        }
        moments.sort_by_key(|(at_ms, moment)| match moment {
            Moment::Begins(_) => (*at_ms, 0),
            // The first fault of a wave is the one that may have to wait for the others.
            Moment::Ends(at) => (*at_ms, wave.faults.len() - at),
        });
        let mut active: Vec<Option<Active>> = vec![None; wave.faults.len()];
        for (at_ms, moment) in moments {
            self.wait_in_wave(since, at_ms, &active).await?;
            match moment {
                Moment::Begins(at) => {
                    let taken: BTreeSet<u8> =
                        active.iter().flatten().map(|one| one.server).collect();
                    let met = match wave.faults.get(at) {
                        Some(fault) => self.meet(*fault, &taken).await,
                        None => None,
                    };
                    if let Some(one) = met {
                        self.say(&shown(one));
                        self.begin_fault(one).await?;
                    }
                    if let Some(place) = active.get_mut(at) {
                        *place = met;
                    }
                }
                Moment::Ends(at) => {
                    if let Some(one) = active.get_mut(at).and_then(Option::take) {
                        self.end_fault(one).await?;
                    }
                }
            }
        }
        let ended = self.now();
        let mut is_whole = true;
        if wave.waits {
            is_whole = self.await_whole().await?;
            self.tally.recoveries_ms.push(self.now().ms_since(ended));
        }
        Ok(is_whole)
    }

    /// Waits for the next moment of a wave, and meanwhile looks after the servers that are not meant to be down.
    async fn wait_in_wave(
        &mut self,
        since: zoa_testkit::clock::SimTime,
        at_ms: u64,
        active: &[Option<Active>],
    ) -> Result<()> {
        let excused: BTreeSet<u8> = active.iter().flatten().map(|one| one.server).collect();
        loop {
            self.look_after(&excused)?;
            let left_ms = at_ms.saturating_sub(self.now().ms_since(since));
            if left_ms == 0 {
                return Ok(());
            }
            pause_ms(left_ms.min(200)).await;
            self.gather_now_and_then().await?;
        }
    }

    /// Whether this machine has what a fault needs.
    pub(crate) fn can_have(&self, kind: Kind) -> bool {
        match kind {
            Kind::Cut | Kind::Slow | Kind::Trickle | Kind::Reset | Kind::Full => {
                self.grounds.has_proxies()
            }
            Kind::SlowDisk => self.grounds.has_brake(),
            Kind::Kill
            | Kind::Term
            | Kind::Pause
            | Kind::Storm
            | Kind::KillAll
            | Kind::CutClients
            | Kind::SlowClients
            | Kind::ResetClients
            | Kind::Wipe
            | Kind::Reconfig => true,
        }
    }

    /// Whom a fault meets, if it can meet anybody here.
    async fn meet(&self, fault: Fault, taken: &BTreeSet<u8>) -> Option<Active> {
        if !self.can_have(fault.kind) {
            return None;
        }
        let is_of_network = matches!(
            fault.kind,
            Kind::Slow | Kind::Trickle | Kind::SlowClients | Kind::Reset | Kind::ResetClients
        );
        let all: Vec<u8> = self.numbers().collect();
        let leader = self.leader().await;
        let server = match fault.who {
            Who::Everyone => return Some(Active { fault, server: 0 }),
            Who::Leader => leader.or_else(|| all.first().copied())?,
            Who::Follower(number) => {
                let others: Vec<u8> = all
                    .iter()
                    .copied()
                    .filter(|it| Some(*it) != leader)
                    .collect();
                let at = usize::try_from(number).unwrap_or(0) % others.len().max(1);
                others.get(at).copied()?
            }
        };
        if is_of_network || !taken.contains(&server) {
            return Some(Active { fault, server });
        }
        let free = all.into_iter().find(|other| !taken.contains(other))?;
        Some(Active {
            fault,
            server: free,
        })
    }

    async fn begin_fault(&mut self, Active { fault, server }: Active) -> Result<()> {
        *self.tally.faults.entry(fault.kind).or_default() += 1;
        let amount = fault.amount;
        let is_met = move |from: Place, to: Place| server == 0 || from == server || to == server;
        let among_servers =
            move |from: Place, to: Place| from != CLIENTS && to != CLIENTS && is_met(from, to);
        let of_clients =
            move |from: Place, to: Place| (from == CLIENTS || to == CLIENTS) && is_met(from, to);
        match fault.kind {
            Kind::Kill => self.server(server).kill(),
            Kind::Term => self.server(server).signal(Signal::TERM),
            Kind::Pause => self.server(server).signal(Signal::STOP),
            Kind::Storm => self.storm(server, fault).await?,
            Kind::KillAll => self.kill_all(),
            Kind::Cut => {
                let (shape, count) = (fault.shape, self.setup.count);
                let is_cut = move |from, to| is_cut((shape, count), server, (from, to));
                self.network.change(is_cut, |weather| weather.is_cut = true);
            }
            Kind::CutClients => self
                .network
                .change(of_clients, |weather| weather.is_cut = true),
            Kind::Slow => self
                .network
                .change(among_servers, |weather| weather.delay_ms = amount),
            Kind::SlowClients => self
                .network
                .change(of_clients, |weather| weather.delay_ms = amount),
            Kind::Trickle => self.network.change(among_servers, |weather| {
                weather.trickles = true;
                weather.delay_ms = amount;
            }),
            Kind::Reset => self.network.break_all(among_servers),
            Kind::ResetClients => self.network.break_all(of_clients),
            Kind::Full => {
                self.expect_much();
                self.server(server).disk.fill()?;
                self.write_much();
            }
            Kind::SlowDisk => self.slow_down(server, Some(amount))?,
            Kind::Wipe => {
                self.server(server).kill();
                self.gather_from(server)?;
                self.server(server).wipe()?;
            }
            Kind::Reconfig => self.leave(server).await,
        }
        Ok(())
    }

    async fn end_fault(&mut self, Active { fault, server }: Active) -> Result<()> {
        let of_clients = |from: Place, to: Place| from == CLIENTS || to == CLIENTS;
        match fault.kind {
            Kind::Kill | Kind::Storm => {
                self.gather_from(server)?;
                self.start(server)?;
            }
            Kind::Term => {
                self.await_stop(server).await;
                self.start(server)?;
            }
            Kind::Pause => self.server(server).signal(Signal::CONT),
            Kind::KillAll => {
                self.gather_from(1)?;
                for number in self.numbers() {
                    self.start(number)?;
                }
            }
            Kind::Cut => self.network.change(
                |from, to| from != CLIENTS && to != CLIENTS,
                |weather| weather.is_cut = false,
            ),
            Kind::CutClients => self
                .network
                .change(of_clients, |weather| weather.is_cut = false),
            Kind::SlowClients => self
                .network
                .change(of_clients, |weather| weather.delay_ms = 0),
            Kind::Slow | Kind::Trickle => self.network.change(
                |from, to| from != CLIENTS && to != CLIENTS,
                |weather| {
                    weather.trickles = false;
                    weather.delay_ms = 0;
                },
            ),
            Kind::Reset | Kind::ResetClients => {}
            Kind::Full => {
                // Who has just hit the end of its disk needs a moment to say so and end.
                pause_ms(300).await;
                self.look_after(&BTreeSet::from([server]))?;
                self.server(server).disk.empty_out()?;
                self.start(server)?;
            }
            Kind::SlowDisk => self.slow_down(server, None)?,
            Kind::Wipe => self.replace(server).await?,
            Kind::Reconfig => self.join(server).await,
        }
        Ok(())
    }

    /// Kills all servers as nearly at once as there is.
    pub(crate) fn kill_all(&mut self) {
        for number in self.numbers() {
            self.server(number).signal(Signal::KILL);
        }
        for number in self.numbers() {
            self.server(number).kill();
        }
    }

    /// So much that every log needs more room than it has set aside.
    fn write_much(&self) {
        let op = Op::SetData {
            path: "/a".to_owned(),
            data: Some(Blob(vec![b'.'; MUCH_LEN])),
            version: -1,
        };
        for _ in 0..MUCH_COUNT {
            self.errands.borrow_mut().send_on_errand(op.clone());
        }
    }

    async fn storm(&mut self, server: u8, fault: Fault) -> Result<()> {
        let pause = fault.length_ms / fault.amount.max(1);
        for _ in 0..fault.amount {
            self.server(server).kill();
            self.start(server)?;
            let lives_ms = self.rng.between(0, pause);
            pause_ms(lives_ms).await;
        }
        self.server(server).kill();
        Ok(())
    }

    fn slow_down(&self, number: u8, per_second: Option<u64>) -> Result<()> {
        let server = self.servers.iter().find(|server| server.number == number);
        server.map_or(Ok(()), |server| {
            self.grounds.slow_down(&server.disk, per_second)
        })
    }

    /// A server whose disk is empty is started, and must have its vote again before anything else may fail.
    async fn replace(&mut self, server: u8) -> Result<()> {
        let said = |run: &Self| -> usize {
            run.servers
                .iter()
                .map(|server| server.count_said(REPLACED))
                .sum()
        };
        let before = said(self);
        self.start(server)?;
        let begun = self.now();
        while said(self) == before {
            self.look_after(&BTreeSet::new())?;
            if self.now().ms_since(begun) > REPLACED_MS_MAX {
                let words =
                    format!("server {server} with an empty disk was not given its place again");
                self.say(&words);
                self.wrong.push(("G-21", words));
                return Ok(());
            }
            pause_ms(50).await;
        }
        self.say(&format!(
            "server {server} votes again, {} ms after its start",
            self.now().ms_since(begun)
        ));
        Ok(())
    }

    /// A server is taken out by an operator.
    async fn leave(&self, server: u8) {
        let op = Op::Reconfig {
            joining: None,
            leaving: Some(server.to_string()),
            new_members: None,
            config_id: -1,
        };
        // With faults about it may be refused or lost; then nobody has left, and adding it again changes nothing.
        self.ask_as_operator(op, 5_000).await;
    }

    /// A server is added by an operator, who asks until it is done.
    async fn join(&mut self, server: u8) {
        let op = Op::Reconfig {
            joining: Some(format!(
                "{};{}",
                self.setup.line(server, &self.grounds),
                crate::server::CLIENT_PORT
            )),
            leaving: None,
            new_members: None,
            config_id: -1,
        };
        let begun = self.now();
        while !self.ask_as_operator(op.clone(), 5_000).await {
            if self.now().ms_since(begun) > CHANGED_MS_MAX {
                let words = format!("server {server} cannot be added again by reconfig");
                self.say(&words);
                self.wrong.push(("G-21", words));
                return;
            }
            pause_ms(100).await;
        }
    }

    /// Whether an operator's request was answered in time and without an error.
    async fn ask_as_operator(&self, op: Op, patience_ms: u64) -> bool {
        let login = people::PEOPLE
            .iter()
            .find(|person| person.digest == people::SUPER_DIGEST);
        let auth = login
            .map(|person| person.login.as_bytes().to_vec())
            .unwrap_or_default();
        self.errands.borrow_mut().take_answers();
        self.errands.borrow_mut().send_on_errand(Op::AddAuth {
            scheme: "digest".to_owned(),
            auth,
        });
        self.errands.borrow_mut().send_on_errand(op.clone());
        let begun = self.now();
        while self.now().ms_since(begun) < patience_ms {
            let answers = self.errands.borrow_mut().take_answers();
            if let Some((_, outcome)) = answers.iter().find(|(asked, _)| *asked == op) {
                self.say(&format!(
                    "reconfig answered: {}",
                    outcome
                        .as_ref()
                        .err()
                        .map_or_else(|| "done".to_owned(), |code| format!("error {code}"))
                ));
                return outcome.is_ok();
            }
            pause_ms(10).await;
        }
        false
    }
}

/// Whether a direction between two servers is cut.
fn is_cut((shape, count): (Shape, u8), server: u8, (from, to): (Place, Place)) -> bool {
    if from == CLIENTS || to == CLIENTS {
        return false;
    }
    let other = server % count + 1;
    // The others in two halves, by their numbers.
    let is_left = |number: Place| number.is_multiple_of(2);
    match shape {
        Shape::Alone => from == server || to == server,
        Shape::Deaf => to == server,
        Shape::Mute => from == server,
        Shape::Pair => (from, to) == (server, other) || (from, to) == (other, server),
        Shape::Bridge => from != server && to != server && is_left(from) != is_left(to),
    }
}

fn shown(Active { fault, server }: Active) -> String {
    if server == 0 {
        fault.to_string()
    } else {
        format!("{fault} (server {server})")
    }
}

#[cfg(test)]
mod tests {
    use super::is_cut;
    use crate::network::CLIENTS;
    use crate::plan::Shape;

    #[test]
    fn a_cut_leaves_clients_alone_and_a_bridge_hears_everybody() {
        let cut = |shape, from, to| is_cut((shape, 5), 3, (from, to));
        assert!(!cut(Shape::Alone, CLIENTS, 3));
        assert!(cut(Shape::Alone, 1, 3) && cut(Shape::Alone, 3, 1) && !cut(Shape::Alone, 1, 2));
        assert!(cut(Shape::Deaf, 1, 3) && !cut(Shape::Deaf, 3, 1));
        assert!(cut(Shape::Mute, 3, 1) && !cut(Shape::Mute, 1, 3));
        assert!(cut(Shape::Pair, 3, 4) && cut(Shape::Pair, 4, 3) && !cut(Shape::Pair, 3, 5));
        assert!(cut(Shape::Bridge, 1, 2) && !cut(Shape::Bridge, 1, 5) && !cut(Shape::Bridge, 3, 2));
    }
}
