//! The workloads against servers in this process: that they run, count, end, and say what is wrong.
//!
//! The floor server answers everything, so it shows the bench at work; what needs a tree or watches
//! is tested with the program itself (`tests/it`).

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::mpsc;

use clap::Parser as _;
use zoa_proto::ConnectResponse;
use zoa_proto::ErrorCode;
use zoa_proto::ReplyHeader;
use zoa_proto::RequestHeader;
use zoa_proto::SessionId;
use zoa_proto::Zxid;
use zoa_proto::frame::encode_frame;

use super::*;
use crate::bench::args::Target;
use crate::bench::args::Timing;

#[derive(Debug, clap::Parser)]
struct Program {
    #[command(flatten)]
    bench: BenchArgs,
}

#[test]
fn each_stream_of_requests_runs_for_its_time_and_reports_both_sides() {
    let server = floor_server();
    let streams: [fn(&LoadArgs) -> Result<Report>; 4] = [
        workload::stream::read,
        workload::stream::write,
        workload::stream::create_delete,
        workload::stream::multi,
    ];
    for run in streams {
        let mut args = load_args(&server);
        args.target.pids = vec![std::process::id()];
        let report = run(&args).expect("the floor answers everything");
        for key in [
            "ops_per_s",
            "p50_us",
            "p99_us",
            "client_cpu_us_per_op",
            "server_rss_bytes",
        ] {
            let figure = report
                .find(key)
                .unwrap_or_else(|| panic!("{key} is missing in {report}"));
            assert!(0.0 < figure.value, "{report}");
        }
        assert!(report.find("server_busy_cores").is_some(), "{report}");
    }
}

#[test]
fn a_mixture_reports_reads_and_writes_apart() {
    let args = MixedArgs {
        load: load_args(&floor_server()),
        reads: 75,
    };
    let report = workload::stream::mixed(&args).expect("the floor answers everything");
    let rate = |key: &str| report.find(key).map_or(0.0, |figure| figure.value);
    let share = rate("read_ops_per_s") / rate("ops_per_s");
    assert!((0.6..0.9).contains(&share), "{share} of reads in {report}");
    assert!(0.0 < rate("write_p50_us"), "{report}");
}

#[test]
fn multis_count_the_operations_inside() {
    let mut args = load_args(&floor_server());
    (args.connections, args.depth) = (1, 1);
    let report = workload::stream::multi(&args).expect("the floor answers everything");
    let ops = report.find("ops_per_s").expect("counted").value * args.timing.seconds;
    let multis = ops / 100.0;
    // One connection, one multi at a time: their latencies fill the time, and no more.
    let mean = report.find("mean_us").expect("measured").value / 1e6;
    assert!(multis * mean <= args.timing.seconds * 1.2, "{report}");
}

#[test]
fn an_offered_rate_is_kept() {
    let mut args = load_args(&floor_server());
    args.rate = Some(2000.0);
    args.depth = 16;
    args.timing.seconds = 0.5;
    let report = workload::stream::read(&args).expect("the floor answers everything");
    let rate = report.find("ops_per_s").expect("counted").value;
    assert!((1400.0..2600.0).contains(&rate), "{report}");
}

#[test]
fn a_fill_creates_as_many_as_asked() {
    let args = FillArgs {
        target: target(&floor_server()),
        nodes: 250,
        value_bytes: 100,
        connections: 2,
        depth: 2,
    };
    let report = workload::fill::fill(&args).expect("the floor answers everything");
    assert!(
        0.0 < report.find("nodes_per_s").expect("counted").value,
        "{report}"
    );
    assert!(
        0.0 < report.find("multi_p50_us").expect("counted").value,
        "{report}"
    );
}

#[test]
fn lists_go_beside_writes_and_both_are_told() {
    let server = floor_server();
    let target = target(&server);
    let args = ListArgs {
        target,
        timing: timing(),
        nodes: 100,
        writers: 2,
        value_bytes: 10,
    };
    let report = workload::list::list(&args).expect("the floor lists nothing, at once");
    for key in ["write_p99_without_us", "write_p99_with_us", "lists_per_s"] {
        assert!(
            0.0 < report.find(key).expect("measured").value,
            "{key} in {report}"
        );
    }
}

