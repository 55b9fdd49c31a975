//! Rust source as tidy sees it: the text, the same text with comments and literals blanked out, and the
//! line ranges that are test code.
//!
//! This is not a parser. It knows just enough of the lexical grammar (nested comments, raw strings, char
//! literals against lifetimes) that a banned word inside a string or a comment is never taken for code.
//! Invariant: `code` has as many bytes as `text`, and newlines at the same places.

use std::ops::Range;

mod functions;
mod mask;
#[cfg(test)]
mod tests;

pub use functions::Function;

/// One `.rs` file, ready to be asked about names, functions and test code.
#[derive(Debug)]
pub struct Source {
    /// Path relative to the root of the tree, with `/` between components.
    pub path: String,
    /// The file as it is.
    pub text: String,
    /// The file with the inside of comments, strings and char literals turned into blanks.
    pub code: String,
    /// Byte ranges of `code` that only a test build compiles.
    tests: Vec<Range<usize>>,
    all_test: bool,
}

impl Source {
    /// Reads `text` as the file at `path`.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        let code = mask::mask(text);
        assert_eq!(
            code.len(),
            text.len(),
            "masking must keep every byte's place"
        );
        let tests = test_ranges(&code);
        let all_test = is_test_path(path);
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            tests,
            all_test,
        }
    }

    /// Says that the whole file is test code (a `#[cfg(test)] mod name;` elsewhere declares it).
    pub fn mark_as_test(&mut self) {
        self.all_test = true;
    }

    /// Whether the byte at `offset` is compiled in test builds only.
    #[must_use]
    pub fn is_test(&self, offset: usize) -> bool {
        self.all_test || self.tests.iter().any(|range| range.contains(&offset))
    }

    /// The line, counted from 1, in which the byte at `offset` stands.
    #[must_use]
    pub fn line_of(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        1 + before.filter(|&&byte| byte == b'\n').count()
    }

    /// Where `name` stands in the code as whole words; `name` may contain `::` and end in `(`.
    #[must_use]
    pub fn find_name(&self, name: &str) -> Vec<usize> {
        find_name(&self.code, name)
    }

    /// Whether `name` is cited in test code, comments and strings of tests included.
    #[must_use]
    pub fn is_cited_by_test(&self, name: &str) -> bool {
        find_name(&self.text, name)
            .into_iter()
            .any(|offset| self.is_test(offset))
    }

    /// Every function with a body.
    #[must_use]
    pub fn functions(&self) -> Vec<Function> {
        functions::functions(self)
    }

    /// Names of the modules this file declares as `#[cfg(test)] mod name;`.
    #[must_use]
    pub fn test_modules(&self) -> Vec<String> {
        let outline = self.code.match_indices("#[cfg(test)]");
        let items = outline.filter_map(|(at, attribute)| self.code.get(at + attribute.len()..));
        items.filter_map(declared_module).collect()
    }
}

/// Offsets of `name` in `text` where neither neighbour continues the word.
#[must_use]
pub fn find_name(text: &str, name: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let is_word = |at: usize| bytes.get(at).is_some_and(|byte| is_word_byte(*byte));
    let begins_in_word = name.bytes().next().is_some_and(is_word_byte);
    let ends_in_word = name.bytes().last().is_some_and(is_word_byte);
    let free = |&(at, found): &(usize, &str)| {
        let left = begins_in_word && at.checked_sub(1).is_some_and(is_word);
        let right = ends_in_word && is_word(at + found.len());
        !left && !right
    };
    text.match_indices(name)
        .filter(free)
        .map(|(at, _)| at)
        .collect()
}

/// The offset just past the bracket that closes the one at `open`, or the end of the text.
#[must_use]
pub fn past_matching(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_test_path(path: &str) -> bool {
    let in_test_folder = path
        .split('/')
        .any(|part| matches!(part, "tests" | "benches" | "fuzz"));
    in_test_folder || path.ends_with("/tests.rs")
}

/// The items behind `#[cfg(test)]`, `#[cfg(any(test, ...` and `#[cfg(all(test, ...`, attributes included.
fn test_ranges(code: &str) -> Vec<Range<usize>> {
    let attributes = ["#[cfg(test)]", "#[cfg(any(test,", "#[cfg(all(test,"];
    let starts = attributes
        .iter()
        .flat_map(|attribute| code.match_indices(attribute));
    starts
        .map(|(at, _)| at..past_item(code, past_matching(code, at + 1)))
        .collect()
}

/// The end of the item that begins at `from`: its closing brace, or its semicolon.
fn past_item(code: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(byte) = code.as_bytes().get(at) {
        match byte {
            b'{' => return past_matching(code, at),
            b'(' | b'[' => at = past_matching(code, at),
            b';' => return at + 1,
            _ => at += 1,
        }
    }
    code.len()
}

/// The name in `pub(crate) mod name;`, when that is what `item` begins with.
fn declared_module(item: &str) -> Option<String> {
    let (head, _) = item.split_once(';')?;
    let (_, name) = head.rsplit_once("mod ")?;
    let is_plain = name.bytes().all(is_word_byte);
    is_plain.then(|| name.to_owned())
}
