//! Goal: messages are byte for byte what the protocol's description says, with each field in its
//! place.
//!
//! The golden frames next door show that real bytes survive a round trip; these, written down by
//! hand, show that each field means what we take it for. A space ends a field.

use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::AddWatchMode;
use zoa_proto::ConnectRequest;
use zoa_proto::ConnectResponse;
use zoa_proto::CreateFlags;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;
use zoa_proto::MultiResult;
use zoa_proto::MultiResults;
use zoa_proto::OpCode;
use zoa_proto::PathList;
use zoa_proto::Perms;
use zoa_proto::Reply;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::WatchedEvent;
use zoa_proto::WatcherType;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_event;
use zoa_proto::encode_reply;
use zoa_proto::encode_request;
use zoa_proto::reply::ClientInfo;
use zoa_proto::reply::ClientInfoList;
use zoa_proto::request;

/// Bytes written as hex with blanks and quoted text between: `00000002 '/a'`.
fn bytes(written: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (index, part) in written.split('\'').enumerate() {
        if index % 2 == 1 {
            bytes.extend_from_slice(part.as_bytes());
            continue;
        }
        let digits: Vec<u8> = part.bytes().filter(u8::is_ascii_hexdigit).collect();
        for pair in digits.chunks_exact(2) {
            let pair = std::str::from_utf8(pair).expect("ASCII");
            bytes.push(u8::from_str_radix(pair, 16).expect("hex"));
        }
        assert!(digits.len().is_multiple_of(2), "half a byte in {part}");
    }
    bytes
}

/// With the frame's length in front.
fn framed(body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).expect("short");
    [&len.to_be_bytes(), body].concat()
}

fn check_request(written: &str, xid: i32, request: Request<'_>) {
    let frame = bytes(written);
    let (header, body) = RequestHeader::decode(&frame).expect("a header");
    assert_eq!(header.xid, Xid(xid));
    let op = header.op().expect("a request");
    assert_eq!(Request::decode(op, body), Ok(request));
    let mut encoded = Vec::new();
    encode_request(&mut encoded, Xid(xid), &request).expect("short");
    assert_eq!(encoded, framed(&frame));
}

fn check_reply(written: &str, op: OpCode, reply: Reply<'_>) {
    let frame = bytes(written);
    let (header, body) = ReplyHeader::decode(&frame).expect("a header");
    assert_eq!(
        header,
        ReplyHeader {
            xid: Xid(5),
            zxid: Zxid(0x10_0000_0002),
            error: None
        }
    );
    assert_eq!(Reply::decode(op, body), Ok(reply));
    let mut encoded = Vec::new();
    encode_reply(&mut encoded, header, |writer| reply.encode(writer));
    assert_eq!(encoded, framed(&frame));
}

const HEADER: &str = "00000005 0000001000000002 00000000";

const STAT: &str = "0000000000000001 0000000000000002 0000000000000003 0000000000000004 \
                    00000005 00000006 00000007 0000000000000008 00000009 0000000a \
                    000000000000000b";

const fn stat() -> Stat {
    Stat {
        czxid: Zxid(1),
        mzxid: Zxid(2),
        ctime_ms: 3,
        mtime_ms: 4,
        version: Version(5),
        cversion: Version(6),
        aversion: Version(7),
        ephemeral_owner: SessionId(8),
        data_length: 9,
        num_children: 10,
        pzxid: Zxid(11),
    }
}

