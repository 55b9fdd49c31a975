//! A small workspace in a temporary folder that passes tidy, to plant violations in.
//!
//! It has just enough of each thing that tidy looks at. Invariant: `Fixture::passing()` has no finding, which
//! a test of its own says; so a test that plants one thing sees what that one thing does.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use xtask::tidy;
use xtask::tidy::Finding;

/// A workspace on disk that goes away with the value.
pub(crate) struct Fixture {
    folder: TempDir,
}

impl Fixture {
    /// A tree with a pure crate, a shipping crate, a development crate and all the pages.
    pub(crate) fn passing() -> Self {
        let fixture = Self {
            folder: TempDir::new().expect("the temporary folder can be made"),
        };
        fixture.write(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n",
        );
        fixture.add_crate("zoa-proto", "");
        fixture.add_crate("zoa-tree", "zoa-proto = { path = \"../zoa-proto\" }\n");
        fixture.add_crate("zoa-server", "zoa-tree = { path = \"../zoa-tree\" }\n");
        fixture.add_crate("zoa-testkit", "");
        fixture.write(
            "crates/zoa-proto/src/limits.rs",
            "//! Bounds of the wire.\npub const FRAME_LEN_MAX: usize = 8;\n",
        );
        fixture.append(
            "crates/zoa-proto/src/lib.rs",
            "#[cfg(test)]\nmod tests { /* G-01 */ fn f() { FRAME_LEN_MAX; } }\n",
        );
        fixture.write(
            "ARCHITECTURE.md",
            "```arrows\nzoa-tree -> zoa-proto\nzoa-server -> zoa-tree\n```\n",
        );
        fixture.write(
            "GUARANTEES.md",
            "## G-01 One\nStatus: served today\n\nShown by: `f`.\n\n## G-02 Two\nStatus: not yet\n",
        );
        fixture.write(
            "README.md",
            "# Zoarium\n```sh\nzoa dev   # a server\n```\n[map](ARCHITECTURE.md)\n",
        );
        fixture.write(
            "README.zh.md",
            "# Z\n```sh\nzoa dev   # other words\n```\n[top](#z)\n",
        );
        fixture
    }

    /// Writes `text` to `path`, in the place of what was there.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        let parent = path
            .parent()
            .expect("a file of the tree stands in a folder");
        fs::create_dir_all(parent).expect("the folder can be made");
        fs::write(path, text).expect("the file can be written");
    }

    /// Adds `text` to the end of the file at `path`.
    pub(crate) fn append(&self, path: &str, text: &str) {
        let before = fs::read_to_string(self.root().join(path)).expect("the file is there");
        self.write(path, &format!("{before}{text}"));
    }

    /// What tidy finds now.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        tidy::check(self.root())
            .expect("tidy can read the tree")
            .findings
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Adds a crate with these lines under `[dependencies]`, in the place of what was there.
    pub(crate) fn add_crate(&self, name: &str, dependencies: &str) {
        let head =
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        self.write(
            &format!("crates/{name}/Cargo.toml"),
            &format!("{head}\n[dependencies]\n{dependencies}"),
        );
        self.write(
            &format!("crates/{name}/src/lib.rs"),
            &format!("//! The crate {name} of a test.\n"),
        );
    }
}
