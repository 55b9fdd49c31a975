//! Goal: a record that lies about its lengths, counts, types or text is refused for that reason.

use zoa_proto::DecodeError;
use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::Reply;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::WatchedEvent;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::jute::INVALID_USTRING;
use zoa_proto::jute::Reader;
use zoa_proto::request;

fn int(value: i32) -> [u8; 4] {
    value.to_be_bytes()
}

fn ustring(text: &[u8]) -> Vec<u8> {
    let len = u32::try_from(text.len()).expect("short");
    [&len.to_be_bytes(), text].concat()
}

/// Requests whose record goes on with a vector after these bytes.
fn before_a_vector() -> Vec<(OpCode, Vec<u8>)> {
    let path_and_data = [ustring(b"/a"), ustring(b"data")].concat();
    let zxid = vec![0; 8];
    let with_empty_lists = |count: usize| [zxid.clone(), vec![0; 4 * count]].concat();
    let in_multi = [&int(1)[..], &[0], &int(-1), &path_and_data].concat();
    vec![
        (OpCode::Create, path_and_data.clone()),
        (OpCode::Create2, path_and_data.clone()),
        (OpCode::CreateContainer, path_and_data.clone()),
        (OpCode::CreateTtl, path_and_data),
        (OpCode::SetAcl, ustring(b"/a")),
        (OpCode::SetWatches, zxid.clone()),
        (OpCode::SetWatches, with_empty_lists(2)),
        (OpCode::SetWatches2, with_empty_lists(0)),
        (OpCode::SetWatches2, with_empty_lists(4)),
        (OpCode::Multi, in_multi),
    ]
}

#[test]
fn a_vector_of_2_31_items_is_refused_before_it_is_read() {
    for (op, mut body) in before_a_vector() {
        body.extend_from_slice(&int(i32::MAX));
        body.extend_from_slice(&[0; 64]);
        let count = 0x7fff_ffff;
        let refused = Err(DecodeError::CountBeyondFrame {
            count,
            remaining: 64,
        });
        assert_eq!(Request::decode(op, &body), refused, "{op:?}");
    }
    for op in [
        OpCode::GetAcl,
        OpCode::GetChildren,
        OpCode::GetChildren2,
        OpCode::WhoAmI,
    ] {
        let refused = DecodeError::CountBeyondFrame {
            count: 0x7fff_ffff,
            remaining: 0,
        };
        assert_eq!(Reply::decode(op, &int(i32::MAX)), Err(refused), "{op:?}");
    }
}

#[test]
fn a_vector_may_claim_no_more_items_than_fit_the_bytes_left() {
    // After the count stand 24 bytes: at most six empty strings.
    let body = |count: i32| [&[0; 8][..], &int(count), &[0; 16], &[0; 8]].concat();
    assert!(Request::decode(OpCode::SetWatches, &body(4)).is_ok());
    let seven = body(7);
    let many = Request::decode(OpCode::SetWatches, &seven);
    assert_eq!(
        many,
        Err(DecodeError::CountBeyondFrame {
            count: 7,
            remaining: 24
        })
    );
    // An entry of an ACL takes twelve bytes at least.
    let acl = |count: i32| [&ustring(b"/")[..], &int(count), &[0; 12], &[0; 4]].concat();
    assert!(Request::decode(OpCode::SetAcl, &acl(1)).is_ok());
    let two = acl(2);
    let many = Request::decode(OpCode::SetAcl, &two);
    assert_eq!(
        many,
        Err(DecodeError::CountBeyondFrame {
            count: 2,
            remaining: 16
        })
    );
    // An identity takes eight.
    let identities = |count: i32| [&int(count)[..], &[0; 12]].concat();
    assert!(Reply::decode(OpCode::WhoAmI, &identities(1)).is_ok());
    let two = identities(2);
    let many = Reply::decode(OpCode::WhoAmI, &two);
    let (count, remaining) = (2, 12);
    assert_eq!(
        many,
        Err(DecodeError::CountBeyondFrame { count, remaining })
    );
}

#[test]
fn a_negative_count_other_than_null_is_refused() {
    for (op, body) in before_a_vector() {
        for count in [-2, i32::MIN] {
            let body = [&body[..], &int(count), &[0; 64]].concat();
            assert_eq!(
                Request::decode(op, &body),
                Err(DecodeError::NegativeCount(count)),
                "{op:?}"
            );
        }
    }
}

#[test]
fn a_negative_length_other_than_null_is_refused() {
    for len in [-2, -100, i32::MIN] {
        let refused = Err(DecodeError::NegativeLength(len));
        let path = [&int(len)[..], &[0; 32]].concat();
        for op in [
            OpCode::GetData,
            OpCode::Create,
            OpCode::Sync,
            OpCode::AddWatch,
        ] {
            assert_eq!(Request::decode(op, &path), refused, "{op:?}");
        }
        let data = [&ustring(b"/a")[..], &int(len), &[0; 32]].concat();
        assert_eq!(Request::decode(OpCode::SetData, &data), refused);
        let inside_a_vector = [&[0; 8][..], &int(1), &int(len), &[0; 32]].concat();
        assert_eq!(
            Request::decode(OpCode::SetWatches, &inside_a_vector),
            refused
        );
    }
}

