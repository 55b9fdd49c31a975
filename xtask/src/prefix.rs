//! `cargo xtask install --prefix DIR`: one command in the place of the original's `./configure && make && make install`.
//!
//! ```text
//! DIR/bin/{zoa, zkServer.sh, zkCli.sh, zkEnv.sh}       DIR/include/zookeeper/*.h
//!     lib/libzookeeper_{mt,st}.{a,so,so.2,so.2.0.0}    lib/pkgconfig/{zookeeper_mt,zookeeper_st}.pc
//!     conf/zoo_sample.cfg                              share/doc/zoarium/{c-library.md, LICENSE}
//!
//! --debian: DIR/lib/<multiarch>/ for the libraries, DIR/share/zookeeper/bin/ for the scripts,
//!           DIR/../etc/zookeeper/conf_example/ for the configuration where DIR is /usr
//! ```
//!
//! What was put in place is listed in `share/doc/zoarium/installed.txt`, which `--uninstall` goes by. It starts nothing and changes no
//! setting of the machine. Invariants: a file that a running program uses is replaced, not written into; a zoo.cfg, logs and data are
//! never touched.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::ensure;

use crate::dist;
use crate::dist::SCRIPTS;
use crate::ffi;
use crate::ffi::Optimized;
use crate::program;
use crate::workspace;
use crate::workspace::Profile;

/// The version of the interface, as `ZOO_VERSION` in the header.
const INTERFACE_VERSION: &str = "3.9.5";

/// Where things go under a prefix.
#[derive(Debug)]
struct Layout {
    bin: PathBuf,
    scripts: PathBuf,
    include: PathBuf,
    lib: PathBuf,
    conf: PathBuf,
    doc: PathBuf,
}

impl Layout {
    fn plain(prefix: &Path) -> Self {
        Self {
            bin: prefix.join("bin"),
            scripts: prefix.join("bin"),
            include: prefix.join("include/zookeeper"),
            lib: prefix.join("lib"),
            conf: prefix.join("conf"),
            doc: prefix.join("share/doc/zoarium"),
        }
    }

    /// As Debian's packages `zookeeper`, `libzookeeper-mt2` and `libzookeeper-mt-dev` lay things out.
    fn debian(prefix: &Path, multiarch: &str) -> Self {
        let etc = if prefix == Path::new("/usr") {
            PathBuf::from("/etc")
        } else {
            prefix.join("etc")
        };
        Self {
            scripts: prefix.join("share/zookeeper/bin"),
            lib: prefix.join("lib").join(multiarch),
            conf: etc.join("zookeeper/conf_example"),
            ..Self::plain(prefix)
        }
    }
}

/// How things are laid out under a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As the original's `make install`.
    Plain,
    /// As Debian's packages.
    Debian,
}

/// The names of the files in `share/doc/zoarium`, and the one among them that lists all.
const DOCUMENTS: [&str; 2] = ["LICENSE", "docs/c-library.md"];
const LIST: &str = "share/doc/zoarium/installed.txt";

/// Builds everything and puts it in place.
///
/// # Errors
/// When something cannot be built or written.
pub fn install(prefix: &Path, style: Style) -> Result<()> {
    let libraries = ffi::build(Optimized::Fully)?;
    let mut build = program::cargo(&["build", "-p", "zoa", Profile::Release.argument()]);
    program::run(&mut build)?;
    let lib = put(
        prefix,
        style,
        &libraries,
        &workspace::program(Profile::Release),
    )?;
    println!("installed in {}", prefix.display());
    println!(
        "a program finds the library after `ldconfig`, or with LD_LIBRARY_PATH={}",
        lib.display()
    );
    println!("`cargo xtask install --uninstall` with the same prefix takes it away again");
    Ok(())
}

/// Puts what was built in place; the folder of the libraries.
///
/// # Errors
/// When something cannot be written.
pub fn put(prefix: &Path, style: Style, libraries: &Path, zoa: &Path) -> Result<PathBuf> {
    let prefix = std::path::absolute(prefix).context("the prefix is no path")?;
    let layout = match style {
        Style::Plain => Layout::plain(&prefix),
        Style::Debian => {
            let multiarch = program::read(Command::new("gcc").arg("-print-multiarch"))?;
            Layout::debian(&prefix, multiarch.trim())
        }
    };
    let mut placed = Placed::of(&prefix)?;
    placed.programs(&layout, zoa)?;
    placed.libraries(&layout, libraries)?;
    let root = workspace::root();
    let headers = root.join("include/zookeeper");
    for header in fs::read_dir(&headers).context("listing the headers")? {
        let header = header.context("listing the headers")?;
        placed.copy(&header.path(), &layout.include.join(header.file_name()))?;
    }
    let conf = layout.conf.join("zoo_sample.cfg");
    placed.copy(&root.join("dist/conf/zoo_sample.cfg"), &conf)?;
    for name in DOCUMENTS {
        let from = root.join(name);
        let file = from.file_name().context("a document has a name")?;
        placed.copy(&from, &layout.doc.join(file))?;
    }
    for name in ["mt", "st"] {
        let file = layout.lib.join(format!("pkgconfig/zookeeper_{name}.pc"));
        placed.write(&file, &pkg_config(&layout, &prefix, name))?;
    }
    placed.list(&prefix.join(LIST))?;
    Ok(layout.lib)
}

/// What stands under a prefix because of us.
#[derive(Debug, Default)]
struct Placed {
    files: BTreeSet<PathBuf>,
}

