//! Which PHP is meant, and the extension in it: found, built for, installed into.
//!
//! `PHP` names a program `php`, `PHP_CONFIG` a `php-config`; each finds the other beside it. Without them it is the PHP in the path,
//! which is installed when there is none. Invariant: what is installed was loaded by that PHP before.

use std::env;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::install;
use crate::program;
use crate::workspace;
use crate::workspace::Profile;

/// The file by which PHP knows the extension.
const LIBRARY: &str = "zookeeper.so";
/// Where Debian wants to be told of an extension, from the folder of its PHP's version.
const DEBIAN_INI: &str = "mods-available/zookeeper.ini";

/// A PHP that extensions can be built for.
pub(super) struct Php {
    /// Its program `php-config`.
    pub(super) config: PathBuf,
    /// The program itself.
    pub(super) program: PathBuf,
    extensions: PathBuf,
    target: PathBuf,
}

impl Php {
    /// The PHP that is meant, installed if there is none.
    pub(super) fn find() -> Result<Self> {
        // For the bindings to PHP's headers, and the shim.
        install::debian(&["gcc", "libc6-dev", "libclang-dev"])?;
        let config = config()?;
        let ask = |what: &str| -> Result<PathBuf> {
            let answer = program::read(Command::new(&config).arg(what))?;
            Ok(PathBuf::from(answer.trim()))
        };
        let (program, extensions) = (ask("--php-binary")?, ask("--extension-dir")?);
        Ok(Self {
            target: workspace::target().join(folder_for(&config)),
            config,
            program,
            extensions,
        })
    }

    /// The folder in which it looks for extensions.
    pub(super) fn extensions(&self) -> &Path {
        &self.extensions
    }

    /// Where all of the extension is built for it and tried out.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// `cargo` with these arguments for the extension, which is a workspace of its own with a target folder of its own.
    pub(super) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = program::cargo(arguments);
        cargo.args(["--locked", "--manifest-path", MANIFEST]);
        cargo.env("CARGO_TARGET_DIR", self.target());
        // Build scripts run in folders of their own, so both are whole paths.
        cargo.env("PHP_CONFIG", &self.config);
        cargo.env("PHP", &self.program);
        cargo
    }

    /// Builds the extension; gives a file of its right name.
    pub(super) fn build(&self, profile: Profile) -> Result<PathBuf> {
        program::run(&mut self.cargo(&["build", profile.argument()]))?;
        let folder = self.target().join("extension").join(profile.folder());
        fs::create_dir_all(&folder).context("making a folder for the extension")?;
        let library = folder.join(LIBRARY);
        let built = self.target().join(profile.folder()).join("libzookeeper.so");
        // A new file, not new bytes in one that a running PHP has mapped.
        let fresh = folder.join(format!("{LIBRARY}.new"));
        fs::copy(built, &fresh).context("copying the extension")?;
        fs::rename(&fresh, &library).context("putting the extension in place")?;
        let mut load = Command::new(&self.program);
        load.args(["-n", "-d"]).arg(extension_flag(&library));
        load.args(["-r", "exit(class_exists('Zookeeper') ? 0 : 1);"]);
        program::run(&mut load)?;
        Ok(library)
    }

    /// Copies the extension to where this PHP looks for it, and switches it on.
    pub(super) fn install(&self, built: &Path) -> Result<()> {
        let target = self.extensions.join(LIBRARY);
        // A new file, not new bytes in one that a running PHP has mapped.
        let fresh = self.extensions.join(format!("{LIBRARY}.new"));
        program::run(install::as_root("cp").arg(built).arg(&fresh))?;
        program::run(install::as_root("mv").arg(&fresh).arg(&target))?;
        self.switch_on()?;
        let modules = program::read(Command::new(&self.program).arg("-m"))?;
        ensure!(
            modules.lines().any(|line| line == "zookeeper"),
            "{} does not list the extension",
            self.program.display()
        );
        println!("installed {}; `php -m` lists zookeeper", target.display());
        Ok(())
    }

    /// Has PHP load it: through Debian's `phpenmod` where that is, else by a file among those it reads.
    fn switch_on(&self) -> Result<()> {
        let scanned = program::read(Command::new(&self.config).arg("--ini-dir"))?;
        let folder = PathBuf::from(scanned.trim());
        if let Some(version) = debian_version(&folder) {
            self.write_ini(&Path::new("/etc/php").join(version).join(DEBIAN_INI))?;
            return program::run(install::as_root("phpenmod").args(["-v", version, "zookeeper"]));
        }
        ensure!(
            folder.is_dir(),
            "{} is in place; add `extension=zookeeper` to the php.ini of {}, which reads no folder of settings",
            self.extensions.join(LIBRARY).display(),
            self.program.display()
        );
        self.write_ini(&folder.join("zookeeper.ini"))
    }

    fn write_ini(&self, path: &Path) -> Result<()> {
        let draft = workspace::target().join("zookeeper.ini");
        let text = "; priority=20\nextension=zookeeper.so\n";
        fs::write(&draft, text).context("writing a draft of zookeeper.ini")?;
        program::run(install::as_root("cp").arg(&draft).arg(path))
    }
}

