//! Connections of those who are no clients: port scanners, browsers, broken programs, the four-letter words of monitoring.
//!
//! Nothing they do reaches the log, so nothing of theirs stands in the history. What is looked for is that production code
//! neither panics nor lets its clients suffer; every other checker sees that.

use super::Happening;
use super::Line;
use super::World;
use crate::process::Wire;
use zoa_testkit::net::Arrival;
use zoa_testkit::net::Link;
use zoa_testkit::rng::Rng;

/// Where the names of such connections begin, far beyond those of the history.
const FIRST_NAME: usize = 1 << 40;

/// What they send first.
const OPENINGS: [&[u8]; 12] = [
    b"GET / HTTP/1.1\r\nHost: zoo\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x00",
    b"\x7f\xff\xff\xff\x00",
    b"\x00\x10\x00\x00",
    b"ruok",
    b"mntr",
    b"srvr",
    b"cons",
    b"\x00\x00\x00\x2d\x00\x00",
    b"",
];

impl World {
    pub(super) fn meet_stranger(&mut self) {
        let name = FIRST_NAME + usize::try_from(self.counters.strangers).unwrap_or(0);
        self.counters.strangers += 1;
        if self.phase.is_busy() {
            let next_us = self.dice.strangers.below(4_000_000);
            self.agenda.put_in_us(next_us, Happening::Stranger);
        }
        let server = self.choose_server();
        if !self.machines[server].serves() {
            return;
        }
        let bytes = opening(&mut self.dice.strangers);
        let weather = self.weather;
        let mut wire = Wire::new(Link {
            weather,
            ..Link::default()
        });
        let now = self.now();
        let mut looks = wire
            .link
            .to_server
            .send(&bytes, (now, weather), &mut self.dice.network);
        if self.dice.strangers.percent(50) {
            looks.push(wire.link.to_server.end(now));
        }
        for at in looks {
            self.agenda.put(at, Happening::AtServer(name));
        }
        self.lines.insert(
            name,
            Line {
                wire,
                actor: None,
                user: None,
                server,
                number: None,
                server_listens: true,
            },
        );
    }

    /// Whatever it is told, a stranger does not listen.
    pub(super) fn arrive_at_stranger(&mut self, connection: usize) {
        let now = self.now();
        let Some(line) = self.lines.get_mut(&connection) else {
            return;
        };
        match line.wire.link.to_client.receive(now) {
            Arrival::Bytes(bytes) => {
                self.trace.note_bytes(&bytes);
                self.arrive_at_stranger(connection);
            }
            Arrival::End => self.hang_up(connection),
            Arrival::Nothing => {}
        }
    }
}

fn opening(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = rng
        .pick(&OPENINGS)
        .map_or_else(Vec::new, |opening| opening.to_vec());
    if rng.percent(30) {
        let noise = rng.index(300);
        bytes.extend((0..noise).flat_map(|_| rng.next_u64().to_le_bytes()));
    }
    bytes
}
