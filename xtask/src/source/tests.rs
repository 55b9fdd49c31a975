//! What the masking and the test ranges must get right, since every rule of tidy stands on them.

use super::Source;

fn masked(text: &str) -> String {
    Source::new("src/lib.rs", text).code
}

#[test]
fn comments_become_blanks_and_newlines_stay() {
    assert_eq!(masked("a // std::fs\nb"), "a           \nb");
    assert_eq!(masked("a /* x /* y */ z\n */ b"), "a               \n    b");
}

#[test]
fn strings_become_blanks_between_their_quotes() {
    assert_eq!(masked(r#"f("std::fs \" x")"#), r#"f("            ")"#);
    assert_eq!(masked("r#\"a\"b\"# c"), "r#\"   \"# c");
    assert_eq!(masked("br\"\\\" c"), "br\" \" c");
}

#[test]
fn a_char_literal_is_not_taken_for_a_lifetime_nor_a_lifetime_for_a_literal() {
    assert_eq!(masked("f('\"', '\\'', b'x')"), "f(' ', '  ', b' ')");
    assert_eq!(masked("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
}

#[test]
fn a_name_is_found_as_a_whole_word_only() {
    let source = Source::new(
        "src/lib.rs",
        "use std::fs; use my_std::fs; std::fsx; std::fs::File",
    );
    assert_eq!(source.find_name("std::fs"), vec![4, 39]);
}

#[test]
fn code_behind_cfg_test_is_test_code_and_what_follows_is_not() {
    let source = Source::new(
        "src/lib.rs",
        "#[cfg(test)]\nmod t { fn a() {} }\nfn b() {}\n",
    );
    let flags: Vec<_> = source
        .functions()
        .into_iter()
        .map(|f| (f.name, f.is_test))
        .collect();
    assert_eq!(flags, vec![("a".to_owned(), true), ("b".to_owned(), false)]);
}

#[test]
fn a_test_folder_makes_the_whole_file_test_code() {
    assert!(Source::new("crates/x/tests/it/main.rs", "fn a() {}").is_test(0));
    assert!(Source::new("crates/x/src/foo/tests.rs", "fn a() {}").is_test(0));
    assert!(!Source::new("crates/x/src/foo.rs", "fn a() {}").is_test(0));
}

#[test]
fn modules_declared_for_tests_are_named() {
    let source = Source::new(
        "src/a.rs",
        "#[cfg(test)]\npub(crate) mod model;\nmod other;\n#[cfg(test)]\nmod x {}",
    );
    assert_eq!(source.test_modules(), vec!["model".to_owned()]);
}

#[test]
fn function_lengths_count_from_fn_to_the_closing_brace() {
    let text = "fn a()\nwhere u8: Copy,\n{\n}\ntrait T { fn b(); }\ntype F = fn(u8) -> u8;\n";
    let found = Source::new("src/a.rs", text).functions();
    let lengths: Vec<_> = found
        .iter()
        .map(|f| (f.name.as_str(), f.line, f.lines))
        .collect();
    assert_eq!(lengths, vec![("a", 1, 4)]);
}