/// The manifest of the extension, from the root.
pub(super) const MANIFEST: &str = "crates/zoa-php/Cargo.toml";

/// What PHP must be told behind `-d` to load it from there.
pub(super) fn extension_flag(library: &Path) -> String {
    format!("extension={}", library.display())
}

/// The name of a target folder for the PHP of this `php-config`: another PHP has another, so that both can be tried at one time.
fn folder_for(config: &Path) -> String {
    if found(Path::new("php-config")).is_ok_and(|usual| usual == config) {
        return "php".to_owned();
    }
    let place = config.parent().unwrap_or(config).to_string_lossy();
    format!("php{}", place.replace('/', "-"))
}

/// The version, as `8.2`, of a PHP of Debian's, which reads its settings from `/etc/php/8.2/cli/conf.d`.
fn debian_version(settings: &Path) -> Option<&str> {
    let below = settings.strip_prefix("/etc/php").ok()?;
    below.components().next()?.as_os_str().to_str()
}

/// The `php-config` that is meant, as a whole path.
fn config() -> Result<PathBuf> {
    let path_of = |name: &str| env::var_os(name).map(PathBuf::from);
    if let Some(config) = path_of("PHP_CONFIG") {
        return found(&config);
    }
    if let Some(php) = path_of("PHP") {
        return beside(&found(&php)?);
    }
    if found(Path::new("php-config")).is_err() {
        install::debian(&["php-cli", "php-dev"])?;
    }
    found(Path::new("php-config"))
}

/// The `php-config` that came with this `php`: `php-config8.2` beside a `php8.2`.
fn beside(php: &Path) -> Result<PathBuf> {
    let name = php.file_name().unwrap_or_default().to_string_lossy();
    let config = php.with_file_name(name.replacen("php", "php-config", 1));
    ensure!(
        config.is_file(),
        "there is no {} beside {}: say with PHP_CONFIG where its php-config is",
        config.display(),
        php.display()
    );
    Ok(config)
}

/// A program by its path or in the path, as a whole path.
fn found(program: &Path) -> Result<PathBuf> {
    if program.components().count() > 1 {
        return std::path::absolute(program)
            .ok()
            .filter(|place| place.is_file())
            .with_context(|| format!("there is no {}", program.display()));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let place = env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|place| place.is_file());
    place.with_context(|| format!("there is no {} in the path", program.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::beside;
    use super::debian_version;

    #[test]
    fn only_debian_s_own_php_is_switched_on_debian_s_way() {
        let debian = Path::new("/etc/php/8.2/cli/conf.d");
        assert_eq!(debian_version(debian), Some("8.2"));
        assert_eq!(debian_version(Path::new("/usr/local/etc/php/conf.d")), None);
        assert_eq!(debian_version(Path::new("")), None);
    }

    #[test]
    fn php_config_is_looked_for_beside_its_php() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let php = folder.path().join("php8.2");
        beside(&php).expect_err("there is none");
        let config = folder.path().join("php-config8.2");
        fs::write(&config, "").expect("the folder is ours");
        assert_eq!(beside(&php).expect("it stands there"), config);
    }
}
