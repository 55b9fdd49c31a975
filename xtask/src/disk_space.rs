//! Says before a first build that the disk is too small for it, since a compiler says so a quarter of an hour later, and badly.
//!
//! It only warns: what a build takes is an estimate. Where something is built already, nothing is said.

use std::path::Path;
use std::process::Command;

/// What all steps of `cargo xtask test` leave under the target folder of an empty clone: 7.7 GiB were measured.
const FIRST_TEST_MIB: u64 = 9 * 1024;

/// Warns when a first run of all tests will not find the room that it needs under `target`.
pub fn warn_if_short_for_tests(target: &Path) {
    if target.join("debug/deps").exists() {
        return;
    }
    let there = target.ancestors().find(|folder| folder.exists());
    let free_mib = there.and_then(free_mib);
    if let Some(warning) = free_mib.and_then(|free_mib| warning(target, free_mib)) {
        eprintln!("{warning}");
    }
}

fn warning(target: &Path, free_mib: u64) -> Option<String> {
    let gib = |mib: u64| mib as f64 / 1024.0;
    (free_mib < FIRST_TEST_MIB).then(|| {
        format!(
            "warning: {} has {:.1} GiB left, and a first run of all tests takes about {:.0}: \
             make room, or build elsewhere with CARGO_TARGET_DIR=/a/larger/disk",
            target.display(),
            gib(free_mib),
            gib(FIRST_TEST_MIB),
        )
    })
}

/// What ordinary users may still write where this folder is.
fn free_mib(folder: &Path) -> Option<u64> {
    let mut df = Command::new("df");
    df.args(["--output=avail", "--block-size=1M"]).arg(folder);
    let output = df.output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    said.lines().nth(1)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_is_named_with_what_to_do() {
        let target = Path::new("/srv/zoarium/target");
        let said = warning(target, 5 * 1024 + 512).expect("too small");
        assert!(
            said.starts_with("warning: /srv/zoarium/target has 5.5 GiB left"),
            "{said}"
        );
        assert!(said.contains("CARGO_TARGET_DIR="), "{said}");
        assert_eq!(warning(target, FIRST_TEST_MIB), None);
    }

    #[test]
    fn what_is_free_is_known_of_any_folder() {
        assert!(free_mib(Path::new("/")).is_some());
    }
}
