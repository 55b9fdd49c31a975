//! Goal: every number of the protocol is the one in its description.

use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::EventType;
use zoa_proto::FourLetterWord;
use zoa_proto::KeeperState;
use zoa_proto::OpCode;
use zoa_proto::Perms;
use zoa_proto::RequestHeader;
use zoa_proto::Xid;

#[test]
fn operations_have_their_numbers_and_names() {
    let table = [
        (0, "notification"),
        (1, "create"),
        (2, "delete"),
        (3, "exists"),
        (4, "getData"),
        (5, "setData"),
        (6, "getACL"),
        (7, "setACL"),
        (8, "getChildren"),
        (9, "sync"),
        (11, "ping"),
        (12, "getChildren2"),
        (13, "check"),
        (14, "multi"),
        (15, "create2"),
        (16, "reconfig"),
        (17, "checkWatches"),
        (18, "removeWatches"),
        (19, "createContainer"),
        (20, "deleteContainer"),
        (21, "createTTL"),
        (22, "multiRead"),
        (100, "auth"),
        (101, "setWatches"),
        (102, "sasl"),
        (103, "getEphemerals"),
        (104, "getAllChildrenNumber"),
        (105, "setWatches2"),
        (106, "addWatch"),
        (107, "whoAmI"),
        (-10, "createSession"),
        (-11, "closeSession"),
        (-1, "error"),
    ];
    let ours: Vec<_> = OpCode::ALL
        .iter()
        .map(|op| (op.to_wire(), op.name()))
        .collect();
    assert_eq!(ours, table);
    for wire in -200..=200 {
        let known = table.iter().any(|(number, _)| *number == wire);
        let op = OpCode::from_wire(wire);
        assert_eq!(op.is_some(), known, "{wire}");
        assert!(op.is_none_or(|op| op.to_wire() == wire));
    }
}

#[test]
fn writes_are_what_takes_a_zxid() {
    let writes: Vec<_> = OpCode::ALL
        .iter()
        .filter(|op| op.is_write())
        .map(|op| op.name())
        .collect();
    assert_eq!(
        writes,
        [
            "create",
            "delete",
            "setData",
            "setACL",
            "multi",
            "create2",
            "reconfig",
            "createContainer",
            "deleteContainer",
            "createTTL",
            "createSession",
            "closeSession",
        ]
    );
}

#[test]
fn a_client_may_not_send_what_only_a_server_or_a_log_says() {
    let refused: Vec<_> = OpCode::ALL
        .iter()
        .filter(|op| {
            RequestHeader {
                xid: Xid(1),
                op_wire: op.to_wire(),
            }
            .op()
            .is_none()
        })
        .map(|op| op.name())
        .collect();
    assert_eq!(refused, ["notification", "createSession", "error"]);
    assert_eq!(
        RequestHeader {
            xid: Xid(1),
            op_wire: 9999
        }
        .op(),
        None
    );
}

