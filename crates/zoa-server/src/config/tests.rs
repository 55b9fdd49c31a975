//! Whole configurations: what the rules accept, what they refuse, and what the user hears.
//!
//! Where a comment says "the original", the case was run through `QuorumPeerConfig` of ZooKeeper
//! 3.8.0; its verdict is the same unless the comment says otherwise.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use zoa_core::WordList;

use super::*;
use crate::snapshots::LogLenLimit;
use crate::snapshots::SnapshotRule;

const FILE: &str = "conf/zoo.cfg";
const DATA: &str = "dataDir=/data\n";
const PLAIN: &str = "dataDir=/data\nclientPort=2181\n";

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

#[test]
fn the_least_configuration_has_the_defaults_of_the_original() {
    let config = Case::new(PLAIN).config();
    assert_eq!(config.tick_time_ms, 3000);
    assert_eq!(
        (config.session_timeout_ms_min, config.session_timeout_ms_max),
        (6000, 60_000)
    );
    assert_eq!(
        config.client,
        Some(ListenOn {
            host: None,
            port: 2181
        })
    );
    assert_eq!(config.connections.per_address_max, 60);
    assert_eq!(config.data.data_log_dir, Path::new("/data"));
    assert_eq!(
        config.four_letter_words,
        WordList::Only(vec!["srvr".to_owned()])
    );
    assert_eq!(config.requests.len_max, 1_048_575);
    assert_eq!(config.snapshots.rule, SnapshotRule::default());
    assert_eq!(config.ensemble, Ensemble::default());
    assert!(!config.access.skip_acl && config.access.super_digest.is_none());
    assert!(config.check(Path::new(FILE)).is_ok());
}

#[test]
fn our_defaults_are_safer_where_those_of_the_original_are_not() {
    let config = Case::new(PLAIN).config();
    assert_eq!(config.connections.total_max, 10_000);
    let hourly = Autopurge {
        retain: 3,
        interval: Duration::from_secs(3600),
    };
    assert_eq!(config.autopurge, Some(hourly));
}

#[test]
fn a_usual_configuration_is_read_whole() {
    let text = "# usual\ntickTime = 2000\ninitLimit: 10\nsyncLimit 5\ndataDir=/data\n\
        dataLogDir=/log\nclientPort=2181\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\n\
        maxCnxns=500\nminSessionTimeout=1000\nmaxSessionTimeout=100000\nsnapCount=1000\n\
        autopurge.snapRetainCount=5\nautopurge.purgeInterval=24\n\
        4lw.commands.whitelist=stat, ruok,mntr\nenforceQuota=true\nextendedTypesEnabled=TRUE\n\
        skipACL=yes\nreconfigEnabled=true\nclientPortListenBacklog=100\n";
    let case = Case::new(text);
    let config = case.config();
    assert_eq!(config.tick_time_ms, 2000);
    assert_eq!(config.ensemble.init_limit, Some(10));
    assert_eq!(config.ensemble.sync_limit, Some(5));
    assert_eq!(config.data.data_log_dir, Path::new("/log"));
    assert_eq!(
        config.client,
        Some(ListenOn {
            host: Some("127.0.0.1".to_owned()),
            port: 2181
        })
    );
    assert_eq!(
        (
            config.connections.per_address_max,
            config.connections.total_max
        ),
        (0, 500)
    );
    assert_eq!(config.connections.backlog, Some(100));
    assert_eq!(
        (config.session_timeout_ms_min, config.session_timeout_ms_max),
        (1000, 100_000)
    );
    assert_eq!(config.snapshots.rule.every, Some(1000));
    let daily = Autopurge {
        retain: 5,
        interval: Duration::from_secs(86_400),
    };
    assert_eq!(config.autopurge, Some(daily));
    let words = ["stat", "ruok", "mntr"].map(str::to_owned);
    assert_eq!(config.four_letter_words, WordList::Only(words.to_vec()));
    let access = &config.access;
    assert!(access.enforce_quota && access.skip_acl && access.reconfig_enabled);
    assert!(config.containers.extended_types);
    assert_eq!(
        case.notices(),
        [
            "conf/zoo.cfg:15: old snapshots go right after each new one, not every so many hours",
            "settings for what this version does not do: enforceQuota",
        ]
    );
}

