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
//! It starts nothing and changes no setting of the machine. Invariant: a file that a running program uses is replaced, not written
//! into; a zoo.cfg is never touched.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;

use crate::dist;
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

/// Builds everything and puts it in place.
///
/// # Errors
/// When something cannot be built or written.
pub fn install(prefix: &Path, is_debian: bool) -> Result<()> {
    let prefix = std::path::absolute(prefix).context("the prefix is no path")?;
    let layout = if is_debian {
        let multiarch = program::read(Command::new("gcc").arg("-print-multiarch"))?;
        Layout::debian(&prefix, multiarch.trim())
    } else {
        Layout::plain(&prefix)
    };
    let libraries = ffi::build(Optimized::Fully)?;
    let dist = dist::lay_out(Profile::Release)?;
    put_programs(&layout, &dist)?;
    put_libraries(&layout, &libraries)?;
    put_headers(&layout)?;
    let root = workspace::root();
    let conf = layout.conf.join("zoo_sample.cfg");
    dist::copy(&root.join("dist/conf/zoo_sample.cfg"), &conf)?;
    for name in ["LICENSE", "docs/c-library.md"] {
        let from = root.join(name);
        let file = from.file_name().context("a document has a name")?;
        dist::copy(&from, &layout.doc.join(file))?;
    }
    for name in ["mt", "st"] {
        let file = layout.lib.join(format!("pkgconfig/zookeeper_{name}.pc"));
        write(&file, &pkg_config(&layout, &prefix, name))?;
    }
    println!("installed in {}", prefix.display());
    println!(
        "a program finds the library after `ldconfig`, or with LD_LIBRARY_PATH={}",
        layout.lib.display()
    );
    Ok(())
}

fn put_programs(layout: &Layout, dist: &Path) -> Result<()> {
    dist::copy(&dist.join("bin/zoa"), &layout.bin.join("zoa"))?;
    for script in ["zkServer.sh", "zkCli.sh", "zkEnv.sh"] {
        dist::copy(&dist.join("bin").join(script), &layout.scripts.join(script))?;
    }
    if layout.bin != layout.scripts {
        // The scripts look for the program beside themselves.
        ffi::replace_link(&layout.scripts.join("zoa"), &layout.bin.join("zoa"))?;
    }
    Ok(())
}

fn put_libraries(layout: &Layout, libraries: &Path) -> Result<()> {
    for name in ["mt", "st"] {
        for ending in ["a", "so.2.0.0"] {
            let file = format!("libzookeeper_{name}.{ending}");
            dist::copy(&libraries.join(&file), &layout.lib.join(&file))?;
        }
        let (file, soname) = (
            format!("libzookeeper_{name}.so.2.0.0"),
            format!("libzookeeper_{name}.so.2"),
        );
        ffi::replace_link(&layout.lib.join(&soname), Path::new(&file))?;
        ffi::replace_link(
            &layout.lib.join(format!("libzookeeper_{name}.so")),
            Path::new(&soname),
        )?;
    }
    Ok(())
}

fn put_headers(layout: &Layout) -> Result<()> {
    let headers = workspace::root().join("include/zookeeper");
    for header in fs::read_dir(&headers).context("listing the headers")? {
        let header = header.context("listing the headers")?;
        dist::copy(&header.path(), &layout.include.join(header.file_name()))?;
    }
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
