//! Goal: the fuzz targets hold on the committed corpus and on random bytes, without a fuzzer.
//!
//! Method: every file under `fuzz/corpus/<target>/` goes through its target; then random bytes,
//! half of them grown from a corpus file by cutting and overwriting, since pure noise does not
//! get past the first length.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

/// A fuzz target.
type Target = fn(&[u8]);

/// The targets by the names of their corpus folders.
const TARGETS: [(&str, Target); 6] = [
    ("acl_and_path", super::acl_and_path),
    ("client_frame", super::client_frame),
    ("connect_request", super::connect_request),
    ("four_letter", super::four_letter),
    ("multi", super::multi),
    ("reply", super::reply),
];

/// The fewest inputs a corpus must have; an empty folder would pass everything.
const CORPUS_LEN_MIN: usize = 8;

fn fuzz_dir() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz"))
}

/// Every input of a target, with its file's name.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let dir = fuzz_dir().join("corpus").join(target);
    let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut inputs: Vec<_> = entries
        .map(|entry| entry.expect("readable").path())
        .map(|path| {
            (
                path.display().to_string(),
                fs::read(&path).expect("readable"),
            )
        })
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn the_corpus_holds_in_every_target() {
    for (target, run) in TARGETS {
        let inputs = corpus(target);
        assert!(
            inputs.len() >= CORPUS_LEN_MIN,
            "{target}: only {} inputs",
            inputs.len()
        );
        for (name, input) in inputs {
            // Captured, so that a failing test names the input.
            println!("{name}");
            run(&input);
        }
    }
}

#[test]
fn every_target_is_in_the_fuzz_folder_and_the_other_way_round() {
    let targets = fs::read_dir(fuzz_dir().join("fuzz_targets")).expect("there are targets");
    let mut found: Vec<_> = targets
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .into_string()
                .expect("ASCII")
        })
        .collect();
    found.sort();
    // The others are of the peer port, which zoa-ensemble tests.
    let is_ours = |name: &String| !name.starts_with("peer_");
    found.retain(is_ours);
    let expected: Vec<_> = TARGETS
        .iter()
        .map(|(name, _)| format!("{name}.rs"))
        .collect();
    assert_eq!(found, expected);
    for (name, _) in TARGETS {
        let path = fuzz_dir().join("fuzz_targets").join(format!("{name}.rs"));
        let text = fs::read_to_string(path).expect("readable");
        assert!(
            text.contains(&format!("fuzzing::{name}(")),
            "{name} calls its function"
        );
    }
}

/// A corpus input, cut somewhere and with a few bytes overwritten.
fn mutated(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let inputs: Vec<Vec<u8>> = corpus(target).into_iter().map(|(_, input)| input).collect();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (
        prop::sample::select(inputs),
        any::<prop::sample::Index>(),
        edits,
        any::<bool>(),
    )
        .prop_map(|(mut input, end, edits, is_cut)| {
            if is_cut && !input.is_empty() {
                input.truncate(end.index(input.len()));
            }
            for (place, byte) in edits {
                if !input.is_empty() {
                    let place = place.index(input.len());
                    input[place] = byte;
                }
            }
            input
        })
}

fn any_bytes(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), mutated(target)]
}

/// Runs one target on random inputs; proptest prints the seed of a failure and keeps it.
fn check(index: usize) {
    let (target, run) = TARGETS[index];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 4_000,
        source_file: Some(file!()),
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&any_bytes(target), |bytes| {
        run(&bytes);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{target}: {failure}");
    }
}

#[test]
fn random_bytes_hold_in_acl_and_path() {
    check(0);
}

#[test]
fn random_bytes_hold_in_client_frame() {
    check(1);
}

#[test]
fn random_bytes_hold_in_connect_request() {
    check(2);
}

#[test]
fn random_bytes_hold_in_four_letter() {
    check(3);
}

#[test]
fn random_bytes_hold_in_multi() {
    check(4);
}

#[test]
fn random_bytes_hold_in_reply() {
    check(5);
}