#[test]
fn a_wrong_value_is_an_error_with_its_place() {
    let expected = "conf/zoo.cfg:3: tickTime=abc: expected a whole number of milliseconds from 1 to 2147483647";
    assert_eq!(Case::plain_and("tickTime=abc\n").errors(), [expected]);
    assert_eq!(
        Case::new("dataDir=/data\nclientPort=70000\ninitLimit=x\n").errors(),
        [
            "conf/zoo.cfg:2: clientPort=70000: expected a port from 1 to 65535",
            "conf/zoo.cfg:3: initLimit=x: expected a whole number of ticks from 1 to 2147483647",
        ],
        "all of them at once"
    );
}

// The original refuses all of these but tickTime=-5 alone, skipACL and the last four, which it
// reads as something else than what they seem to say.
#[test]
fn values_that_the_keys_cannot_have_are_refused() {
    for (setting, expected) in [
        (
            "tickTime=0",
            "a whole number of milliseconds from 1 to 2147483647",
        ),
        (
            "tickTime=-5",
            "a whole number of milliseconds from 1 to 2147483647",
        ),
        ("clientPort=2181 # x", "a port from 1 to 65535"),
        ("clientPort=", "a port from 1 to 65535"),
        ("dataDir=", "a directory"),
        ("standaloneEnabled=no", "true or false"),
        ("peerType=learner", "participant or observer"),
        ("electionAlg=1", "3"),
        ("skipACL=true", "yes or no"),
        (
            "autopurge.purgeInterval=1w",
            "a whole number of hours, or one with ms, s, m, h or d behind it",
        ),
        (
            "autopurge.snapRetainCount=few",
            "a whole number of snapshots from -1 to 2147483647",
        ),
        (
            "jute.maxbuffer=1G",
            "a whole number of bytes from 1 to 66060288",
        ),
        ("enforceQuota=yes", "true or false"),
        ("DigestAuthenticationProvider.digestAlg=SHA3-256", "SHA1"),
        (
            "snapCount=0",
            "a whole number of transactions from 1 to 2147483647",
        ),
    ] {
        let (key, value) = setting.split_once('=').expect("it is one");
        let error = format!("conf/zoo.cfg:3: {key}={value}: expected {expected}");
        assert_eq!(Case::plain_and(setting).errors(), [error]);
    }
}

#[test]
fn what_must_be_there_is_missed() {
    assert_eq!(
        Case::new("").errors(),
        [
            "conf/zoo.cfg: dataDir is missing: expected dataDir=the directory for the data",
            "conf/zoo.cfg: clientPort is missing: expected clientPort=a port from 1 to 65535, as a rule 2181",
        ]
    );
    // The original starts without a port and serves nobody.
    let no_port = "conf/zoo.cfg: clientPort is missing: expected clientPort=a port from 1 to 65535, as a rule 2181";
    assert_eq!(Case::new(DATA).errors(), [no_port]);
    assert_eq!(
        Case::new("dataDir=/data\nclientPort=0\n").errors(),
        [no_port]
    );
    assert_eq!(
        Case::new("dataDir=/data\nclientPortAddress=127.0.0.1\n").errors(),
        ["conf/zoo.cfg: clientPortAddress is set, but clientPort is not"]
    );
    let secure = Case::new("dataDir=/data\nsecureClientPort=2281\n").config();
    assert_eq!(
        secure.secure_client,
        Some(ListenOn {
            host: None,
            port: 2281
        })
    );
    assert_eq!(secure.client, None);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let mut case = Case::new(PLAIN);
    case.files.clear();
    assert_eq!(
        case.errors(),
        ["conf/zoo.cfg: cannot be read: entity not found"]
    );
}

