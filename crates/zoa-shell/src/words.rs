//! A line becomes words, by the rules of the original's shell: white space parts them, and `"..."` or `'...'` is one word.
//!
//! It is *not* a Unix shell: no escapes, no variables, no globs, and a quote inside a word is a character like any other. A quote
//! that is never closed is left out. The original searches for a regular expression again and again, and its backtracking is
//! part of the rules.
//!
//! Invariant: every line, whatever is in it, becomes words; none panics, and no word is empty unless it was quoted.

/// White space as Java's regular expressions know it.
const SPACES: [char; 6] = [' ', '\t', '\n', '\u{b}', '\u{c}', '\r'];
const QUOTES: [char; 2] = ['"', '\''];

/// The words of a line; none for a blank one.
#[must_use]
pub(crate) fn split_words(line: &str) -> Vec<String> {
    // The original takes a line of blanks for one word of blanks, and does not know that command.
    if line.trim_matches(SPACES).is_empty() {
        return Vec::new();
    }
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let Some((word, after)) = first_word(rest) else {
            // A quote that is not closed: look again behind it.
            rest = rest.get(1..).unwrap_or_default();
            continue;
        };
        words.push(without_quotes(word).to_owned());
        rest = after.trim_start_matches(SPACES);
    }
    words
}

/// The word that begins at the first character behind the blanks, and what follows it; `None` when that is an open quote and no
/// blank stands before it.
fn first_word(text: &str) -> Option<(&str, &str)> {
    let start = text.len() - text.trim_start_matches(SPACES).len();
    let (blanks, word) = text.split_at(start);
    if let Some(quote) = word.chars().next().filter(|first| QUOTES.contains(first)) {
        let closed = word.get(1..)?.find(quote).map(|at| word.split_at(at + 2));
        // Else the last blank counts as the first character of the word, quote and all.
        return closed.or_else(|| {
            let from = blanks.len().checked_sub(1)?;
            plain_word(text.get(from..)?)
        });
    }
    match word {
        "" => None,
        _ => plain_word(word),
    }
}

/// One character of any kind, and all behind it up to a blank.
fn plain_word(text: &str) -> Option<(&str, &str)> {
    let first = text.chars().next()?.len_utf8();
    let rest = text.get(first..)?;
    let len = first + rest.find(SPACES).unwrap_or(rest.len());
    text.split_at_checked(len)
}

fn without_quotes(word: &str) -> &str {
    let inner = QUOTES
        .iter()
        .find_map(|quote| word.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(word)
}

/// A word as it must be typed to be read back as one.
#[must_use]
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty() && !word.contains(SPACES) && !word.starts_with(QUOTES);
    match QUOTES.iter().find(|quote| !word.contains(**quote)) {
        Some(quote) if !is_plain => format!("{quote}{word}{quote}"),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::quoted;
    use super::split_words;

    fn check(line: &str, words: &[&str]) {
        assert_eq!(split_words(line), words, "{line:?}");
    }

    #[test]
    fn blanks_part_words_and_quotes_keep_them_together() {
        check("ls /", &["ls", "/"]);
        check(
            "  create\t/a   'two words' ",
            &["create", "/a", "two words"],
        );
        check("set /a \"it's\"", &["set", "/a", "it's"]);
        check("set /a ''", &["set", "/a", ""]);
        check("set /a '\"x\"'", &["set", "/a", "\"x\""]);
        check("", &[]);
        check("  \t ", &[]);
    }

    #[test]
    fn a_quote_inside_a_word_is_a_character() {
        check("set /a it's", &["set", "/a", "it's"]);
        check("ls /a\"b c\"", &["ls", "/a\"b", "c\""]);
        check("'a''b'", &["a", "b"]);
        check("'a'b", &["a", "b"]);
    }

    #[test]
    fn a_quote_that_is_not_closed_is_left_out() {
        check("ls \"/a b", &["ls", "/a", "b"]);
        check("\"", &[]);
        check("ls '", &["ls"]);
        // As in the original: with nothing before them, the blanks and the quote become part of the word.
        check("  \"ls", &[" \"ls"]);
    }

    proptest! {
        #[test]
        fn no_line_panics_and_no_word_is_lost(line in "[ \\t'\"a/\u{e9}-]{0,40}") {
            let words = split_words(&line);
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic() || *c == '/').collect::<String>();
            prop_assert_eq!(letters(&line), letters(&words.concat()));
        }

        #[test]
        fn any_characters_will_do(line in "\\PC*") {
            drop(split_words(&line));
        }

        #[test]
        fn a_quoted_word_is_read_back_as_it_was(word in "[ a-z/'\u{e9}]{0,12}", other in "[a-z]{1,4}") {
            let line = format!("{} {}", quoted(&word), other);
            prop_assert_eq!(split_words(&line), vec![word, other]);
        }
    }
}
