//! What is wrong is an error that says where it stands and what can stand there, and all errors come at once.

use super::Case;
use super::DATA;
use super::PLAIN;
use super::on_port;

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
    assert_eq!(secure.secure_client, on_port(2281));
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
