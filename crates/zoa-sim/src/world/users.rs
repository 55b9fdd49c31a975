//! The users' side of the world: names, sockets, clocks and threads for production clients, with everything that goes wrong there.
//!
//! It drives a client as any program may: inputs in the order in which they come, then events, actions, bytes, and the next timeout.
//! What a driver need not get right is drawn: bytes in pieces, late polls, reports of connections that were given up.
//!
//! Invariant: while a user's process stands still, nothing reaches its client; what arrives waits in the socket.

mod mourning;

use super::Happening;
use super::Line;
use super::World;
use crate::clients::Life;
use crate::clients::Move;
use crate::clients::Peer;
use crate::clients::Place;
use crate::clients::Socket;
use crate::clients::Tap;
use crate::clients::User;
use crate::clients::Way;
use crate::clients::fake_words;
use crate::clients::place_of;
use crate::clients::resolve;
use crate::process::Wire;
use crate::recipes::Program;
use std::io::ErrorKind;
use std::sync::Arc;
use zoa_client_core::Action;
use zoa_client_core::ConnectionId;
use zoa_client_core::SessionState;
use zoa_testkit::clock::SimTime;
use zoa_testkit::history;
use zoa_testkit::history::ClientId;
use zoa_testkit::history::End;
use zoa_testkit::net::Arrival;
use zoa_testkit::net::Link;
use zoa_testkit::net::PIPE_LEN_MAX;
use zoa_testkit::op::Op;

/// Names of these clients in the history, beyond those of the others.
const FIRST_CLIENT: u32 = 1_000;

impl World {
    /// Makes the users of the clients' scenario.
    pub(super) fn invite_users(&mut self, count: usize) {
        let mut rng = self.dice.users.fork("users");
        for number in 0..count {
            let surroundings = (&self.profile, self.machines.count() > 1);
            let mut user = User::new(number, surroundings, rng.fork("user"));
            if let Some(subject) = self.subject() {
                user = user.with_script((subject, Arc::clone(&self.ledger)));
            }
            self.users.insert(number, user);
            let at = SimTime(self.dice.users.below(300_000));
            self.agenda.put(at, Happening::UserActs(number));
        }
    }

    /// Takes a user out of the world for a while; `None` while its process stands still, and the happening comes again.
    fn meet_user(&mut self, number: usize, again: Happening) -> Option<User> {
        let user = self.users.get(&number)?;
        if self.now() < user.paused_until {
            self.agenda.put(user.paused_until, again);
            return None;
        }
        self.users.remove(&number)
    }

    pub(super) fn user_acts(&mut self, number: usize) {
        let Some(mut user) = self.meet_user(number, Happening::UserActs(number)) else {
            return;
        };
        let next_us = user.pause_us();
        self.agenda.put_in_us(next_us, Happening::UserActs(number));
        let (now, clock_ms) = (self.now(), user.clock_ms(self.now()));
        match user.act(now) {
            Move::Nothing => {}
            Move::Start => {
                let id = ClientId(FIRST_CLIENT + self.next_client);
                self.next_client += 1;
                user.start(now, id);
                user.tally.clients += 1;
                user.tally.chroots += u64::from(!user.chroot.is_empty());
                let takes_over = |life: &Life| life.taken_over.is_some();
                user.tally.takeovers += u64::from(user.life.as_ref().is_some_and(takes_over));
            }
            Move::Ask(ops) => self.ask(&mut user, &ops),
            Move::Close(patience_ms) => {
                on_life(&mut user, |life| life.client.close(clock_ms, patience_ms));
                if let Some(program) = &mut user.program {
                    program.close();
                }
            }
            Move::Die(takes_ticket) => self.user_dies(&mut user, takes_ticket),
            Move::Pause(ms) => {
                user.tally.pauses += 1;
                user.paused_until = now.after_ms(ms);
                self.note("user pauses", (number as u64, ms));
            }
            Move::Jump(ms) => {
                user.tally.jumps += 1;
                user.ahead_us += ms * 1000;
            }
            Move::Cut(way) => user.cut = Some(way),
            Move::Reconnect => on_life(&mut user, |life| life.client.reconnect(clock_ms)),
            Move::SetHosts => {
                let hosts = user.draw_hosts();
                on_life(&mut user, |life| life.client.set_hosts(clock_ms, &hosts));
            }
        }
        if now >= user.paused_until {
            self.drive(&mut user);
        }
        self.users.insert(number, user);
    }

