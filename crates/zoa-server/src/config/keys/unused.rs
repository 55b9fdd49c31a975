//! Keys of the original that set nothing here.
//!
//! They are accepted, so that an unchanged zoo.cfg starts, and named to the user in one line each
//! way: those that can mean nothing to this server (its threads, queues and buffers are others), and
//! those for something that this version does not do.

use super::Fate;
use crate::config::given::Given;

/// What becomes of a key that is in no table.
pub(super) fn fate(given: &Given) -> Fate {
    let key = given.key.as_str();
    let in_family = |families: &[&str]| families.iter().any(|family| key.starts_with(family));
    if MEANINGLESS.contains(&key) || in_family(MEANINGLESS_FAMILIES) {
        Fate::Meaningless
    } else if NOT_SERVED.contains(&key) || in_family(NOT_SERVED_FAMILIES) {
        if is_off(given) {
            Fate::Set
        } else {
            Fate::NotServed
        }
    } else {
        Fate::Unknown
    }
}

/// Whether the server does what this key, which is in a table, sets.
pub(super) fn is_obeyed(given: &Given) -> bool {
    is_off(given) || !SET_BUT_NOT_SERVED.contains(&given.key.as_str())
}

/// All names, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MEANINGLESS.iter().chain(NOT_SERVED).copied()
}

/// To turn off what there is not is no loss.
fn is_off(given: &Given) -> bool {
    matches!(given.value.as_str(), "0" | "-1") || given.value.eq_ignore_ascii_case("false")
}

/// Keys in the tables whose settings the server does not obey yet.
const SET_BUT_NOT_SERVED: &[&str] = &[
    "admin.commandURL",
    "admin.enableServer",
    "admin.serverAddress",
    "admin.serverPort",
    "audit.enable",
    "enableEagerACLCheck",
    "enforceQuota",
    "globalOutstandingLimit",
    "largeRequestMaxBytes",
    "largeRequestThreshold",
    "metricsProvider.className",
    "metricsProvider.httpHost",
    "metricsProvider.httpPort",
    "quorum.auth.enableSasl",
    "quorum.auth.learnerRequireSasl",
    "quorum.auth.serverRequireSasl",
    "request_throttle_max_requests",
    "request_throttle_stall_time",
    "throttled_op_wait_time",
];

/// Beginnings of keys for things this version does not do: they end in a number or a name.
const NOT_SERVED_FAMILIES: &[&str] = &[
    "authProvider.",
    "enforce.auth.",
    "metricsProvider.",
    "quorum.auth.",
    "ssl.",
    "superUser.",
];

const NOT_SERVED: &[&str] = &[
    "admin.forceHttps",
    "admin.httpVersion",
    "admin.idleTimeout",
    "admin.needClientAuth",
    "admin.portUnification",
    "admin.rateLimiterIntervalInMS",
    "admin.restore.enabled",
    "admin.snapshot.enabled",
    "IPAuthenticationProvider.usexforwardedfor",
    "X509AuthenticationProvider.superUser",
    "allowSaslFailedClients",
    "audit.impl.class",
    "client.portUnification",
    "closeSessionTxn.enabled",
    "cnxTimeout",
    "connectToLearnerMasterLimit",
    "connectionMaxTokens",
    "connection_throttle_decrease_ratio",
    "connection_throttle_drop_decrease",
    "connection_throttle_drop_increase",
    "connection_throttle_fill_count",
    "connection_throttle_fill_time",
    "connection_throttle_freeze_time",
    "connection_throttle_global_session_weight",
    "connection_throttle_local_session_weight",
    "connection_throttle_renew_session_weight",
    "connection_throttle_tokens",
    "connection_throttle_weight_enabled",
    "digest.enabled",
    "electionPortBindRetry",
    "ensembleAuthName",
    "fastleader.maxNotificationInterval",
    "fastleader.minNotificationInterval",
    "flushDelay",
    "kerberos.canonicalizeHostNames",
    "kerberos.minReLoginTimeMs",
    "kerberos.removeHostFromPrincipal",
    "kerberos.removeRealmFromPrincipal",
    "kinit",
    "letAnySaslUserDoX",
    "messageTracker.BufferSize",
    "messageTracker.Enabled",
    "multiAddress.enabled",
    "multiAddress.reachabilityCheckEnabled",
    "multiAddress.reachabilityCheckTimeoutMs",
    "observer.election.DelayMs",
    "observer.reconnectDelayMs",
    "observer.syncEnabled",
    "observerMaster.sizeLimit",
    "observerMasterPort",
    "oraclePath",
    "pathStats.delay",
    "pathStats.enabled",
    "pathStats.initialDelay",
    "pathStats.maxDepth",
    "pathStats.sampleRate",
    "pathStats.slotCapacity",
    "pathStats.slotDuration",
    "pathStats.topPathMax",
    "portUnification",
    "quorumCnxnTimeoutMs",
    "request_stale_connection_check",
    "request_stale_latency_check",
    "request_throttle_drop_stale",
    "request_throttler.shutdownTimeout",
    "requireKerberosConfig",
    "sasl.serverconfig",
    "security.auth_to_local",
    "serializeLastProcessedZxid.enabled",
    "server.realm",
    "superUser",
    "syncEnabled",
    "tcpKeepAlive",
];

/// Beginnings of keys for parts that this server has not.
const MEANINGLESS_FAMILIES: &[&str] = &[
    "commitProcessor.",
    "jmx.",
    "jvm.",
    "learner.",
    "log.",
    "netty.",
    "nio.",
    "snapshot.compression.",
    "tracelog.",
];

const MEANINGLESS: &[&str] = &[
    "bitHashCacheSize",
    "commitLogCount",
    "controllerPort",
    "emulate353TTLNodes",
    "fips-mode",
    "follower.nodelay",
    "follower.skipLearnerRequestToNextProcessor",
    "forceSnapshotSync",
    "forward_learner_requests_to_commit_processor_disabled",
    "intBufferStartingSizeBytes",
    "java.security.auth.login.config",
    "jute.maxbuffer.extrasize",
    "leader.ackLoggingFrequency",
    "leader.closeSocketAsync",
    "leader.maxConcurrentDiffSyncs",
    "leader.maxConcurrentSnapSyncs",
    "leader.maxTimeToWaitForEpoch",
    "leader.nodelay",
    "leaderConnectDelayDuringRetryMs",
    "maxBatchSize",
    "maxGetChildrenResponseCacheSize",
    "maxInProcessingDeadWatchers",
    "maxResponseCacheSize",
    "maxWriteQueuePollTime",
    "preAllocSize",
    "quorum.cnxn.threads.size",
    "root.logger",
    "serverCnxnFactory",
    "snapshot.trust.empty",
    "snapshotSizeFactor",
    "txnLogSizeLimitInKb",
    "watchManagerName",
    "watcherCleanIntervalInSeconds",
    "watcherCleanThreshold",
    "watcherCleanThreadsNum",
];
