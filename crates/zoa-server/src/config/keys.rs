//! Every key that is known, and what becomes of it.
//!
//! A key is either set (the tables below, by subject), or means nothing to this server, or asks for
//! what this version does not do (`unused.rs`). Nothing is dropped in silence: what is in no table is
//! an unknown key, and the user hears of it.

/// Writes a table of keys, one line a key: its name, and the assignment that its value makes.
macro_rules! keys {
    ($($name:literal => |$draft:ident, $given:ident| $body:expr,)*) => {
        pub(super) static KEYS: &[crate::config::keys::Key] = &[$(crate::config::keys::Key {
            name: $name,
            set: |$draft, $given| {
                $body;
                Ok(())
            },
        },)*];
    };
}

mod access;
mod basic;
mod ensemble;
mod requests;
mod snapshots;
mod tls;
mod unused;

use crate::config::draft::Draft;
use crate::config::error::ConfigError;
use crate::config::given::Given;

/// A key that sets something.
pub(super) struct Key {
    name: &'static str,
    set: fn(&mut Draft, &Given) -> Result<(), ConfigError>,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It was set.
    Set,
    /// It means something to the original only.
    Meaningless,
    /// This version does not do what it is about.
    NotServed,
    /// Nobody knows it.
    Unknown,
}

/// The least likeness of two names to ask "did you mean?".
const LIKENESS_MIN: f64 = 0.8;

/// Sets what the key of `given` is for.
///
/// # Errors
///
/// When the value is not one this key can have.
pub(super) fn apply(draft: &mut Draft, given: &Given) -> Result<Fate, ConfigError> {
    if let Some(key) = tables().find(|key| key.name == given.key) {
        (key.set)(draft, given)?;
        return Ok(if unused::is_obeyed(given) {
            Fate::Set
        } else {
            Fate::NotServed
        });
    }
    let fate = unused::fate(given);
    if fate == Fate::Unknown && ensemble::apply_numbered(draft, given)? {
        return Ok(Fate::Set);
    }
    Ok(fate)
}

/// The known key that looks most like this one.
pub(super) fn suggest(key: &str) -> Option<&'static str> {
    let likeness = |known: &&'static str| {
        strsim::normalized_damerau_levenshtein(
            &known.to_ascii_lowercase(),
            &key.to_ascii_lowercase(),
        )
    };
    let names = tables().map(|key| key.name).chain(unused::names());
    let scored = names.map(|name| (likeness(&name), name));
    let (best, name) = scored.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (best >= LIKENESS_MIN).then_some(name)
}

