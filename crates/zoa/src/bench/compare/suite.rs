//! What is measured of one server in one round.
//!
//! ```text
//! single-server:  [start] streams, watch [stop]   [start] idle sessions [stop]   [start] fill, list [kill] [start]
//! quick:          [start] a few streams [stop]
//! floor:          a bare sync of the disk, and of the above what needs no tree
//! ```
//!
//! Each group begins with an empty server of its own, so that memory is that of the group alone.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::bench::args::FillArgs;
use crate::bench::args::ListArgs;
use crate::bench::args::LoadArgs;
use crate::bench::args::SessionsArgs;
use crate::bench::args::Target;
use crate::bench::args::Timing;
use crate::bench::args::WatchArgs;
use crate::bench::clock;
use crate::bench::compare::results::Results;
use crate::bench::compare::results::Side;
use crate::bench::grounds::Grounds;
use crate::bench::grounds::key;
use crate::bench::measure::to_f64;
use crate::bench::ports::free_port;
use crate::bench::process::Processes;
use crate::bench::report::Report;
use crate::bench::report::Unit;
use crate::bench::server_process::ServerCommand;
use crate::bench::server_process::Started;
use crate::bench::sync;
use crate::bench::workload::fill::fill_on;
use crate::bench::workload::list::list_on;
use crate::bench::workload::sessions::idle;
use crate::bench::workload::stream;
use crate::bench::workload::watch::watch;

/// How long an empty server is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(1);

/// Which rows are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Suite {
    /// All that a single server can show: 10 to 15 minutes with 5 rounds
    SingleServer,
    /// Reads and writes only: about 2 minutes
    Quick,
}

impl Suite {
    /// Rounds, unless told otherwise.
    pub(crate) fn rounds(self) -> u32 {
        match self {
            Self::SingleServer => 5,
            Self::Quick => 3,
        }
    }

    /// How long each row is measured in each round, unless told otherwise.
    pub(crate) fn seconds(self) -> f64 {
        match self {
            Self::SingleServer => 3.0,
            Self::Quick => 2.0,
        }
    }
}

/// One of the servers, or the floor.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    side: Side,
    name: String,
    command: String,
}

impl Contender {
    /// A server that this command starts.
    pub(crate) fn new(side: Side, name: &str, command: &str) -> Self {
        Self {
            side,
            name: name.to_owned(),
            command: command.to_owned(),
        }
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// What one contender is put through in one round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'d> {
    pub(crate) suite: Suite,
    /// How long each row is measured.
    pub(crate) seconds: f64,
    pub(crate) dir: &'d Path,
}

/// One row that is a stream of requests.
struct Stream {
    row: &'static str,
    run: fn(&LoadArgs) -> Result<Report>,
    connections: usize,
    depth: usize,
    /// A row of the right server: half its rate is offered, rather than as much as is taken.
    half_of: Option<&'static str>,
    /// Seconds that a Java server needs to have compiled the code of this row.
    warmup_java: f64,
}

const fn stream(
    row: &'static str,
    run: fn(&LoadArgs) -> Result<Report>,
    (connections, depth, warmup_java): (usize, usize, f64),
) -> Stream {
    Stream {
        row,
        run,
        connections,
        depth,
        half_of: None,
        warmup_java,
    }
}

const READ_64X1: Stream = stream("read 64x1", stream::read, (64, 1, 5.0));
const READ_64X16: Stream = stream("read 64x16", stream::read, (64, 16, 1.0));
const READ_1X1: Stream = stream("read 1x1", stream::read, (1, 1, 1.0));
const WRITE_64X1: Stream = stream("write 64x1", stream::write, (64, 1, 4.0));
const WRITE_64X16: Stream = stream("write 64x16", stream::write, (64, 16, 1.0));
const WRITE_1X1: Stream = stream("write 1x1", stream::write, (1, 1, 1.0));
const CREATE_DELETE: Stream = stream("create+delete 64x16", stream::create_delete, (64, 16, 2.0));
const MULTI: Stream = stream("multi of 100, 64x1", stream::multi, (64, 1, 3.0));
const READ_HALF: Stream = Stream {
    half_of: Some("read 64x1"),
    ..stream("read at half the right's rate", stream::read, (64, 16, 1.0))
};
const WRITE_HALF: Stream = Stream {
    half_of: Some("write 64x1"),
    ..stream(
        "write at half the right's rate",
        stream::write,
        (64, 16, 1.0),
    )
};
const CREATE_DELETE_HALF: Stream = Stream {
    half_of: Some("create+delete 64x16"),
    ..stream(
        "create+delete at half the right's rate",
        stream::create_delete,
        (64, 16, 1.0),
    )
};

const FLOOR: &[Stream] = &[READ_64X1, READ_64X16, READ_1X1];
const QUICK: &[Stream] = &[READ_64X1, READ_64X16, WRITE_64X1, WRITE_64X16, WRITE_1X1];
const SINGLE_SERVER: &[Stream] = &[
    READ_64X1,
    READ_64X16,
    READ_1X1,
    WRITE_64X1,
    WRITE_64X16,
    WRITE_1X1,
    CREATE_DELETE,
    MULTI,
    READ_HALF,
    WRITE_HALF,
    CREATE_DELETE_HALF,
];

/// Measures one contender once.
pub(crate) fn run(contender: &Contender, step: &Step<'_>, results: &mut Results) -> Result<()> {
    let mut round = Round {
        contender,
        step,
        results,
    };
    match (contender.side, step.suite) {
        (Side::Floor, _) => {
            let synced = sync::measure(step.dir, Duration::from_secs_f64(step.seconds / 2.0))?;
            round.results.add((Side::Floor, "sync"), &synced);
            round.streams(FLOOR)?;
            match step.suite {
                Suite::Quick => Ok(()),
                Suite::SingleServer => round.sessions(),
            }
        }
        (Side::Left | Side::Right, Suite::Quick) => round.streams(QUICK),
        (Side::Left | Side::Right, Suite::SingleServer) => {
            round.streams(SINGLE_SERVER)?;
            round.sessions()?;
            round.million()
        }
    }
}

struct Round<'r> {
    contender: &'r Contender,
    step: &'r Step<'r>,
    results: &'r mut Results,
}

