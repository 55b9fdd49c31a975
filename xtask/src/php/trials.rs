//! The longer trials of the PHP extension: other people's scripts and classes, random programs, its cost beside the C
//! library, its promptness.
//!
//! What is run stands in `compat/php`. Invariant: each trial starts its own server and ends it.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use super::interpreter::Php;
use super::interpreter::extension_flag;
use crate::install;
use crate::local_server::LocalServer;
use crate::program;
use crate::workspace;
use crate::workspace::Profile;

/// The original server, as Debian has it.
const PEER: &str = "/usr/share/zookeeper/bin/zkServer.sh start-foreground";

/// In a network of its own, where port 2181 is free: a server, and the scripts against it.
const ALONE: &str = r#"
ip link set lo up || exit 1
$ZOA_SERVER "$ZOA_CONFIG" > "$ZOA_LOG" 2>&1 &
server=$!
"$@"
code=$?
kill $server
wait $server
exit $code
"#;

/// Rounds of the comparison; medians are compared.
const ROUNDS: usize = 7;
/// Reads in one round.
const READS: &str = "20000";
/// How much more than the C library's a read may cost.
const COST_FACTOR_MAX: f64 = 1.2;

/// The scripts stay as they are, so they get port 2181 in a network of their own.
pub(super) fn article(php: &Php, built: &Path, folder: &Path) -> Result<()> {
    install::debian(&["iproute2", "util-linux", "zookeeper", "python3"])?;
    program::run(&mut program::cargo(&["build", "--release", "-p", "zoa"]))?;
    let ours = workspace::program(Profile::Release);
    let ours = format!("{} serve", ours.display());
    for (name, server) in [("ours", ours.as_str()), ("original", PEER)] {
        println!("\n==> the scripts in {} against {name}", folder.display());
        let place = fresh_folder(php, &format!("article-{name}"))?;
        let data = place.join("data");
        fs::create_dir_all(&data).context("making a folder for the server")?;
        let config = place.join("zoo.cfg");
        let text = format!(
            "tickTime=2000\ndataDir={}\nclientPort=2181\nadmin.enableServer=false\n",
            data.display()
        );
        fs::write(&config, text).context("writing the server's zoo.cfg")?;
        let mut command = Command::new("unshare");
        command.arg(if is_root() { "-n" } else { "-rn" });
        command.args(["sh", "-c", ALONE, "alone"]);
        command.arg(&php.program);
        command.args(["-n", "-d", &extension_flag(built)]);
        command.arg(script("article.php")).arg(folder);
        command.env("ZOA_SERVER", server);
        command.env("ZOA_CONFIG", &config);
        command.env("ZOA_LOG", place.join("server.log"));
        command.env("ZOA_TEST_ARGS", test_args(built));
        program::run(&mut command)?;
    }
    Ok(())
}

/// Random sequences of everything.
pub(super) fn fuzz(php: &Php, built: &Path, count: u64) -> Result<()> {
    let seed = env::var("ZOA_SEED").unwrap_or_else(|_| "1".to_owned());
    let arguments = [count.to_string(), seed];
    against_ours(php, built, ("fuzz.php", &arguments))
}

/// Symfony's class, from Debian.
pub(super) fn symfony(php: &Php, built: &Path, seconds: u64) -> Result<()> {
    install::debian(&["php-symfony-lock"])?;
    against_ours(php, built, ("symfony-lock.php", &[seconds.to_string()]))
}

/// The same reads by PHP and by the C library, turn by turn.
pub(super) fn cost(php: &Php, built: &Path) -> Result<()> {
    install::debian(&["gcc", "libzookeeper-mt-dev"])?;
    program::run(&mut program::cargo(&["build", "--release", "-p", "zoa"]))?;
    let place = fresh_folder(php, "cost")?;
    let get = place.join("get");
    let mut gcc = Command::new("gcc");
    gcc.args(["-O2", "-DTHREADED", "-o"]).arg(&get);
    gcc.arg(script("get.c")).arg("-lzookeeper_mt");
    program::run(&mut gcc)?;
    let server = LocalServer::ours(Profile::Release, &place.join("server"))?;
    let (mut c, mut ours) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut command = Command::new(&get);
        c.push(measured(command.args([server.address(), READS]))?);
        let mut command = Command::new(&php.program);
        command.args(["-n", "-d", &extension_flag(built)]);
        command
            .arg(script("get.php"))
            .args([server.address(), READS]);
        ours.push(measured(&mut command)?);
    }
    let (c, ours) = (median(&mut c)?, median(&mut ours)?);
    println!("a read: {c:.1} us by the C library, {ours:.1} us by PHP");
    ensure!(
        ours <= c * COST_FACTOR_MAX,
        "a read by PHP costs more than {COST_FACTOR_MAX} times that of the C library"
    );
    Ok(())
}

/// How soon after a write a watch is heard of, in a tight loop and in `wait()`.
pub(super) fn delivery(php: &Php, built: &Path, count: u64) -> Result<()> {
    against_ours(php, built, ("delivery.php", &[count.to_string()]))
}

/// Microseconds a read, as the program prints them.
fn measured(command: &mut Command) -> Result<f64> {
    let text = program::read(command)?;
    text.trim()
        .parse()
        .context("a figure was to be printed, in microseconds")
}

fn median(figures: &mut [f64]) -> Result<f64> {
    figures.sort_by(f64::total_cmp);
    let middle = figures.get(figures.len() / 2).copied();
    middle.context("there are figures")
}

fn against_ours(php: &Php, built: &Path, (name, arguments): (&str, &[String])) -> Result<()> {
    program::run(&mut program::cargo(&["build", "--release", "-p", "zoa"]))?;
    let place = fresh_folder(php, name)?;
    let server = LocalServer::ours(Profile::Release, &place.join("server"))?;
    let mut command = Command::new(&php.program);
    command.args(["-n", "-d", &extension_flag(built)]);
    command.arg(script(name)).arg(server.address());
    command
        .args(arguments)
        .env("ZOA_TEST_ARGS", test_args(built));
    program::run(&mut command)
}

fn test_args(built: &Path) -> String {
    format!("-n -d {}", extension_flag(built))
}

/// A script of `compat/php`.
pub(super) fn script(name: &str) -> PathBuf {
    workspace::root().join("compat/php").join(name)
}

/// An empty folder for a trial.
pub(super) fn fresh_folder(php: &Php, name: &str) -> Result<PathBuf> {
    let folder = php.target().join("trials").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).context("removing what an earlier trial left")?;
    }
    fs::create_dir_all(&folder).context("making a folder for a trial")?;
    Ok(folder)
}

/// Whether namespaces can be had without becoming somebody else.
pub(super) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout == b"0\n")
}