#[test]
fn a_line_that_is_no_property_is_named() {
    let expected = "conf/zoo.cfg:3: \\u must be followed by four hexadecimal digits";
    assert_eq!(Case::plain_and("a=\\u12\n").errors(), [expected]);
}

#[test]
fn the_shortest_session_is_not_longer_than_the_longest() {
    let check = |text: &str, expected: Result<(i32, i32), &str>| {
        let case = Case::plain_and(text);
        let found = case
            .load()
            .map(|(config, _)| (config.session_timeout_ms_min, config.session_timeout_ms_max));
        let found = found.map_err(|errors| errors.to_string());
        assert_eq!(
            found.as_ref().map_err(String::as_str),
            expected.as_ref().map_err(|text| *text),
            "{text}"
        );
    };
    check(
        "minSessionTimeout=4000\nmaxSessionTimeout=4000",
        Ok((4000, 4000)),
    );
    check(
        "minSessionTimeout=-1\nmaxSessionTimeout=-1",
        Ok((6000, 60_000)),
    );
    check("tickTime=2000000000", Ok((i32::MAX, i32::MAX)));
    check(
        "minSessionTimeout=5000\nmaxSessionTimeout=4000",
        Err(
            "conf/zoo.cfg: minSessionTimeout (5000 ms) must not be larger than maxSessionTimeout (4000 ms); what is not set is 2 and 20 times tickTime",
        ),
    );
    check(
        "maxSessionTimeout=4000",
        Err(
            "conf/zoo.cfg: minSessionTimeout (6000 ms) must not be larger than maxSessionTimeout (4000 ms); what is not set is 2 and 20 times tickTime",
        ),
    );
}

#[test]
fn purging_is_on_unless_it_is_turned_off() {
    let check = |text: &str, expected: Option<(usize, u64)>| {
        let found = Case::plain_and(text).config().autopurge;
        let found = found.map(|autopurge| (autopurge.retain, autopurge.interval.as_secs()));
        assert_eq!(found, expected, "{text}");
    };
    check("", Some((3, 3600)));
    check("autopurge.snapRetainCount=10", Some((10, 3600)));
    check("autopurge.purgeInterval=2", Some((3, 7200)));
    check("autopurge.purgeInterval=30m", Some((3, 1800)));
    check("autopurge.purgeInterval=0", None);
    check("autopurge.purgeInterval=-1", None);
    check("autopurge.snapRetainCount=1", Some((3, 3600)));
    let raised = Case::plain_and("autopurge.snapRetainCount=1").notices();
    assert_eq!(
        raised,
        ["conf/zoo.cfg:3: 3 snapshots are kept, the least that is safe"]
    );
}

#[test]
fn unknown_keys_are_named_and_not_refused() {
    assert_eq!(
        Case::plain_and("ticktime=2000\nsomethingElse=1\n").notices(),
        [
            "conf/zoo.cfg:3: ticktime is not a setting that is known here; did you mean tickTime?",
            "conf/zoo.cfg:4: somethingElse is not a setting that is known here",
        ]
    );
}

#[test]
fn a_snapshot_is_due_as_the_original_says_where_that_is_said() {
    let check = |text: &str, every: Option<u64>, log_len: LogLenLimit| {
        let rule = Case::plain_and(text).config().snapshots.rule;
        assert_eq!(rule, SnapshotRule { every, log_len }, "{text}");
    };
    check("", None, LogLenLimit::HalfOfSnapshot);
    check("snapCount=7", Some(7), LogLenLimit::HalfOfSnapshot);
    check("snapSizeLimitInKb=3", None, LogLenLimit::Bytes(3 << 10));
    check("snapSizeLimitInKb=0", None, LogLenLimit::None);
    check("snapSizeLimitInKb=-1", None, LogLenLimit::None);
}