fn tables() -> impl Iterator<Item = &'static Key> {
    [
        access::KEYS,
        basic::KEYS,
        ensemble::KEYS,
        requests::KEYS,
        snapshots::KEYS,
        tls::KEYS,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_key_stands_in_two_tables() {
        let mut seen = BTreeSet::new();
        for name in tables().map(|key| key.name).chain(unused::names()) {
            assert!(seen.insert(name), "{name} stands twice");
        }
    }

    /// What the administrator's guide of the original has, sections "basic" to "snapshot and log"; families by some of their members.
    const ORIGINAL: &str = "
        4lw.commands.whitelist admin.commandURL admin.enableServer admin.forceHttps admin.httpVersion
        admin.idleTimeout admin.needClientAuth admin.portUnification admin.rateLimiterIntervalInMS
        admin.restore.enabled admin.serverAddress admin.serverPort admin.snapshot.enabled
        allowSaslFailedClients audit.enable audit.impl.class authProvider.1 authProvider.sasl
        autopurge.purgeInterval autopurge.snapRetainCount bitHashCacheSize client.certReload
        client.portUnification clientPort clientPortAddress clientPortListenBacklog clientTcpKeepAlive
        closeSessionTxn.enabled cnxTimeout commitLogCount commitProcessor.maxCommitBatchSize
        commitProcessor.maxReadBatchSize commitProcessor.numWorkerThreads
        commitProcessor.shutdownTimeout connection_throttle_decrease_ratio
        connection_throttle_drop_decrease connection_throttle_drop_increase
        connection_throttle_fill_count connection_throttle_fill_time connection_throttle_freeze_time
        connection_throttle_global_session_weight connection_throttle_local_session_weight
        connection_throttle_renew_session_weight connection_throttle_tokens
        connection_throttle_weight_enabled connectionMaxTokens connectToLearnerMasterLimit
        controllerPort dataDir datadir.autocreate dataLogDir db.autocreate digest.enabled
        DigestAuthenticationProvider.digestAlg DigestAuthenticationProvider.enabled
        DigestAuthenticationProvider.superDigest dynamicConfigFile electionAlg electionPortBindRetry
        emulate353TTLNodes enableEagerACLCheck enforce.auth.enabled enforce.auth.schemes enforceQuota
        ensembleAuthName extendedTypesEnabled fastleader.maxNotificationInterval
        fastleader.minNotificationInterval fips-mode flushDelay follower.nodelay
        follower.skipLearnerRequestToNextProcessor forceSnapshotSync forceSync
        forward_learner_requests_to_commit_processor_disabled fsync.warningthresholdms
        globalOutstandingLimit initLimit intBufferStartingSizeBytes
        IPAuthenticationProvider.usexforwardedfor java.security.auth.login.config jmx.log4j.disable
        jute.maxbuffer jute.maxbuffer.extrasize jvm.pause.info-threshold.ms jvm.pause.monitor
        kerberos.canonicalizeHostNames kerberos.minReLoginTimeMs kerberos.removeHostFromPrincipal
        kerberos.removeRealmFromPrincipal kinit largeRequestMaxBytes largeRequestThreshold
        leader.ackLoggingFrequency leader.closeSocketAsync leader.maxConcurrentDiffSyncs
        leader.maxConcurrentSnapSyncs leader.maxTimeToWaitForEpoch leader.nodelay
        leaderConnectDelayDuringRetryMs leaderServes learner.asyncSending learner.closeSocketAsync
        letAnySaslUserDoX localSessionsEnabled localSessionsUpgradingEnabled log.dir maxBatchSize
        maxClientCnxns maxCnxns maxGetChildrenResponseCacheSize maxInProcessingDeadWatchers
        maxResponseCacheSize maxSessionTimeout maxWriteQueuePollTime messageTracker.BufferSize
        messageTracker.Enabled metricsProvider.className metricsProvider.exportJvmInfo
        metricsProvider.httpHost metricsProvider.httpPort metricsProvider.httpsPort
        metricsProvider.maxQueueSize metricsProvider.numWorkerThreads
        metricsProvider.workerShutdownTimeoutMs minSessionTimeout multiAddress.enabled
        multiAddress.reachabilityCheckEnabled multiAddress.reachabilityCheckTimeoutMs
        netty.advancedFlowControl.enabled netty.server.earlyDropSecureConnectionHandshakes
        netty.server.outstandingHandshake.limit nio.directBufferBytes nio.numSelectorThreads
        nio.numWorkerThreads nio.sessionlessCnxnTimeout nio.shutdownTimeout observer.election.DelayMs
        observer.reconnectDelayMs observer.syncEnabled observerMaster.sizeLimit observerMasterPort
        oraclePath pathStats.enabled peerType portUnification preAllocSize quorum.auth.enableSasl
        quorum.auth.kerberos.servicePrincipal quorum.auth.learner.saslLoginContext
        quorum.auth.learnerRequireSasl quorum.auth.server.saslLoginContext quorum.auth.serverRequireSasl
        quorum.cnxn.threads.size quorumCnxnTimeoutMs quorumListenOnAllIPs readonlymode.enabled
        reconfigEnabled request_stale_connection_check request_stale_latency_check
        request_throttle_drop_stale request_throttle_max_requests request_throttle_stall_time
        request_throttler.shutdownTimeout requireKerberosConfig sasl.serverconfig secureClientPort
        secureClientPortAddress security.auth_to_local serializeLastProcessedZxid.enabled server.realm
        serverCnxnFactory sessionRequireClientSASLAuth skipACL snapCount snapshot.compression.method
        snapshot.trust.empty snapshotSizeFactor snapSizeLimitInKb ssl.authProvider ssl.ciphersuites
        ssl.clientAuth ssl.keyStore.location ssl.quorum.trustStore.location sslQuorum
        sslQuorumReloadCertFiles standaloneEnabled superUser superUser.1 syncEnabled syncLimit
        tcpKeepAlive throttled_op_wait_time tickTime txnLogSizeLimitInKb watcherCleanIntervalInSeconds
        watcherCleanThreadsNum watcherCleanThreshold watchManagerName
        X509AuthenticationProvider.superUser znode.container.checkIntervalMs
        znode.container.maxNeverUsedIntervalMs znode.container.maxPerMinute
    ";

    #[test]
    fn keys_of_the_original_are_known() {
        for key in ORIGINAL.split_whitespace() {
            let place = crate::config::error::Place::CommandLine;
            let (key, value) = (key.to_owned(), "on".to_owned());
            let given = Given {
                place,
                key,
                value,
                hidden: false,
            };
            let fate = apply(&mut Draft::default(), &given);
            assert_ne!(fate.as_ref().ok(), Some(&Fate::Unknown), "{}", given.key);
        }
    }

    #[test]
    fn misspelled_keys_find_their_namesake() {
        let check = |key: &str, expected: Option<&str>| assert_eq!(suggest(key), expected, "{key}");
        check("ticktime", Some("tickTime"));
        check("tickTme", Some("tickTime"));
        check("dataLogdir", Some("dataLogDir"));
        check("maxClientConnections", None);
        check("maxClientCnxn", Some("maxClientCnxns"));
        check("autopurge.purgeIntervall", Some("autopurge.purgeInterval"));
        check("4lw.command.whitelist", Some("4lw.commands.whitelist"));
        check("somethingElse", None);
        check("", None);
    }
}
