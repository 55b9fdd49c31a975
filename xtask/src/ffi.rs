//! `cargo xtask ffi`: links libzookeeper_mt and libzookeeper_st, and tries them out beside the original's.
//!
//! ```text
//! crates/zoa-ffi -> libzookeeper_mt.a, and with the feature single-threaded libzookeeper_st.a
//! cc -shared, symbols/*.txt as the list of what is exported -> libzookeeper_{mt,st}.so.2.0.0 and its links
//! ```
//!
//! The trials stand in `compat/ffi/trials.py`. Invariant: what the shared libraries export is what the lists say, and no more.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::install;
use crate::prefix;
use crate::prefix::Style;
use crate::program;
use crate::step::Tally;
use crate::workspace;
use crate::workspace::Profile;

/// The libraries, and the feature that makes each.
const LIBRARIES: [(&str, &[&str]); 2] = [("mt", &[]), ("st", &["--features", "single-threaded"])];

/// The version behind `.so.`: the number of the interface, and the file's own.
const SONAME_VERSION: &str = "2";
const FILE_VERSION: &str = "2.0.0";

/// How well the libraries are optimized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optimized {
    /// Hardly; soon built.
    Little,
    /// As users get them.
    Fully,
}

impl Optimized {
    const fn profile(self) -> &'static str {
        match self {
            Self::Little => "dev",
            Self::Fully => "ffi",
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Little => "debug",
            Self::Fully => "ffi",
        }
    }
}

/// Builds and links both libraries; the folder they are in.
///
/// # Errors
/// When something does not compile or link.
pub fn build(optimized: Optimized) -> Result<PathBuf> {
    install::debian(&["gcc", "libc6-dev"])?;
    let folder = workspace::target()
        .join("libzookeeper")
        .join(optimized.folder());
    fs::create_dir_all(&folder).context("making a folder for the libraries")?;
    for (name, features) in LIBRARIES {
        let profile = format!("--profile={}", optimized.profile());
        let mut command = program::cargo(&["build", "-p", "zoa-ffi", &profile]);
        program::run(command.args(features))?;
        let built = workspace::target()
            .join(optimized.folder())
            .join("libzookeeper_mt.a");
        let archive = folder.join(format!("libzookeeper_{name}.a"));
        fs::copy(&built, &archive).with_context(|| format!("copying {}", built.display()))?;
        link(&folder, name, &archive)?;
    }
    println!(
        "libzookeeper_mt and libzookeeper_st are in {}",
        folder.display()
    );
    Ok(folder)
}

/// Makes a shared library of an archive.
fn link(folder: &Path, name: &str, archive: &Path) -> Result<()> {
    let symbols = folder.join(format!("{name}.map"));
    fs::write(&symbols, version_script(name)?).context("writing the list of symbols")?;
    let soname = format!("libzookeeper_{name}.so.{SONAME_VERSION}");
    let file = folder.join(format!("libzookeeper_{name}.so.{FILE_VERSION}"));
    let mut command = Command::new("cc");
    command.arg("-shared").arg("-o").arg(&file);
    command
        .arg("-Wl,--whole-archive")
        .arg(archive)
        .arg("-Wl,--no-whole-archive");
    command.arg(format!("-Wl,-soname,{soname}"));
    command.arg(format!("-Wl,--version-script={}", symbols.display()));
    // Threads of a session may still run when a program unloads it: the code must stay where it is.
    command.args([
        "-Wl,--gc-sections",
        "-Wl,--strip-debug",
        "-Wl,-z,nodelete",
        "-Wl,-z,relro,-z,now",
        "-Wl,-z,defs",
    ]);
    program::run(command.args(["-lgcc_s", "-lpthread", "-ldl", "-lm", "-lc"]))?;
    for (link, to) in [
        (
            soname.clone(),
            format!("libzookeeper_{name}.so.{FILE_VERSION}"),
        ),
        (format!("libzookeeper_{name}.so"), soname),
    ] {
        replace_link(&folder.join(link), Path::new(&to))?;
    }
    Ok(())
}

