//! The syntax of zoo.cfg: that of `java.util.Properties`.
//!
//! ```text
//!   # comment            ! comment too
//!   key=value            key: value          key value
//!   long=one \           a line that ends in an odd number of backslashes goes on in the next,
//!        two             whose leading blanks do not count
//!   a\ b=c:\\dir         \ takes the meaning from what follows; \t \n \r \f and \uXXXX are known
//! ```
//!
//! What it is not: it gives no key a meaning, and keeps keys that come twice.

/// One key with its value, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Property {
    pub(crate) key: String,
    pub(crate) value: String,
    /// The line in which it begins, counted from 1.
    pub(crate) line: u32,
}

/// A line that is not in this syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) line: u32,
    pub(crate) what: &'static str,
}

/// Reads a whole file. The original reads ISO 8859-1; files of today are UTF-8, and what is not is
/// read as the original does.
pub(crate) fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// Splits a text into its properties.
pub(crate) fn parse(text: &str) -> Vec<Result<Property, SyntaxError>> {
    let mut found = Vec::new();
    let mut lines = (1_u32..).zip(natural_lines(text));
    while let Some((line, first)) = lines.next() {
        let mut logical = skip_blanks(first).to_owned();
        if logical.is_empty() || logical.starts_with(['#', '!']) {
            continue;
        }
        while ends_in_continuation(&logical) {
            logical.pop();
            let Some((_, next)) = lines.next() else { break };
            logical.push_str(skip_blanks(next));
        }
        found.push(split(&logical, line));
    }
    found
}

/// The text without the properties whose keys `drops` knows. All else stays as it is, comments too.
pub(crate) fn without(text: &str, drops: impl Fn(&str) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (property, behind) = rest.split_at(property_len(rest));
        let dropped = match parse(property).pop() {
            Some(Ok(found)) => drops(&found.key),
            Some(Err(_)) | None => false,
        };
        if !dropped {
            kept.push_str(property);
        }
        rest = behind;
    }
    kept
}

/// How far the first property, comment or empty line goes, the end of its last line included.
fn property_len(text: &str) -> usize {
    let mut logical = String::new();
    let mut len = 0;
    for line in text.split_inclusive('\n') {
        // A lone return ends a line too, but no editor of today writes files so; what is between two of them is one piece here.
        len += line.len();
        let line = line.trim_end_matches(['\n', '\r']);
        logical.push_str(skip_blanks(line));
        let is_comment = logical.is_empty() || logical.starts_with(['#', '!']);
        if is_comment || !ends_in_continuation(&logical) {
            break;
        }
        logical.pop();
    }
    len
}

/// Lines end in `\n`, `\r` or `\r\n`.
fn natural_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

fn skip_blanks(text: &str) -> &str {
    text.trim_start_matches(is_blank)
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\x0c')
}

fn ends_in_continuation(line: &str) -> bool {
    line.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
}

fn split(logical: &str, line: u32) -> Result<Property, SyntaxError> {
    let (key, rest) = logical.split_at(key_len(logical));
    let rest = skip_blanks(rest);
    let value = skip_blanks(rest.strip_prefix(['=', ':']).unwrap_or(rest));
    let unescaped = |text| {
        unescape(text).ok_or(SyntaxError {
            line,
            what: BAD_UNICODE,
        })
    };
    Ok(Property {
        key: unescaped(key)?,
        value: unescaped(value)?,
        line,
    })
}

const BAD_UNICODE: &str = "\\u must be followed by four hexadecimal digits";

/// The key ends before the first `=`, `:` or blank without a backslash before it.
fn key_len(logical: &str) -> usize {
    let mut escaped = false;
    for (at, c) in logical.char_indices() {
        if !escaped && (is_blank(c) || c == '=' || c == ':') {
            return at;
        }
        escaped = c == '\\' && !escaped;
    }
    logical.len()
}

/// `None` for a `\u` without its digits. Java counts in UTF-16, so two `\u` may make one character.
fn unescape(text: &str) -> Option<String> {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\x0c',
                Some('u') => {
                    units.push(four_digits(&mut chars)?);
                    continue;
                }
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
    Some(String::from_utf16_lossy(&units))
}

