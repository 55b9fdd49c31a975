//! zoo.cfg, unchanged, to a typed configuration.
//!
//! ```text
//! file -> properties (Java's syntax) -> keys, each by its table -> rules that bind several -> ServerConfig
//!         -Dkey=value words are laid over the file
//! ```
//!
//! What it is not: it opens no port and no data file but `myid` and the file of the ensemble's
//! members. Invariant: no setting is dropped in silence. It is set, or it is an error that says
//! where it stands and what can stand there, or a [`Notice`] names it.

mod draft;
mod error;
mod given;
mod keys;
mod member_files;
mod model;
mod notice;
mod properties;
mod secret;
mod server_line;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

pub use error::ConfigError;
pub use error::ConfigErrors;
pub use error::Place;
pub use error::Problem;
pub use model::Access;
pub use model::Admin;
pub use model::Autopurge;
pub use model::Connections;
pub use model::Containers;
pub use model::DataDirs;
pub use model::Ensemble;
pub use model::ListenOn;
pub use model::Member;
pub use model::MemberAddress;
pub use model::Metrics;
pub use model::PeerType;
pub use model::Requests;
pub use model::ServerConfig;
pub use model::Snapshots;
pub use model::Tls;
pub use model::TlsStores;
pub use notice::Notice;
pub use secret::Secret;

pub(crate) use member_files::NextFiles;
pub(crate) use member_files::next_files;

use zoa_proto::Zxid;

use crate::config::draft::Draft;
use crate::config::given::Given;
use crate::config::keys::Fate;

/// Keys that are Java properties without the prefix `zookeeper.`. All other words without it are
/// the Java machine's own business.
const UNPREFIXED: &[&str] = &[
    "follower.nodelay",
    "jute.maxbuffer",
    "leader.nodelay",
    "readonlymode.enabled",
    "znode.container.checkIntervalMs",
    "znode.container.maxNeverUsedIntervalMs",
    "znode.container.maxPerMinute",
];

const PREFIX: &str = "zookeeper.";

impl ServerConfig {
    /// Reads the file at `path` and lays the `words` over it: `key=value` with a key as in the file,
    /// or `-Dzookeeper.key=value` as one would tell Java.
    ///
    /// # Errors
    ///
    /// With everything that is wrong.
    pub fn load(path: &Path, words: &[String]) -> Result<(Self, Vec<Notice>), ConfigErrors> {
        Self::load_through(&|path| std::fs::read(path), path, words)
    }

    /// As [`Self::load`], with files that `read` finds.
    pub(crate) fn load_through(
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
        path: &Path,
        words: &[String],
    ) -> Result<(Self, Vec<Notice>), ConfigErrors> {
        Loader { read }.load(path, words)
    }

    /// Refuses what this version cannot do and must not ignore.
    ///
    /// # Errors
    ///
    /// With everything of that kind. `file` is named in it.
    pub fn check(&self, file: &Path) -> Result<(), ConfigErrors> {
        let mut found = Vec::new();
        if !self.ensemble.groups.is_empty()
            || self.ensemble.weights.values().any(|votes| *votes != 1)
        {
            found.push(
                "group.N and weight.N give servers unequal votes, which this version cannot do: every participant has one. Leave them out"
                    .to_owned(),
            );
        }
        if self.secure_client.is_some()
            && let Err(missing) = self.tls.clients.files("ssl")
        {
            found.push(format!("secureClientPort is set, but {missing}"));
        }
        if self.tls.between_servers
            && self.ensemble.is_distributed()
            && let Err(missing) = self.tls.peers.files("ssl.quorum")
        {
            found.push(format!("sslQuorum is set, but {missing}"));
        }
        if !self.ensemble.sasl_keys.is_empty()
            && self.ensemble.is_distributed()
            && !self.tls.between_servers
        {
            found.push(format!(
                "{}=true: the servers are to know each other by SASL, which this version does not do, and without it anybody could \
                 speak as one of them. Let them know each other by certificates: sslQuorum=true, with ssl.quorum.keyStore.location \
                 and ssl.quorum.trustStore.location",
                self.ensemble.sasl_keys.join("=true, ")
            ));
        }
        if self.access.authentication_required {
            found.push(
                "sessionRequireClientSASLAuth and enforce.auth.enabled ask for authentication of every \
                 client, which this version cannot enforce"
                    .to_owned(),
            );
        }
        if !self.access.digest_enabled {
            found.push(
                "DigestAuthenticationProvider.enabled=false cannot be obeyed by this version"
                    .to_owned(),
            );
        }
        if found.is_empty() {
            return Ok(());
        }
        let place = Place::File {
            file: path_text(file),
        };
        let error = |what| ConfigError {
            place: place.clone(),
            problem: Problem::Unsupported(what),
        };
        Err(ConfigErrors(found.into_iter().map(error).collect()))
    }
}

/// Reads files through a function, so that tests need none.
struct Loader<'r> {
    read: &'r dyn Fn(&Path) -> io::Result<Vec<u8>>,
}

/// What one pass over the keys gathers.
#[derive(Default)]
struct Pass {
    draft: Draft,
    errors: Vec<ConfigError>,
    meaningless: Vec<String>,
    not_served: Vec<String>,
}

