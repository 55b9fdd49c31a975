//! What is accepted and still has to be heard by the user.

use std::path::Path;

use super::Case;
use crate::config::Notice;

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
