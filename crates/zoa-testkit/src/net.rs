//! The network between clients and servers: two byte pipes a connection, with seeded delays and faults.
//!
//! It knows nothing of frames: a fault may cut anywhere. It is not a model of TCP's inside; it keeps what TCP promises (order,
//! no loss without an end) and takes away all else.
//!
//! Invariant: within a pipe bytes arrive in the order in which they were sent, or not at all and then nothing behind them
//! either. What is sent and not yet read never exceeds [`PIPE_LEN_MAX`], so that a slow reader holds the writer back.

use crate::clock::SimTime;
use crate::rng::Rng;
use std::collections::VecDeque;

/// Bytes a pipe holds, as the socket buffers of both sides do.
pub const PIPE_LEN_MAX: usize = 128 << 10;

/// How a connection's network behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// The shortest delay, in microseconds.
    pub delay_us_min: u64,
    /// The longest delay, in microseconds.
    pub delay_us_max: u64,
    /// Bytes come in small pieces, each with a delay of its own, so that frames are split.
    pub trickle: bool,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            delay_us_min: 30,
            delay_us_max: 400,
            trickle: false,
        }
    }
}

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
pub struct Pipe {
    in_flight: VecDeque<(SimTime, Vec<u8>)>,
    len: usize,
    last_arrival: SimTime,
    /// Bytes vanish from here on: the other side is not there any more and nobody says so.
    black_hole: bool,
    /// No more bytes will be sent; the reader sees the end behind those in flight.
    ended: bool,
}

/// What a reader finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The end: the other side has closed.
    End,
    /// Nothing yet.
    Nothing,
}

impl Pipe {
    /// How many bytes may be sent now.
    pub fn room(&self) -> usize {
        PIPE_LEN_MAX.saturating_sub(self.len)
    }

    /// Sends bytes, no more than there is room for; gives the times at which the reader should look.
    pub fn send(
        &mut self,
        bytes: &[u8],
        (now, weather): (SimTime, Weather),
        rng: &mut Rng,
    ) -> Vec<SimTime> {
        assert!(bytes.len() <= self.room(), "a writer looks for room first");
        if self.black_hole || self.ended || bytes.is_empty() {
            return Vec::new();
        }
        let mut arrivals = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let piece_len = if weather.trickle {
                usize::try_from(rng.between(1, 40)).unwrap_or(1)
            } else {
                rest.len()
            };
            let (piece, behind) = rest.split_at(piece_len.min(rest.len()));
            let at = now
                .max(self.last_arrival)
                .after_us(rng.between(weather.delay_us_min, weather.delay_us_max));
            self.last_arrival = at;
            self.len += piece.len();
            self.in_flight.push_back((at, piece.to_vec()));
            arrivals.push(at);
            rest = behind;
        }
        arrivals
    }

    /// Takes what has arrived.
    pub fn receive(&mut self, now: SimTime) -> Arrival {
        let mut bytes = Vec::new();
        while let Some((_, piece)) = self.in_flight.pop_front_if(|(at, _)| *at <= now) {
            self.len -= piece.len();
            bytes.extend_from_slice(&piece);
        }
        if !bytes.is_empty() {
            Arrival::Bytes(bytes)
        } else if self.ended && self.in_flight.is_empty() {
            Arrival::End
        } else {
            Arrival::Nothing
        }
    }

    /// Ends the stream behind what is in flight; gives the time at which the reader sees it.
    pub fn end(&mut self, now: SimTime) -> SimTime {
        self.ended = true;
        self.last_arrival.max(now).after_us(50)
    }

    /// Breaks the connection: what is in flight is lost, from the given number of bytes on.
    pub fn reset(&mut self, kept_len: usize) {
        let mut kept = kept_len;
        for (_, piece) in &mut self.in_flight {
            piece.truncate(kept);
            kept -= piece.len();
        }
        self.in_flight.retain(|(_, piece)| !piece.is_empty());
        self.len = self.in_flight.iter().map(|(_, piece)| piece.len()).sum();
        self.ended = true;
    }

    /// Loses all that is in flight and all that will be sent, without a word.
    pub fn vanish(&mut self) {
        self.in_flight.clear();
        self.len = 0;
        self.black_hole = true;
    }

    /// Bytes sent and not yet read.
    pub fn in_flight_len(&self) -> usize {
        self.len
    }
}

/// Both directions of a connection.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// From the client.
    pub to_server: Pipe,
    /// To the client.
    pub to_client: Pipe,
    /// How it behaves.
    pub weather: Weather,
}

#[cfg(test)]
mod tests {
    use super::Arrival;
    use super::Pipe;
    use super::Weather;
    use crate::clock::SimTime;
    use crate::rng::Rng;

    fn sent(weather: Weather) -> (Pipe, Vec<SimTime>) {
        let mut pipe = Pipe::default();
        let mut rng = Rng::new(4);
        let mut times = pipe.send(b"hello ", (SimTime(0), weather), &mut rng);
        times.extend(pipe.send(b"world", (SimTime(1), weather), &mut rng));
        (pipe, times)
    }

    #[test]
    fn bytes_arrive_in_order_and_not_before_their_time() {
        let (mut pipe, times) = sent(Weather {
            trickle: true,
            ..Weather::default()
        });
        assert_eq!(pipe.receive(SimTime(0)), Arrival::Nothing);
        let mut seen = Vec::new();
        for at in times {
            if let Arrival::Bytes(bytes) = pipe.receive(at) {
                seen.extend(bytes);
            }
        }
        assert_eq!(seen, b"hello world");
        assert_eq!(pipe.receive(SimTime(u64::MAX)), Arrival::Nothing);
    }

    #[test]
    fn an_end_is_seen_behind_the_bytes() {
        let (mut pipe, _) = sent(Weather::default());
        let at = pipe.end(SimTime(2));
        assert_eq!(pipe.receive(at), Arrival::Bytes(b"hello world".to_vec()));
        assert_eq!(pipe.receive(at), Arrival::End);
    }

    #[test]
    fn a_reset_cuts_anywhere() {
        let (mut pipe, _) = sent(Weather::default());
        pipe.reset(8);
        assert_eq!(
            pipe.receive(SimTime(u64::MAX)),
            Arrival::Bytes(b"hello wo".to_vec())
        );
        assert_eq!(pipe.receive(SimTime(u64::MAX)), Arrival::End);
    }

    #[test]
    fn a_half_open_pipe_swallows_all_and_never_ends() {
        let (mut pipe, _) = sent(Weather::default());
        pipe.vanish();
        pipe.send(b"more", (SimTime(9), Weather::default()), &mut Rng::new(1));
        assert_eq!(pipe.receive(SimTime(u64::MAX)), Arrival::Nothing);
    }

    #[test]
    fn a_reader_that_does_not_read_fills_the_pipe() {
        let mut pipe = Pipe::default();
        let chunk = vec![0; pipe.room()];
        pipe.send(&chunk, (SimTime(0), Weather::default()), &mut Rng::new(1));
        assert_eq!(pipe.room(), 0);
        pipe.receive(SimTime(u64::MAX));
        assert_eq!(pipe.room(), super::PIPE_LEN_MAX);
    }
}
