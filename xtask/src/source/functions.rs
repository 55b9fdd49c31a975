//! Finds the functions of a source file and how long they are.
//!
//! It does not know types or traits; a declaration without a body is skipped. The length of a function is
//! the number of lines from its `fn` to its closing brace.

use super::Source;
use super::find_name;
use super::past_matching;

/// A function with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its `fn`, counted from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace, both included.
    pub lines: usize,
    /// Whether only test builds compile it.
    pub is_test: bool,
}

pub(super) fn functions(source: &Source) -> Vec<Function> {
    let starts = find_name(&source.code, "fn");
    starts
        .into_iter()
        .filter_map(|at| function_at(source, at))
        .collect()
}

fn function_at(source: &Source, at: usize) -> Option<Function> {
    let rest = source.code.get(at + "fn".len()..)?;
    let name: String = rest
        .trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    if name.is_empty() {
        return None; // a function pointer type: `fn(u8) -> u8`
    }
    let open = body_start(&source.code, at)?;
    let line = source.line_of(at);
    let last = source.line_of(past_matching(&source.code, open).saturating_sub(1));
    Some(Function {
        name,
        line,
        lines: last + 1 - line,
        is_test: source.is_test(at),
    })
}

/// The brace that opens the body of the function whose `fn` stands at `at`.
fn body_start(code: &str, at: usize) -> Option<usize> {
    let mut at = at;
    loop {
        match code.as_bytes().get(at)? {
            b'{' => return Some(at),
            b';' => return None,
            b'(' | b'[' => at = past_matching(code, at),
            _ => at += 1,
        }
    }
}
