//! A configuration, typed. Names follow the keys of zoo.cfg; units stand at the end of a name.
//!
//! Nothing here prints itself: a secret is among it ([`Secret`]).

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::time::Duration;

use zoa_core::WordList;
use zoa_proto::Zxid;
use zoa_tls::ClientAuth;
use zoa_tree::MemberLines;
use zoa_tree::MembersError;

use crate::config::secret::Secret;
use crate::snapshots::SnapshotRule;
use crate::tls::TlsFiles;

/// All that zoo.cfg and the command line said.
pub struct ServerConfig {
    /// `tickTime`, in milliseconds.
    pub tick_time_ms: u32,
    /// `minSessionTimeout`, in milliseconds; two ticks unless set.
    pub session_timeout_ms_min: i32,
    /// `maxSessionTimeout`, in milliseconds; twenty ticks unless set.
    pub session_timeout_ms_max: i32,
    /// Where clients connect without TLS: `clientPort`, `clientPortAddress`, or the own server line.
    pub client: Option<ListenOn>,
    /// Where clients connect with TLS: `secureClientPort`, `secureClientPortAddress`.
    pub secure_client: Option<ListenOn>,
    /// What concerns connections.
    pub connections: Connections,
    /// `4lw.commands.whitelist`.
    pub four_letter_words: WordList,
    /// Where the data is.
    pub data: DataDirs,
    /// What concerns the log and the snapshots.
    pub snapshots: Snapshots,
    /// `autopurge.*`; `None` when that was turned off.
    pub autopurge: Option<Autopurge>,
    /// What concerns requests.
    pub requests: Requests,
    /// Who may do what.
    pub access: Access,
    /// Certificates.
    pub tls: Tls,
    /// Containers and TTL nodes.
    pub containers: Containers,
    /// The other servers.
    pub ensemble: Ensemble,
    /// The admin server.
    pub admin: Admin,
    /// Numbers for monitoring.
    pub metrics: Metrics,
    /// `audit.enable`.
    pub audit_enabled: bool,
}

/// A port, on one address of this machine or on all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOn {
    /// A name or an address; `None` is every address.
    pub host: Option<String>,
    /// The port, never 0.
    pub port: u16,
}

impl ListenOn {
    /// The addresses to try, the best first. Every address is `[::]`, which takes IPv4 too, and
    /// `0.0.0.0` where there is no IPv6.
    ///
    /// # Errors
    ///
    /// When the host has no address.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.host {
            Some(host) => Ok((host.as_str(), self.port).to_socket_addrs()?.collect()),
            None => Ok([
                IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            ]
            .map(|address| SocketAddr::new(address, self.port))
            .to_vec()),
        }
    }

    /// Whether only this machine can connect. A name other than `localhost` is not looked up.
    pub fn is_loopback(&self) -> bool {
        let Some(host) = &self.host else { return false };
        let address: Option<IpAddr> = host.parse().ok();
        address.map_or_else(|| host == "localhost", |address| address.is_loopback())
    }

    pub(super) fn is_any(&self) -> bool {
        let address: Option<IpAddr> = self.host.as_ref().and_then(|host| host.parse().ok());
        self.host.is_none() || address.is_some_and(|address| address.is_unspecified())
    }
}

impl fmt::Display for ListenOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            None => write!(f, "*:{}", self.port),
            Some(host) if host.contains(':') => write!(f, "[{host}]:{}", self.port),
            Some(host) => write!(f, "{host}:{}", self.port),
        }
    }
}

/// What concerns connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// `maxClientCnxns`: from one address; 0 is no limit.
    pub per_address_max: u32,
    /// `maxCnxns`: in all; 0 is no limit. 10,000 unless set, where the original has no limit.
    pub total_max: u32,
    /// `clientPortListenBacklog`; `None` is the system's choice.
    pub backlog: Option<u32>,
    /// `clientTcpKeepAlive`.
    pub keep_alive: bool,
}

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDirs {
    /// `dataDir`: the snapshots, and `myid`.
    pub data_dir: PathBuf,
    /// `dataLogDir`: the log; `dataDir` unless set.
    pub data_log_dir: PathBuf,
    /// `zookeeper.datadir.autocreate`: make the directories if they are missing.
    pub autocreate: bool,
    /// `zookeeper.db.autocreate`: an empty server may found a new database.
    pub db_autocreate: bool,
}

