//! Goal: the fuzz targets of the peer port hold on the committed corpus and on random bytes, without a fuzzer.
//!
//! Method: that of `zoa-proto`: every file of the corpus, then random bytes, half of them grown from such a file.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::Index;

/// A fuzz target.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 2] = [
    ("peer_frame", super::peer_frame),
    ("peer_hello", super::peer_hello),
];

/// The fewest inputs a corpus must have; an empty folder would pass everything.
const CORPUS_LEN_MIN: usize = 8;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");
    let entries = fs::read_dir(PathBuf::from(folder).join(target)).expect("it has a corpus");
    let read = |entry: std::io::Result<fs::DirEntry>| fs::read(entry.expect("readable").path());
    let mut inputs: Vec<_> = entries
        .map(|entry| read(entry).expect("readable"))
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn the_corpus_holds_in_every_target_of_the_peer_port() {
    for (target, run) in TARGETS {
        let inputs = corpus(target);
        assert!(inputs.len() >= CORPUS_LEN_MIN, "{target}: {}", inputs.len());
        inputs.iter().for_each(|input| run(input));
    }
}

#[test]
fn every_target_of_the_peer_port_is_in_the_fuzz_folder() {
    for (target, _) in TARGETS {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/fuzz_targets");
        let path = PathBuf::from(folder).join(format!("{target}.rs"));
        let text = fs::read_to_string(path).expect("there is a target");
        assert!(text.contains(&format!("zoa_ensemble::fuzzing::{target}(")));
    }
}

fn any_bytes(target: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<Index>(), any::<u8>()), 0..6);
    let cut = prop::option::of(any::<Index>());
    let mutated = (prop::sample::select(corpus(target)), cut, edits);
    let mutated = mutated.prop_map(|(mut input, cut, edits)| {
        let len = input.len().max(1);
        input.truncate(cut.map_or(usize::MAX, |cut| cut.index(len)));
        for (place, byte) in edits {
            let len = input.len().max(1);
            input
                .get_mut(place.index(len))
                .into_iter()
                .for_each(|it| *it = byte);
        }
        input
    });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), mutated]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn random_bytes_hold_in_peer_frame(bytes in any_bytes("peer_frame")) {
        super::peer_frame(&bytes);
    }

    #[test]
    fn random_bytes_hold_in_peer_hello(bytes in any_bytes("peer_hello")) {
        super::peer_hello(&bytes);
    }
}