fn four_digits(chars: &mut impl Iterator<Item = char>) -> Option<u16> {
    (0..4).try_fold(0, |code, _| {
        let digit = chars.next()?.to_digit(16)?;
        Some(code * 16 + u16::try_from(digit).ok()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected pairs are what `java.util.Properties` (OpenJDK 17) makes of the same text.
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found: Vec<(String, String)> = parse(text)
            .into_iter()
            .map(|property| property.expect("the syntax is right"))
            .map(|property| (property.key, property.value))
            .collect();
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn keys_end_at_equals_colons_and_blanks() {
        for text in ["a=1", "a:1", "a 1", "a\t=\t1", "a   1"] {
            check(text, &[("a", "1")]);
        }
        check(" \t\x0ca = 1 ", &[("a", "1 ")]);
        check("a==1", &[("a", "=1")]);
        check("a = : 1", &[("a", ": 1")]);
        check("a b c = d", &[("a", "b c = d")]);
        check("a", &[("a", "")]);
        check("a=", &[("a", "")]);
        check("=v", &[("", "v")]);
        check("server.1=h:1:2;3", &[("server.1", "h:1:2;3")]);
    }

    #[test]
    fn comments_stand_at_the_beginning_of_a_line_only() {
        for text in [
            "# c\na=1",
            "! c\na=1",
            "  # c\na=1",
            "# c\\\na=1",
            "   \n\n a=1\n",
        ] {
            check(text, &[("a", "1")]);
        }
        check("a=1#no", &[("a", "1#no")]);
        check("\\#a=1", &[("#a", "1")]);
    }

    #[test]
    fn a_backslash_at_the_end_continues_the_line() {
        check("a=1\\\n   2", &[("a", "12")]);
        check("a=1 \\\n 2", &[("a", "1 2")]);
        check("a=1\\\n#2", &[("a", "1#2")]);
        check("a=1\\\n  \\\n  2", &[("a", "12")]);
        check("a=1\\\\\nb=2", &[("a", "1\\"), ("b", "2")]);
        check("a=1\\\n\nb=2", &[("a", "1"), ("b", "2")]);
        check("a\\\n  b=1", &[("ab", "1")]);
        check("a=\\\n  b", &[("a", "b")]);
        check("a=x\\", &[("a", "x")]);
    }

    #[test]
    fn escapes_are_read_as_java_reads_them() {
        check("a\\ b=1", &[("a b", "1")]);
        check("a\\=b=1", &[("a=b", "1")]);
        check("a\\:b=1", &[("a:b", "1")]);
        check("a=\\t\\n\\x\\\\", &[("a", "\t\nx\\")]);
        check("a=\\u0041\\u00e9", &[("a", "A\u{e9}")]);
        check("a=c:\\dir\\new", &[("a", "c:dir\new")]);
        check("a=\\ud83d\\ude00", &[("a", "\u{1f600}")]);
    }

    #[test]
    fn lines_end_in_any_of_three_ways() {
        check("a=1\r\nb=2\rc=3", &[("a", "1"), ("b", "2"), ("c", "3")]);
        check("a=1\\\r\n2\r\n", &[("a", "12")]);
    }

    #[test]
    fn unicode_escapes_without_their_digits_are_refused() {
        for text in ["a=\\u00g1", "a=\\u1", "a=\\u+123", "\\u=1"] {
            let expected = SyntaxError {
                line: 2,
                what: BAD_UNICODE,
            };
            assert_eq!(parse(&format!("# c\n{text}")), [Err(expected)], "{text:?}");
        }
    }

    #[test]
    fn each_property_knows_where_it_begins() {
        let lines: Vec<u32> = parse("\na=1\n#\nb=\\\n2\nc=3")
            .into_iter()
            .flatten()
            .map(|p| p.line)
            .collect();
        assert_eq!(lines, [2, 4, 6]);
    }

    #[test]
    fn properties_go_and_all_else_stays_as_it_is() {
        let text = "# server.9=a comment\r\n\n a = 1\nserver.1 = h:\\\n   1:2\nserver.2:x\nb=\\\n2\nzookeeper.server.3=x";
        let kept = without(text, |key| key.contains("server."));
        assert_eq!(kept, "# server.9=a comment\r\n\n a = 1\nb=\\\n2\n");
        assert_eq!(without(text, |_| false), text);
        assert_eq!(without("a=1\\", |key| key == "a"), "");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_read_as_the_original_reads_them() {
        assert_eq!(decode(b"a=\xe9"), "a=\u{e9}");
        assert_eq!(decode("a=\u{e9}".as_bytes()), "a=\u{e9}");
        assert_eq!(decode("\u{feff}a=1".as_bytes()), "a=1");
    }
}