/// Makes a symbolic link, in the place of an older one.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn replace_link(link: &Path, to: &Path) -> Result<()> {
    if link.symlink_metadata().is_ok() {
        fs::remove_file(link).with_context(|| format!("removing {}", link.display()))?;
    }
    std::os::unix::fs::symlink(to, link).with_context(|| format!("linking {}", link.display()))
}

/// What the linker is to export: the list of Debian's library, and what Debian leaves out.
fn version_script(name: &str) -> Result<String> {
    let folder = workspace::root().join("crates/zoa-ffi/symbols");
    let mut script = "{ global:\n".to_owned();
    for list in [name, "more"] {
        let path = folder.join(format!("{list}.txt"));
        let text =
            fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        for symbol in text.lines() {
            script.push_str(symbol);
            script.push_str(";\n");
        }
    }
    script.push_str("local: *; };\n");
    Ok(script)
}

/// Runs the short trials: they fit into the time of a change.
///
/// # Errors
/// When something cannot be built or a trial fails.
pub fn test() -> Result<Tally> {
    let libraries = build(Optimized::Little)?;
    program::run(&mut program::cargo(&[
        "build",
        "-p",
        "zoa",
        Profile::Dev.argument(),
    ]))?;
    try_out(&libraries, Profile::Dev, &[])
}

/// Runs these trials, all of them if none is named, on what users get.
///
/// # Errors
/// When something cannot be built or a trial fails.
pub fn try_all(trials: &[String]) -> Result<Tally> {
    let libraries = build(Optimized::Fully)?;
    program::run(&mut program::cargo(&[
        "build",
        "-p",
        "zoa",
        Profile::Release.argument(),
    ]))?;
    let mut words = vec!["--long"];
    words.extend(trials.iter().map(String::as_str));
    try_out(&libraries, Profile::Release, &words)
}

fn try_out(libraries: &Path, profile: Profile, words: &[&str]) -> Result<Tally> {
    install::debian(&[
        "g++",
        "pkg-config",
        "valgrind",
        "libzookeeper-mt-dev",
        "libzookeeper-st2",
        "zookeeper-bin",
        "python3-zookeeper",
    ])?;
    let program = workspace::program(profile);
    let mut command = Command::new("python3");
    command.arg(workspace::root().join("compat/ffi/trials.py"));
    command.arg("--libraries").arg(libraries);
    command.arg("--program").arg(&program);
    let mut prefixes = Vec::new();
    for (style, name) in [(Style::Plain, "plain"), (Style::Debian, "debian")] {
        let prefix = workspace::target().join("libzookeeper/prefixes").join(name);
        prefix::put(&prefix, style, libraries, &program)?;
        command.arg("--prefix").arg(&prefix);
        prefixes.push(prefix);
    }
    program::run(command.args(words))?;
    for prefix in prefixes {
        take_away(&prefix)?;
    }
    Ok(Tally::one())
}

/// Uninstalls, and looks that what is the user's stays and nothing else.
fn take_away(prefix: &Path) -> Result<()> {
    let own = prefix.join("conf/zoo.cfg");
    fs::create_dir_all(prefix.join("conf")).context("making a folder for a zoo.cfg")?;
    fs::write(&own, "clientPort=2181\n").context("writing a zoo.cfg")?;
    prefix::uninstall(prefix)?;
    let left = program::read(Command::new("find").arg(prefix).args(["-type", "f,l"]))?;
    let expected = format!("{}\n", own.display());
    ensure!(left == expected, "left behind by --uninstall: {left}");
    fs::remove_dir_all(prefix).with_context(|| format!("removing {}", prefix.display()))
}

#[cfg(test)]
mod tests {
    use super::version_script;

    #[test]
    fn the_threaded_library_exports_all_that_the_other_does_and_the_synchronous_calls_too() {
        let threaded = version_script("mt").expect("the lists are there");
        let single = version_script("st").expect("the lists are there");
        assert!(single.lines().all(|symbol| threaded.contains(symbol)));
        assert!(threaded.contains("\nzoo_get;") && !single.contains("\nzoo_get;"));
        assert!(single.contains("\nzookeeper_init_ssl;"));
    }
}
