//! `zoa dev` and `zoa serve` as processes: what they say, how they end, and what they do when the disk gives out.

use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Read as _;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;
use std::time::Instant;

const ZOA: &str = env!("CARGO_BIN_EXE_zoa");

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Znodes created before the disk takes no more.
const ACKNOWLEDGED: u8 = 5;

/// As the original counts them.
const NODES_OF_AN_EMPTY_TREE: u8 = 5;

/// A connect request for a new session.
fn connect_request() -> Vec<u8> {
    let body = [
        &[0; 12][..],
        &10_000_u32.to_be_bytes(),
        &[0; 8],
        &16_u32.to_be_bytes(),
        &[0; 16],
    ];
    framed(&body.concat())
}

/// A create of a znode with 100,000 bytes.
fn create_request(number: u8) -> Vec<u8> {
    let path = format!("/{number:03}");
    let body = [
        &[0, 0, 0, number, 0, 0, 0, 1][..],
        &4_u32.to_be_bytes(),
        path.as_bytes(),
        &100_000_u32.to_be_bytes(),
        &[7; 100_000],
        b"\0\0\0\x01\0\0\0\x1f\0\0\0\x05world\0\0\0\x06anyone\0\0\0\0",
    ];
    framed(&body.concat())
}

fn framed(body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).expect("short");
    [&len.to_be_bytes()[..], body].concat()
}

/// Sends a request and reads the answer; `false` when the connection breaks.
fn answered(socket: &mut TcpStream, request: &[u8]) -> bool {
    let mut len = [0; 4];
    if socket.write_all(request).is_err() || socket.read_exact(&mut len).is_err() {
        return false;
    }
    let len = usize::try_from(u32::from_be_bytes(len)).expect("a frame");
    socket.read_exact(&mut vec![0; len]).is_ok()
}

#[test]
fn dev_says_where_clients_connect_and_ends_at_sigterm() {
    let folder = scratch("dev");
    let data = folder.join("zoarium-data");
    let port = free_port();
    let mut server = Command::new(ZOA)
        .args(["dev", "--port", &port.to_string(), "--data"])
        .arg(&data)
        .stdout(Stdio::piped())
        .spawn()
        .expect("zoa starts");
    let mut lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let first = lines.next().expect("it says something").expect("as text");
    assert!(first.contains(&format!("127.0.0.1:{port}")), "{first}");
    assert!(first.contains(&*data.to_string_lossy()), "{first}");
    let rest: Vec<String> = lines.by_ref().take(3).map_while(Result::ok).collect();
    assert!(
        rest.concat().contains("zkCli.sh -server 127.0.0.1:"),
        "what to try: {rest:?}"
    );
    assert_eq!(ask(port, "ruok"), "imok");
    terminate(&server);
    assert_eq!(end_of(&mut server).code(), Some(0));
    assert!(data.join("metadata").exists(), "the data stay");
    fs::remove_dir_all(folder).expect("removed");
}