#[test]
fn one_write_is_seen_by_all_watchers() {
    let args = WatchArgs {
        target: target(&floor_server()),
        timing: timing(),
        watchers: 40,
        connections: None,
    };
    let report = workload::watch::watch(&args).expect("the floor tells all who wait");
    let writes = report.find("writes").expect("counted").value;
    assert!(1.0 <= writes, "{report}");
    let last = report.find("last_event_max_us").expect("measured").value;
    let event = report.find("event_max_us").expect("measured").value;
    assert!(
        (last - event).abs() <= last / 100.0,
        "the last event is one of them: {report}"
    );
}

#[test]
fn idle_sessions_ping_within_their_timeout() {
    let mut target = target(&floor_server());
    target.session_timeout_ms = 300;
    let args = SessionsArgs {
        target,
        connections: 30,
        seconds: 0.5,
    };
    let report = workload::sessions::idle(&args).expect("the floor grants every session");
    // Each pings every 100 ms: 30 sessions for half a second make 150.
    let pings = report.find("pings").expect("counted").value;
    assert!((100.0..=170.0).contains(&pings), "{report}");
}

#[test]
fn a_storm_of_connects_counts_every_session() {
    let args = SessionsArgs {
        target: target(&floor_server()),
        connections: 100,
        seconds: 0.0,
    };
    let report = workload::sessions::connect(&args).expect("the floor grants every session");
    assert_eq!(report.find("connected").expect("counted").value, 100.0);
    assert!(
        0.0 < report.find("connects_per_s").expect("measured").value,
        "{report}"
    );
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let port = ports::free_port().expect("a free port");
    let error = failure(&format!("127.0.0.1:{port}"));
    assert!(
        error.contains(&format!("cannot reach a server at 127.0.0.1:{port}")),
        "{error}"
    );
}

#[test]
fn an_address_that_is_none_is_refused() {
    let error = failure("localhost");
    assert!(error.contains("is not a host:port"), "{error}");
}

#[test]
fn a_pid_that_is_not_there_is_named() {
    let mut args = load_args(&floor_server());
    args.target.pids = vec![u32::MAX - 1];
    let error = format!(
        "{:#}",
        workload::stream::read(&args).expect_err("no such process")
    );
    assert!(error.contains("4294967294"), "{error}");
}

#[test]
fn a_server_that_hangs_up_is_reported() {
    let server = fake_server(|_| {});
    let error = failure(&server);
    assert!(error.contains("granted no session"), "{error}");
}

#[test]
fn an_error_of_the_server_ends_the_run_and_is_named() {
    let server = fake_server(|mut stream| {
        let mut greeted = false;
        while let Some(frame) = read_frame(&mut stream) {
            let mut answer = Vec::new();
            if greeted {
                refuse(&frame, &mut answer);
            } else {
                grant(&mut answer);
            }
            greeted = true;
            if stream.write_all(&answer).is_err() {
                return;
            }
        }
    });
    let error = failure(&server);
    assert!(error.contains(ErrorCode::NoAuth.name()), "{error}");
}

#[test]
fn options_have_the_defaults_of_the_documentation() {
    let Workload::Read(args) = parse(&["read"]).expect("nothing is mandatory") else {
        panic!("another workload");
    };
    assert_eq!(
        (args.connections, args.depth, args.value_bytes, args.keys),
        (64, 1, 100, 1000)
    );
    assert_eq!(args.target.server, "127.0.0.1:2181");
    // Without a pid the server may be Java, which needs the longer warm-up.
    assert_eq!(
        args.timing.span(&args.target).warmup,
        Duration::from_secs(5)
    );
}

#[test]
fn several_pids_and_a_rate_are_understood() {
    let parsed = parse(&[
        "write", "--pid", "1,2,3", "--rate", "2500", "--depth", "16", "--json",
    ]);
    let Workload::Write(args) = parsed.expect("all of this is allowed") else {
        panic!("another workload");
    };
    assert_eq!(args.target.pids, [1, 2, 3]);
    assert_eq!(
        args.offer(),
        closed_loop::Offer::Rate {
            per_second: 2500.0,
            depth: 16
        }
    );
    assert!(args.target.json);
}

