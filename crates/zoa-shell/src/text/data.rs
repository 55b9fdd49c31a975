//! The data of a znode: as they are, as base64, and as JSON; and harmless for a terminal.
//!
//! Invariant: nothing is lost where a program reads. On a terminal, control characters are shown and not obeyed, since whoever may
//! write a znode could else steer the terminal of whoever reads it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Map;
use serde_json::Value;

/// Base64 with padding, as Java's encoder writes it.
pub(crate) fn base64(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// What [`base64()`] wrote; `None` when it is not that.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Text that a terminal shows and does not obey.
pub(crate) fn harmless(data: &[u8]) -> String {
    let text = String::from_utf8_lossy(data);
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\t' => shown.push(letter),
            _ if letter.is_control() => shown.extend(letter.escape_default()),
            _ => shown.push(letter),
        }
    }
    shown
}

/// Puts the data into an object: `data` when they are text or null, else `dataBase64`.
pub(crate) fn insert_json(object: &mut Map<String, Value>, data: Option<&[u8]>) {
    let (key, value) = match data.map(|data| (data, std::str::from_utf8(data))) {
        None => ("data", Value::Null),
        Some((_, Ok(text))) => ("data", Value::from(text)),
        Some((data, Err(_))) => ("dataBase64", Value::from(base64(data))),
    };
    object.insert(key.to_owned(), value);
}

/// What [`insert_json`] put there; the outer `None` when there is nothing that can be read.
pub(crate) fn from_json(object: &Map<String, Value>) -> Option<Option<Vec<u8>>> {
    match (object.get("data"), object.get("dataBase64")) {
        (Some(Value::String(text)), None) => Some(Some(text.as_bytes().to_vec())),
        (Some(Value::Null) | None, None) => Some(None),
        (None, Some(Value::String(text))) => from_base64(text).map(Some),
        (_, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Map;

    use super::from_json;
    use super::harmless;
    use super::insert_json;

    #[test]
    fn a_terminal_is_not_steered_by_data() {
        assert_eq!(harmless(b"a\x1b[2Jb\n\tc\x9b"), "a\\u{1b}[2Jb\n\tc\u{fffd}");
        assert_eq!(harmless("\u{9b}x".as_bytes()), "\\u{9b}x");
    }

    proptest! {
        #[test]
        fn json_keeps_any_data(data in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20))) {
            let mut object = Map::new();
            insert_json(&mut object, data.as_deref());
            prop_assert_eq!(from_json(&object), Some(data));
        }
    }
}