#[test]
fn a_handshake_is_45_bytes_there_and_37_back() {
    let request = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid(0x1_0000_0002),
        timeout_ms: 30_000,
        session: SessionId(0x0100_0000_0000_0003),
        password: &[0xaa; 16],
        read_only: Some(true),
    };
    let frame = bytes(
        "00000000 0000000100000002 00007530 0100000000000003 \
         00000010 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 01",
    );
    assert_eq!(frame.len(), 45);
    assert_eq!(ConnectRequest::decode(&frame), Ok(request));
    let mut encoded = Vec::new();
    request.encode_frame(&mut encoded).expect("short");
    assert_eq!(encoded, framed(&frame));

    let response = ConnectResponse {
        protocol_version: 0,
        timeout_ms: 30_000,
        session: SessionId(0x0100_0000_0000_0003),
        password: &[0xaa; 16],
        read_only: Some(false),
    };
    let frame =
        bytes("00000000 00007530 0100000000000003 00000010 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 00");
    assert_eq!(frame.len(), 37);
    assert_eq!(ConnectResponse::decode(&frame), Ok(response));
    let mut encoded = Vec::new();
    response.encode_frame(&mut encoded).expect("short");
    assert_eq!(encoded, framed(&frame));
}

#[test]
fn a_refused_session_has_no_id_no_time_and_no_password() {
    let frame =
        bytes("00000000 00000000 0000000000000000 00000010 00000000000000000000000000000000 00");
    let mut encoded = Vec::new();
    ConnectResponse::rejected(Some(false))
        .encode_frame(&mut encoded)
        .expect("short");
    assert_eq!(encoded, framed(&frame));
    encoded.clear();
    ConnectResponse::rejected(None)
        .encode_frame(&mut encoded)
        .expect("short");
    assert_eq!(encoded, framed(&frame[..36]));
    assert!(ConnectResponse::rejected(None).is_rejected());
}

#[test]
fn a_zxid_seen_before_the_first_is_nothing_seen() {
    let frame = bytes("00000000 ffffffffffffffff 00000001 0000000000000000 ffffffff");
    let request = ConnectRequest::decode(&frame).expect("whole");
    assert_eq!(request.last_zxid_seen, Zxid::ZERO);
    assert_eq!(request.password, b"");
    assert_eq!(request.read_only, None);
}

#[test]
fn creates_carry_path_data_acl_flags_and_ttl() {
    let mut scratch = Vec::new();
    let entry = AclRef {
        perms: Perms(0x1f),
        scheme: "world",
        id: "anyone",
    };
    let acl = AclList::collect_into([entry], &mut scratch);
    assert_eq!(entry, AclRef::OPEN);
    let flags = CreateFlags::from(CreateMode::EphemeralSequential);
    let create = request::Create {
        path: "/a",
        data: Some(b"xyz"),
        acl,
        flags,
    };
    let body = "00000002 '/a' 00000003 'xyz' 00000001 0000001f 00000005 'world' 00000006 'anyone' \
                00000003";
    let of = |op: &str| format!("00000001 {op} {body}");
    check_request(&of("00000001"), 1, Request::Create(create));
    check_request(&of("0000000f"), 1, Request::Create2(create));
    check_request(&of("00000013"), 1, Request::CreateContainer(create));
    let ttl = request::CreateTtl {
        path: "/a",
        data: Some(b"xyz"),
        acl,
        flags,
        ttl_ms: 0x1234,
    };
    let written = format!("{} 0000000000001234", of("00000015"));
    check_request(&written, 1, Request::CreateTtl(ttl));
}

#[test]
fn null_data_is_not_empty_data() {
    let acl = AclList::empty();
    let flags = CreateFlags(99);
    for (len, data) in [("ffffffff", None), ("00000000", Some(&b""[..]))] {
        let written = format!("00000001 00000001 00000001 '/' {len} 00000000 00000063");
        check_request(
            &written,
            1,
            Request::Create(request::Create {
                path: "/",
                data,
                acl,
                flags,
            }),
        );
        let reply = Reply::Data { data, stat: stat() };
        check_reply(&format!("{HEADER} {len} {STAT}"), OpCode::GetData, reply);
    }
}

/// A request whose body starts with the path `/a`, written after its opcode as `'/a'`.
fn check_with_path(written: &str, request: Request<'_>) {
    // The length of the path stands in front of it.
    let written = written.replace("'/a'", "00000002 '/a'");
    check_request(&format!("00000007 {written}"), 7, request);
}