    fn ask(&self, user: &mut User, ops: &[Op]) {
        let times = (self.now(), user.clock_ms(self.now()));
        for op in ops {
            let draw = user.rng.index(1_000);
            let Some(life) = &mut user.life else { return };
            let whose = life.some_watcher(draw).filter(|_| draw.is_multiple_of(2));
            match life.ask(times, op, whose) {
                Ok(tag) => {
                    user.tally.requests += 1;
                    user.tally.logins += u64::from(matches!(op, Op::AddAuth { .. }));
                    user.note_asked(tag);
                }
                Err(refusal) => user.tally.refused += u64::from(refusal.is_some()),
            }
        }
    }

    /// The process is gone: its kernel closes the sockets, and nobody tells the client anything.
    fn user_dies(&mut self, user: &mut User, takes_ticket: bool) {
        let Some(life) = &mut user.life else { return };
        life.killed = true;
        user.tally.deaths += 1;
        let open: Vec<u64> = life.sockets.keys().copied().collect();
        for socket in open {
            self.close_socket(user, socket);
        }
        user.bury(self.now(), takes_ticket);
    }

    /// The time for which the client has asked has come.
    pub(super) fn look_at_client(&mut self, number: usize) {
        let Some(mut user) = self.meet_user(number, Happening::UserLooks(number)) else {
            return;
        };
        let (now, clock_ms) = (self.now(), user.clock_ms(self.now()));
        on_life(&mut user, |life| {
            if life.looks_at.is_some_and(|at| at <= now) {
                life.looks_at = None;
            }
            if life
                .client
                .poll_timeout()
                .is_some_and(|due_ms| due_ms <= clock_ms)
            {
                life.client.handle_timeout(clock_ms);
            }
        });
        self.drive(&mut user);
        self.users.insert(number, user);
    }

    /// After every input: events, actions, bytes, the next timeout.
    fn drive(&mut self, user: &mut User) {
        let now = self.now();
        on_life(user, |life| life.listen(now));
        user.learn(now);
        self.run_program(user);
        while let Some(action) = user
            .life
            .as_mut()
            .and_then(|life| life.client.poll_action())
        {
            self.carry_out(user, action);
        }
        while self.transmit_once(user) {}
        let clock_ms = user.clock_ms(now);
        let Some(life) = &mut user.life else { return };
        if life.end().is_some() {
            check_end(life, (now, clock_ms));
            user.bury(now, false);
            return;
        }
        let timer_ms = user.program.as_ref().and_then(Program::next_timer_ms);
        let timeouts = [life.client.poll_timeout(), timer_ms];
        let Some(due_ms) = timeouts.into_iter().flatten().min() else {
            return;
        };
        let due = user.time_of(due_ms).max(now.after_us(1_000));
        let Some(life) = &mut user.life else { return };
        if life.looks_at.is_none_or(|at| due < at) {
            life.looks_at = Some(due);
            let late_us = self.dice.users.below(3_000);
            let at = due.after_us(late_us);
            self.agenda.put(at, Happening::UserLooks(user.number));
        }
    }

    /// Lets the tasks of a script run, until they have nothing more to ask.
    fn run_program(&self, user: &mut User) {
        let now = self.now();
        let clock_ms = user.clock_ms(now);
        loop {
            let alive_ms = user
                .life
                .as_ref()
                .and_then(|life| life.client.alive_until_ms());
            let alive_until = alive_ms.map_or(SimTime::ZERO, |alive_ms| user.time_of(alive_ms));
            let (Some(life), Some(program)) = (&mut user.life, &mut user.program) else {
                return;
            };
            if !program.run(life, (now, clock_ms), alive_until) {
                return;
            }
            life.listen(now);
        }
    }

    fn carry_out(&mut self, user: &mut User, action: Action) {
        let (number, connection) = (user.number, action.connection());
        let Some(life) = &mut user.life else { return };
        let answer = Happening::UserAnswered(number, life.id.0, connection.0);
        match action {
            Action::Resolve { host, .. } => {
                life.names.insert(connection.0, host.name);
                let is_stuck = self.phase.is_busy() && self.dice.users.percent(4);
                let delay_us = if is_stuck { 4_000_000 } else { 20_000 };
                let delay_us = self.dice.users.below(delay_us);
                self.agenda.put_in_us(delay_us, answer);
            }
            Action::Connect { address, .. } => {
                let peer = Peer::Connecting(address);
                life.sockets.insert(connection.0, Socket { peer });
                if place_of(address.ip()) != Place::Hole {
                    let delay_us = self.dice.users.between(50, 4_000);
                    self.agenda.put_in_us(delay_us, answer);
                }
            }
            Action::Close { .. } => {
                life.names.remove(&connection.0);
                self.close_socket(user, connection.0);
            }
            Action::Probe { .. } => {
                let what = "it looks for a writable server, and none is read-only".to_owned();
                life.wrong.push(("G-29", what));
            }
        }
    }

