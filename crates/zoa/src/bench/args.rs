//! What the workloads are told: which server, how much of everything, and for how long.

use std::time::Duration;

use crate::bench::closed_loop::Offer;
use crate::bench::measure::Span;

/// Warm-up where the server may be a Java virtual machine, which compiles its code as it runs.
const WARMUP_JAVA: f64 = 5.0;
/// Warm-up of any other server.
const WARMUP_NATIVE: f64 = 1.0;
/// The longest duration taken from the command line: a day.
const SECONDS_MAX: f64 = 86_400.0;

/// The server to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    /// The server, as host:port; several, separated by commas, for an ensemble, over which the
    /// connections are spread
    #[arg(long, default_value = "127.0.0.1:2181")]
    pub(crate) server: String,
    /// Process id of the server, for its CPU time and memory; several, separated by commas, for an
    /// ensemble
    #[arg(long = "pid", value_name = "PID", value_delimiter = ',')]
    pub(crate) pids: Vec<u32>,
    /// Session timeout to ask for, in milliseconds
    #[arg(long, default_value_t = 30_000, value_name = "MS", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) session_timeout_ms: i32,
    /// Leave the znodes of the run where they are
    #[arg(long)]
    pub(crate) keep: bool,
    /// Print one JSON line instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

impl Target {
    /// Whether one of the given processes is a Java virtual machine.
    pub(crate) fn is_java(&self) -> bool {
        self.pids.iter().any(|pid| {
            std::fs::read_to_string(format!("/proc/{pid}/comm"))
                .is_ok_and(|name| name.trim() == "java")
        })
    }
}

/// How long to warm up and to measure.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Timing {
    /// How long to measure, in seconds
    #[arg(long, default_value_t = 5.0, value_parser = parse_seconds)]
    pub(crate) seconds: f64,
    /// How long to run before measuring; 5 seconds, or 1 when --pid shows that the server is no
    /// Java
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub(crate) warmup: Option<f64>,
}

impl Timing {
    /// The two durations; the warm-up depends on what the target runs on unless it was given.
    pub(crate) fn span(&self, target: &Target) -> Span {
        let native = !target.pids.is_empty() && !target.is_java();
        let default = if native { WARMUP_NATIVE } else { WARMUP_JAVA };
        Span {
            warmup: Duration::from_secs_f64(self.warmup.unwrap_or(default)),
            measured: Duration::from_secs_f64(self.seconds),
        }
    }
}

/// Options of the workloads that offer a stream of requests.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LoadArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) timing: Timing,
    /// Connections, each with a session of its own
    #[arg(long, default_value_t = 64, value_parser = parse_count)]
    pub(crate) connections: usize,
    /// Requests in flight on each connection
    #[arg(long, default_value_t = 1, value_parser = parse_count)]
    pub(crate) depth: usize,
    /// Length of each value, in bytes
    #[arg(long, default_value_t = 100, value_parser = parse_value_bytes)]
    pub(crate) value_bytes: usize,
    /// Znodes that are read and written
    #[arg(long, default_value_t = 1000, value_parser = parse_count)]
    pub(crate) keys: usize,
    /// Offer this many requests a second, rather than as many as are answered
    #[arg(long, value_name = "PER_SECOND", value_parser = parse_rate)]
    pub(crate) rate: Option<f64>,
}

impl LoadArgs {
    /// How requests are offered.
    pub(crate) fn offer(&self) -> Offer {
        match self.rate {
            Some(per_second) => Offer::Rate {
                per_second,
                depth: self.depth,
            },
            None => Offer::Depth(self.depth),
        }
    }
}

/// Options of `zoa bench mixed`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct MixedArgs {
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    /// Share of reads among the requests, in percent
    #[arg(long, default_value_t = 90, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) reads: u8,
}

/// Options of `zoa bench watch`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WatchArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) timing: Timing,
    /// Watches that one write fires
    #[arg(long, default_value_t = 5000, value_parser = parse_count)]
    pub(crate) watchers: usize,
    /// Connections that the watches are spread over; as many as watches unless given. A session
    /// gets one event a znode, so with fewer connections the write is a multi that changes several
    /// znodes
    #[arg(long, value_parser = parse_count)]
    pub(crate) connections: Option<usize>,
}

/// Options of `zoa bench idle` and `zoa bench connect`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SessionsArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Sessions, each on a connection of its own
    #[arg(long, default_value_t = 10_000, value_parser = parse_count)]
    pub(crate) connections: usize,
    /// How long to measure, in seconds
    #[arg(long, default_value_t = 5.0, value_parser = parse_seconds)]
    pub(crate) seconds: f64,
}

/// Options of `zoa bench fill`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct FillArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Znodes to create, all in one directory
    #[arg(long, default_value_t = 1_000_000, value_parser = parse_count)]
    pub(crate) nodes: usize,
    /// Length of each value, in bytes
    #[arg(long, default_value_t = 100, value_parser = parse_value_bytes)]
    pub(crate) value_bytes: usize,
    /// Connections
    #[arg(long, default_value_t = 8, value_parser = parse_count)]
    pub(crate) connections: usize,
    /// Multis in flight on each connection
    #[arg(long, default_value_t = 2, value_parser = parse_count)]
    pub(crate) depth: usize,
}

/// Options of `zoa bench list`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) timing: Timing,
    /// Children of the directory that is listed again and again
    #[arg(long, default_value_t = 1_000_000, value_parser = parse_count)]
    pub(crate) nodes: usize,
    /// Connections that write, each one request at a time
    #[arg(long, default_value_t = 16, value_parser = parse_count)]
    pub(crate) writers: usize,
    /// Length of each value written, in bytes
    #[arg(long, default_value_t = 100, value_parser = parse_value_bytes)]
    pub(crate) value_bytes: usize,
}

/// A duration in seconds, as clap wants it.
pub(crate) fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=SECONDS_MAX).contains(&seconds) => Ok(seconds),
        _ => Err(format!(
            "a number of seconds from 0 to {SECONDS_MAX} is wanted"
        )),
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (1.0..=1e8).contains(&rate) => Ok(rate),
        _ => Err("a rate from 1 to 100000000 requests a second is wanted".to_owned()),
    }
}

fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(count) if (1..=100_000_000).contains(&count) => Ok(count),
        _ => Err("a number from 1 to 100000000 is wanted".to_owned()),
    }
}

fn parse_value_bytes(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(len) if len <= 1_000_000 => Ok(len),
        _ => Err("a length from 0 to 1000000 bytes is wanted".to_owned()),
    }
}