/// What concerns the log and the snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshots {
    /// `snapCount` and `snapSizeLimitInKb`: when a snapshot is due. Where nothing is said, the length of the log alone decides.
    pub rule: SnapshotRule,
    /// `fsync.warningthresholdms`: a sync that takes longer is worth a warning.
    pub sync_warning_ms: u32,
}

/// Old snapshots go by themselves. On unless turned off, where the original keeps all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Autopurge {
    /// `autopurge.snapRetainCount`: so many snapshots stay; at least 3.
    pub retain: usize,
    /// `autopurge.purgeInterval`.
    pub interval: Duration,
}

/// What concerns requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    /// `jute.maxbuffer`: the longest request, in bytes.
    pub len_max: u32,
    /// `globalOutstandingLimit`: requests under way before reading stops.
    pub outstanding_max: u32,
    /// `request_throttle_max_requests`; 0 is no limit.
    pub throttle_max: u32,
    /// `request_throttle_stall_time`, in milliseconds.
    pub throttle_stall_ms: u32,
    /// `throttled_op_wait_time`, in milliseconds; 0 is off.
    pub throttled_wait_ms: u32,
    /// `largeRequestThreshold`: requests longer than this are large; `None` is never.
    pub large_threshold_bytes: Option<u32>,
    /// `largeRequestMaxBytes`: so many bytes of large requests are under way at a time.
    pub large_bytes_max: u32,
}

/// Who may do what.
pub struct Access {
    /// `DigestAuthenticationProvider.superDigest`: `super:` and a digest.
    pub super_digest: Option<Secret>,
    /// `DigestAuthenticationProvider.enabled`.
    pub digest_enabled: bool,
    /// `skipACL`: no ACL is checked.
    pub skip_acl: bool,
    /// `enableEagerACLCheck`.
    pub eager_acl_check: bool,
    /// `enforceQuota`.
    pub enforce_quota: bool,
    /// `sessionRequireClientSASLAuth` or `enforce.auth.enabled`: who has not authenticated is out.
    pub authentication_required: bool,
    /// `reconfigEnabled`.
    pub reconfig_enabled: bool,
}

/// Containers and TTL nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Containers {
    /// `extendedTypesEnabled`: nodes with a time to live.
    pub extended_types: bool,
    /// `znode.container.checkIntervalMs`.
    pub check_interval_ms: u32,
    /// `znode.container.maxPerMinute`.
    pub deleted_per_minute_max: u32,
    /// `znode.container.maxNeverUsedIntervalMs`; 0 is never.
    pub never_used_ms_max: u32,
}

/// Certificates for clients and between the servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// `ssl.*`.
    pub clients: TlsStores,
    /// `ssl.quorum.*`.
    pub peers: TlsStores,
    /// `sslQuorum`: the servers speak TLS with each other.
    pub between_servers: bool,
}

/// `ssl.keyStore.*` and what goes with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsStores {
    /// `keyStore.location`: a PEM file with a key and its certificates.
    pub key_store: Option<PathBuf>,
    /// `trustStore.location`: a PEM file with authorities.
    pub trust_store: Option<PathBuf>,
    /// `clientAuth`.
    pub client_auth: ClientAuth,
    /// `hostnameVerification`: a server's certificate is for the name by which it is reached.
    pub checks_names: bool,
    /// `clientHostnameVerification`: that of one who connects is for the host that it is known by. Only with `hostnameVerification`, and
    /// only between servers.
    pub checks_client_names: bool,
}

impl Default for TlsStores {
    fn default() -> Self {
        Self {
            key_store: None,
            trust_store: None,
            client_auth: ClientAuth::Need,
            checks_names: true,
            checks_client_names: true,
        }
    }
}

