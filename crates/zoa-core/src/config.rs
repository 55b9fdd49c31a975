//! What the driver tells the core once, at start. Parsing zoo.cfg is the driver's work.

use std::fmt;

use zoa_proto::PeerId;
use zoa_proto::frame::FrameLimits;
use zoa_tree::HashKey;
use zoa_tree::Settings;

/// The settings of the core; names follow zoo.cfg.
#[derive(Debug)]
pub struct CoreConfig {
    /// This server's `myid`; 1 when standalone, as the original.
    pub server: PeerId,
    /// `tickTime`: the grain of session expiry, in milliseconds.
    pub tick_ms: u32,
    /// `minSessionTimeout`, in milliseconds.
    pub session_timeout_ms_min: i32,
    /// `maxSessionTimeout`, in milliseconds.
    pub session_timeout_ms_max: i32,
    /// `jute.maxbuffer`: the longest request.
    pub frame_limits: FrameLimits,
    /// `maxClientCnxns`: connections from one address; 0 is no limit.
    pub connections_per_address_max: usize,
    /// `maxCnxns`: connections in all; 0 is no limit.
    pub connections_max: usize,
    /// The settings that decide at apply.
    pub settings: Settings,
    /// `DigestAuthenticationProvider.superDigest`.
    pub super_digest: Option<SuperDigest>,
    /// Which four-letter words are answered.
    pub words: WordList,
    /// What only the driver knows about the process, for the four-letter words.
    pub facts: Facts,
    /// Which sessions there may be beside the replicated ones.
    pub sessions: SessionRules,
    /// When containers and znodes with a time to live go.
    pub containers: ContainerRules,
    /// The secret of every hash map.
    pub hash_key: HashKey,
    /// Connections are numbered from here. It must be higher than any number of an earlier run, since owners of sessions outlive a
    /// restart in the log.
    pub first_connection: u64,
}

/// Sessions that only this server knows. All off unless turned on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionRules {
    /// `localSessionsEnabled`: a new session is not replicated.
    pub local: bool,
    /// `localSessionsUpgradingEnabled`: one that wants an ephemeral becomes a replicated one.
    pub upgrade: bool,
}

/// What the leader does about containers and znodes with a time to live that nobody uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContainerRules {
    /// `znode.container.checkIntervalMs`: milliseconds between two looks at all of them.
    pub check_interval_ms: u32,
    /// `znode.container.maxPerMinute`: so many go in a minute at most.
    pub per_minute_max: u32,
    /// `znode.container.maxNeverUsedIntervalMs`: a container that never had children goes so many milliseconds after its data were set;
    /// 0 is never.
    pub never_used_ms_max: u32,
}

impl Default for ContainerRules {
    fn default() -> Self {
        Self {
            check_interval_ms: 60_000,
            per_minute_max: 10_000,
            never_used_ms_max: 300_000,
        }
    }
}

/// `user:base64(sha1(user:password))` of the one who may do everything.
pub struct SuperDigest(pub String);

impl fmt::Debug for SuperDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SuperDigest(..)")
    }
}

/// `4lw.commands.whitelist`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordList {
    /// `*`
    All,
    /// These, and `srvr` always.
    Only(Vec<String>),
}

impl WordList {
    /// Whether `word` is answered.
    pub fn allows(&self, word: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(words) => word == "srvr" || words.iter().any(|it| it == word),
        }
    }
}

/// Texts and gauges for `srvr`, `conf`, `envi`, `dirs` and `mntr`.
pub struct Facts {
    /// `3.9.5-zoarium-<version>`, which clients parse.
    pub version: String,
    /// When this binary was built, or empty.
    pub built_on: String,
    /// The lines of `conf`, `key=value`.
    pub configuration: Vec<(String, String)>,
    /// The lines of `envi`, `key=value`.
    pub environment: Vec<(String, String)>,
    /// Looked up when asked for.
    pub gauges: Box<dyn Fn() -> Gauges + Send + Sync>,
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What changes and only the driver can see.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauges {
    /// Open file descriptors of the process.
    pub file_descriptors: u64,
    /// As many as it may open; `None` is no limit.
    pub file_descriptors_max: Option<u64>,
    /// Bytes of the snapshots.
    pub data_dir_len: u64,
    /// Bytes of the log.
    pub log_dir_len: u64,
    /// Milliseconds since start.
    pub uptime_ms: u64,
    /// How its ensemble is, if it is part of one.
    pub ensemble: Option<EnsembleGauges>,
}

/// What a server sees of its ensemble. What only a leader can see is 0 on others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnsembleGauges {
    /// Servers with a vote.
    pub quorum_size: u64,
    /// Servers that follow, with a vote or without.
    pub learners: u64,
    /// Followers with a vote that have caught up.
    pub synced_followers: u64,
    /// Servers that have caught up and are in no line of the configuration.
    pub synced_non_voting_followers: u64,
    /// Observers that have caught up.
    pub synced_observers: u64,
    /// Syncs that wait for their answer.
    pub pending_syncs: u64,
    /// Milliseconds since this server began to lead.
    pub leader_uptime_ms: u64,
}