#[test]
fn keys_for_later_features_are_told_unless_they_turn_them_off() {
    let text = "znode.container.checkIntervalMs=1000\nznode.container.maxNeverUsedIntervalMs=0\n\
        enforceQuota=false\nthrottled_op_wait_time=0\nlargeRequestThreshold=-1\n\
        clientTcpKeepAlive=true\ndb.autocreate=false\nsnapSizeLimitInKb=1000\n\
        fsync.warningthresholdms=20\nautopurge.purgeInterval=1\nglobalOutstandingLimit=500\n";
    assert_eq!(
        Case::plain_and(text).notices(),
        ["settings for what this version does not do: globalOutstandingLimit"]
    );
}

#[test]
fn keys_without_a_meaning_are_named_together() {
    let text = "nio.numWorkerThreads=4\npreAllocSize=65536\nssl.crl=true\nadmin.enableServer=true\n\
        ssl.ciphersuites=x\nauthProvider.1=x\nportUnification=false\n";
    assert_eq!(
        Case::plain_and(text).notices(),
        [
            "settings without a meaning for this server, which has no such part: nio.numWorkerThreads, preAllocSize",
            "settings for what this version does not do: ssl.crl, admin.enableServer, ssl.ciphersuites, authProvider.1",
        ]
    );
}

#[test]
fn syncing_is_never_turned_off() {
    let asked = Case::plain_and("forceSync=no").notices();
    assert_eq!(
        asked,
        ["conf/zoo.cfg:3: forceSync is not obeyed: this server always syncs before it answers"]
    );
    assert_eq!(Case::plain_and("forceSync=yes").notices(), [""; 0]);
}

#[test]
fn a_key_that_stands_twice_counts_the_second_time_as_in_the_original() {
    let case = Case::plain_and("tickTime=1000\ntickTime=2000");
    assert_eq!(case.config().tick_time_ms, 2000);
    assert_eq!(
        case.notices(),
        ["conf/zoo.cfg:4: tickTime stands here a second time; this one counts"]
    );
}

#[test]
fn an_open_port_is_warned_of_and_a_local_one_is_not() {
    let is_warned = |text: &str| match Case::plain_and(text).load() {
        Ok((_, notices)) => notices
            .iter()
            .any(|notice| matches!(notice, Notice::OpenToNetwork { .. })),
        Err(errors) => panic!("{errors}"),
    };
    assert!(is_warned(""));
    assert!(is_warned("clientPortAddress=10.0.0.1"));
    for local in ["127.0.0.1", "127.0.0.2", "::1", "localhost"] {
        assert!(!is_warned(&format!("clientPortAddress={local}")), "{local}");
    }
}

#[test]
fn words_of_the_whitelist_are_checked() {
    assert_eq!(
        Case::plain_and("4lw.commands.whitelist=*")
            .config()
            .four_letter_words,
        WordList::All
    );
    let both = Case::plain_and("4lw.commands.whitelist=ruok, *").config();
    assert_eq!(both.four_letter_words, WordList::All);
    let odd = Case::plain_and("4lw.commands.whitelist=ruok,quit,stats").notices();
    assert_eq!(
        odd,
        [
            "conf/zoo.cfg:3: no four-letter word is called quit",
            "conf/zoo.cfg:3: no four-letter word is called stats",
        ]
    );
}

#[test]
fn limits_of_0_and_minus_1_are_none() {
    for value in ["0", "-1"] {
        let config = Case::plain_and(&format!("maxClientCnxns={value}\nmaxCnxns={value}")).config();
        assert_eq!(
            (
                config.connections.per_address_max,
                config.connections.total_max
            ),
            (0, 0)
        );
    }
}

