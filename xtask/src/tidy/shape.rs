//! The mirror: how long files and functions are, how much is said and asserted.
//!
//! Nothing here fails. The aims beside the figures are those of CONTRIBUTING.md; a long function that reads
//! well beats five short ones that do not.

use std::fmt;

use super::Tree;
use crate::source::Function;
use crate::source::Source;

/// How many of the longest files and functions are named.
const NAMED: usize = 5;

/// Sizes and densities of the tree's Rust code.
#[derive(Debug, Default)]
pub struct Shape {
    files: Vec<(usize, String)>,
    functions: Vec<(usize, String)>,
    code_lines: usize,
    comment_lines: usize,
    unwraps: usize,
    expects: usize,
    asserts: usize,
}

impl Shape {
    /// Measures every source of `tree`; the densities are those of code that ships.
    #[must_use]
    pub fn of(tree: &Tree) -> Self {
        let mut shape = Self::default();
        for source in &tree.sources {
            shape.add(source);
        }
        shape.files.sort_unstable();
        shape.functions.sort_unstable();
        shape
    }

    fn add(&mut self, source: &Source) {
        self.files
            .push((source.text.lines().count(), source.path.clone()));
        let place =
            |function: &Function| format!("{} {}:{}", function.name, source.path, function.line);
        self.functions.extend(
            source
                .functions()
                .iter()
                .map(|function| (function.lines, place(function))),
        );
        if is_shipped(&source.path) {
            self.add_densities(source);
        }
    }

    fn add_densities(&mut self, source: &Source) {
        let mut offset = 0;
        for (line, code) in source.text.lines().zip(source.code.lines()) {
            let is_test = source.is_test(offset);
            offset += line.len() + 1;
            if is_test || line.trim().is_empty() {
                continue;
            }
            *(if code.trim().is_empty() {
                &mut self.comment_lines
            } else {
                &mut self.code_lines
            }) += 1;
        }
        let count = |name: &str| {
            source
                .find_name(name)
                .into_iter()
                .filter(|&at| !source.is_test(at))
                .count()
        };
        self.unwraps += count(".unwrap(");
        self.expects += count(".expect(");
        self.asserts += count("assert!(")
            + count("assert_eq!(")
            + count("assert_ne!(")
            + count("debug_assert!(");
    }

    fn per_thousand(&self, count: usize) -> f64 {
        ratio(count * 1000, self.code_lines)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (files, functions) = (Sizes::of(&self.files), Sizes::of(&self.functions));
        writeln!(
            f,
            "files      {files}   (aim: median 250, p90 600, max 1000)"
        )?;
        writeln!(f, "functions  {functions}   (aim: p90 30, none over 70)")?;
        let comments = ratio(self.comment_lines, self.code_lines);
        writeln!(f, "comment/code {comments:.2}   (aim: 0.15 to 0.35)")?;
        let per = |count| self.per_thousand(count);
        let (unwraps, expects, asserts) = (per(self.unwraps), per(self.expects), per(self.asserts));
        writeln!(
            f,
            "shipped, per 1000 lines: unwrap {unwraps:.1}, expect {expects:.1}, assert {asserts:.1}"
        )?;
        for (what, sizes) in [("file", &self.files), ("function", &self.functions)] {
            for (lines, name) in sizes.iter().rev().take(NAMED) {
                writeln!(f, "  long {what:<8} {lines:>5}  {name}")?;
            }
        }
        Ok(())
    }
}

fn is_shipped(path: &str) -> bool {
    let in_crate = path.starts_with("crates/") && path.contains("/src/");
    in_crate
        && !["zoa-chaos", "zoa-compat", "zoa-sim", "zoa-testkit"]
            .iter()
            .any(|name| path.contains(name))
}

struct Sizes {
    count: usize,
    median: usize,
    p90: usize,
    max: usize,
}

impl Sizes {
    fn of(sorted: &[(usize, String)]) -> Self {
        let at = |percent: usize| {
            let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
            sorted.get(place).map_or(0, |(lines, _)| *lines)
        };
        Self {
            count: sorted.len(),
            median: at(50),
            p90: at(90),
            max: at(100),
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>5}: median {:>3}, p90 {:>3}, max {:>4} lines",
            self.count, self.median, self.p90, self.max
        )
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    let float = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    float(part) / float(whole.max(1))
}