#[test]
fn requests_on_one_znode_are_a_path_and_a_field_or_two() {
    let path = "/a";
    let version = Version(-1);
    let acl = AclList::empty();
    let data = Some(&b"1"[..]);
    let delete = request::Delete { path, version };
    let check = request::Check { path, version };
    let set_data = request::SetData {
        path,
        data,
        version,
    };
    let set_acl = request::SetAcl { path, acl, version };
    let count = request::GetAllChildrenNumber { path };
    let ephemerals = request::GetEphemerals { prefix: path };
    let container = request::DeleteContainer { path };
    check_with_path("00000002 '/a' ffffffff", Request::Delete(delete));
    check_with_path("0000000d '/a' ffffffff", Request::Check(check));
    check_with_path(
        "00000005 '/a' 00000001 '1' ffffffff",
        Request::SetData(set_data),
    );
    check_with_path("00000007 '/a' 00000000 ffffffff", Request::SetAcl(set_acl));
    check_with_path("00000006 '/a'", Request::GetAcl(request::GetAcl { path }));
    check_with_path("00000009 '/a'", Request::Sync(request::Sync { path }));
    check_with_path("00000014 '/a'", Request::DeleteContainer(container));
    check_with_path("00000068 '/a'", Request::GetAllChildrenNumber(count));
    check_with_path("00000067 '/a'", Request::GetEphemerals(ephemerals));
}

#[test]
fn requests_that_watch_say_so_in_their_last_field() {
    let path = "/a";
    let watch = true;
    let children = request::GetChildren { path, watch };
    let mode = AddWatchMode::PersistentRecursive;
    let watches = |watcher_type| request::ChangeWatches { path, watcher_type };
    let data = watches(WatcherType::Data);
    let any = watches(WatcherType::Any);
    check_with_path(
        "00000003 '/a' 01",
        Request::Exists(request::Exists { path, watch }),
    );
    check_with_path(
        "00000004 '/a' 01",
        Request::GetData(request::GetData { path, watch }),
    );
    check_with_path("00000008 '/a' 01", Request::GetChildren(children));
    check_with_path("0000000c '/a' 01", Request::GetChildren2(children));
    check_with_path(
        "0000006a '/a' 00000001",
        Request::AddWatch(request::AddWatch { path, mode }),
    );
    check_with_path("00000011 '/a' 00000002", Request::CheckWatches(data));
    check_with_path("00000012 '/a' 00000003", Request::RemoveWatches(any));
}

#[test]
fn requests_about_the_session_have_their_reserved_numbers() {
    check_request("fffffffe 0000000b", Xid::PING.0, Request::Ping);
    check_request("00000009 fffffff5", 9, Request::CloseSession);
    check_request("00000009 0000006b", 9, Request::WhoAmI);
    check_request(
        "fffffffc 00000064 00000000 00000006 'digest' 00000003 'a:b'",
        Xid::AUTH.0,
        Request::Auth(request::Auth {
            auth_type: 0,
            scheme: "digest",
            auth: Some(b"a:b"),
        }),
    );
    check_request(
        "00000002 00000066 00000003 'tok'",
        2,
        Request::Sasl(request::Sasl {
            token: Some(b"tok"),
        }),
    );
    check_request(
        "00000002 00000010 ffffffff 00000001 '3' ffffffff ffffffffffffffff",
        2,
        Request::Reconfig(request::Reconfig {
            joining: None,
            leaving: Some("3"),
            new_members: None,
            config_id: -1,
        }),
    );
}

#[test]
fn watches_to_set_come_in_lists() {
    let mut data = Vec::new();
    let mut child = Vec::new();
    let mut recursive = Vec::new();
    let data_watches = PathList::collect_into(["/a", "/b"], &mut data);
    let child_watches = PathList::collect_into(["/c"], &mut child);
    let persistent_recursive_watches = PathList::collect_into(["/"], &mut recursive);
    let lists = "0000001000000002 00000002 00000002 '/a' 00000002 '/b' 00000000 \
                 00000001 00000002 '/c'";
    let relative_zxid = Zxid(0x10_0000_0002);
    check_request(
        &format!("fffffff8 00000065 {lists}"),
        Xid::SET_WATCHES.0,
        Request::SetWatches(request::SetWatches {
            relative_zxid,
            data_watches,
            exist_watches: PathList::empty(),
            child_watches,
        }),
    );
    check_request(
        &format!("fffffff8 00000069 {lists} 00000000 00000001 00000001 '/'"),
        Xid::SET_WATCHES.0,
        Request::SetWatches2(request::SetWatches2 {
            relative_zxid,
            data_watches,
            exist_watches: PathList::default(),
            child_watches,
            persistent_watches: PathList::empty(),
            persistent_recursive_watches,
        }),
    );
}

