//! The options as the original reads them, and words that nobody would type.

use proptest::prelude::*;

use super::Choice;
use super::OptionError;
use super::OptionSpec;
use super::Parsed;
use super::parse_options;

const SPECS: &[OptionSpec] = &[
    OptionSpec::flag("s", "stat"),
    OptionSpec::flag("w", "watch"),
    OptionSpec::value("v", "version"),
    OptionSpec::value("members", "members"),
];

fn parse(line: &str) -> Result<Parsed, OptionError> {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    parse_options(SPECS, Choice::Free, &words)
}

/// `-s -v=1 | /a b`: the options with their values, then the arguments.
fn check(line: &str, expected: &str) {
    let parsed = parse(line).expect(line);
    let option = |(name, value): &(&str, Option<String>)| match value {
        Some(value) => format!("-{name}={value}"),
        None => format!("-{name}"),
    };
    let options: Vec<String> = parsed.options.iter().map(option).collect();
    assert_eq!(
        format!("{} | {}", options.join(" "), parsed.arguments.join(" ")),
        expected,
        "{line}"
    );
}

fn refused(line: &str, expected: &str) {
    assert_eq!(parse(line).expect_err(line).to_string(), expected);
}

#[test]
fn options_stand_anywhere_and_may_be_run_together() {
    check("-s /a -w", "-s -w | /a");
    check("-sw /a", "-s -w | /a");
    check("/a b", " | /a b");
    check("-", " | -");
}

#[test]
fn values_stand_in_the_same_word_or_in_the_next() {
    check("-v 1 /a", "-v=1 | /a");
    check("-v1 /a", "-v=1 | /a");
    check("-v=1 /a", "-v=1 | /a");
    check("-sv 1 /a", "-s -v=1 | /a");
    check("-v -1 /a", "-v=-1 | /a");
    check("-members a,b", "-members=a,b | ");
    check("-v \"1\"", "-v=1 | ");
}

#[test]
fn nothing_behind_two_dashes_is_an_option() {
    check("-s -- -w --json", "-s | -w --json");
}

#[test]
fn what_the_command_has_not_is_refused_by_name() {
    refused("-x /a", "Unrecognized option: -x");
    refused("-sx /a", "Unrecognized option: -sx");
    refused("/a -5", "Unrecognized option: -5");
    refused("--long /a", "Unrecognized option: --long");
    refused("-members=x", "Unrecognized option: -members=x");
    refused("-s=1", "Unrecognized option: -s=1");
    refused("-v", "Missing argument for option: v");
    refused("-v -s /a", "Missing argument for option: v");
}

#[test]
fn one_of_a_group_leaves_no_place_for_another() {
    const GROUP: &[OptionSpec] = &[
        OptionSpec::value("n", "num"),
        OptionSpec::value("b", "bytes"),
    ];
    let parse = |choice, line: &str| {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse_options(GROUP, choice, &words).map_err(|error| error.to_string())
    };
    let taken =
        "The option 'b' was specified but an option from this group has already been selected: 'n'";
    assert_eq!(parse(Choice::AtMostOne, "-n 1 -b 2"), Err(taken.to_owned()));
    let missing = "Missing required option: [-n num, -b bytes]";
    assert_eq!(parse(Choice::One, "/a"), Err(missing.to_owned()));
    assert!(parse(Choice::AtMostOne, "/a").is_ok());
}

#[test]
fn json_and_help_are_options_of_every_command() {
    let parsed = parse("/a --json").expect("ours");
    assert!(parsed.is_json && !parsed.is_help);
    assert!(parse("-v --help").expect("help comes first").is_help);
}

proptest! {
    #[test]
    fn no_words_panic(words in proptest::collection::vec("[-=svw\"1a\u{e9}/]{0,8}", 0..8)) {
        for choice in [Choice::Free, Choice::AtMostOne, Choice::One] {
            if let Ok(parsed) = parse_options(SPECS, choice, &words) {
                prop_assert!(parsed.options.iter().all(|(name, _)| SPECS.iter().any(|spec| spec.name == *name)));
            }
        }
    }

    #[test]
    fn any_characters_will_do(words in proptest::collection::vec("\\PC{0,12}", 0..6)) {
        drop(parse_options(SPECS, Choice::Free, &words));
    }
}
