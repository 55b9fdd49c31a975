//! Whole configurations: what the rules accept, what they refuse, and what the user hears.
//!
//! Where a comment says "the original", the case was run through `QuorumPeerConfig` of ZooKeeper
//! 3.8.0; its verdict is the same unless the comment says otherwise.
//!
//! Here is what all of them share: a [`Case`], which has its files with it. The keys themselves are tested beside their tables.

mod command_line;
mod members;
mod mistakes;
mod notices;
mod safety;
mod settings;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;

const FILE: &str = "conf/zoo.cfg";
const DATA: &str = "dataDir=/data\n";
const PLAIN: &str = "dataDir=/data\nclientPort=2181\n";
const LIMITS: &str = "initLimit=10\nsyncLimit=5\n";
const THREE: &str = "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";

/// Loads a configuration from files that exist in this test only.
struct Case {
    files: BTreeMap<PathBuf, Vec<u8>>,
    words: Vec<String>,
}

impl Case {
    fn new(text: &str) -> Self {
        let files = BTreeMap::from([(PathBuf::from(FILE), text.as_bytes().to_vec())]);
        Self {
            files,
            words: Vec::new(),
        }
    }

    fn plain_and(text: &str) -> Self {
        Self::new(&format!("{PLAIN}{text}"))
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.files
            .insert(PathBuf::from(path), text.as_bytes().to_vec());
        self
    }

    fn my_id(self, text: &str) -> Self {
        self.file("/data/myid", text)
    }

    fn word(mut self, word: &str) -> Self {
        self.words.push(word.to_owned());
        self
    }

    fn load(&self) -> Result<(ServerConfig, Vec<Notice>), ConfigErrors> {
        let read = |path: &Path| {
            let found = self.files.get(path).cloned();
            found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        Loader { read: &read }.load(Path::new(FILE), &self.words)
    }

    #[track_caller]
    fn config(&self) -> ServerConfig {
        match self.load() {
            Ok((config, _)) => config,
            Err(errors) => panic!("{errors}"),
        }
    }

    /// Whether the configuration can be obeyed.
    #[track_caller]
    fn check(&self) -> Result<(), String> {
        let checked = self.config().check(Path::new(FILE));
        checked.map_err(|errors| errors.to_string())
    }

    #[track_caller]
    fn notices(&self) -> Vec<String> {
        match self.load() {
            // Every configuration here listens on all addresses; one test is about that.
            Ok((_, notices)) => notices
                .iter()
                .filter(|notice| !matches!(notice, Notice::OpenToNetwork { .. }))
                .map(ToString::to_string)
                .collect(),
            Err(errors) => panic!("{errors}"),
        }
    }

    #[track_caller]
    fn errors(&self) -> Vec<String> {
        match self.load() {
            Ok(_) => panic!("accepted"),
            Err(ConfigErrors(errors)) => errors.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What makes three servers an ensemble, and these settings.
fn three_and(text: &str) -> String {
    format!("{LIMITS}{THREE}{text}")
}

/// On every address.
fn on_port(port: u16) -> Option<ListenOn> {
    Some(ListenOn { host: None, port })
}

fn on(host: &str, port: u16) -> Option<ListenOn> {
    let host = Some(host.to_owned());
    Some(ListenOn { host, port })
}