#[test]
fn errors_have_their_codes_and_names() {
    let table = [
        (-1, "SYSTEMERROR"),
        (-2, "RUNTIMEINCONSISTENCY"),
        (-3, "DATAINCONSISTENCY"),
        (-4, "CONNECTIONLOSS"),
        (-5, "MARSHALLINGERROR"),
        (-6, "UNIMPLEMENTED"),
        (-7, "OPERATIONTIMEOUT"),
        (-8, "BADARGUMENTS"),
        (-9, "INVALIDSTATE"),
        (-12, "UNKNOWNSESSION"),
        (-13, "NEWCONFIGNOQUORUM"),
        (-14, "RECONFIGINPROGRESS"),
        (-15, "SSLCONNECTIONERROR"),
        (-100, "APIERROR"),
        (-101, "NONODE"),
        (-102, "NOAUTH"),
        (-103, "BADVERSION"),
        (-108, "NOCHILDRENFOREPHEMERALS"),
        (-110, "NODEEXISTS"),
        (-111, "NOTEMPTY"),
        (-112, "SESSIONEXPIRED"),
        (-113, "INVALIDCALLBACK"),
        (-114, "INVALIDACL"),
        (-115, "AUTHFAILED"),
        (-116, "CLOSING"),
        (-117, "NOTHING"),
        (-118, "SESSIONMOVED"),
        (-119, "NOTREADONLY"),
        (-120, "EPHEMERALONLOCALSESSION"),
        (-121, "NOWATCHER"),
        (-122, "REQUESTTIMEOUT"),
        (-123, "RECONFIGDISABLED"),
        (-124, "SESSIONCLOSEDREQUIRESASLAUTH"),
        (-125, "QUOTAEXCEEDED"),
        (-127, "THROTTLEDOP"),
    ];
    let ours: Vec<_> = ErrorCode::ALL
        .iter()
        .map(|code| (code.to_wire(), code.name()))
        .collect();
    assert_eq!(ours, table);
    for wire in -200..=200 {
        let known = table.iter().any(|(code, _)| *code == wire);
        assert_eq!(ErrorCode::from_wire(wire).is_some(), known, "{wire}");
    }
    assert_eq!(ErrorCode::NoNode.to_string(), "NONODE (-101)");
}

#[test]
fn events_and_states_have_their_numbers() {
    let kinds = EventKind::ALL.map(|kind| EventType::Node(kind).to_wire());
    assert_eq!(kinds, [1, 2, 3, 4]);
    let made_up = [
        EventType::None,
        EventType::DataWatchRemoved,
        EventType::ChildWatchRemoved,
        EventType::PersistentWatchRemoved,
    ];
    assert_eq!(made_up.map(EventType::to_wire), [-1, 5, 6, 7]);
    let states = [
        KeeperState::Unknown,
        KeeperState::Disconnected,
        KeeperState::NoSyncConnected,
        KeeperState::SyncConnected,
        KeeperState::AuthFailed,
        KeeperState::ConnectedReadOnly,
        KeeperState::SaslAuthenticated,
        KeeperState::Closed,
        KeeperState::Expired,
    ];
    assert_eq!(
        states.map(KeeperState::to_wire),
        [-1, 0, 1, 3, 4, 5, 6, 7, -112]
    );
}

#[test]
fn permissions_are_bits() {
    let all = [
        Perms::READ,
        Perms::WRITE,
        Perms::CREATE,
        Perms::DELETE,
        Perms::ADMIN,
    ];
    assert_eq!(all.map(Perms::to_wire), [1, 2, 4, 8, 16]);
    assert_eq!(all.into_iter().fold(Perms::NONE, Perms::union), Perms::ALL);
    let read_write = Perms::READ.union(Perms::WRITE);
    assert!(read_write.contains(Perms::READ));
    assert!(!read_write.contains(Perms::ALL));
    assert!(read_write.intersects(Perms::ALL));
    assert!(!read_write.intersects(Perms::ADMIN));
    assert_eq!(Perms::from_wire(-1).to_wire(), -1);
}

#[test]
fn words_are_known_by_their_four_bytes() {
    let words: Vec<_> = FourLetterWord::ALL
        .iter()
        .map(|word| word.as_str())
        .collect();
    let listed = "conf cons crst dirs dump envi gtmk hash isro mntr ruok srst srvr stat stmk wchc \
                  wchp wchs";
    assert_eq!(words.join(" ").trim_end(), listed);
    for word in FourLetterWord::ALL {
        assert_eq!(FourLetterWord::from_bytes(word.to_bytes()), Some(*word));
        let spelled = match word {
            FourLetterWord::TelnetClose => 0xfff4_fffd_u32.to_be_bytes().to_vec(),
            _ => word.as_str().as_bytes().to_vec(),
        };
        assert_eq!(word.to_bytes().as_slice(), spelled);
        let argument_len = if word.as_str() == "stmk" { 8 } else { 0 };
        assert_eq!(word.argument_len(), argument_len);
    }
    assert_eq!(FourLetterWord::from_bytes(*b"RUOK"), None);
}