#[test]
fn words_of_the_command_line_are_laid_over_the_file() {
    let case = Case::plain_and("tickTime=1000\nskipACL=no")
        .word("-Dzookeeper.tickTime=4000")
        .word("clientPort=2182")
        .word("-Djute.maxbuffer=0x400000")
        .word("-Dzookeeper.4lw.commands.whitelist=*")
        .word("-Dcom.sun.management.jmxremote")
        .word("-DtickTime=1");
    let config = case.config();
    assert_eq!(config.tick_time_ms, 4000);
    assert_eq!(
        config.client,
        Some(ListenOn {
            host: None,
            port: 2182
        })
    );
    assert_eq!(config.requests.len_max, 0x40_0000);
    assert_eq!(config.four_letter_words, WordList::All);
    assert_eq!(case.notices(), [""; 0], "what is Java's own is passed over");
    assert_eq!(
        Case::new(PLAIN).word("-Dzookeeper.tickTime=fast").errors(),
        [
            "command line: tickTime=fast: expected a whole number of milliseconds from 1 to 2147483647"
        ]
    );
    assert_eq!(
        Case::new(PLAIN).word("-Dzookeeper.snapcount=5").notices(),
        ["command line: snapcount is not a setting that is known here; did you mean snapCount?"]
    );
    let undone =
        Case::plain_and("enforce.auth.enabled=true").word("-Dzookeeper.enforce.auth.enabled=false");
    assert!(!undone.config().access.authentication_required);
}

#[test]
fn the_prefix_of_a_property_does_no_harm_in_a_file() {
    let config = Case::plain_and("zookeeper.snapCount=5\njute.maxbuffer=2000000").config();
    assert_eq!(config.snapshots.rule.every, Some(5));
    assert_eq!(config.requests.len_max, 2_000_000);
}

#[test]
fn the_super_digest_is_kept_and_never_shown() {
    let key = "DigestAuthenticationProvider.superDigest";
    let digest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";
    for case in [
        Case::plain_and(&format!("{key}={digest}")),
        Case::new(PLAIN).word(&format!("-Dzookeeper.{key}={digest}")),
    ] {
        let secret = case.config().access.super_digest;
        assert_eq!(secret.as_ref().map(Secret::expose), Some(digest));
        assert_eq!(case.notices(), [""; 0]);
    }
    let wrong = Case::plain_and(&format!("{key}=hunter2")).errors();
    let expected = "expected a user, a colon and the base64 of the SHA-1 of user:password";
    assert_eq!(
        wrong,
        [format!("conf/zoo.cfg:3: {key}=(not shown): {expected}")]
    );
}

#[test]
fn one_server_line_is_one_server_alone() {
    // As the official container image writes it: the client port stands in the server line only.
    let docker = "dataDir=/data\nserver.1=localhost:2888:3888;2181\n";
    for case in [Case::new(docker).my_id("1\n"), Case::new(docker)] {
        let config = case.config();
        assert_eq!(
            config.client,
            Some(ListenOn {
                host: None,
                port: 2181
            })
        );
        assert!(!config.ensemble.is_distributed());
        assert!(config.check(Path::new(FILE)).is_ok());
    }
    let both = "dataDir=/data\nclientPort=2182\nserver.1=localhost:2888:3888;2181\n";
    assert_eq!(
        Case::new(both).my_id("1").errors(),
        [
            "conf/zoo.cfg: clientPort says *:2182, but this server's server.N line says *:2181: take one of them out"
        ]
    );
    let agreed = "dataDir=/data\nclientPort=2181\nserver.1=localhost:2888:3888;10.0.0.1:2181\n";
    let host = Some("10.0.0.1".to_owned());
    assert_eq!(
        Case::new(agreed).my_id("1").config().client,
        Some(ListenOn { host, port: 2181 })
    );
}

const THREE: &str = "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";

#[test]
fn an_ensemble_is_understood_and_told_in_the_form_of_the_replicated_state() {
    let text = format!("initLimit=10\nsyncLimit=5\n{THREE}server.4=d:2888:3888:observer\n");
    let config = Case::plain_and(&text).my_id("4").config();
    assert!(config.ensemble.is_distributed());
    assert_eq!(config.ensemble.participants().count(), 3);
    assert_eq!(config.ensemble.my_id, Some(4));
    assert_eq!(
        config.ensemble.peer_type,
        PeerType::Observer,
        "the server line wins"
    );
    config.check(Path::new(FILE)).expect("it can be obeyed");
    let lines = config.ensemble.lines().expect("they are few");
    let expected = "server.1=a:2888:3888:participant\nserver.2=b:2888:3888:participant\n\
                    server.3=c:2888:3888:participant\nserver.4=d:2888:3888:observer\n";
    assert_eq!(lines.servers_text(), expected);
    let odd = "server.1=[::1]:1:2|b:3:4;2181\nserver.2=c:1:2;[::]:2181;d:2281\n";
    let config = Case::plain_and(&format!("initLimit=10\nsyncLimit=5\n{odd}"))
        .my_id("2")
        .config();
    assert_eq!(
        config
            .ensemble
            .lines()
            .expect("they are few")
            .servers_text(),
        "server.1=[::1]:1:2|b:3:4:participant;0.0.0.0:2181\nserver.2=c:1:2:participant;[::]:2181;d:2281\n"
    );
}

