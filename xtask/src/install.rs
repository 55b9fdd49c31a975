//! Installs what the commands need: Debian packages, Python packages in a folder of ours, cargo-deny.
//!
//! Each function does nothing when the thing is there, so every command may call them each time. What
//! is not a Debian package stays under `target/tools`. Invariant: versions from registries are pinned.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::program;
use crate::workspace;

/// Built as a debug build without symbols: a minute on two cores, where a release build takes three.
const CARGO_DENY: &str = "0.20.2";
/// The Python client that the demo and the suites use.
const KAZOO: &str = "kazoo==2.11.0";

/// Debian's packages, through apt-get, as root or with sudo.
///
/// # Errors
/// When the machine has no apt-get, or a package cannot be installed.
pub fn debian(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|name| !has_debian(name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    ensure!(
        program::succeeds(Command::new("apt-get").arg("--version")),
        "this needs {names}, and only knows how to install them on Debian and Ubuntu"
    );
    println!("installing {names} (Debian packages)");
    program::run(as_root("apt-get").args(["update", "-q"])).context("apt-get update")?;
    let mut install = as_root("apt-get");
    install.args(["install", "-q", "-y", "--no-install-recommends"]);
    install
        .args(["-o", "DPkg::Lock::Timeout=300"])
        .args(missing);
    program::run(&mut install)
}

fn has_debian(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]);
    let output = query.output();
    output.is_ok_and(|output| output.stdout == b"installed")
}

/// A program run as root, by sudo where we are not.
pub(crate) fn as_root(name: &str) -> Command {
    let is_root = Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|id| id.stdout == b"0\n");
    let mut command = Command::new(if is_root { "env" } else { "sudo" });
    command.args(["DEBIAN_FRONTEND=noninteractive", name]);
    command
}

/// A Python with kazoo in it, and its path.
///
/// # Errors
/// When there is no Python 3 or the package cannot be installed.
pub fn python_with_kazoo() -> Result<PathBuf> {
    let folder = workspace::tools().join("kazoo");
    let python = folder.join("bin").join("python");
    if !program::succeeds(Command::new(&python).args(["-c", "import kazoo"])) {
        if !program::succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
            debian(&["python3", "python3-venv"])?;
        }
        program::run(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&folder),
        )?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            KAZOO,
        ];
        program::run(Command::new(&python).args(pip))?;
    }
    Ok(python)
}

/// cargo-deny in the pinned version, and its path.
///
/// # Errors
/// When it cannot be built.
pub fn cargo_deny() -> Result<PathBuf> {
    let folder = workspace::tools().join("cargo-deny");
    let path = folder.join("bin").join("cargo-deny");
    let version = program::read(Command::new(&path).arg("--version")).unwrap_or_default();
    if !version.ends_with(&format!("{CARGO_DENY}\n")) {
        let mut install =
            program::cargo(&["install", "cargo-deny", "--locked", "--debug", "--force"]);
        install
            .args(["--version", CARGO_DENY, "--root"])
            .arg(&folder);
        install.env("CARGO_PROFILE_DEV_DEBUG", "0");
        install.env("CARGO_TARGET_DIR", folder.join("build"));
        program::run(&mut install)?;
        std::fs::remove_dir_all(folder.join("build")).context("removing cargo-deny's build")?;
    }
    Ok(path)
}
