//! Bytes worked out by hand from the reference, and requests read back.

use super::answer;
use super::connect;
use super::request;
use crate::history::ConnectAsk;
use crate::op::Acl;
use crate::op::Answer;
use crate::op::Blob;
use crate::op::Op;
use crate::op::RearmLists;
use crate::op::SubAnswer;

#[test]
fn a_connect_request_is_as_long_as_the_references() {
    let asked = ConnectAsk {
        password: vec![0; 16],
        ..ConnectAsk::default()
    };
    assert_eq!(connect::encode(&asked).len(), 4 + 45);
}

#[test]
fn writes_are_read_back_as_they_were_sent() {
    let create = Op::Create {
        path: "/a".to_owned(),
        data: None,
        acl: Acl::open(),
        flags: 3,
        with_stat: true,
    };
    let set = Op::SetData {
        path: "/a".to_owned(),
        data: Some(Blob::default()),
        version: 4,
    };
    let check = Op::Check {
        path: "/b".to_owned(),
        version: -1,
    };
    let multi = Op::Multi(vec![create.clone(), set.clone(), check]);
    let set_acl = Op::SetAcl {
        path: "/a".to_owned(),
        acl: Acl::open(),
        version: 0,
    };
    for op in [
        create,
        set,
        multi,
        set_acl,
        Op::Delete {
            path: "/a".to_owned(),
            version: 2,
        },
        Op::CreateContainer {
            path: "/a".to_owned(),
            data: None,
            acl: Acl::open(),
            flags: 4,
        },
        Op::CreateTtl {
            path: "/a".to_owned(),
            data: None,
            acl: Acl::open(),
            flags: 5,
            ttl_ms: 77,
        },
        Op::Reconfig {
            joining: Some("server.4=d:1:2;3".to_owned()),
            leaving: None,
            new_members: None,
            config_id: -1,
        },
    ] {
        let frame = request::encode(7, &op);
        let body = frame.get(12..).expect("length, xid, opcode and a body");
        assert_eq!(request::decode(request::opcode_of(&op), body), Ok(op));
    }
}

#[test]
fn set_watches_uses_the_older_opcode_where_it_can() {
    let mut lists = RearmLists {
        data: vec!["/a".to_owned()],
        ..RearmLists::default()
    };
    assert_eq!(
        request::opcode_of(&Op::SetWatches {
            relative_zxid: 1,
            lists: lists.clone()
        }),
        101
    );
    lists.recursive.push("/b".to_owned());
    let op = Op::SetWatches {
        relative_zxid: 1,
        lists,
    };
    assert_eq!(request::opcode_of(&op), 105);
    let frame = request::encode(-8, &op);
    assert_eq!(frame.len(), 12 + 8 + (4 + 6) + 4 + 4 + 4 + (4 + 6));
}

#[test]
fn an_error_that_is_not_the_same_twice_is_seen() {
    let mut body = Vec::new();
    for number in [-1_i32, -110] {
        body.extend(number.to_be_bytes());
        if number == -1 {
            body.push(0);
        }
    }
    body.extend((-101_i32).to_be_bytes());
    body.extend((-1_i32).to_be_bytes());
    body.push(1);
    body.extend((-1_i32).to_be_bytes());
    let read = answer::decode(&Op::Multi(Vec::new()), &body);
    assert_eq!(read, Ok(Answer::Multi(vec![SubAnswer::Error(i32::MIN)])));
}

#[test]
fn a_byte_too_many_is_no_answer() {
    assert_eq!(answer::decode(&Op::Ping, &[]), Ok(Answer::Done));
    assert!(answer::decode(&Op::Ping, &[0]).is_err());
    assert!(
        answer::decode(
            &Op::Sync {
                path: "/".to_owned()
            },
            &[0, 0]
        )
        .is_err()
    );
}