/// Goal: a disk that takes no more ends the server with an error that names the file; what was acknowledged is there when there is room
/// again (G-20). Method: a limit on the length of files, set while the server runs, stands for the full disk.
#[test]
fn a_disk_that_takes_no_more_ends_the_server_and_loses_nothing() {
    let folder = scratch("full");
    let port = free_port();
    let config = folder.join("zoo.cfg");
    let text = format!(
        "dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\n4lw.commands.whitelist=*\n",
        folder.join("data").display()
    );
    fs::write(&config, text).expect("written");
    // Else the signal that goes with that limit would end it before the error does.
    let unsignalled = "trap '' XFSZ; exec \"$0\" serve \"$1\"";
    let mut server = Command::new("bash")
        .args(["-c", unsignalled, ZOA])
        .arg(&config)
        .stderr(Stdio::piped())
        .spawn()
        .expect("bash starts");
    let mut socket = connect(port);
    assert!(answered(&mut socket, &connect_request()), "a session");
    for number in 1..=ACKNOWLEDGED {
        assert!(answered(&mut socket, &create_request(number)), "{number}");
    }
    let pid = format!("--pid={}", server.id());
    let limited = Command::new("prlimit").args([&pid, "--fsize=1"]).status();
    assert!(limited.expect("prlimit runs").success());
    assert!(
        !answered(&mut socket, &create_request(ACKNOWLEDGED + 1)),
        "what was not written is not acknowledged"
    );
    let status = end_of(&mut server);
    assert_eq!(status.code(), Some(1));
    let mut said = String::new();
    let mut stderr = server.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut said).expect("text");
    assert!(said.contains("the log cannot be written"), "{said}");
    assert!(said.contains(&*folder.to_string_lossy()), "{said}");
    let mut server = Command::new(ZOA)
        .arg("serve")
        .arg(&config)
        .stderr(Stdio::null())
        .spawn()
        .expect("zoa starts");
    drop(connect(port));
    let monitor = ask(port, "mntr");
    terminate(&server);
    assert_eq!(end_of(&mut server).code(), Some(0));
    let count = monitor
        .lines()
        .find_map(|line| line.strip_prefix("zk_znode_count\t"))
        .and_then(|count| count.parse::<u8>().ok());
    assert_eq!(count, Some(NODES_OF_AN_EMPTY_TREE + ACKNOWLEDGED));
    fs::remove_dir_all(folder).expect("removed");
}

/// Goal: who only opens connections takes no file from the log, which would end the server (G-22). Method: few files are allowed, far more
/// connections are opened, and a client writes as much as needs a further segment.
#[test]
fn connections_leave_the_log_the_files_it_needs() {
    let folder = scratch("files");
    let port = free_port();
    let config = folder.join("zoo.cfg");
    let text = format!(
        "dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n",
        folder.join("data").display()
    );
    fs::write(&config, text).expect("written");
    let limited = "ulimit -n 128; exec \"$0\" serve \"$1\"";
    let mut server = Command::new("bash")
        .args(["-c", limited, ZOA])
        .arg(&config)
        .stderr(Stdio::piped())
        .spawn()
        .expect("bash starts");
    let mut socket = connect(port);
    assert!(answered(&mut socket, &connect_request()), "a session");
    let greedy: Vec<TcpStream> = (0..200).map(|_| connect(port)).collect();
    for number in 1..=50 {
        assert!(answered(&mut socket, &create_request(number)), "{number}");
    }
    drop(greedy);
    terminate(&server);
    assert_eq!(end_of(&mut server).code(), Some(0));
    let mut said = String::new();
    let mut stderr = server.stderr.take().expect("a pipe");
    stderr.read_to_string(&mut said).expect("text");
    assert!(said.contains("ulimit"), "{said}");
    fs::remove_dir_all(folder).expect("removed");
}

/// A connection, as soon as the server takes it.
#[expect(
    clippy::disallowed_methods,
    reason = "a process that never answers must not hold up the tests"
)]
fn connect(port: u16) -> TcpStream {
    let begun = Instant::now();
    loop {
        if let Ok(socket) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
            return socket;
        }
        assert!(begun.elapsed() < PATIENCE, "nobody listens on {port}");
    }
}

fn ask(port: u16, word: &str) -> String {
    let mut socket = connect(port);
    socket.write_all(word.as_bytes()).expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("text");
    answer
}

fn terminate(server: &Child) {
    let sent = Command::new("kill").arg(server.id().to_string()).status();
    assert!(sent.expect("kill runs").success());
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process that never answers must not hold up the tests"
)]
fn end_of(server: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = server.try_wait().expect("it is our child") {
            return status;
        }
        if begun.elapsed() > PATIENCE {
            server.kill().expect("it is our child");
            panic!("the server does not end");
        }
        std::thread::yield_now();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("it is bound").port()
}

fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("serving-{name}-{}", std::process::id()));
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder).expect("made");
    folder
}