#[test]
fn an_ensemble_needs_its_limits_and_its_id() {
    assert_eq!(
        Case::plain_and(THREE).errors(),
        [
            "conf/zoo.cfg: initLimit is missing: expected initLimit=ticks that a server may take to join its leader, such as 10",
            "conf/zoo.cfg: syncLimit is missing: expected syncLimit=ticks that a server may be behind its leader, such as 5",
            "conf/zoo.cfg: the file myid is missing in dataDir: it holds the N of this server's server.N line",
        ]
    );
    let limits = format!("initLimit=10\nsyncLimit=5\n{THREE}");
    assert_eq!(
        Case::plain_and(&limits).my_id("7").errors(),
        ["conf/zoo.cfg: the file myid says 7, but there is no line server.7"]
    );
    assert_eq!(
        Case::plain_and(&limits).my_id("one").errors(),
        ["/data/myid:1: myid=one: expected a whole number of this server's id from 0 to 255"]
    );
}

#[test]
fn servers_that_make_no_ensemble_are_refused() {
    assert_eq!(
        Case::plain_and("standaloneEnabled=false").errors(),
        ["conf/zoo.cfg: standaloneEnabled=false needs a server.N line for each server"]
    );
    let observers =
        "conf/zoo.cfg: observers need servers to observe: name participants in server.N lines";
    assert_eq!(
        Case::plain_and("server.1=a:1:2:observer").errors(),
        [observers]
    );
    assert_eq!(
        Case::plain_and("server.1=a:1:2\nserver.2=b:1:2:observer").errors(),
        [observers]
    );
    let line = Case::plain_and("server.1=localhost:2888").errors();
    assert_eq!(
        line,
        [
            "conf/zoo.cfg:3: server.1=localhost:2888: expected host:quorumPort:electionPort, then perhaps :participant or :observer, then perhaps ;clientPort or ;host:clientPort"
        ]
    );
    let id = Case::plain_and("server.x=localhost:2888:3888").errors();
    assert_eq!(
        id,
        [
            "conf/zoo.cfg:3: server.x=localhost:2888:3888: expected the id of a server to be a whole number from 0 to 255"
        ]
    );
}

#[test]
fn groups_and_weights_are_read() {
    let text = format!("initLimit=1\nsyncLimit=1\n{THREE}group.1=1:2:3\nweight.2=0\n");
    let ensemble = Case::plain_and(&text).my_id("1").config().ensemble;
    assert_eq!(ensemble.groups, BTreeMap::from([(1, vec![1, 2, 3])]));
    assert_eq!(ensemble.weights, BTreeMap::from([(2, 0)]));
}

