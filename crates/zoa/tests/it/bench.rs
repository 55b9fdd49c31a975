//! `zoa bench` as a program: the workloads that start servers themselves, and those that need a tree
//! and watches, against `zoa serve`.
//!
//! Short runs; no figure is asserted beyond its being there, since machines differ.

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

use serde_json::Value;

const ZOA: &str = env!("CARGO_BIN_EXE_zoa");

#[test]
fn a_restart_is_timed_empty_and_filled() {
    // Goal: the data are there after SIGKILL, since the first read is of the last znode.
    let dir = scratch("restart");
    let start = format!("'{ZOA}' serve {{cfg}}");
    let report = bench(&[
        "restart", "--start", &start, "--dir", &dir, "--nodes", "300", "--json",
    ]);
    for key in ["start_empty_ms", "restart_ms"] {
        assert!(0.0 < figure(&report, key), "{report}");
    }
    assert!(!PathBuf::from(&dir).exists(), "the data are removed");
}

#[test]
fn one_write_is_seen_by_all_watchers_of_a_real_server() {
    let report = with_server("watch", |server| {
        let watchers = ["--watchers", "20", "--connections", "5", "--seconds", "0.2"];
        bench(
            &[
                &["watch", "--server", server, "--warmup", "0", "--json"],
                &watchers[..],
            ]
            .concat(),
        )
    });
    assert!(1.0 <= figure(&report, "writes"), "{report}");
    assert!(
        figure(&report, "event_p50_us") <= figure(&report, "last_event_max_us"),
        "{report}"
    );
}

#[test]
fn lists_beside_writes_of_a_real_server_are_told() {
    let report = with_server("list", |server| {
        let size = [
            "--nodes",
            "500",
            "--writers",
            "2",
            "--seconds",
            "0.2",
            "--warmup",
            "0",
        ];
        bench(&[&["list", "--server", server, "--json"], &size[..]].concat())
    });
    assert!(0.0 < figure(&report, "lists_per_s"), "{report}");
    assert!(0.0 < figure(&report, "write_p99_with_us"), "{report}");
}

#[test]
fn a_run_leaves_nothing_behind() {
    let (before, during, after) = with_server("clean", |server| {
        let before = node_count(server);
        let words = [
            "read",
            "--server",
            server,
            "--seconds",
            "0.1",
            "--warmup",
            "0",
            "--json",
        ];
        bench(&[&words[..], &["--keys", "7", "--keep"]].concat());
        let during = node_count(server);
        bench(&words);
        (before, during, node_count(server))
    });
    // What was to be kept is there: seven keys and their directory. What was not is gone.
    assert_eq!((before + 8, during), (during, after));
}

#[test]
fn two_servers_are_compared_beside_the_floor() {
    let dir = scratch("compare");
    let table = format!("{dir}.md");
    let samples = format!("{dir}.json");
    let floor = format!("'{ZOA}' bench floor --port {{port}}");
    let output = run(&[
        &[
            "bench",
            "compare",
            "--suite",
            "quick",
            "--rounds",
            "2",
            "--seconds",
            "0.1",
        ][..],
        &[
            "--left",
            &format!("one={floor}"),
            "--right",
            &format!("other={floor}"),
        ],
        &["--dir", &dir, "--markdown", &table, "--json", &samples],
    ]
    .concat());
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        printed.contains("| work | figure | one | other | one / other | floor |"),
        "{printed}"
    );
    assert!(printed.contains("| write 64x16 | rate |"), "{printed}");
    assert_eq!(read(&table), printed);
    let samples: Value = serde_json::from_str(&read(&samples)).expect("JSON");
    for side in ["left", "right", "floor"] {
        let rounds = samples.pointer(&format!("/samples/read 64x1/{side}/ops_per_s"));
        assert_eq!(
            rounds.and_then(Value::as_array).map(Vec::len),
            Some(2),
            "{side}: {samples}"
        );
    }
    for file in [table, format!("{dir}.json")] {
        std::fs::remove_file(file).expect("just read");
    }
}

#[test]
fn a_comparison_with_a_server_that_does_not_start_says_which_and_why() {
    let dir = scratch("compare-broken");
    let words = [
        "bench",
        "compare",
        "--suite",
        "quick",
        "--rounds",
        "1",
        "--seconds",
        "0.1",
    ];
    let servers = [
        "--left",
        "good=true",
        "--right",
        "broken=false",
        "--dir",
        &dir,
    ];
    let output = Command::new(ZOA)
        .args(words)
        .args(servers)
        .output()
        .expect("zoa runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{errors}");
    assert!(errors.contains("while measuring broken"), "{errors}");
    assert!(errors.contains("exit status: 1"), "{errors}");
    assert!(!PathBuf::from(&dir).exists(), "the data are removed");
}

/// Runs `work` with a server of our own, and its address.
fn with_server<R>(name: &str, work: impl FnOnce(&str) -> R) -> R {
    let dir = scratch(name);
    std::fs::create_dir_all(&dir).expect("a writable temporary directory");
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let cfg = format!("{dir}/zoo.cfg");
    let text = format!(
        "tickTime=2000\ndataDir={dir}/data\nclientPort={port}\nclientPortAddress=127.0.0.1\n\
         maxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=*\n"
    );
    std::fs::write(&cfg, text).expect("writable");
    let mut serve = Command::new(ZOA);
    serve.args(["serve", &cfg]).stderr(Stdio::null());
    let server = Server(serve.spawn().expect("zoa serves"));
    let address = format!("127.0.0.1:{port}");
    wait_for(&address);
    let found = work(&address);
    drop(server);
    std::fs::remove_dir_all(&dir).expect("a directory of ours");
    found
}

/// A server that does not outlive its test.
struct Server(std::process::Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill or wait for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `zoa bench` with these words and reads its JSON line.
fn bench(words: &[&str]) -> Value {
    let output = run(&[&["bench"], words].concat());
    serde_json::from_slice(&output.stdout).expect("one line of JSON")
}

/// Runs the program, which must succeed.
fn run(words: &[&str]) -> Output {
    let output = Command::new(ZOA).args(words).output().expect("zoa runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "zoa {words:?}: {errors}");
    output
}

fn figure(report: &Value, key: &str) -> f64 {
    let figure = report.get("figures").and_then(|figures| figures.get(key));
    figure
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("{key} is missing in {report}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a process takes to start is real time"
)]
fn wait_for(server: &str) {
    let begin = Instant::now();
    while four_letter_word(server, "ruok").is_none_or(|answer| answer != "imok") {
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "zoa serve did not start"
        );
        std::thread::yield_now();
    }
}

fn node_count(server: &str) -> u64 {
    let answer = four_letter_word(server, "srvr").expect("it served a moment ago");
    let count = answer
        .lines()
        .find_map(|line| line.strip_prefix("Node count: "));
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or_else(|| panic!("no count in {answer}"))
}

fn four_letter_word(server: &str, word: &str) -> Option<String> {
    let mut stream = TcpStream::connect(server).ok()?;
    stream.write_all(word.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A place for one test, which nobody else uses.
fn scratch(name: &str) -> String {
    let name = format!("zoa-bench-it-{name}-{}", std::process::id());
    std::env::temp_dir().join(name).display().to_string()
}
