//! What the original's client says of a path that is not one, before it sends anything.
//!
//! zoa-proto judges paths too; here are the original's words, with the position that users know from them. It counts UTF-16
//! units, as Java does.
//!
//! Invariant: what passes here and is refused there is refused with an error all the same, never sent half-checked.

/// Whether a path is one, and what the original says if not.
pub(crate) fn check_path(path: &str) -> Result<(), String> {
    match path {
        "" => return Err("Path length must be > 0".to_owned()),
        "/" => return Ok(()),
        _ if !path.starts_with('/') => return Err("Path must start with / character".to_owned()),
        _ if path.ends_with('/') => return Err("Path must not end with / character".to_owned()),
        _ => {}
    }
    let units: Vec<u16> = path.encode_utf16().collect();
    match (1..units.len()).find_map(|at| Some((at, fault_at(&units, at)?))) {
        Some((at, fault)) => Err(format!(
            "Invalid path string \"{path}\" caused by {fault} @{at}"
        )),
        None => Ok(()),
    }
}

/// The path of a sequential znode, to which the server adds a number.
pub(crate) fn check_sequential_path(path: &str) -> Result<(), String> {
    check_path(&format!("{path}1"))
}

const SLASH: u16 = 0x2f;
const DOT: u16 = 0x2e;

fn fault_at(units: &[u16], at: usize) -> Option<&'static str> {
    let unit = |at: usize| units.get(at).copied();
    let before = |back: usize| at.checked_sub(back).and_then(unit);
    let ends_name = matches!(unit(at + 1), None | Some(SLASH));
    match unit(at)? {
        0 => Some("null character not allowed"),
        SLASH if before(1) == Some(SLASH) => Some("empty node name specified"),
        DOT if before(1) == Some(DOT) => {
            (before(2) == Some(SLASH) && ends_name).then_some("relative paths not allowed")
        }
        DOT => (before(1) == Some(SLASH) && ends_name).then_some("relative paths not allowed"),
        0x01..=0x1f | 0x7f..=0x9f | 0xd800..=0xf8ff | 0xfff0..=0xffff => Some("invalid character"),
        _ => None,
    }
}

/// The path of a child.
pub(crate) fn child_path(parent: &str, child: &str) -> String {
    match parent {
        "/" => format!("/{child}"),
        _ => format!("{parent}/{child}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::check_path;
    use super::check_sequential_path;

    fn check(path: &str, said: &str) {
        assert_eq!(
            check_path(path).err().as_deref().unwrap_or("fine"),
            said,
            "{path:?}"
        );
    }

    #[test]
    fn the_words_are_those_of_the_original() {
        check("/", "fine");
        check("/a/..b/...", "fine");
        check("", "Path length must be > 0");
        check("a", "Path must start with / character");
        check("/a/", "Path must not end with / character");
        check(
            "//a",
            "Invalid path string \"//a\" caused by empty node name specified @1",
        );
        check(
            "/a/./b",
            "Invalid path string \"/a/./b\" caused by relative paths not allowed @3",
        );
        check(
            "/a/..",
            "Invalid path string \"/a/..\" caused by relative paths not allowed @4",
        );
        check(
            "/a\u{7f}",
            "Invalid path string \"/a\u{7f}\" caused by invalid character @2",
        );
        check(
            "/\u{1f600}",
            "Invalid path string \"/\u{1f600}\" caused by invalid character @1",
        );
    }

    #[test]
    fn a_number_makes_a_path_of_what_ends_with_a_slash() {
        assert_eq!(check_sequential_path("/a/"), Ok(()));
        assert!(check_sequential_path("/a//").is_err());
    }

    proptest! {
        #[test]
        fn what_passes_is_a_path_for_the_protocol_too(path in "[/.a\u{1}\u{85}\u{e9}\u{f000}\u{1f600}]{0,8}") {
            prop_assert_eq!(check_path(&path).is_ok(), zoa_proto::Path::parse(&path).is_ok());
        }
    }
}