impl TlsStores {
    /// Where the certificates are, or which key is missing. `family` is what the keys begin with, such as `ssl`.
    ///
    /// # Errors
    ///
    /// With what is missing and what it is for.
    pub fn files(&self, family: &str) -> Result<TlsFiles, String> {
        let Some(key_store) = self.key_store.clone() else {
            return Err(format!(
                "{family}.keyStore.location is missing: the PEM file with this server's key and certificate"
            ));
        };
        if self.trust_store.is_none() && self.client_auth != ClientAuth::None {
            return Err(format!(
                "{family}.trustStore.location is missing: the PEM file with the authorities whose certificates let somebody in"
            ));
        }
        Ok(TlsFiles {
            key_store,
            trust_store: self.trust_store.clone(),
            client_auth: self.client_auth,
        })
    }
}

/// The servers of an ensemble, this one among them. Without server lines there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ensemble {
    /// What the file `myid` says.
    pub my_id: Option<u8>,
    /// `server.N`.
    pub servers: BTreeMap<u8, Member>,
    /// Of which reconfig they are, by the name of the file that has them; 0 where they stand as somebody wrote them.
    pub version: Zxid,
    /// `group.N`: the ids in each group of a hierarchical quorum.
    pub groups: BTreeMap<u64, Vec<u8>>,
    /// `weight.N`: votes of a server in its group.
    pub weights: BTreeMap<u8, u32>,
    /// `initLimit`, in ticks.
    pub init_limit: Option<u32>,
    /// `syncLimit`, in ticks.
    pub sync_limit: Option<u32>,
    /// `peerType`; the own server line wins.
    pub peer_type: PeerType,
    /// `standaloneEnabled`: one participant alone is no ensemble.
    pub standalone_enabled: bool,
    /// `quorumListenOnAllIPs`.
    pub listen_on_all: bool,
    /// `leaderServes`: the leader takes clients.
    pub leader_serves: bool,
    /// `readonlymode.enabled`: who says that reading is enough is served while nobody leads.
    pub read_only: bool,
    /// `localSessionsEnabled`: a new session is not replicated.
    pub local_sessions: bool,
    /// `localSessionsUpgradingEnabled`: one that wants an ephemeral becomes a replicated one.
    pub local_sessions_upgrading: bool,
    /// Those of `quorum.auth.enableSasl`, `.learnerRequireSasl` and `.serverRequireSasl` that are true.
    pub sasl_keys: Vec<String>,
}

impl Ensemble {
    /// The servers with a vote.
    pub fn participants(&self) -> impl Iterator<Item = (&u8, &Member)> {
        self.servers
            .iter()
            .filter(|(_, member)| member.peer_type == PeerType::Participant)
    }

    /// The `server.N` lines in the form that the replicated state has them in.
    ///
    /// # Errors
    ///
    /// When they are longer than any ensemble needs.
    pub fn lines(&self) -> Result<MemberLines, MembersError> {
        let line = |(id, member): (&u8, &Member)| format!("server.{id}={member}\n");
        let lines = MemberLines::parse(&self.servers.iter().map(line).collect::<String>())?;
        Ok(lines.with_version(self.version))
    }

    /// Whether this is more than one server alone, as the original sees it.
    pub fn is_distributed(&self) -> bool {
        !self.servers.is_empty() && (!self.standalone_enabled || self.participants().count() > 1)
    }
}

/// One `server.N` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Where the other servers find it, by each of its networks.
    pub addresses: Vec<MemberAddress>,
    /// Whether it votes.
    pub peer_type: PeerType,
    /// Where it takes clients.
    pub client: Option<ListenOn>,
    /// Where it takes clients with TLS.
    pub secure_client: Option<ListenOn>,
}

