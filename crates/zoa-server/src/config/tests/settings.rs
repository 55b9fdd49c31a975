//! What the keys set, and what holds where they stand nowhere.

use std::path::Path;
use std::time::Duration;

use zoa_core::WordList;

use super::Case;
use super::PLAIN;
use super::on;
use super::on_port;
use crate::config::Autopurge;
use crate::config::Ensemble;
use crate::snapshots::LogLenLimit;
use crate::snapshots::SnapshotRule;

#[test]
fn the_least_configuration_has_the_defaults_of_the_original() {
    let case = Case::new(PLAIN);
    let config = case.config();
    assert_eq!(config.tick_time_ms, 3000);
    assert_eq!(
        (config.session_timeout_ms_min, config.session_timeout_ms_max),
        (6000, 60_000)
    );
    assert_eq!(config.client, on_port(2181));
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
    assert_eq!(case.check(), Ok(()));
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
    assert_eq!(config.client, on("127.0.0.1", 2181));
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