#[test]
fn a_multi_puts_a_header_before_each_operation_and_one_at_the_end() {
    let mut scratch = Vec::new();
    let path = "/a";
    let ops = [
        MultiOp::Create(request::Create {
            path,
            data: None,
            acl: AclList::empty(),
            flags: CreateFlags(0),
        }),
        MultiOp::SetData(request::SetData {
            path,
            data: None,
            version: Version(0),
        }),
        MultiOp::Check(request::Check {
            path,
            version: Version(1),
        }),
        MultiOp::Delete(request::Delete {
            path,
            version: Version(1),
        }),
    ];
    let multi = MultiOps::collect_into(ops, &mut scratch);
    check_request(
        "00000003 0000000e \
         00000001 00 ffffffff 00000002 '/a' ffffffff 00000000 00000000 \
         00000005 00 ffffffff 00000002 '/a' ffffffff 00000000 \
         0000000d 00 ffffffff 00000002 '/a' 00000001 \
         00000002 00 ffffffff 00000002 '/a' 00000001 \
         ffffffff 01 ffffffff",
        3,
        Request::Multi(multi),
    );
    let empty = "00000003 0000000e ffffffff 01 ffffffff";
    check_request(empty, 3, Request::Multi(MultiOps::empty()));
    let mut scratch = Vec::new();
    let reads = [
        MultiOp::GetData(request::GetData { path, watch: false }),
        MultiOp::GetChildren(request::GetChildren { path, watch: false }),
    ];
    check_request(
        "00000003 00000016 \
         00000004 00 ffffffff 00000002 '/a' 00 \
         00000008 00 ffffffff 00000002 '/a' 00 \
         ffffffff 01 ffffffff",
        3,
        Request::MultiRead(MultiOps::collect_into(reads, &mut scratch)),
    );
}

#[test]
fn results_of_a_multi_have_their_types() {
    let mut names = Vec::new();
    let mut scratch = Vec::new();
    let children = PathList::collect_into(["b"], &mut names);
    let results = MultiResults::collect_into(
        [
            MultiResult::Created {
                path: "/a",
                stat: None,
            },
            MultiResult::Created {
                path: "/a",
                stat: Some(stat()),
            },
            MultiResult::Deleted,
            MultiResult::DataSet(stat()),
            MultiResult::Checked,
            MultiResult::Data {
                data: Some(b"1"),
                stat: stat(),
            },
            MultiResult::Children(children),
        ],
        &mut scratch,
    );
    check_reply(
        &format!(
            "{HEADER} 00000001 00 00000000 00000002 '/a' \
             0000000f 00 00000000 00000002 '/a' {STAT} \
             00000002 00 00000000 \
             00000005 00 00000000 {STAT} \
             0000000d 00 00000000 \
             00000004 00 00000000 00000001 '1' {STAT} \
             00000008 00 00000000 00000001 00000001 'b' \
             ffffffff 01 ffffffff"
        ),
        OpCode::Multi,
        Reply::Multi(results),
    );
}

#[test]
fn a_failed_multi_says_so_in_its_results_and_each_code_twice() {
    let mut scratch = Vec::new();
    let results = MultiResults::collect_into(
        [
            MultiResult::Error(None),
            MultiResult::Error(Some(ErrorCode::NodeExists)),
            MultiResult::Error(Some(ErrorCode::RuntimeInconsistency)),
        ],
        &mut scratch,
    );
    check_reply(
        &format!(
            "{HEADER} ffffffff 00 00000000 00000000 \
             ffffffff 00 ffffff92 ffffff92 \
             ffffffff 00 fffffffe fffffffe \
             ffffffff 01 ffffffff"
        ),
        OpCode::Multi,
        Reply::Multi(results),
    );
}