#[test]
fn options_that_make_no_sense_are_refused_with_what_is_allowed() {
    for (words, hint) in [
        (&["read", "--connections", "0"][..], "from 1"),
        (&["read", "--seconds=-1"], "seconds from 0"),
        (&["read", "--rate", "0"], "rate from 1"),
        (&["fill", "--value-bytes", "2000000"], "1000000 bytes"),
        (&["mixed", "--reads", "101"], "0..=100"),
        (
            &["compare", "--left", "x", "--right", "y=z"],
            "NAME=COMMAND",
        ),
        (&["sync"], "--dir"),
        (&["failover"], "--start"),
        (&["cluster", "rolling"], "--left"),
    ] {
        let error = parse(words).expect_err("refused").to_string();
        assert!(error.contains(hint), "{words:?}: {error}");
    }
}

#[test]
fn an_ensemble_that_does_not_start_is_reported_and_nothing_is_left() {
    let dir = std::env::temp_dir().join(format!("zoa-bench-failover-{}", std::process::id()));
    let folder = dir.display().to_string();
    let words = [
        "failover",
        "--start",
        "sh -c 'echo no luck; exit 3'",
        "--dir",
        &folder,
    ];
    let args = BenchArgs {
        workload: parse(&words).expect("it is told what to start"),
    };
    let error = format!("{:#}", run(args).expect_err("it is no server"));
    assert!(error.contains(" ended: exit status: 3"), "{error}");
    assert!(error.contains("no luck"), "{error}");
    assert!(!dir.exists());
}

fn parse(words: &[&str]) -> Result<Workload, clap::Error> {
    let words = ["bench"].iter().chain(words);
    Program::try_parse_from(words).map(|program| program.bench.workload)
}

/// What a short run of reads against this server fails with.
fn failure(server: &str) -> String {
    let outcome = workload::stream::read(&load_args(server));
    format!("{:#}", outcome.expect_err("this server cannot be measured"))
}

fn load_args(server: &str) -> LoadArgs {
    LoadArgs {
        target: target(server),
        timing: timing(),
        connections: 4,
        depth: 2,
        value_bytes: 100,
        keys: 10,
        rate: None,
    }
}

fn timing() -> Timing {
    Timing {
        seconds: 0.2,
        warmup: Some(0.0),
    }
}

fn target(server: &str) -> Target {
    Target {
        server: server.to_owned(),
        pids: Vec::new(),
        session_timeout_ms: 30_000,
        keep: false,
        json: false,
    }
}

/// A floor server on a thread of its own, which ends with the test program; its address.
fn floor_server() -> String {
    let (ready, port) = mpsc::channel();
    std::thread::spawn(move || {
        floor::serve(FloorArgs { port: 0 }, |port| {
            ready.send(port).expect("the test waits")
        })
    });
    format!(
        "127.0.0.1:{}",
        port.recv().expect("the floor server starts")
    )
}

/// A server that does this with each connection; its address.
fn fake_server(converse: impl Fn(TcpStream) + Send + Clone + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let converse = converse.clone();
            std::thread::spawn(move || converse(stream));
        }
    });
    address
}

fn read_frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).ok()?;
    let mut frame = vec![0; usize::try_from(i32::from_be_bytes(prefix)).ok()?];
    stream.read_exact(&mut frame).ok()?;
    Some(frame)
}

fn grant(answer: &mut Vec<u8>) {
    let response = ConnectResponse {
        protocol_version: 0,
        timeout_ms: 30_000,
        session: SessionId(7),
        password: &[0; 16],
        read_only: Some(false),
    };
    response.encode_frame(answer).expect("a short frame");
}

fn refuse(frame: &[u8], answer: &mut Vec<u8>) {
    let (request, _) = RequestHeader::decode(frame).expect("a request of the bench");
    let error = Some(ErrorCode::NoAuth);
    let header = ReplyHeader {
        xid: request.xid,
        zxid: Zxid::ZERO,
        error,
    };
    encode_frame(answer, |writer| header.encode(writer)).expect("a short frame");
}
