//! Goal: G-24. The data of an earlier program open, with all that was in them.
//!
//! `testdata/data-directory-1.txt` holds the files of a directory that the program left behind which knew semantics version 1 only: a
//! snapshot of the first format with a container in the log behind it, a session with an ephemeral, and 40 znodes, of which one was
//! deleted, one changed and one read-only.

use std::collections::BTreeMap;
use std::path::Path;

use zoa_tree::SEMANTICS_FIRST;
use zoa_tree::Tree;

use crate::running::Client;
use crate::running::Folder;
use crate::running::start;

const DIRECTORY_1: &str = include_str!("../../testdata/data-directory-1.txt");

/// The files in this text: lines `file NAME LENGTH`, and behind each the rows that are not zeros, `OFFSET HEX`.
fn unpacked(text: &str) -> BTreeMap<&str, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut name = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["file", file, len] => {
                name = file;
                files.insert(name, vec![0; len.parse().expect("a length")]);
            }
            [offset, hex] => {
                let bytes: Vec<u8> = (0..hex.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex"))
                    .collect();
                let at: usize = offset.parse().expect("an offset");
                let file = files.get_mut(name).expect("a file comes first");
                file[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            _ => panic!("no line of such a file: {line}"),
        }
    }
    files
}

fn lay_down(folder: &Path) {
    for (name, bytes) in unpacked(DIRECTORY_1) {
        let path = folder.join(name);
        let parent = path.parent().expect("it is below the folder");
        std::fs::create_dir_all(parent).expect("made");
        std::fs::write(path, bytes).expect("written");
    }
}

#[test]
fn the_data_directory_of_an_earlier_program_opens_and_goes_on() {
    let folder = Folder::new();
    lay_down(folder.path());
    let server = start(&folder);
    let rules = server.core().with_tree(Tree::semantics_version);
    assert_eq!(rules, SEMANTICS_FIRST, "it was never raised");
    let mut client = Client::connect(server.address());
    for number in 1..=40 {
        let expected = match number {
            7 => None,
            8 => Some(b"changed".to_vec()),
            _ => Some(format!("value{number}").into_bytes()),
        };
        assert_eq!(client.get(&format!("/n{number}")).ok(), expected);
    }
    assert_eq!(client.get("/n1/seq-0000000000"), Ok(b"a".to_vec()));
    assert_eq!(client.get("/eph"), Ok(b"here".to_vec()));
    assert!(client.get("/container").is_ok());
    assert_eq!(client.create("/new", b"data", 0), 0);
    drop(client);
    server.stop();
    let server = start(&folder);
    let mut client = Client::connect(server.address());
    assert_eq!(client.get("/new"), Ok(b"data".to_vec()));
    assert_eq!(client.get("/n8"), Ok(b"changed".to_vec()));
    server.stop();
}
