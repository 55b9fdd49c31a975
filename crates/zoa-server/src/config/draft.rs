//! A configuration on its way: keys are set one by one, then the rules that bind them are checked.

use std::time::Duration;

use crate::config::error::ConfigError;
use crate::config::error::Place;
use crate::config::error::Problem;
use crate::config::given::Given;
use crate::config::model::Autopurge;
use crate::config::model::ListenOn;
use crate::config::model::ServerConfig;
use crate::config::notice::Notice;

/// The fewest snapshots that may be kept, as in the original.
const RETAIN_MIN: usize = 3;

/// See the module. What needs another key to make sense waits in a field of its own.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) config: ServerConfig,
    pub(super) notices: Vec<Notice>,
    pub(super) client_host: Option<String>,
    pub(super) client_port: Option<u16>,
    pub(super) secure_client_host: Option<String>,
    pub(super) secure_client_port: Option<u16>,
    /// Snapshots to keep, and where that was said.
    pub(super) retain: Option<(i32, Place)>,
    /// `Some(None)` turns purging off.
    pub(super) purge_interval: Option<Option<Duration>>,
    pub(super) dynamic_config_file: Option<Given>,
    /// The first key that names a server, a group or a weight.
    pub(super) member_line: Option<Given>,
}

/// What the rules find.
struct Findings<'f> {
    file: &'f str,
    errors: Vec<ConfigError>,
}

impl Findings<'_> {
    fn add(&mut self, problem: Problem) {
        let place = Place::File {
            file: self.file.to_owned(),
        };
        self.errors.push(ConfigError { place, problem });
    }

    fn conflict(&mut self, what: impl Into<String>) {
        self.add(Problem::Conflict(what.into()));
    }

    fn missing(&mut self, key: &'static str, expected: &'static str) {
        self.add(Problem::Missing { key, expected });
    }
}

impl Draft {
    /// Applies the rules that bind several keys.
    ///
    /// # Errors
    ///
    /// All that are broken.
    pub(super) fn finish(
        mut self,
        file: &str,
    ) -> Result<(ServerConfig, Vec<Notice>), Vec<ConfigError>> {
        let mut findings = Findings {
            file,
            errors: Vec::new(),
        };
        self.finish_dirs(&mut findings);
        self.finish_sessions(&mut findings);
        self.finish_ports(&mut findings);
        self.finish_ensemble(&mut findings);
        self.finish_autopurge();
        self.notice_open_port();
        if findings.errors.is_empty() {
            Ok((self.config, self.notices))
        } else {
            Err(findings.errors)
        }
    }

    fn finish_dirs(&mut self, findings: &mut Findings<'_>) {
        let data = &mut self.config.data;
        if data.data_dir.as_os_str().is_empty() {
            findings.missing("dataDir", "the directory for the data");
        }
        if data.data_log_dir.as_os_str().is_empty() {
            data.data_log_dir.clone_from(&data.data_dir);
        }
    }

    fn finish_sessions(&mut self, findings: &mut Findings<'_>) {
        let config = &mut self.config;
        let tick = i32::try_from(config.tick_time_ms).unwrap_or(i32::MAX);
        let (min, max) = (
            &mut config.session_timeout_ms_min,
            &mut config.session_timeout_ms_max,
        );
        if *min == -1 {
            *min = tick.saturating_mul(2);
        }
        if *max == -1 {
            *max = tick.saturating_mul(20);
        }
        if *min > *max {
            findings.conflict(format!(
                "minSessionTimeout ({min} ms) must not be larger than maxSessionTimeout ({max} ms); \
                 what is not set is 2 and 20 times tickTime"
            ));
        }
    }

