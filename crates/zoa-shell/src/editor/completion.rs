//! Completion of commands, options and paths.
//!
//! A path is asked of the servers, and only while there is a connection. Invariant: it changes nothing and waits for nobody
//! but a server that is there.

use rustyline::Context;
use rustyline::Helper;
use rustyline::completion::Completer;
use rustyline::completion::Pair;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;

use super::SharedKeeper;
use crate::commands;
use crate::keeper::Keeper;
use crate::limits::COMPLETIONS_MAX;
use crate::path_text::child_path;
use crate::words::quoted;

/// What rustyline asks.
pub(crate) struct Completion {
    keeper: SharedKeeper,
}

impl Completion {
    pub(crate) const fn new(keeper: SharedKeeper) -> Self {
        Self { keeper }
    }
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..position).unwrap_or(line);
        let (start, word) = last_word(typed);
        let keeper = self
            .keeper
            .lock()
            .clone()
            .filter(|keeper| keeper.is_connected());
        let pairs = match (word.chars().next(), keeper) {
            (Some('/'), Some(keeper)) => paths(&keeper, word, start_is_quoted(typed, start)),
            (Some('/'), None) => Vec::new(),
            (Some('-'), _) => options(typed, word),
            (_, _) if start == 0 || is_help(typed) => command_names(word),
            (_, _) => Vec::new(),
        };
        Ok((start, pairs))
    }
}

impl Hinter for Completion {
    type Hint = String;
}
impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}

/// Where the word being typed begins, and the word. A quote that is still open belongs to the blanks inside it.
fn last_word(typed: &str) -> (usize, &str) {
    let mut start = 0;
    let mut quote = None;
    for (at, letter) in typed.char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if letter.is_whitespace() => start = at + letter.len_utf8(),
            None if matches!(letter, '"' | '\'') && at == start => {
                quote = Some(letter);
                start = at + 1;
            }
            None => {}
        }
    }
    (start, typed.get(start..).unwrap_or_default())
}

fn start_is_quoted(typed: &str, start: usize) -> bool {
    typed
        .get(..start)
        .is_some_and(|before| before.ends_with(['"', '\'']))
}

fn is_help(typed: &str) -> bool {
    typed.trim_start().starts_with("help ")
}

fn pair(text: String) -> Pair {
    Pair {
        display: text.clone(),
        replacement: text,
    }
}

fn command_names(word: &str) -> Vec<Pair> {
    let names = commands::names()
        .into_iter()
        .filter(|name| name.starts_with(word));
    names
        .map(|name| Pair {
            display: name.to_owned(),
            replacement: format!("{name} "),
        })
        .collect()
}

fn options(typed: &str, word: &str) -> Vec<Pair> {
    let Some(command) = typed.split_whitespace().next().and_then(commands::find) else {
        return Vec::new();
    };
    let own = command
        .options
        .iter()
        .map(|option| format!("-{}", option.name));
    let all = own.chain(["--help", "--json"].map(str::to_owned));
    all.filter(|option| option.starts_with(word))
        .map(pair)
        .collect()
}

/// The children of what stands before the last slash, those that begin with what stands behind it; in quotes where they need
/// them and have none yet.
pub(super) fn paths(keeper: &Keeper, word: &str, is_quoted: bool) -> Vec<Pair> {
    let Some((before, prefix)) = word.rsplit_once('/') else {
        return Vec::new();
    };
    let parent = if before.is_empty() { "/" } else { before };
    // What cannot be read has nothing to offer.
    let children = keeper
        .children(parent, false)
        .map(|(children, _)| children)
        .unwrap_or_default();
    let fitting = children
        .into_iter()
        .filter(|child| child.starts_with(prefix));
    let offered = fitting.take(COMPLETIONS_MAX).map(|child| {
        let path = child_path(parent, &child);
        Pair {
            replacement: if is_quoted {
                path.clone()
            } else {
                quoted(&path)
            },
            display: path,
        }
    });
    offered.collect()
}

#[cfg(test)]
mod tests {
    use super::command_names;
    use super::last_word;
    use super::options;

    fn texts(pairs: Vec<rustyline::completion::Pair>) -> Vec<String> {
        pairs.into_iter().map(|pair| pair.replacement).collect()
    }

    #[test]
    fn the_word_being_typed_is_the_last_one() {
        assert_eq!(last_word("ls /a"), (3, "/a"));
        assert_eq!(last_word("ls "), (3, ""));
        assert_eq!(last_word("get '/a b"), (5, "/a b"));
        assert_eq!(last_word("set /a it's"), (7, "it's"));
    }

    #[test]
    fn commands_and_their_options_are_offered() {
        assert_eq!(
            texts(command_names("getA")),
            ["getAcl ", "getAllChildrenNumber "]
        );
        assert_eq!(
            texts(options("ls -", "-")),
            ["-?", "-s", "-w", "-R", "--help", "--json"]
        );
        assert_eq!(texts(options("bogus -", "-")), Vec::<String>::new());
    }
}
