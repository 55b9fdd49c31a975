//! Where things are: the root of the checkout, the target folder and what xtask keeps in it.
//!
//! It creates nothing. Invariant: all that xtask writes outside of tests lies under the target folder,
//! except `docs/performance.md`.

use std::env;
use std::path::Path;
use std::path::PathBuf;

/// The folder of the workspace's `Cargo.toml`.
#[must_use]
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .parent()
        .expect("xtask stands in the workspace's root")
        .to_owned()
}

/// Cargo's target folder: `CARGO_TARGET_DIR`, or `target` under the root.
#[must_use]
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Where tools that xtask installs for itself are kept between runs.
#[must_use]
pub fn tools() -> PathBuf {
    target().join("tools")
}

/// Where `cargo xtask dist` lays out what a user unpacks.
#[must_use]
pub fn dist() -> PathBuf {
    target().join("dist").join("zoarium")
}

/// The program as Cargo built it in `profile`.
#[must_use]
pub fn program(profile: Profile) -> PathBuf {
    target().join(profile.folder()).join("zoa")
}

/// Which of Cargo's builds is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// What `cargo test` has built already.
    Dev,
    /// What users run.
    Release,
}

impl Profile {
    /// The argument that asks Cargo for it.
    #[must_use]
    pub fn argument(self) -> &'static str {
        match self {
            Self::Dev => "--profile=dev",
            Self::Release => "--release",
        }
    }

    /// The folder, below the target folder, where Cargo puts it.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}