impl Placed {
    /// What an earlier install has put there.
    fn of(prefix: &Path) -> Result<Self> {
        let list = prefix.join(LIST);
        let text = match fs::read_to_string(&list) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("reading {}", list.display()));
            }
        };
        let files = text.lines().map(PathBuf::from).collect();
        Ok(Self { files })
    }

    fn copy(&mut self, from: &Path, to: &Path) -> Result<()> {
        dist::copy(from, to)?;
        self.files.insert(to.to_owned());
        Ok(())
    }

    fn link(&mut self, link: PathBuf, to: &Path) -> Result<()> {
        ffi::replace_link(&link, to)?;
        self.files.insert(link);
        Ok(())
    }

    fn write(&mut self, file: &Path, text: &str) -> Result<()> {
        write(file, text)?;
        self.files.insert(file.to_owned());
        Ok(())
    }

    fn programs(&mut self, layout: &Layout, zoa: &Path) -> Result<()> {
        self.copy(zoa, &layout.bin.join("zoa"))?;
        for script in SCRIPTS {
            let from = workspace::root().join(script);
            let name = from.file_name().context("a script has a name")?;
            self.copy(&from, &layout.scripts.join(name))?;
        }
        if layout.bin != layout.scripts {
            // The scripts look for the program beside themselves.
            self.link(layout.scripts.join("zoa"), &layout.bin.join("zoa"))?;
        }
        Ok(())
    }

    fn libraries(&mut self, layout: &Layout, libraries: &Path) -> Result<()> {
        for name in ["mt", "st"] {
            for ending in ["a", "so.2.0.0"] {
                let file = format!("libzookeeper_{name}.{ending}");
                self.copy(&libraries.join(&file), &layout.lib.join(&file))?;
            }
            let file = format!("libzookeeper_{name}.so.2.0.0");
            let soname = format!("libzookeeper_{name}.so.2");
            let plain = format!("libzookeeper_{name}.so");
            self.link(layout.lib.join(&soname), Path::new(&file))?;
            self.link(layout.lib.join(plain), Path::new(&soname))?;
        }
        Ok(())
    }

    fn list(mut self, file: &Path) -> Result<()> {
        self.files.insert(file.to_owned());
        let lines = self
            .files
            .iter()
            .map(|path| format!("{}\n", path.display()));
        write(file, &lines.collect::<String>())
    }
}

/// Takes away what was installed under a prefix, and the folders that are empty then.
///
/// # Errors
/// When nothing is installed there, or a file cannot be removed.
pub fn uninstall(prefix: &Path) -> Result<()> {
    let prefix = std::path::absolute(prefix).context("the prefix is no path")?;
    let Placed { files } = Placed::of(&prefix)?;
    ensure!(
        !files.is_empty(),
        "nothing is installed in {}: it has no {LIST}",
        prefix.display()
    );
    for file in &files {
        if file.symlink_metadata().is_ok() {
            fs::remove_file(file).with_context(|| format!("removing {}", file.display()))?;
        }
    }
    for file in &files {
        let folders = file.ancestors().skip(1);
        for folder in folders.take_while(|folder| folder.starts_with(&prefix) && **folder != prefix)
        {
            // One that is not empty is somebody else's, too.
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
    println!("{} files removed from {}", files.len(), prefix.display());
    Ok(())
}

fn pkg_config(layout: &Layout, prefix: &Path, name: &str) -> String {
    let (what, flags) = match name {
        "mt" => (
            "with threads and synchronous calls",
            "-I${includedir} -I${includedir}/zookeeper -DTHREADED -pthread",
        ),
        _ => (
            "driven by the caller's loop",
            "-I${includedir} -I${includedir}/zookeeper",
        ),
    };
    let include = layout.include.parent().unwrap_or(prefix);
    format!(
        "prefix={}\nincludedir={}\nlibdir={}\n\n\
         Name: zookeeper_{name}\nDescription: The C library of ZooKeeper's users, {what}\nVersion: {INTERFACE_VERSION}\n\
         Cflags: {flags}\nLibs: -L${{libdir}} -lzookeeper_{name}\nLibs.private: -lpthread -ldl -lm\n",
        prefix.display(),
        include.display(),
        layout.lib.display(),
    )
}

fn write(file: &Path, text: &str) -> Result<()> {
    let parent = file.parent().context("a file stands in a folder")?;
    fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
    fs::write(file, text).with_context(|| format!("writing {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::Layout;
    use super::pkg_config;
    use std::path::Path;

    #[test]
    fn pkg_config_declares_the_synchronous_calls_for_the_threaded_library_only() {
        let prefix = Path::new("/opt/zoarium");
        let layout = Layout::plain(prefix);
        let threaded = pkg_config(&layout, prefix, "mt");
        assert!(threaded.contains("-DTHREADED") && threaded.contains("libdir=/opt/zoarium/lib\n"));
        assert!(!pkg_config(&layout, prefix, "st").contains("THREADED"));
    }

    #[test]
    fn debian_keeps_libraries_by_machine_and_scripts_in_share() {
        let layout = Layout::debian(Path::new("/usr"), "x86_64-linux-gnu");
        assert_eq!(layout.lib, Path::new("/usr/lib/x86_64-linux-gnu"));
        assert_eq!(layout.scripts, Path::new("/usr/share/zookeeper/bin"));
        assert_eq!(layout.conf, Path::new("/etc/zookeeper/conf_example"));
        assert_eq!(layout.include, Path::new("/usr/include/zookeeper"));
    }
}
