//! The trials that install the extension: what the tutorial has a reader type, and `phpize` with all that follows.
//!
//! They run in a network of their own, where port 2181 is free, and in mounts of their own, where PHP's folders are copies.
//! Invariant: when they end, the machine's PHP is as it was and nothing runs.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

use super::interpreter::Php;
use super::interpreter::extension_flag;
use super::trials;
use crate::install;
use crate::program;
use crate::workspace;
use crate::workspace::Profile;

/// Folders of Debian's PHP besides that of its extensions.
const DEBIAN_FOLDERS: [&str; 2] = ["/etc/php", "/var/lib/php"];

/// What of the repository `phpize` and the tests need.
const PARTS: [&str; 5] = ["Cargo.toml", "Cargo.lock", "crates", "docs", "php"];

/// Types what the tutorial says, in both its languages.
pub(super) fn tutorial(php: &Php, built: &Path) -> Result<()> {
    for page in ["docs/tutorial-php.md", "docs/tutorial-php.zh.md"] {
        println!("\n==> {page}");
        let place = trials::fresh_folder(php, "tutorial")?;
        let mut command = apart(php, &place)?;
        command.arg(&php.program);
        command.args(["-n", "-d", &extension_flag(built)]);
        command.arg(trials::script("tutorial.php")).arg(page);
        // What an earlier reader has put there is not what a new one finds.
        let config = workspace::dist().join("conf/zoo.cfg");
        if config.exists() {
            fs::rename(&config, place.join("zoo.cfg")).context("moving a zoo.cfg away")?;
        }
        let outcome = program::run(command.current_dir(workspace::root()));
        if place.join("zoo.cfg").exists() {
            fs::rename(place.join("zoo.cfg"), &config).context("moving a zoo.cfg back")?;
        }
        outcome?;
    }
    Ok(())
}

/// `phpize && ./configure && make && make test && make install`, in a copy of what that needs.
pub(super) fn phpize(php: &Php) -> Result<()> {
    install::debian(&["autoconf", "make", "php-fpm"])?;
    program::run(&mut program::cargo(&["build", "--release", "-p", "zoa"]))?;
    let place = trials::fresh_folder(php, "phpize")?;
    for part in PARTS {
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(workspace::root().join(part)).arg(&place);
        program::run(&mut copy)?;
    }
    let folder = place.join("crates/zoa-php");
    // So that what is built already need not be built again.
    let target = folder.join("target");
    std::os::unix::fs::symlink(php.target(), target).context("sharing a target folder")?;
    let mut command = apart(php, &place)?;
    command.arg("sh").arg(trials::script("phpize.sh"));
    command.current_dir(&folder);
    command.env("ZOA_SERVER", workspace::program(Profile::Release));
    command.env("ZOA_PHPIZE", beside(&php.config)?);
    command.env("ZOA_PHP_CONFIG", &php.config);
    command.env("ZOA_PHP", &php.program);
    command.env("NO_INTERACTION", "1");
    command.env("REPORT_EXIT_STATUS", "1");
    program::run(&mut command)
}

/// `phpize` of the same PHP.
fn beside(config: &Path) -> Result<PathBuf> {
    let name = config.file_name().context("php-config has a name")?;
    let name = name.to_string_lossy().replacen("php-config", "phpize", 1);
    Ok(config.with_file_name(name))
}

/// A command that runs what is added to it apart from the machine.
fn apart(php: &Php, place: &Path) -> Result<Command> {
    install::debian(&["iproute2", "util-linux"])?;
    let mut folders = vec![php.extensions()];
    folders.extend(DEBIAN_FOLDERS.map(Path::new));
    let folders: Vec<_> = folders
        .iter()
        .map(|folder| folder.to_string_lossy())
        .collect();
    let mut command = Command::new("unshare");
    command.arg(if trials::is_root() { "-nm" } else { "-rnm" });
    command.arg("sh").arg(trials::script("apart.sh"));
    command.env("ZOA_FOLDERS", folders.join(" "));
    command.env("ZOA_PLACE", place);
    Ok(command)
}