    fn finish_ports(&mut self, findings: &mut Findings<'_>) {
        let errors_before = findings.errors.len();
        let ensemble = &self.config.ensemble;
        let only = ensemble
            .servers
            .keys()
            .next()
            .filter(|_| ensemble.servers.len() == 1);
        let own = ensemble
            .my_id
            .as_ref()
            .or(only)
            .and_then(|id| ensemble.servers.get(id));
        let pairs = [
            (
                ("clientPort", "clientPortAddress"),
                (self.client_host.take(), self.client_port),
                own.and_then(|own| own.client.clone()),
            ),
            (
                ("secureClientPort", "secureClientPortAddress"),
                (self.secure_client_host.take(), self.secure_client_port),
                own.and_then(|own| own.secure_client.clone()),
            ),
        ];
        let [client, secure_client] =
            pairs.map(|(keys, given, line)| join_port(keys, given, line, findings));
        if client.is_none() && secure_client.is_none() && findings.errors.len() == errors_before {
            findings.missing("clientPort", "a port from 1 to 65535, as a rule 2181");
        }
        self.config.client = client;
        self.config.secure_client = secure_client;
    }

    fn finish_ensemble(&mut self, findings: &mut Findings<'_>) {
        let ensemble = &mut self.config.ensemble;
        // The first byte of a session's id is its server's, and that of an `ephemeralOwner` of 0xff means a time to live.
        if ensemble.my_id == Some(u8::MAX) && self.config.containers.extended_types {
            findings.conflict(
                "the file myid says 255, but with extendedTypesEnabled=true ids go up to 254: ephemeral znodes of this server's clients \
                 would look as if they had a time to live. Give this server another id",
            );
        }
        let participants = ensemble.participants().count();
        let observers = ensemble.servers.len() - participants;
        if observers > 0
            && (participants == 0 || (participants == 1 && ensemble.standalone_enabled))
        {
            findings
                .conflict("observers need servers to observe: name participants in server.N lines");
        } else if participants == 0 && !ensemble.standalone_enabled {
            findings.conflict("standaloneEnabled=false needs a server.N line for each server");
        }
        if !ensemble.is_distributed() {
            return;
        }
        if ensemble.init_limit.is_none() {
            findings.missing(
                "initLimit",
                "ticks that a server may take to join its leader, such as 10",
            );
        }
        if ensemble.sync_limit.is_none() {
            findings.missing(
                "syncLimit",
                "ticks that a server may be behind its leader, such as 5",
            );
        }
        match ensemble.my_id {
            None => findings.conflict("the file myid is missing in dataDir: it holds the N of this server's server.N line"),
            Some(id) => match ensemble.servers.get(&id) {
                None => findings.conflict(format!("the file myid says {id}, but there is no line server.{id}")),
                Some(own) => ensemble.peer_type = own.peer_type,
            },
        }
    }

    fn finish_autopurge(&mut self) {
        let autopurge = Autopurge::default();
        let mut retain = autopurge.retain;
        if let Some((given, place)) = self.retain.take() {
            retain = usize::try_from(given).unwrap_or(0).max(RETAIN_MIN);
            if usize::try_from(given) != Ok(retain) {
                self.notices.push(Notice::RetainRaised { place, retain });
            }
        }
        let interval = self.purge_interval.unwrap_or(Some(autopurge.interval));
        self.config.autopurge = interval.map(|interval| Autopurge { retain, interval });
    }

    fn notice_open_port(&mut self) {
        let Some(client) = &self.config.client else {
            return;
        };
        if !client.is_loopback() && !self.config.access.authentication_required {
            self.notices.push(Notice::OpenToNetwork {
                listens_on: client.to_string(),
            });
        }
    }
}

/// A port comes from its key, or from the own server line; if from both, they must agree.
fn join_port(
    (port_key, host_key): (&str, &str),
    (host, port): (Option<String>, Option<u16>),
    line: Option<ListenOn>,
    findings: &mut Findings<'_>,
) -> Option<ListenOn> {
    let Some(port) = port else {
        if host.is_some() {
            findings.conflict(format!("{host_key} is set, but {port_key} is not"));
        }
        return line;
    };
    let given = ListenOn { host, port };
    let Some(line) = line else { return Some(given) };
    let same_host = given.is_any() || given.host == line.host;
    if given.port != line.port || !same_host {
        findings.conflict(format!(
            "{port_key} says {given}, but this server's server.N line says {line}: take one of them out"
        ));
    }
    Some(line)
}