    /// A name server or a socket has something to say about an attempt.
    pub(super) fn answer_client(&mut self, number: usize, client: u32, connection: u64) {
        let again = Happening::UserAnswered(number, client, connection);
        let Some(mut user) = self.meet_user(number, again) else {
            return;
        };
        if user.life.as_ref().is_some_and(|life| life.id.0 == client) {
            self.answer_attempt(&mut user, connection);
            self.drive(&mut user);
        }
        self.users.insert(number, user);
    }

    fn answer_attempt(&mut self, user: &mut User, connection: u64) {
        let clock_ms = user.clock_ms(self.now());
        let id = ConnectionId(connection);
        let Some(life) = &mut user.life else { return };
        if let Some(name) = life.names.remove(&connection) {
            let addresses = resolve(&name, self.phase.is_busy(), &mut self.dice.users);
            user.tally.unresolved += u64::from(addresses.is_empty());
            if addresses.is_empty() {
                life.client.handle_unresolved(clock_ms, id);
            } else {
                life.client.handle_resolved(clock_ms, id, &addresses);
            }
            return;
        }
        let place = match life.sockets.get(&connection).map(|socket| &socket.peer) {
            Some(Peer::Connecting(address)) => place_of(address.ip()),
            Some(Peer::Stranger) => return self.fake_speaks(user, connection),
            Some(Peer::Server(..)) | None => return,
        };
        match place {
            Place::Server(server) if self.machines[server].serves() => {
                self.connect_client(user, connection, server);
            }
            // The machine may be without power, and then nobody says no.
            Place::Server(server)
                if self.machines[server].process.is_none() && self.dice.users.percent(30) =>
            {
                user.tally.unconnected += 1;
            }
            Place::Mute | Place::Fake => {
                user.tally.fakes += 1;
                life.sockets.insert(
                    connection,
                    Socket {
                        peer: Peer::Stranger,
                    },
                );
                life.client.handle_connected(clock_ms, id);
                if place == Place::Fake {
                    let answer = Happening::UserAnswered(user.number, life.id.0, connection);
                    let delay_us = self.dice.users.between(100, 20_000);
                    self.agenda.put_in_us(delay_us, answer);
                }
            }
            Place::Server(_) | Place::Refusing | Place::Hole => {
                user.tally.unconnected += 1;
                life.sockets.remove(&connection);
                let refused = Some(ErrorKind::ConnectionRefused);
                life.client.handle_disconnected(clock_ms, id, refused);
            }
        }
    }

    /// Somebody who speaks no ZooKeeper says a word and hangs up.
    fn fake_speaks(&mut self, user: &mut User, connection: u64) {
        let clock_ms = user.clock_ms(self.now());
        let words = fake_words(&mut self.dice.users);
        on_life(user, |life| {
            hand(&mut life.client, clock_ms, ConnectionId(connection), words);
            life.sockets.remove(&connection);
            life.client
                .handle_disconnected(clock_ms, ConnectionId(connection), None);
        });
    }

    fn connect_client(&mut self, user: &mut User, connection: u64, server: usize) {
        let (now, clock_ms) = (self.now(), user.clock_ms(self.now()));
        let address = user.address();
        let Some(life) = &mut user.life else { return };
        let id = self.history.open(history::Connection {
            client: life.id,
            opened_at: now,
            address,
            ..history::Connection::default()
        });
        let link = Link {
            weather: self.weather,
            ..Link::default()
        };
        let line = Line {
            wire: Wire::new(link),
            actor: None,
            user: Some(user.number),
            server,
            number: None,
            server_listens: true,
        };
        self.lines.insert(id.0, line);
        let peer = Peer::Server(id.0, Tap::default());
        life.sockets.insert(connection, Socket { peer });
        life.client
            .handle_connected(clock_ms, ConnectionId(connection));
        user.tally.connections += 1;
        self.note("client connects", (user.number as u64, id.0 as u64));
    }