#[test]
fn replies_are_their_bodies_after_a_header_of_16_bytes() {
    let mut scratch = Vec::new();
    let mut names = Vec::new();
    let mut users = Vec::new();
    let acl = AclList::collect_into([AclRef::OPEN], &mut scratch);
    let children = PathList::collect_into(["b", ""], &mut names);
    let user = ClientInfo {
        scheme: "ip",
        user: "::1",
    };
    let identities = ClientInfoList::collect_into([user], &mut users);
    let stat = stat();
    for (written, op, reply) in [
        ("".to_owned(), OpCode::Delete, Reply::Empty),
        (
            "00000002 '/a'".to_owned(),
            OpCode::Create,
            Reply::Path("/a"),
        ),
        ("00000002 '/a'".to_owned(), OpCode::Sync, Reply::Path("/a")),
        (
            format!("00000002 '/a' {STAT}"),
            OpCode::Create2,
            Reply::PathAndStat { path: "/a", stat },
        ),
        (STAT.to_owned(), OpCode::Exists, Reply::Stat(stat)),
        (STAT.to_owned(), OpCode::SetData, Reply::Stat(stat)),
        (
            format!("00000001 0000001f 00000005 'world' 00000006 'anyone' {STAT}"),
            OpCode::GetAcl,
            Reply::Acl { acl, stat },
        ),
        (
            "00000002 00000001 'b' 00000000".to_owned(),
            OpCode::GetChildren,
            Reply::Children(children),
        ),
        (
            format!("00000002 00000001 'b' 00000000 {STAT}"),
            OpCode::GetChildren2,
            Reply::ChildrenAndStat { children, stat },
        ),
        (
            "0000002a".to_owned(),
            OpCode::GetAllChildrenNumber,
            Reply::Count(42),
        ),
        (
            "00000000".to_owned(),
            OpCode::AddWatch,
            Reply::ErrorResponse(None),
        ),
        (
            "00000001 00000002 'ip' 00000003 '::1'".to_owned(),
            OpCode::WhoAmI,
            Reply::WhoAmI(identities),
        ),
        ("ffffffff".to_owned(), OpCode::Sasl, Reply::Sasl(None)),
    ] {
        check_reply(&format!("{HEADER} {written}"), op, reply);
    }
}

#[test]
fn an_event_has_the_zxid_that_fired_it_in_its_header() {
    let event = WatchedEvent {
        kind: EventKind::NodeDataChanged,
        path: "/a",
        zxid: Zxid(0x10_0000_0002),
    };
    let mut encoded = Vec::new();
    encode_event(&mut encoded, &event);
    let frame = bytes("ffffffff 0000001000000002 00000000 00000003 00000003 00000002 '/a'");
    assert_eq!(encoded, framed(&frame));
    encoded.clear();
    encode_event(
        &mut encoded,
        &WatchedEvent {
            zxid: Zxid::NONE,
            ..event
        },
    );
    let frame = bytes("ffffffff ffffffffffffffff 00000000 00000003 00000003 00000002 '/a'");
    assert_eq!(encoded, framed(&frame));
}

#[test]
fn null_lists_read_as_empty_ones() {
    let body = bytes("00000002 '/a' ffffffff ffffffff 00000000");
    let Ok(Request::Create(create)) = Request::decode(OpCode::Create, &body) else {
        panic!("it is one");
    };
    assert!(create.acl.is_empty());
    let body = bytes("0000000000000000 ffffffff ffffffff ffffffff");
    let Ok(Request::SetWatches(set)) = Request::decode(OpCode::SetWatches, &body) else {
        panic!("it is one");
    };
    assert!(set.data_watches.is_empty() && set.child_watches.is_empty());
}