/// As it stands behind `server.N=`, with everything that may be left out.
impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, address) in self.addresses.iter().enumerate() {
            let host = &address.host;
            let separator = if at == 0 { "" } else { "|" };
            let (open, close) = if host.contains(':') {
                ("[", "]")
            } else {
                ("", "")
            };
            let (quorum, election) = (address.quorum_port, address.election_port);
            write!(f, "{separator}{open}{host}{close}:{quorum}:{election}")?;
        }
        f.write_str(match self.peer_type {
            PeerType::Participant => ":participant",
            PeerType::Observer => ":observer",
        })?;
        for listens_on in [&self.client, &self.secure_client].into_iter().flatten() {
            match &listens_on.host {
                None => write!(f, ";0.0.0.0:{}", listens_on.port)?,
                Some(_) => write!(f, ";{listens_on}")?,
            }
        }
        Ok(())
    }
}

/// `host:quorumPort:electionPort`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberAddress {
    /// A name or an address.
    pub host: String,
    /// The port for replication.
    pub quorum_port: u16,
    /// The port for elections.
    pub election_port: u16,
}

/// Whether a server votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerType {
    /// It does.
    Participant,
    /// It follows only.
    Observer,
}

/// `admin.*`: what was set; the server knows its own defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admin {
    /// `admin.enableServer`.
    pub enabled: Option<bool>,
    /// `admin.serverAddress`.
    pub host: Option<String>,
    /// `admin.serverPort`.
    pub port: Option<u16>,
    /// `admin.commandURL`.
    pub command_url: Option<String>,
}

/// `metricsProvider.*`: what was set; the server knows its own defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// `metricsProvider.className` names the one for Prometheus.
    pub prometheus: bool,
    /// `metricsProvider.httpHost`.
    pub host: Option<String>,
    /// `metricsProvider.httpPort`; 0 is off.
    pub port: Option<u16>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            tick_time_ms: 3000,
            session_timeout_ms_min: -1,
            session_timeout_ms_max: -1,
            client: None,
            secure_client: None,
            connections: Connections {
                per_address_max: 60,
                total_max: 10_000,
                backlog: None,
                keep_alive: false,
            },
            four_letter_words: WordList::Only(vec!["srvr".to_owned()]),
            data: DataDirs {
                data_dir: PathBuf::new(),
                data_log_dir: PathBuf::new(),
                autocreate: true,
                db_autocreate: true,
            },
            snapshots: Snapshots {
                rule: SnapshotRule::default(),
                sync_warning_ms: 1000,
            },
            autopurge: Some(Autopurge::default()),
            requests: Requests::default(),
            access: Access::default(),
            tls: Tls::default(),
            containers: Containers {
                extended_types: false,
                check_interval_ms: 60_000,
                deleted_per_minute_max: 10_000,
                never_used_ms_max: 300_000,
            },
            ensemble: Ensemble::default(),
            admin: Admin::default(),
            metrics: Metrics::default(),
            audit_enabled: false,
        }
    }
}

impl Default for Autopurge {
    fn default() -> Self {
        Self {
            retain: 3,
            interval: Duration::from_secs(3600),
        }
    }
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            len_max: 0xf_ffff,
            outstanding_max: 1000,
            throttle_max: 0,
            throttle_stall_ms: 100,
            throttled_wait_ms: 0,
            large_threshold_bytes: None,
            large_bytes_max: 104_857_600,
        }
    }
}

impl Default for Access {
    fn default() -> Self {
        Self {
            super_digest: None,
            digest_enabled: true,
            skip_acl: false,
            eager_acl_check: false,
            enforce_quota: false,
            authentication_required: false,
            reconfig_enabled: false,
        }
    }
}

impl Default for Ensemble {
    fn default() -> Self {
        Self {
            my_id: None,
            servers: BTreeMap::new(),
            version: Zxid::ZERO,
            groups: BTreeMap::new(),
            weights: BTreeMap::new(),
            init_limit: None,
            sync_limit: None,
            peer_type: PeerType::Participant,
            standalone_enabled: true,
            listen_on_all: false,
            leader_serves: true,
            read_only: false,
            local_sessions: false,
            local_sessions_upgrading: false,
            sasl_keys: Vec::new(),
        }
    }
}
