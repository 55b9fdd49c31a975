//! One connection over a network that delays, cuts anywhere, and may never answer.

use super::Chance;

/// Bytes on their way, and when they arrive.
type Flight = Vec<(u64, Vec<u8>)>;

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) number: u64,
    to_server: Flight,
    to_client: Flight,
    /// The server's end is gone, the client hears of it then.
    pub(crate) closes_ms: Option<u64>,
    /// Accepted by something that never answers.
    pub(crate) is_mute: bool,
    slow_until_ms: u64,
}

impl Link {
    pub(crate) fn new(number: u64, is_mute: bool) -> Self {
        Self {
            number,
            to_server: Vec::new(),
            to_client: Vec::new(),
            closes_ms: None,
            is_mute,
            slow_until_ms: 0,
        }
    }

    fn arrival_ms(&self, flight: &Flight, now_ms: u64, chance: &mut Chance) -> u64 {
        let soonest_ms = flight.last().map_or(0, |(at_ms, _)| *at_ms);
        (now_ms + chance.below(30))
            .max(soonest_ms)
            .max(self.slow_until_ms)
    }

    pub(crate) fn send_to_server(&mut self, bytes: &[u8], now_ms: u64, chance: &mut Chance) {
        let at_ms = self.arrival_ms(&self.to_server, now_ms, chance);
        self.to_server.push((at_ms, bytes.to_vec()));
    }

    /// What the server wrote, in two pieces cut anywhere.
    pub(crate) fn send_to_client(&mut self, bytes: &[u8], now_ms: u64, chance: &mut Chance) {
        let cut = chance.index(bytes.len() + 1);
        for piece in [&bytes[..cut], &bytes[cut..]] {
            if !piece.is_empty() {
                let at_ms = self.arrival_ms(&self.to_client, now_ms, chance);
                self.to_client.push((at_ms, piece.to_vec()));
            }
        }
    }

    /// The server closes in order: what it wrote before still arrives.
    pub(crate) fn close(&mut self, now_ms: u64, chance: &mut Chance) {
        let at_ms = self.arrival_ms(&self.to_client, now_ms, chance);
        self.closes_ms.get_or_insert(at_ms);
        self.to_server.clear();
    }

    /// The connection breaks: of what is on its way, in each direction, some bytes arrive and the rest never does. The server
    /// gets its share here.
    pub(crate) fn reset(&mut self, now_ms: u64, chance: &mut Chance) -> Vec<u8> {
        let sent = cut(&mut self.to_server, chance);
        let received = cut(&mut self.to_client, chance);
        self.to_client = vec![(now_ms, received)];
        self.closes_ms = Some(now_ms + chance.below(200));
        sent
    }

    /// Nothing arrives for a while.
    pub(crate) fn stall(&mut self, now_ms: u64, for_ms: u64) {
        self.slow_until_ms = now_ms + for_ms;
        for (at_ms, _) in self.to_server.iter_mut().chain(&mut self.to_client) {
            *at_ms = (*at_ms).max(self.slow_until_ms);
        }
    }

    pub(crate) fn take_for_server(&mut self, now_ms: u64) -> Vec<u8> {
        take(&mut self.to_server, now_ms)
    }

    pub(crate) fn take_for_client(&mut self, now_ms: u64) -> Vec<u8> {
        take(&mut self.to_client, now_ms)
    }

    /// Whether the client has got all that it will get.
    pub(crate) fn is_over(&self, now_ms: u64) -> bool {
        self.to_client.is_empty() && self.closes_ms.is_some_and(|at_ms| at_ms <= now_ms)
    }
}

fn cut(flight: &mut Flight, chance: &mut Chance) -> Vec<u8> {
    let mut all: Vec<u8> = flight.drain(..).flat_map(|(_, bytes)| bytes).collect();
    all.truncate(chance.index(all.len() + 1));
    all
}

fn take(flight: &mut Flight, now_ms: u64) -> Vec<u8> {
    let count = flight
        .iter()
        .take_while(|(at_ms, _)| *at_ms <= now_ms)
        .count();
    flight.drain(..count).flat_map(|(_, bytes)| bytes).collect()
}
