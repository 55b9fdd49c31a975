//! `zoa dev --nodes 3`: an ensemble on this machine, each server a process of its own, so that one can be killed to see what happens.
//!
//! What it is not: a way to run an ensemble that matters; one machine is one machine. Invariant: no server outlives this process, however
//! that ends: each holds the other end of a pipe and stops when it closes.

use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;

use crate::dev::DevArgs;
use crate::serve::StopSignal;

/// Quorum and election ports stand so far above the client ports.
const QUORUM_PORT_OFFSET: u16 = 707;
const ELECTION_PORT_OFFSET: u16 = 1707;

/// How long the servers may take until one of them says that it serves.
const LOOKS_FOR_SERVICE: u32 = 600;

/// Between two looks.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// One server.
struct Node {
    number: u8,
    address: String,
    folder: PathBuf,
    child: Child,
}

/// Runs them until Ctrl-C, or until all have ended.
pub(super) fn run(args: &DevArgs, count: u8) -> anyhow::Result<()> {
    let last_port = u32::from(args.port) + u32::from(ELECTION_PORT_OFFSET) + u32::from(count);
    anyhow::ensure!(
        last_port <= u32::from(u16::MAX),
        "--port {} leaves no room for the ports of {count} servers: take one below {}",
        args.port,
        u16::MAX - ELECTION_PORT_OFFSET - u16::from(count)
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // Before any server runs: who stops this at once means an orderly end, too.
        let mut stop = StopSignal::listen()?;
        let mut nodes = (1..=count)
            .map(|number| start(args, number, count))
            .collect::<anyhow::Result<Vec<Node>>>()?;
        let watched = watch(&mut nodes, &mut stop).await;
        end(nodes);
        watched
    })
}

async fn watch(nodes: &mut [Node], stop: &mut StopSignal) -> anyhow::Result<()> {
    let mut told = false;
    let mut looks = 0;
    loop {
        tokio::select! {
            () = stop.wait() => return Ok(()),
            () = tokio::time::sleep(LOOK_PAUSE) => {}
        }
        if !told {
            looks += 1;
            told = nodes.iter().all(|node| serves(&node.address));
            if told {
                tell(nodes);
            }
            anyhow::ensure!(
                looks < LOOKS_FOR_SERVICE,
                "the servers do not serve; see zoarium.log in the folders 1 to {} of --data",
                nodes.len()
            );
        }
        look_after(nodes, told)?;
    }
}

/// One that ends while the ensemble is yet to serve is a failed start; later it is what the user may have wanted.
#[expect(clippy::print_stdout, reason = "tells the user what happened")]
fn look_after(nodes: &mut [Node], serving: bool) -> anyhow::Result<()> {
    let mut alive = 0;
    for node in nodes {
        let was_alive = node.child.stdin.is_some();
        match node.child.try_wait()? {
            None => alive += 1,
            Some(status) if was_alive => {
                node.child.stdin = None;
                let log = node.folder.join("zoarium.log");
                anyhow::ensure!(
                    serving,
                    "server {} ended with {status}; see {}",
                    node.number,
                    log.display()
                );
                println!("Server {} ended with {status}.", node.number);
            }
            Some(_) => {}
        }
    }
    anyhow::ensure!(alive > 0, "all servers have ended");
    Ok(())
}

fn start(args: &DevArgs, number: u8, count: u8) -> anyhow::Result<Node> {
    let folder = args.data.join(number.to_string());
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    fs::write(folder.join("myid"), format!("{number}\n"))?;
    let config = write_config(args, &folder, number, count)?;
    let program = std::env::current_exe().context("where this program is")?;
    let child = Command::new(program)
        .arg("serve")
        .arg(&config)
        .arg("--log-dir")
        .arg(&folder)
        .arg("--until-stdin-closes")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting a server")?;
    Ok(Node {
        number,
        address: format!("127.0.0.1:{}", client_port(args, number)),
        folder,
        child,
    })
}

fn client_port(args: &DevArgs, number: u8) -> u16 {
    args.port + u16::from(number) - 1
}

/// Writes the zoo.cfg of one server, where the user can see what was set.
fn write_config(args: &DevArgs, folder: &Path, number: u8, count: u8) -> anyhow::Result<PathBuf> {
    let path = folder.join("zoo.cfg");
    let data = std::path::absolute(folder)?;
    let mut text = format!(
        "# Written by zoa dev --nodes {count} at each start. To keep changes, copy it and start the copy: zoa serve zoo.cfg\n\
         tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir={}\nclientPort={}\nclientPortAddress=127.0.0.1\n\
         maxClientCnxns=0\n4lw.commands.whitelist=*\n",
        data.display(),
        client_port(args, number),
    );
    for other in 1..=count {
        let port = client_port(args, other);
        let (quorum, election) = (port + QUORUM_PORT_OFFSET, port + ELECTION_PORT_OFFSET);
        text.push_str(&format!("server.{other}=127.0.0.1:{quorum}:{election}\n"));
    }
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Whether a server says what it is.
fn serves(address: &str) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"srvr")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        std::io::Result::Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains("Mode: "))
}

#[expect(clippy::print_stdout, reason = "tells the user what to do next")]
fn tell(nodes: &[Node]) {
    println!("Zoarium serves with {} servers:", nodes.len());
    for node in nodes {
        println!(
            "  server {}  {}  process {}  {}",
            node.number,
            node.address,
            node.child.id(),
            node.folder.display()
        );
    }
    let addresses: Vec<&str> = nodes.iter().map(|node| node.address.as_str()).collect();
    println!(
        "The data is in these folders and stays there; zoarium.log in each says what happens."
    );
    println!();
    println!("Connect with any ZooKeeper client, for example:");
    println!("  zkCli.sh -server {}", addresses.join(","));
    println!();
    println!("To see what happens when one dies: kill -9 one of the processes. Ctrl-C stops all.");
}

/// Lets all stop, and waits until they have.
fn end(mut nodes: Vec<Node>) {
    for node in &mut nodes {
        node.child.stdin = None;
    }
    for node in &mut nodes {
        // One that has ended already cannot be waited for in vain.
        node.child.wait().ok();
    }
}