impl Loader<'_> {
    fn load(
        &self,
        path: &Path,
        words: &[String],
    ) -> Result<(ServerConfig, Vec<Notice>), ConfigErrors> {
        let mut pass = Pass::default();
        let file = path_text(path);
        let mut settings = self.read_properties(path, &mut pass);
        for word in words.iter().filter_map(|word| read_word(word)) {
            settings.retain(|given| given.key != word.key);
            settings.push(word);
        }
        settings.into_iter().for_each(|given| pass.apply(given));
        self.read_dynamic(&mut pass);
        self.read_my_id(&mut pass);
        let Pass {
            mut draft,
            mut errors,
            meaningless,
            not_served,
        } = pass;
        if !meaningless.is_empty() {
            draft.notices.push(Notice::Meaningless(meaningless));
        }
        if !not_served.is_empty() {
            draft.notices.push(Notice::NotServed(not_served));
        }
        match draft.finish(&file) {
            Ok(finished) if errors.is_empty() => Ok(finished),
            // With a wrong value about, what the rules miss may be that very value.
            Ok(_) => Err(ConfigErrors(errors)),
            Err(_) if !errors.is_empty() => Err(ConfigErrors(errors)),
            Err(broken) => {
                errors.extend(broken);
                Err(ConfigErrors(errors))
            }
        }
    }

    /// The settings of one file, each key once.
    fn read_properties(&self, path: &Path, pass: &mut Pass) -> Vec<Given> {
        let file = path_text(path);
        let bytes = match (self.read)(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let problem = Problem::Unreadable(error.to_string());
                pass.errors.push(ConfigError {
                    place: Place::File { file },
                    problem,
                });
                return Vec::new();
            }
        };
        let mut found: Vec<Given> = Vec::new();
        for property in properties::parse(&properties::decode(&bytes)) {
            let place = |line| Place::Line {
                file: file.clone(),
                line,
            };
            match property {
                Err(error) => {
                    let problem = Problem::Syntax(error.what);
                    pass.errors.push(ConfigError {
                        place: place(error.line),
                        problem,
                    });
                }
                Ok(property) => {
                    let given = given(place(property.line), &property.key, &property.value);
                    if let Some(at) = found.iter().position(|earlier| earlier.key == given.key) {
                        found.remove(at);
                        let (place, key) = (given.place.clone(), given.key.clone());
                        pass.draft.notices.push(Notice::GivenTwice { place, key });
                    }
                    found.push(given);
                }
            }
        }
        found
    }

    /// The servers may stand in a file of their own, and then only there.
    fn read_dynamic(&self, pass: &mut Pass) {
        let Some(named) = pass.draft.dynamic_config_file.take() else {
            return;
        };
        if let Some(line) = &pass.draft.member_line {
            let what = format!(
                "{} must stand in the file that dynamicConfigFile names",
                line.key
            );
            pass.errors.push(ConfigError {
                place: line.place.clone(),
                problem: Problem::Conflict(what),
            });
            return;
        }
        pass.draft.config.ensemble.version = version_of(&named.value);
        for given in self.read_properties(Path::new(&named.value), pass) {
            let families = ["server.", "group.", "weight."];
            if families.iter().any(|family| given.key.starts_with(family)) {
                pass.apply(given);
            } else {
                let what = format!(
                    "{} cannot stand here, only server, group and weight can",
                    given.key
                );
                pass.errors.push(ConfigError {
                    place: given.place,
                    problem: Problem::Conflict(what),
                });
            }
        }
    }

    fn read_my_id(&self, pass: &mut Pass) {
        let data_dir = &pass.draft.config.data.data_dir;
        if data_dir.as_os_str().is_empty() {
            return;
        }
        let path = data_dir.join("myid");
        let place = Place::Line {
            file: path_text(&path),
            line: 1,
        };
        match (self.read)(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let problem = Problem::Unreadable(error.to_string());
                pass.errors.push(ConfigError {
                    place: Place::File {
                        file: path_text(&path),
                    },
                    problem,
                });
            }
            Ok(bytes) => {
                let text = properties::decode(&bytes);
                let given = given(place, "myid", text.lines().next().unwrap_or(""));
                match given.number(0..=255, "this server's id") {
                    Ok(id) => pass.draft.config.ensemble.my_id = Some(id),
                    Err(error) => pass.errors.push(error),
                }
            }
        }
    }
}

impl Pass {
    fn apply(&mut self, given: Given) {
        match keys::apply(&mut self.draft, &given) {
            Ok(Fate::Set) => {}
            Ok(Fate::Meaningless) => self.meaningless.push(given.key),
            Ok(Fate::NotServed) => self.not_served.push(given.key),
            Ok(Fate::Unknown) => {
                let suggestion = keys::suggest(&given.key);
                let Given { place, key, .. } = given;
                self.draft.notices.push(Notice::UnknownKey {
                    place,
                    key,
                    suggestion,
                });
            }
            Err(error) => self.errors.push(error),
        }
    }
}

/// The original takes keys and values without the blanks around them. What Java calls
/// `zookeeper.x` is `x` in a file; both are understood everywhere.
fn given(place: Place, key: &str, value: &str) -> Given {
    let key = key.trim();
    let key = key.strip_prefix(PREFIX).unwrap_or(key).to_owned();
    let hidden = given::is_hidden(&key);
    Given {
        place,
        key,
        value: value.trim().to_owned(),
        hidden,
    }
}

/// `None` for a word that concerns the Java machine only.
fn read_word(word: &str) -> Option<Given> {
    let property = word.strip_prefix("-D");
    let setting = property.unwrap_or(word);
    let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
    let ours = property.is_none() || key.starts_with(PREFIX) || UNPREFIXED.contains(&key);
    ours.then(|| given(Place::CommandLine, key, value))
}

/// What a reconfig appends to the name of the file with the servers, in hexadecimal; 0 where nothing is appended.
fn version_of(file: &str) -> Zxid {
    let version = file.rsplit('.').next();
    let version = version.and_then(|text| u64::from_str_radix(text, 16).ok());
    Zxid(version.unwrap_or(0))
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