#[test]
fn a_length_beyond_the_frame_is_refused_with_what_is_missing() {
    for (len, missing) in [(i32::MAX, 0x7fff_ffff - 3), (4, 1)] {
        let body = [&int(len)[..], b"/ab"].concat();
        let refused = Err(DecodeError::Truncated { missing });
        assert_eq!(Request::decode(OpCode::GetData, &body), refused);
    }
}

#[test]
fn a_null_path_is_refused_as_the_original_refuses_it() {
    for op in [
        OpCode::Create,
        OpCode::Exists,
        OpCode::Delete,
        OpCode::GetAcl,
        OpCode::Sync,
    ] {
        let body = [&int(-1)[..], &[0; 32]].concat();
        assert_eq!(
            Request::decode(op, &body),
            Err(DecodeError::NullString),
            "{op:?}"
        );
    }
    let all = request::GetEphemerals { prefix: "" };
    let null = int(-1);
    let decoded = Request::decode(OpCode::GetEphemerals, &null);
    assert_eq!(decoded, Ok(Request::GetEphemerals(all)));
}

#[test]
fn text_that_is_not_utf8_becomes_a_path_that_no_znode_can_have() {
    assert!(zoa_proto::Path::parse(INVALID_USTRING).is_err());
    assert!(zoa_proto::Path::parse_sequential(INVALID_USTRING).is_err());
    // A bad byte, a cut character, an overlong slash, and a surrogate pair as Java writes it.
    for text in [
        &b"/\xff"[..],
        b"/\xe6\x97",
        b"\xc0\xaf",
        b"/\xed\xa0\xbd\xed\xb8\x80",
    ] {
        let body = [&ustring(text)[..], &[1]].concat();
        let path = INVALID_USTRING;
        let expected = Request::GetData(request::GetData { path, watch: true });
        assert_eq!(
            Request::decode(OpCode::GetData, &body),
            Ok(expected),
            "{text:x?}"
        );
    }
    let lists = [&[0; 8][..], &int(1), &ustring(b"/\xff"), &[0; 8]].concat();
    let Ok(Request::SetWatches(set)) = Request::decode(OpCode::SetWatches, &lists) else {
        panic!("only its text is bad");
    };
    assert_eq!(
        set.data_watches.iter().collect::<Vec<_>>(),
        [INVALID_USTRING]
    );
}

#[test]
fn any_byte_but_0_is_true() {
    for byte in 0..=u8::MAX {
        let body = [&ustring(b"/a")[..], &[byte]].concat();
        let expected = Request::Exists(request::Exists {
            path: "/a",
            watch: byte != 0,
        });
        assert_eq!(Request::decode(OpCode::Exists, &body), Ok(expected));
    }
}

#[test]
fn what_is_no_request_is_refused_as_one() {
    for op in [OpCode::Notification, OpCode::Error, OpCode::CreateSession] {
        assert_eq!(
            Request::decode(op, &[0; 64]),
            Err(DecodeError::NotARequest(op))
        );
    }
}

#[test]
fn unknown_watcher_types_and_modes_are_refused() {
    for wire in [0, 6, -1, i32::MAX] {
        let body = [&ustring(b"/a")[..], &int(wire)].concat();
        let refused = Err(DecodeError::UnknownWatcherType(wire));
        assert_eq!(Request::decode(OpCode::RemoveWatches, &body), refused);
        assert_eq!(Request::decode(OpCode::CheckWatches, &body), refused);
    }
    for wire in [2, -1, i32::MIN] {
        let body = [&ustring(b"/a")[..], &int(wire)].concat();
        let refused = Err(DecodeError::UnknownAddWatchMode(wire));
        assert_eq!(Request::decode(OpCode::AddWatch, &body), refused);
    }
}