#[test]
fn servers_may_stand_in_a_file_of_their_own() {
    let named = "dataDir=/data\ninitLimit=10\nsyncLimit=5\ndynamicConfigFile=/conf/dynamic\n";
    let dynamic = "server.1=a:2888:3888;2181\nserver.2=b:2888:3888;2181\n";
    let case = Case::new(named).my_id("1").file("/conf/dynamic", dynamic);
    let config = case.config();
    assert_eq!(config.ensemble.servers.len(), 2);
    assert_eq!(
        config.client,
        Some(ListenOn {
            host: None,
            port: 2181
        })
    );
    assert_eq!(config.ensemble.version, Zxid::ZERO);
    let versioned = named.replace("/conf/dynamic", "/conf/zoo.cfg.dynamic.1a0000000f");
    let case = Case::new(&versioned).my_id("1");
    let case = case.file("/conf/zoo.cfg.dynamic.1a0000000f", dynamic);
    let lines = case.config().ensemble.lines();
    assert_eq!(lines.map(|lines| lines.version()), Ok(Zxid(0x1a_0000_000f)));
    let twice = Case::new(&format!("{named}server.3=c:1:2\n")).file("/conf/dynamic", dynamic);
    assert_eq!(
        twice.errors(),
        ["conf/zoo.cfg:5: server.3 must stand in the file that dynamicConfigFile names"]
    );
    let odd = Case::new(named).file("/conf/dynamic", "tickTime=1\n");
    assert_eq!(
        odd.errors(),
        ["/conf/dynamic:1: tickTime cannot stand here, only server, group and weight can"]
    );
    let absent = Case::new(named);
    assert_eq!(
        absent.errors(),
        ["/conf/dynamic: cannot be read: entity not found"]
    );
}

#[test]
fn what_would_be_less_safe_than_asked_for_is_refused() {
    let check = |text: &str, expected: &str| {
        let config = Case::plain_and(text).my_id("1").config();
        let refused = config.check(Path::new(FILE));
        let refused = refused.map_err(|errors| errors.to_string());
        assert_eq!(refused, Err(format!("conf/zoo.cfg: {expected}")), "{text}");
    };
    check(
        "secureClientPort=2281",
        "secureClientPort is set, but ssl.keyStore.location is missing: the PEM file with this server's key and certificate",
    );
    check(
        "secureClientPort=2281\nssl.keyStore.location=/server.pem",
        "secureClientPort is set, but ssl.trustStore.location is missing: the PEM file with the authorities whose certificates \
         let somebody in",
    );
    let everyone = "sessionRequireClientSASLAuth and enforce.auth.enabled ask for authentication of every client, which this version cannot enforce";
    let unequal = "group.N and weight.N give servers unequal votes, which this version cannot do: every participant has one. Leave them out";
    check(
        &format!("initLimit=1\nsyncLimit=1\n{THREE}group.1=1:2:3\n"),
        unequal,
    );
    let sasl = |keys: &str| {
        format!(
            "{keys}: the servers are to know each other by SASL, which this version does not do, and without it anybody could speak as \
             one of them. Let them know each other by certificates: sslQuorum=true, with ssl.quorum.keyStore.location and \
             ssl.quorum.trustStore.location"
        )
    };
    let key = |name: &str| format!("quorum.auth.{name}=true");
    let all = ["enableSasl", "learnerRequireSasl", "serverRequireSasl"].map(key);
    for given in &all {
        check(
            &format!("initLimit=1\nsyncLimit=1\n{THREE}{given}\n"),
            &sasl(given),
        );
    }
    check(
        &format!("initLimit=1\nsyncLimit=1\n{THREE}{}\n", all.join("\n")),
        &sasl(&all.join(", ")),
    );
    check("sessionRequireClientSASLAuth=true", everyone);
    check("enforce.auth.enabled=true", everyone);
    check(
        "DigestAuthenticationProvider.enabled=false",
        "DigestAuthenticationProvider.enabled=false cannot be obeyed by this version",
    );
}

#[test]
fn sasl_between_servers_is_no_loss_where_certificates_are_asked_for_or_nobody_else_is() {
    let certified = "sslQuorum=true\nssl.quorum.keyStore.location=/peer.pem\nssl.quorum.trustStore.location=/ca.pem\n";
    let three = format!("initLimit=1\nsyncLimit=1\n{THREE}");
    let asked = "quorum.auth.enableSasl=true\nquorum.auth.serverRequireSasl=false\n";
    let off = asked.replace("true", "false");
    let told = "settings for what this version does not do: quorum.auth.enableSasl";
    for (text, notices) in [
        (format!("{three}{certified}{asked}"), vec![told]),
        (asked.to_owned(), vec![told]),
        (format!("{three}{off}"), vec![]),
    ] {
        let case = Case::plain_and(&text).my_id("1");
        let checked = case.config().check(Path::new(FILE));
        assert_eq!(checked.map_err(|errors| errors.to_string()), Ok(()));
        assert_eq!(case.notices(), notices, "{text}");
    }
}

