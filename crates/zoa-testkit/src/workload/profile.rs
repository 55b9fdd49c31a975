//! How a run as a whole behaves: how many clients, how busy, how wild. Drawn once a seed.

use super::Ensemble;
use crate::rng::Rng;

/// The character of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Client programs.
    pub clients: u32,
    /// Milliseconds that the run lasts before everything calms down.
    pub length_ms: u64,
    /// The longest pause between two acts of a busy client, in microseconds.
    pub think_us_max: u64,
    /// The deepest pipeline a client sends at once.
    pub pipeline_max: u64,
    /// Weights of reads, watches, plain writes, multis, ephemerals and sequences, ACLs and logins, syncs, odd requests.
    pub weights: [u32; 8],
    /// Of a thousand acts, how many break the connection.
    pub drop_permille: u64,
    /// Of a thousand acts, how many close the session.
    pub close_permille: u64,
    /// Of a thousand acts, how many are long silences.
    pub silence_permille: u64,
    /// The longest data written, in bytes.
    pub data_len_max: u64,
    /// Session timeouts asked for, in milliseconds.
    pub timeout_ms: (u64, u64),
    /// Whether one client fills a directory with more children than one list step takes.
    pub big_directory: bool,
    /// Milliseconds between two snapshots, about.
    pub snapshot_every_ms: u64,
    /// Whether some clients send writes in streams, each before the one before is answered.
    pub streams: bool,
    /// The servers, where somebody changes them.
    pub ensemble: Option<Ensemble>,
}

impl Profile {
    /// Draws a profile.
    pub fn draw(rng: &mut Rng) -> Self {
        let mut weights = [20, 12, 20, 10, 14, 8, 4, 5];
        // Each run has its own taste: some kinds hardly at all, some most of the time.
        for weight in &mut weights {
            *weight = *weight * u32::try_from(rng.between(1, 8)).unwrap_or(1) / 4 + 1;
        }
        let length_ms = rng.between(6_000, 16_000);
        let clients = u32::try_from(rng.between(3, 9)).unwrap_or(3);
        let pipeline_max = *rng.pick(&[1, 4, 16, 60]).unwrap_or(&4);
        // About so many calls in all, however they come: many clients slowly or few in bursts.
        let calls = rng.between(2_500, 6_000);
        Self {
            clients,
            length_ms,
            think_us_max: length_ms * 1000 * u64::from(clients) * (1 + pipeline_max / 5) * 2
                / calls,
            pipeline_max,
            weights,
            drop_permille: *rng.pick(&[2, 10, 30]).unwrap_or(&10),
            close_permille: *rng.pick(&[1, 5, 15]).unwrap_or(&5),
            silence_permille: *rng.pick(&[0, 3, 10]).unwrap_or(&3),
            data_len_max: *rng.pick(&[20, 200, 3_000, 60_000]).unwrap_or(&200),
            timeout_ms: (rng.between(500, 2_000), rng.between(2_000, 12_000)),
            big_directory: rng.percent(6),
            snapshot_every_ms: *rng.pick(&[200, 900, 3_000]).unwrap_or(&900),
            streams: false,
            ensemble: None,
        }
    }
}