/// A multi of these (type, record) and its end.
fn multi(ops: &[(i32, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (op, record) in ops {
        body.extend_from_slice(&[&int(*op)[..], &[0], &int(-1), record].concat());
    }
    [&body[..], &int(-1), &[1], &int(-1)].concat()
}

#[test]
fn a_multi_takes_only_operations_of_its_kind() {
    let delete = (2, [&ustring(b"/a")[..], &int(-1)].concat());
    let read = (4, [&ustring(b"/a")[..], &[0]].concat());
    let set_acl = (7, [&ustring(b"/a")[..], &int(0), &int(-1)].concat());
    let decode = |op: OpCode, ops: &[(i32, Vec<u8>)]| match Request::decode(op, &multi(ops)) {
        Ok(Request::Multi(ops) | Request::MultiRead(ops)) => Ok(ops.len()),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error),
    };
    assert_eq!(decode(OpCode::Multi, &[]), Ok(0));
    assert_eq!(
        decode(OpCode::Multi, &[delete.clone(), delete.clone()]),
        Ok(2)
    );
    assert_eq!(
        decode(OpCode::MultiRead, std::slice::from_ref(&read)),
        Ok(1)
    );
    for (op, ops, refused) in [
        (OpCode::Multi, vec![read.clone()], 4),
        (OpCode::Multi, vec![delete.clone(), read.clone()], 4),
        (OpCode::MultiRead, vec![delete.clone()], 2),
        (OpCode::MultiRead, vec![read, delete], 2),
        (OpCode::Multi, vec![set_acl], 7),
        (OpCode::Multi, vec![(14, multi(&[]))], 14),
        (OpCode::Multi, vec![(-1, int(0).to_vec())], -1),
        (OpCode::Multi, vec![(999, Vec::new())], 999),
    ] {
        assert_eq!(decode(op, &ops), Err(DecodeError::UnknownMultiOp(refused)));
    }
}

#[test]
fn a_multi_without_its_end_or_with_unknown_flags_is_refused_whole() {
    let create = |flags: i32| [&ustring(b"/a")[..], &int(-1), &int(0), &int(flags)].concat();
    let whole = multi(&[(1, create(0))]);
    for end in 0..whole.len() {
        assert!(Request::decode(OpCode::Multi, &whole[..end]).is_err());
    }
    for flags in [7, -1, 77] {
        let refused = Err(DecodeError::UnknownCreateFlags(flags));
        for op in [1, 15, 19] {
            let ops = multi(&[(op, create(flags))]);
            assert_eq!(Request::decode(OpCode::Multi, &ops), refused);
        }
        let ttl = multi(&[(21, [&create(flags)[..], &[0; 8]].concat())]);
        assert_eq!(Request::decode(OpCode::Multi, &ttl), refused);
        // Outside a multi they are for apply to refuse.
        assert!(Request::decode(OpCode::Create, &create(flags)).is_ok());
    }
}

#[test]
fn a_multi_ends_at_the_first_header_that_says_done() {
    let body = [&int(2)[..], &[1], &int(0), b"whatever follows"].concat();
    let expected = Request::Multi(zoa_proto::MultiOps::empty());
    assert_eq!(Request::decode(OpCode::Multi, &body), Ok(expected));
}

#[test]
fn replies_with_unknown_codes_types_and_kinds_are_refused() {
    let header = |error: i32| [&int(1)[..], &[0; 8], &int(error)].concat();
    assert_eq!(
        ReplyHeader::decode(&header(-999)),
        Err(DecodeError::UnknownErrorCode(-999))
    );
    assert_eq!(
        ReplyHeader::decode(&header(7)),
        Err(DecodeError::UnknownErrorCode(7))
    );
    let no_node = ReplyHeader::decode(&header(-101)).map(|(header, _)| header.error);
    assert_eq!(no_node, Ok(Some(ErrorCode::NoNode)));
    let result = multi(&[(7, Vec::new())]);
    assert_eq!(
        Reply::decode(OpCode::Multi, &result),
        Err(DecodeError::UnknownMultiResult(7))
    );
    let event_header = ReplyHeader {
        xid: Xid::NOTIFICATION,
        zxid: Zxid(1),
        error: None,
    };
    for kind in [-1, 0, 5, 6, 7] {
        let body = [&int(kind)[..], &int(3), &ustring(b"/a")].concat();
        let refused = Err(DecodeError::UnknownEventKind(kind));
        assert_eq!(WatchedEvent::decode(event_header, &body), refused);
    }
}

#[test]
fn a_header_needs_all_its_bytes() {
    for len in 0..8 {
        assert!(RequestHeader::decode(&[0; 8][..len]).is_err());
    }
    let (header, body) = RequestHeader::decode(b"\0\0\0\x01\0\0\x27\x0fbody").expect("whole");
    assert_eq!(
        (header.xid, header.op_wire, header.op()),
        (Xid(1), 9999, None)
    );
    assert_eq!(body, b"body");
}

#[test]
fn errors_say_what_was_wrong() {
    for (error, shown) in [
        (
            DecodeError::Truncated { missing: 3 },
            "message ends 3 bytes early",
        ),
        (DecodeError::NullString, "string is null"),
        (
            DecodeError::NotARequest(OpCode::Error),
            "Error is not a request",
        ),
        (
            DecodeError::CountBeyondFrame {
                count: 9,
                remaining: 4,
            },
            "vector claims 9 items, 4 bytes are left",
        ),
    ] {
        assert_eq!(error.to_string(), shown);
    }
}

#[test]
fn a_reader_takes_nothing_when_it_fails() {
    let mut reader = Reader::new(&[1, 2, 3]);
    assert_eq!(reader.int(), Err(DecodeError::Truncated { missing: 1 }));
    assert_eq!(reader.long(), Err(DecodeError::Truncated { missing: 5 }));
    assert_eq!(reader.take(4), Err(DecodeError::Truncated { missing: 1 }));
    assert_eq!(reader.remaining(), 3);
    assert_eq!(reader.take(2), Ok(&[1, 2][..]));
    assert_eq!(reader.rest(), [3]);
}