#[test]
fn the_id_255_and_znodes_with_a_time_to_live_do_not_go_together() {
    let both = Case::plain_and("extendedTypesEnabled=true").my_id("255");
    assert_eq!(
        both.errors(),
        [
            "conf/zoo.cfg: the file myid says 255, but with extendedTypesEnabled=true ids go up to 254: ephemeral znodes of this \
             server's clients would look as if they had a time to live. Give this server another id"
        ]
    );
    let config = Case::plain_and("extendedTypesEnabled=true").my_id("254");
    assert_eq!(config.config().ensemble.my_id, Some(254));
    let config = Case::plain_and("").my_id("255").config();
    assert_eq!(config.ensemble.my_id, Some(255));
}

#[test]
fn addresses_are_tried_with_ipv6_first_and_ipv4_where_there_is_none() {
    let addresses = |text: &str| {
        let client = Case::plain_and(text).config().client;
        let addresses = client
            .expect("there is a port")
            .resolve()
            .expect("no name is looked up");
        addresses
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(addresses(""), ["[::]:2181", "0.0.0.0:2181"]);
    assert_eq!(addresses("clientPortAddress=127.0.0.1"), ["127.0.0.1:2181"]);
    assert_eq!(addresses("clientPortAddress=::1"), ["[::1]:2181"]);
}

#[test]
fn the_sample_that_users_unpack_is_accepted_without_a_word() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dist/conf/zoo_sample.cfg");
    let text = std::fs::read_to_string(path).expect("it is in the repository");
    assert_eq!(Case::new(&text).notices(), [""; 0]);
    let uncommented = text
        .replace("\n#max", "\nmax")
        .replace("\n#auto", "\nauto")
        .replace("\n#4lw", "\n4lw");
    assert_eq!(Case::new(&uncommented).notices(), [""; 0]);
}

#[test]
fn certificates_between_servers_are_for_their_hosts_unless_that_is_switched_off() {
    let checks = |text: &str| {
        let peers = Case::plain_and(text).config().tls.peers;
        (peers.checks_names, peers.checks_client_names)
    };
    assert_eq!(checks("sslQuorum=true"), (true, true));
    assert!(!checks("ssl.quorum.hostnameVerification=false").0);
    assert_eq!(
        checks("ssl.quorum.clientHostnameVerification=false"),
        (true, false)
    );
}

#[test]
fn certificates_are_pem_files() {
    let config = Case::plain_and(
        "secureClientPort=2281\nssl.keyStore.location=/server.pem\nssl.keyStore.type=PEM\nssl.trustStore.location=/ca.pem\n\
         ssl.clientAuth=want\nsslQuorum=true\nssl.quorum.keyStore.location=/peer.pem\n",
    )
    .config();
    assert_eq!(
        config
            .check(Path::new(FILE))
            .map_err(|errors| errors.to_string()),
        Ok(())
    );
    let clients = config.tls.clients.files("ssl").expect("both are named");
    assert_eq!(clients.key_store, Path::new("/server.pem"));
    assert_eq!(clients.trust_store.as_deref(), Some(Path::new("/ca.pem")));
    assert_eq!(clients.client_auth, zoa_tls::ClientAuth::Want);
    assert!(config.tls.between_servers);
    assert_eq!(
        config.tls.peers.key_store.as_deref(),
        Some(Path::new("/peer.pem"))
    );
    for wrong in [
        "ssl.keyStore.location=/server.jks",
        "ssl.keyStore.type=JKS",
        "ssl.clientAuth=perhaps",
    ] {
        let errors = Case::plain_and(wrong).errors();
        assert_eq!(errors.len(), 1, "{wrong}: {errors:?}");
    }
}