    /// Puts some of the client's bytes on the wire; whether there may be more to do.
    fn transmit_once(&mut self, user: &mut User) -> bool {
        let (now, clock_ms) = (self.now(), user.clock_ms(self.now()));
        let Some(life) = &mut user.life else {
            return false;
        };
        let Some(transmit) = life.client.poll_transmit() else {
            return false;
        };
        let connection = transmit.connection;
        let dice = &mut self.dice.users;
        let wanted = match dice.percent(80) {
            true => transmit.bytes.len(),
            false => 1 + dice.index(transmit.bytes.len()),
        };
        let Some(socket) = life.sockets.get_mut(&connection.0) else {
            return false;
        };
        let Peer::Server(id, tap) = &mut socket.peer else {
            // A stranger's kernel takes what comes.
            let len = transmit.bytes.len();
            life.client.handle_transmitted(clock_ms, connection, len);
            return true;
        };
        let (Some(line), Some(noted)) = (
            self.lines.get_mut(id),
            self.history.connections.get_mut(*id),
        ) else {
            return false;
        };
        let len = wanted.min(line.wire.link.to_server.room());
        let bytes = transmit.bytes.get(..len).unwrap_or_default();
        if bytes.is_empty() {
            return false;
        }
        line.wire.frame_ends.extend(tap.send(now, bytes, noted));
        line.wire.sent += len as u64;
        let weather = line.wire.link.weather;
        let pipe = &mut line.wire.link.to_server;
        for at in pipe.send(bytes, (now, weather), &mut self.dice.network) {
            self.agenda.put(at, Happening::AtServer(*id));
        }
        life.client.handle_transmitted(clock_ms, connection, len);
        let id = *id;
        if user.cut.take_if(|way| *way == Way::ToServer).is_some() {
            user.tally.cut_requests += 1;
            self.cut_line(id);
        }
        // Sometimes the socket takes no more for now.
        len == wanted && !self.dice.users.percent(10)
    }

    /// The connection breaks: of what is under way each side gets a part.
    fn cut_line(&mut self, connection: usize) {
        let now = self.now();
        let Some(line) = self.lines.get_mut(&connection) else {
            return;
        };
        for pipe in [&mut line.wire.link.to_server, &mut line.wire.link.to_client] {
            let kept_len = self.dice.users.index(pipe.in_flight_len() + 1);
            pipe.reset(kept_len);
        }
        let ends = (
            line.wire.link.to_server.end(now),
            line.wire.link.to_client.end(now),
        );
        self.agenda.put(ends.0, Happening::AtServer(connection));
        self.agenda.put(ends.1, Happening::AtClient(connection));
    }

    /// Bytes, or the end, may have arrived at a production client.
    pub(super) fn arrive_at_user(&mut self, number: usize, connection: usize) {
        let Some(mut user) = self.meet_user(number, Happening::AtClient(connection)) else {
            return;
        };
        let server = self.lines.get(&connection).map(|line| line.server);
        while self.receive_once(&mut user, connection) {}
        self.drive(&mut user);
        self.users.insert(number, user);
        if let Some(server) = server {
            self.schedule_wanted(server);
        }
    }

    /// Hands on what has arrived; whether there may be more.
    fn receive_once(&mut self, user: &mut User, connection: usize) -> bool {
        let (now, clock_ms) = (self.now(), user.clock_ms(self.now()));
        let Some(line) = self.lines.get_mut(&connection) else {
            return false;
        };
        let pipe = &mut line.wire.link.to_client;
        let was_full = pipe.in_flight_len() > PIPE_LEN_MAX / 2;
        let arrival = pipe.receive(now);
        let owner = user
            .life
            .as_mut()
            .and_then(|life| life.socket_of(connection));
        match (arrival, owner) {
            (Arrival::Bytes(mut bytes), Some((id, tap))) => {
                if user.cut.take_if(|way| *way == Way::ToClient).is_some() {
                    bytes.truncate(self.dice.users.index(bytes.len()));
                    line.wire.link.to_client.reset(0);
                    let at = line.wire.link.to_client.end(now);
                    self.agenda.put(at, Happening::AtClient(connection));
                }
                let server = &mut self.machines[line.server];
                if let (true, Some(number), Some(process)) =
                    (was_full, line.number, &mut server.process)
                {
                    process.want_connection(number);
                }
                self.trace.note_bytes(&bytes);
                if let Some(noted) = self.history.connections.get_mut(connection) {
                    tap.receive(now, &bytes, noted);
                }
                self.feed(user, id, &bytes);
                true
            }
            (Arrival::End, Some((id, tap))) => {
                user.tally.resets += u64::from(tap.is_mid_reply());
                user.tally.cut_requests += u64::from(tap.is_mid_request());
                self.end_noted(connection, End::ClosedByServer);
                let error = self
                    .dice
                    .users
                    .percent(50)
                    .then_some(ErrorKind::ConnectionReset);
                on_life(user, |life| {
                    life.sockets.remove(&id.0);
                    life.client.handle_disconnected(clock_ms, id, error);
                });
                self.hang_up(connection);
                false
            }
            (Arrival::Bytes(bytes), None) => {
                self.report_late(user, &bytes);
                true
            }
            (Arrival::End, None) => {
                self.hang_up(connection);
                false
            }
            (Arrival::Nothing, _) => false,
        }
    }