impl Round<'_> {
    /// An empty server: its start and its memory, then one row after the other.
    fn streams(&mut self, streams: &[Stream]) -> Result<()> {
        let (command, server) = self.start()?;
        let mut empty = Report::new("empty");
        empty.figure(
            "start_empty",
            Unit::Millis,
            server.start().as_secs_f64() * 1e3,
        );
        clock::pause(IDLE);
        if let Some(usage) = Processes::new(&[server.pid()])?.sample()? {
            empty.figure("server_rss", Unit::Bytes, to_f64(usage.rss_bytes));
        }
        self.add("empty server", &empty);
        for stream in streams {
            let report = (stream.run)(&self.load(stream, &target(&command, &server)))?;
            self.add(stream.row, &report);
        }
        if self.step.suite == Suite::SingleServer {
            let target = target(&command, &server);
            let timing = self.timing(2.0, &target);
            let args = WatchArgs {
                target,
                timing,
                watchers: 5000,
                connections: None,
            };
            self.add("one write, 5,000 watchers", &watch(&args)?);
        }
        server.kill()?;
        command.wipe()
    }

    fn sessions(&mut self) -> Result<()> {
        let (command, server) = self.start()?;
        let target = target(&command, &server);
        let args = SessionsArgs {
            target,
            connections: 10_000,
            seconds: self.step.seconds,
        };
        self.add("10,000 idle sessions", &idle(&args)?);
        server.kill()?;
        command.wipe()
    }

    /// A million znodes: created, listed beside writers, and there again after a crash.
    fn million(&mut self) -> Result<()> {
        let (command, server) = self.start()?;
        let target = target(&command, &server);
        let fill = FillArgs {
            target: target.clone(),
            nodes: 1_000_000,
            value_bytes: 100,
            connections: 8,
            depth: 2,
        };
        let timing = self.timing(1.0, &target);
        let list = ListArgs {
            target: target.clone(),
            timing,
            nodes: fill.nodes,
            writers: 16,
            value_bytes: 100,
        };
        let (filled, listed, last) = Grounds::with(&target, |grounds| {
            let last = key(grounds.root(), fill.nodes - 1);
            Ok((fill_on(grounds, &fill)?, list_on(grounds, &list)?, last))
        })?;
        self.add("a million znodes of 100 B", &filled);
        self.add("writes beside lists of 1,000,000", &listed);
        server.kill()?;
        let again = command.start(&last)?;
        let mut restart = Report::new("restart");
        restart.figure("restart", Unit::Millis, again.start().as_secs_f64() * 1e3);
        self.add("restart with them", &restart);
        again.kill()?;
        command.wipe()
    }

    fn add(&mut self, row: &'static str, report: &Report) {
        self.results.add((self.contender.side, row), report);
    }

    fn start(&self) -> Result<(ServerCommand, Started)> {
        let command = ServerCommand::new(
            &self.contender.command,
            free_port()?,
            &self.step.dir.join("server"),
        );
        command.wipe()?;
        let server = command.start("/")?;
        Ok((command, server))
    }

    fn load(&self, stream: &Stream, target: &Target) -> LoadArgs {
        let half_of = stream
            .half_of
            .and_then(|row| self.results.latest((Side::Right, row), "ops_per_s"));
        LoadArgs {
            target: target.clone(),
            timing: self.timing(stream.warmup_java, target),
            connections: stream.connections,
            depth: stream.depth,
            value_bytes: 100,
            keys: 1000,
            rate: half_of.map(|rate| rate / 2.0),
        }
    }

    /// A Java server has its own time to warm up; any other a sixth of what is measured.
    fn timing(&self, warmup_java: f64, target: &Target) -> Timing {
        let seconds = self.step.seconds;
        let warmup = if target.is_java() {
            warmup_java
        } else {
            seconds / 6.0
        };
        Timing {
            seconds,
            warmup: Some(warmup),
        }
    }
}

fn target(command: &ServerCommand, server: &Started) -> Target {
    Target {
        server: command.address().to_string(),
        pids: vec![server.pid()],
        session_timeout_ms: 30_000,
        // The server is thrown away with its data.
        keep: true,
        json: false,
    }
}
