//! Exercises `bin/zkServer.sh` of a laid out distribution as its users and their tools do.
//!
//! It judges what the script says, on which stream, with which exit code; what the server answers to
//! clients is judged elsewhere. Each check stands alone, with a configuration and a port of its own.
//! Invariant: no server is left running, whatever a check finds.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::program;
use crate::step::Tally;

mod playground;

use playground::Playground;

type Check = fn(&Playground) -> Result<()>;

const CHECKS: [(&str, Check); 14] = [
    ("status of nothing says so and fails", status_of_nothing),
    ("stop of nothing says so and succeeds", stop_of_nothing),
    ("start waits until the server answers", start_waits),
    ("a second start names the running process", second_start),
    ("restart runs another process", restart),
    ("stop waits until the process is gone", stop_waits),
    ("SIGTERM ends start-foreground with 0", foreground),
    (
        "a bad configuration is told on the terminal",
        bad_configuration,
    ),
    (
        "a missing configuration is told on the terminal",
        missing_configuration,
    ),
    ("a taken port is told on the terminal", taken_port),
    (
        "a process id left over from a crash is no hindrance",
        after_crash,
    ),
    ("a process with a recycled id is left alone", recycled_id),
    (
        "the environment says where files go and what is set",
        environment,
    ),
    ("version, print-cmd and usage", small_commands),
];

const STARTED: &str = "Starting zookeeper ... STARTED\n";
const STOPPED: &str = "Stopping zookeeper ... STOPPED\n";
const FAILED: &str = "Starting zookeeper ... FAILED TO START\n";

/// Runs all checks against the distribution in `dist`.
///
/// # Errors
/// When a check cannot be set up; a check that does not hold is counted as failed.
pub fn check(dist: &Path) -> Result<Tally> {
    let mut tally = Tally::default();
    for (name, check) in CHECKS {
        let playground = Playground::new(dist).context("making a folder for a check")?;
        match check(&playground) {
            Ok(()) => {
                println!("ok      {name}");
                tally.passed += 1;
            }
            Err(error) => {
                println!("FAILED  {name}: {error:#}");
                tally.failed += 1;
            }
        }
    }
    Ok(tally)
}

fn port_line(ground: &Playground) -> String {
    format!(
        "Client port found: {}. Client address: 127.0.0.1. Client SSL: false.\n",
        ground.port
    )
}

fn status_of_nothing(ground: &Playground) -> Result<()> {
    let answer = ground.run(&["status"])?;
    let failure = "Error contacting service. It is probably not running.\n";
    answer.expect(1, &format!("{}{failure}", port_line(ground)))?;
    answer.expect_error(&format!(
        "Using config: {}\n",
        ground.folder.join("conf/zoo.cfg").display()
    ))
}

fn stop_of_nothing(ground: &Playground) -> Result<()> {
    let file = ground.pid_file();
    let nothing = format!(
        "Stopping zookeeper ... no zookeeper to stop (could not find file {})\n",
        file.display()
    );
    ground.run(&["stop"])?.expect(0, &nothing)
}

fn start_waits(ground: &Playground) -> Result<()> {
    ground.run(&["start"])?.expect(0, STARTED)?;
    let answer = ground.ask("srvr")?;
    ensure!(
        answer.starts_with("Zookeeper version: 3.9.5-zoarium-"),
        "srvr answers {answer:?}"
    );
    ground
        .run(&["status"])?
        .expect(0, &format!("{}Mode: standalone\n", port_line(ground)))
}

fn second_start(ground: &Playground) -> Result<()> {
    ground.run(&["start"])?.expect(0, STARTED)?;
    let running = format!(
        "Starting zookeeper ... already running as process {}.\n",
        ground.pid()?
    );
    ground.run(&["start"])?.expect(1, &running)
}

fn restart(ground: &Playground) -> Result<()> {
    ground.run(&["start"])?.expect(0, STARTED)?;
    let before = ground.pid()?;
    ground
        .run(&["restart"])?
        .expect(0, &format!("{STOPPED}{STARTED}"))?;
    ensure!(ground.pid()? != before, "the process is still {before}");
    ground
        .run(&["status"])?
        .expect(0, &format!("{}Mode: standalone\n", port_line(ground)))
}

fn stop_waits(ground: &Playground) -> Result<()> {
    ground.run(&["start"])?.expect(0, STARTED)?;
    let pid = ground.pid()?;
    ground.run(&["stop"])?.expect(0, STOPPED)?;
    ensure!(!is_running(&pid), "process {pid} still runs");
    ensure!(
        !ground.pid_file().exists(),
        "the file with the process id is still there"
    );
    TcpListener::bind(("127.0.0.1", ground.port)).context("the port should be free again")?;
    Ok(())
}

