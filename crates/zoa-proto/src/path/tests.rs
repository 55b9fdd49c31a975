//! Goal: exactly the reference's paths are legal, and their parts come apart right.

use super::Path;
use super::PathError;

#[test]
fn legal_paths_are_accepted_as_they_are() {
    for path in [
        "/",
        "/a",
        "/a/b",
        "/...",
        "/a.",
        "/.a",
        "/a/ b",
        "/\u{e9}",
        "/\u{d7ff}",
        "/\u{f900}",
        "/\u{ffef}",
    ] {
        assert_eq!(Path::parse(path).map(Path::as_str), Ok(path));
    }
}

#[test]
fn malformed_paths_are_refused_for_their_reason() {
    for (path, error) in [
        ("", PathError::Empty),
        ("a", PathError::NotAbsolute),
        ("a/b", PathError::NotAbsolute),
        ("/a/", PathError::TrailingSlash),
        ("//", PathError::TrailingSlash),
        ("//a", PathError::EmptyComponent),
        ("/a//b", PathError::EmptyComponent),
        ("/.", PathError::RelativeComponent),
        ("/..", PathError::RelativeComponent),
        ("/a/./b", PathError::RelativeComponent),
        ("/a/../b", PathError::RelativeComponent),
        ("/a\0", PathError::ForbiddenCharacter(0)),
        ("/\u{1}", PathError::ForbiddenCharacter(1)),
        ("/\u{1f}", PathError::ForbiddenCharacter(0x1f)),
        ("/\u{7f}", PathError::ForbiddenCharacter(0x7f)),
        ("/\u{9f}", PathError::ForbiddenCharacter(0x9f)),
        ("/\u{e000}", PathError::ForbiddenCharacter(0xe000)),
        ("/\u{f8ff}", PathError::ForbiddenCharacter(0xf8ff)),
        ("/\u{fff0}", PathError::ForbiddenCharacter(0xfff0)),
        ("/\u{ffff}", PathError::ForbiddenCharacter(0xffff)),
        ("/\u{10000}", PathError::ForbiddenCharacter(0x10000)),
        ("/a\u{1f600}", PathError::ForbiddenCharacter(0x1f600)),
        (crate::jute::INVALID_USTRING, PathError::NotAbsolute),
    ] {
        assert_eq!(Path::parse(path), Err(error), "{path:?}");
    }
}

#[test]
fn a_path_comes_apart() {
    let path = Path::parse("/a/bc/d").expect("legal");
    assert_eq!(path.name(), "d");
    assert_eq!(path.parent().map(Path::as_str), Some("/a/bc"));
    assert_eq!(path.components().collect::<Vec<_>>(), ["a", "bc", "d"]);
    assert_eq!(path.components().next_back(), Some("d"));
    assert_eq!(path.to_string(), "/a/bc/d");
    let top = Path::parse("/a").expect("legal");
    assert_eq!(top.parent(), Some(Path::ROOT));
    assert!(!top.is_root());
}

#[test]
fn the_root_has_no_parent_and_no_name() {
    assert!(Path::ROOT.is_root());
    assert_eq!(Path::parse("/"), Ok(Path::ROOT));
    assert_eq!(Path::ROOT.parent(), None);
    assert_eq!(Path::ROOT.name(), "");
    assert_eq!(Path::ROOT.components().count(), 0);
}

#[test]
fn a_sequential_path_is_judged_by_what_it_becomes() {
    for (path, full) in [
        ("/", "/0000000004"),
        ("/p", "/p0000000004"),
        ("/p/", "/p/0000000004"),
        ("/p/n-", "/p/n-0000000004"),
        ("/p/.", "/p/.0000000004"),
        ("/p/..", "/p/..0000000004"),
    ] {
        let sequential = Path::parse_sequential(path).expect("legal");
        assert_eq!(sequential.with_number(4), full);
        assert_eq!(
            Path::parse(full).map(Path::parent),
            Ok(Some(sequential.parent()))
        );
        assert!(full.contains(sequential.name_prefix()));
    }
    for (path, error) in [
        ("", PathError::Empty),
        ("p", PathError::NotAbsolute),
        ("p/q", PathError::NotAbsolute),
        ("//", PathError::EmptyComponent),
        ("/a//b", PathError::EmptyComponent),
        ("/../a", PathError::RelativeComponent),
        ("/a\u{7f}", PathError::ForbiddenCharacter(0x7f)),
    ] {
        assert_eq!(Path::parse_sequential(path), Err(error), "{path:?}");
    }
}

#[test]
fn a_number_has_ten_digits_or_a_sign_and_as_many_as_it_needs() {
    let path = Path::parse_sequential("/n").expect("legal");
    assert_eq!(path.with_number(i32::MAX), "/n2147483647");
    assert_eq!(path.with_number(i32::MIN), "/n-2147483648");
    assert_eq!(path.with_number(-1), "/n-000000001");
}

#[test]
fn a_name_may_be_the_last_component_exactly_when_the_path_with_it_is_legal() {
    let names = [
        "",
        "a",
        ".",
        "..",
        "...",
        ".a",
        "a/b",
        "/",
        "a b",
        "\u{1f}",
        "\u{7f}",
        "\u{80}",
        "\u{a0}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{f8ff}",
        "\u{f900}",
        "\u{ffef}",
        "\u{fff0}",
        "\u{10000}",
    ];
    for name in names {
        let path = format!("/parent/{name}");
        let whole = Path::parse(&path);
        let has_slash = name.contains('/');
        let checked = Path::check_name(name);
        assert_eq!(checked.is_ok(), whole.is_ok() && !has_slash, "{name:?}");
        if !has_slash {
            assert_eq!(checked.err(), whole.err(), "{name:?}");
        }
    }
}