    /// Bytes go into the client in pieces, and its events are polled now and then.
    fn feed(&mut self, user: &mut User, id: ConnectionId, bytes: &[u8]) {
        let (now, clock_ms) = (self.now(), user.clock_ms(self.now()));
        let Some(life) = &mut user.life else { return };
        let mut rest = bytes;
        while !rest.is_empty() {
            let piece_len = if self.dice.users.percent(20) {
                1 + self.dice.users.index(rest.len())
            } else {
                rest.len()
            };
            let (piece, behind) = rest.split_at(piece_len);
            let taken = hand(&mut life.client, clock_ms, id, piece);
            rest = if taken == piece.len() {
                behind
            } else {
                rest.get(taken..).unwrap_or_default()
            };
            if taken == 0 || self.dice.users.percent(20) {
                life.listen(now);
            }
        }
    }

    /// What was read from a socket just before it was given up may be reported after: it must not count.
    fn report_late(&self, user: &mut User, bytes: &[u8]) {
        let clock_ms = user.clock_ms(self.now());
        let Some(life) = &mut user.life else { return };
        let current = life.sockets.keys().next_back().copied().unwrap_or_default();
        if let Some(old) = current
            .checked_sub(1)
            .filter(|old| !life.sockets.contains_key(old))
        {
            user.tally.stale += 1;
            hand(&mut life.client, clock_ms, ConnectionId(old), bytes);
            life.client
                .handle_disconnected(clock_ms, ConnectionId(old), None);
        }
    }

    /// The client closes a socket: in order, or hard.
    fn close_socket(&mut self, user: &mut User, connection: u64) {
        let now = self.now();
        let Some(life) = &mut user.life else { return };
        let Some(Socket {
            peer: Peer::Server(id, tap),
        }) = life.sockets.remove(&connection)
        else {
            return;
        };
        user.tally.cut_requests += u64::from(tap.is_mid_request());
        self.end_noted(id, End::Dropped);
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        if self.dice.users.percent(30) {
            let pipe = &mut line.wire.link.to_server;
            let kept_len = self.dice.users.index(pipe.in_flight_len() + 1);
            pipe.reset(kept_len);
        }
        let at = line.wire.link.to_server.end(now);
        self.agenda.put(at, Happening::AtServer(id));
    }

    fn end_noted(&mut self, connection: usize, end: End) {
        let now = self.now();
        if let Some(noted) = self.history.connections.get_mut(connection) {
            noted.end = end;
            noted.ended_at = Some(now);
        }
    }
}

fn on_life(user: &mut User, act: impl FnOnce(&mut Life)) {
    if let Some(life) = &mut user.life {
        act(life);
    }
}

/// Hands bytes to a client; how many it had room for.
fn hand(
    client: &mut zoa_client_core::Client<u32>,
    clock_ms: u64,
    id: ConnectionId,
    bytes: &[u8],
) -> usize {
    let room = client.receive_buffer();
    let len = room.len().min(bytes.len());
    if let (Some(room), Some(bytes)) = (room.get_mut(..len), bytes.get(..len)) {
        room.copy_from_slice(bytes);
    }
    client.handle_received(clock_ms, id, len);
    len
}

/// A session that was told to have ended stays so, and takes nothing more.
fn check_end(life: &mut Life, times: (SimTime, u64)) {
    let path = "/".to_owned();
    let taken = life.ask(times, &Op::Sync { path }, None).is_ok();
    let state = life.client.state();
    let is_over = matches!(
        state,
        SessionState::Expired | SessionState::AuthFailed | SessionState::Closed
    );
    let is_alive = life.client.alive_until_ms().is_some();
    if taken || !is_over || is_alive || life.client.pending_count() > 0 {
        let pending = life.client.pending_count();
        let what = format!(
            "after its end a client is {state:?}, takes requests: {taken}, alive: {is_alive}, {pending} pending"
        );
        life.wrong.push(("G-29", what));
    }
}

#[cfg(test)]
mod tests;