fn foreground(ground: &Playground) -> Result<()> {
    let mut command = ground.command(&["start-foreground"]);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let answered = (0..200).any(|_| {
        thread::sleep(Duration::from_millis(50));
        ground.ask("srvr").is_ok()
    });
    program::run(Command::new("kill").arg(child.id().to_string()))?;
    let status = child.wait()?;
    ensure!(answered, "it did not answer within 10 s");
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}

fn bad_configuration(ground: &Playground) -> Result<()> {
    ground.configure("tickTime=soon")?;
    let answer = ground.run(&["start"])?;
    answer.expect(1, FAILED)?;
    answer.expect_error("tickTime")?;
    ensure!(
        !ground.pid_file().exists(),
        "a failed start has left a process id"
    );
    Ok(())
}

fn missing_configuration(ground: &Playground) -> Result<()> {
    let answer = ground.run(&["start", "other.cfg"])?;
    answer.expect(1, FAILED)?;
    answer.expect_error("other.cfg")
}

fn taken_port(ground: &Playground) -> Result<()> {
    let _other = TcpListener::bind(("127.0.0.1", ground.port))?;
    let answer = ground.run(&["start"])?;
    answer.expect(1, FAILED)?;
    answer.expect_error(&ground.port.to_string())
}

fn after_crash(ground: &Playground) -> Result<()> {
    ground.run(&["start"])?.expect(0, STARTED)?;
    program::run(Command::new("kill").args(["-KILL", &ground.pid()?]))?;
    ensure!(
        ground.pid_file().exists(),
        "the killed server has left its process id"
    );
    let gone = (0..200).any(|_| {
        thread::sleep(Duration::from_millis(10));
        ground.ask("srvr").is_err()
    });
    ensure!(gone, "the killed server still answers");
    ground.run(&["start"])?.expect(0, STARTED)?;
    ground.run(&["stop"])?.expect(0, STOPPED)
}

fn recycled_id(ground: &Playground) -> Result<()> {
    let mut other = Command::new("sleep").arg("60").spawn()?;
    fs::write(ground.pid_file(), other.id().to_string())?;
    let stopped = ground.run(&["stop"])?.expect(0, STOPPED);
    fs::write(ground.pid_file(), other.id().to_string())?;
    let started = ground.run(&["start"])?.expect(0, STARTED);
    let left_alone = other.try_wait()?.is_none();
    other.kill()?;
    other.wait()?;
    ensure!(
        left_alone,
        "it has stopped a process that is not the server"
    );
    stopped.and(started)
}

fn environment(ground: &Playground) -> Result<()> {
    let (logs, pid_file) = (ground.folder.join("elsewhere"), ground.folder.join("pid"));
    let (logs_text, pid_text) = (logs.display().to_string(), pid_file.display().to_string());
    let flags = "-Xmx1g -Dzookeeper.4lw.commands.whitelist=ruok";
    let settings = [
        ("ZOO_LOG_DIR", logs_text.as_str()),
        ("ZOOPIDFILE", &pid_text),
        ("SERVER_JVMFLAGS", flags),
    ];
    ground.run_with(&settings, &["start"])?.expect(0, STARTED)?;
    let answer = ground.ask("ruok");
    let files = fs::read_dir(&logs).map_or(0, Iterator::count);
    let kept = pid_file.exists() && !ground.pid_file().exists();
    ground.run_with(&settings, &["stop"])?.expect(0, STOPPED)?;
    ensure!(files > 0, "no file in {logs_text}");
    ensure!(kept, "the process id does not stand in {pid_text}");
    ensure!(answer? == "imok", "the property did not reach the server");
    Ok(())
}

fn small_commands(ground: &Playground) -> Result<()> {
    let version = ground.run(&["version"])?;
    let says_version = version.code == 0 && version.stdout.to_lowercase().contains("zoarium");
    ensure!(says_version, "version: {version:?}");
    let command = ground.run(&["print-cmd"])?;
    let says_command = command.code == 0 && command.stdout.contains("\"serve\"");
    ensure!(says_command, "print-cmd: {command:?}");
    let usage = ground.run(&["dance"])?;
    usage.expect(0, "")?;
    usage.expect_error("{start|start-foreground|stop|version|restart|status|print-cmd}")
}

/// A process that has ended and that nobody has waited for yet does not run.
fn is_running(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let letter = state
        .rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().next());
    letter.is_some_and(|letter| letter != "Z")
}
