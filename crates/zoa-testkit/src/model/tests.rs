//! The model against values worked out by hand from the reference, since everything else is judged by it.

mod members;
mod reaping;

use super::Model;
use super::Step;
use crate::applied::Asked;
use crate::applied::Entry;
use crate::applied::Owner;
use crate::clock::SimTime;
use crate::op::Acl;
use crate::op::Answer;
use crate::op::Blob;
use crate::op::EventKind;
use crate::op::Identity;
use crate::op::Op;
use crate::op::Stat;
use crate::op::SubAnswer;
use crate::op::code;
use crate::op::flag;
use crate::op::perm;

const SESSION: i64 = 0x11;

/// The zxid of the first write: the epoch goes up with the first term.
const FIRST: i64 = (1 << 32) | 1;

/// A model with one session, and the entries that follow.
struct Bench {
    model: Model,
    index: u64,
    term: u64,
    identities: Vec<Identity>,
}

impl Bench {
    fn new() -> Self {
        let identities = vec![Identity::new("ip", "10.0.0.1")];
        let mut bench = Self {
            model: Model::default(),
            index: 0,
            term: 1,
            identities,
        };
        bench.open(SESSION);
        bench
    }

    fn open(&mut self, session: i64) {
        self.entry(
            session,
            0,
            Asked::Open {
                timeout_ms: 4000,
                password: vec![7; 16],
            },
        );
    }

    fn entry(&mut self, session: i64, connection: u64, asked: Asked) -> Step {
        self.index += 1;
        self.model.apply(&Entry {
            index: self.index,
            term: self.term,
            committed_at: SimTime::ZERO,
            session,
            owner: Owner {
                server: 1,
                connection,
            },
            xid: 1,
            time_ms: 1000 * self.index as i64,
            identities: self.identities.clone(),
            asked,
        })
    }

    fn write(&mut self, op: Op) -> Step {
        self.entry(SESSION, 0, Asked::Request(op))
    }

    fn read(&self, op: &Op) -> Result<Answer, i32> {
        self.model
            .read(op, SESSION, &self.identities)
            .expect("a read")
    }

    fn stat(&self, path: &str) -> Stat {
        self.model.node(path).expect("a znode").stat()
    }
}

fn create(path: &str) -> Op {
    create_as(path, flag::PERSISTENT)
}

fn create_as(path: &str, flags: i32) -> Op {
    Op::Create {
        path: path.to_owned(),
        data: Some(Blob(b"d".to_vec())),
        acl: Acl::open(),
        flags,
        with_stat: false,
    }
}

fn delete(path: &str) -> Op {
    Op::Delete {
        path: path.to_owned(),
        version: -1,
    }
}

fn set(path: &str, version: i32) -> Op {
    Op::SetData {
        path: path.to_owned(),
        data: None,
        version,
    }
}

#[test]
fn stat_fields_follow_creates_sets_and_deletes() {
    let mut bench = Bench::new();
    bench.write(create("/a"));
    bench.write(create("/a/b"));
    bench.write(create("/a/c"));
    bench.write(delete("/a/b"));
    bench.write(set("/a", 0));
    let expected = Stat {
        czxid: FIRST + 1,
        mzxid: FIRST + 5,
        ctime: 2000,
        mtime: 6000,
        version: 1,
        cversion: 3,
        aversion: 0,
        ephemeral_owner: 0,
        data_length: 0,
        num_children: 1,
        pzxid: FIRST + 4,
    };
    assert_eq!(bench.stat("/a"), expected);
}

#[test]
fn the_root_counts_its_predefined_child_as_the_original_does() {
    let bench = Bench::new();
    assert_eq!(
        (bench.stat("/").cversion, bench.stat("/").num_children),
        (-1, 1)
    );
    assert_eq!(
        bench.read(&Op::CountDescendants {
            path: "/".to_owned()
        }),
        Ok(Answer::Count(3))
    );
}

#[test]
fn sequence_numbers_count_all_creates_and_survive_deletes() {
    let mut bench = Bench::new();
    bench.write(create("/q"));
    bench.write(create("/q/plain"));
    let first = bench
        .write(create_as("/q/n-", flag::PERSISTENT_SEQUENTIAL))
        .outcome;
    assert_eq!(first, Ok(Answer::Path("/q/n-0000000001".to_owned())));
    bench.write(delete("/q/n-0000000001"));
    let second = bench
        .write(create_as("/q/", flag::PERSISTENT_SEQUENTIAL))
        .outcome;
    assert_eq!(second, Ok(Answer::Path("/q/0000000002".to_owned())));
}

#[test]
fn refused_creates_name_their_reason_in_the_originals_order() {
    let mut bench = Bench::new();
    bench.write(create_as("/e", flag::EPHEMERAL));
    let mut refused = |op: Op| bench.write(op).outcome.expect_err("refused");
    assert_eq!(
        refused(create("/e/child")),
        code::NO_CHILDREN_FOR_EPHEMERALS
    );
    assert_eq!(refused(create("/e")), code::NODE_EXISTS);
    assert_eq!(refused(create("/no/parent")), code::NO_NODE);
    assert_eq!(refused(create("/a\u{1}")), code::BAD_ARGUMENTS);
    assert_eq!(refused(create("no-slash")), code::BAD_ARGUMENTS);
    assert_eq!(refused(create_as("/x", 77)), code::BAD_ARGUMENTS);
    assert_eq!(refused(delete("/zookeeper")), code::BAD_ARGUMENTS);
    assert_eq!(refused(delete("/none")), code::NO_NODE);
    assert_eq!(refused(set("/e", 5)), code::BAD_VERSION);
    assert_eq!(refused(set("/e/", -1)), code::BAD_ARGUMENTS);
    let no_acl = Op::Create {
        path: "/x".to_owned(),
        data: None,
        acl: Vec::new(),
        flags: 0,
        with_stat: false,
    };
    assert_eq!(refused(no_acl), code::INVALID_ACL);
}

#[test]
fn refused_writes_take_a_zxid_and_reads_attachments_and_syncs_do_not() {
    let mut bench = Bench::new();
    let before = bench.model.zxid();
    assert_eq!(bench.write(delete("/none")).zxid, before + 1);
    let sync = bench.entry(SESSION, 0, Asked::Sync);
    assert_eq!((sync.zxid, sync.took_zxid), (before + 1, false));
    let attach = bench.entry(
        SESSION,
        5,
        Asked::Attach {
            timeout_ms: 4000,
            password: vec![7; 16],
        },
    );
    assert_eq!((attach.zxid, attach.took_zxid), (before + 1, false));
}

#[test]
fn a_multi_is_taken_back_as_a_whole() {
    let mut bench = Bench::new();
    bench.write(create("/a"));
    let before = bench.model.clone();
    let step = bench.write(Op::Multi(vec![
        create("/a/b"),
        set("/a", -1),
        delete("/a"),
        create("/z"),
    ]));
    let errors = [0, 0, code::NOT_EMPTY, code::RUNTIME_INCONSISTENCY]
        .map(SubAnswer::Error)
        .to_vec();
    assert_eq!(step.outcome, Ok(Answer::Multi(errors)));
    assert!(step.fired.is_empty());
    assert!(bench.model.nodes().eq(before.nodes()));
}

#[test]
fn a_multi_sees_its_own_effects() {
    let mut bench = Bench::new();
    let check = Op::Check {
        path: "/a".to_owned(),
        version: 0,
    };
    let step = bench.write(Op::Multi(vec![create("/a"), check, delete("/a")]));
    let answers = vec![
        SubAnswer::Created("/a".to_owned()),
        SubAnswer::Checked,
        SubAnswer::Deleted,
    ];
    assert_eq!(step.outcome, Ok(Answer::Multi(answers)));
    let kinds: Vec<EventKind> = step.fired.iter().map(|fired| fired.event.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::NodeCreated,
            EventKind::NodeChildrenChanged,
            EventKind::NodeDeleted,
            EventKind::NodeChildrenChanged
        ]
    );
}

#[test]
fn ephemerals_go_with_their_session_and_with_no_other() {
    let mut bench = Bench::new();
    bench.open(0x22);
    bench.write(create_as("/e", flag::EPHEMERAL));
    bench.entry(0x22, 0, Asked::Expire);
    assert!(bench.model.node("/e").is_some());
    let end = bench.entry(SESSION, 0, Asked::Close);
    assert_eq!(end.ended_session, Some(SESSION));
    assert!(bench.model.node("/e").is_none());
    assert_eq!(
        bench.write(create("/a")).outcome,
        Err(code::SESSION_EXPIRED)
    );
}

#[test]
fn a_write_through_a_former_owner_is_refused() {
    let mut bench = Bench::new();
    bench.entry(
        SESSION,
        9,
        Asked::Attach {
            timeout_ms: 4000,
            password: vec![7; 16],
        },
    );
    assert_eq!(bench.write(create("/a")).outcome, Err(code::SESSION_MOVED));
    let wrong = bench.entry(
        SESSION,
        0,
        Asked::Attach {
            timeout_ms: 4000,
            password: vec![8; 16],
        },
    );
    assert_eq!(wrong.outcome, Err(code::SESSION_EXPIRED));
    assert!(
        bench
            .entry(SESSION, 9, Asked::Request(create("/a")))
            .outcome
            .is_ok()
    );
}

#[test]
fn permissions_are_those_of_the_reference() {
    let mut bench = Bench::new();
    let read_only = vec![Acl::new(perm::READ, "world", "anyone")];
    let op = Op::Create {
        path: "/r".to_owned(),
        data: None,
        acl: read_only,
        flags: 0,
        with_stat: false,
    };
    bench.write(op);
    assert_eq!(bench.write(create("/r/x")).outcome, Err(code::NO_AUTH));
    assert_eq!(bench.write(set("/r", -1)).outcome, Err(code::NO_AUTH));
    assert!(
        bench.write(delete("/r")).outcome.is_ok(),
        "deleting needs the parent's permission"
    );
    let mine = vec![Acl::new(perm::ALL, "ip", "10.0.0.0/24")];
    let op = Op::Create {
        path: "/m".to_owned(),
        data: None,
        acl: mine,
        flags: 0,
        with_stat: false,
    };
    bench.write(op);
    assert!(bench.write(set("/m", -1)).outcome.is_ok());
    bench.identities = vec![Identity::new("ip", "10.0.1.1")];
    assert_eq!(bench.write(set("/m", -1)).outcome, Err(code::NO_AUTH));
    bench.identities.push(Identity::new("super", ""));
    assert!(bench.write(set("/m", -1)).outcome.is_ok());
}

#[test]
fn passwords_are_hidden_from_those_who_may_only_read() {
    let mut bench = Bench::new();
    let acl = vec![
        Acl::new(perm::READ, "world", "anyone"),
        Acl::new(perm::ALL, "digest", "u:hash"),
    ];
    let op = Op::Create {
        path: "/a".to_owned(),
        data: None,
        acl: acl.clone(),
        flags: 0,
        with_stat: false,
    };
    bench.write(op);
    let ask = Op::GetAcl {
        path: "/a".to_owned(),
    };
    let Ok(Answer::Acl(shown, _)) = bench.read(&ask) else {
        panic!("an ACL")
    };
    assert_eq!(shown[1].who.id, "u:x");
    bench.identities.push(Identity::new("digest", "u:hash"));
    let Ok(Answer::Acl(shown, _)) = bench.read(&ask) else {
        panic!("an ACL")
    };
    assert_eq!(shown, acl);
    assert_eq!(
        bench.read(&Op::WhoAmI),
        Ok(Answer::Identities(vec![
            Identity::new("ip", "10.0.0.1"),
            Identity::new("digest", "u")
        ]))
    );
}

#[test]
fn auth_in_an_acl_stands_for_the_logins_and_needs_one() {
    let mut bench = Bench::new();
    let acl = vec![Acl::new(perm::ALL, "auth", "")];
    let op = || Op::Create {
        path: "/a".to_owned(),
        data: None,
        acl: acl.clone(),
        flags: 0,
        with_stat: false,
    };
    assert_eq!(
        bench.write(op()).outcome,
        Err(code::INVALID_ACL),
        "an address proves nothing"
    );
    bench.identities.push(Identity::new("digest", "u:hash"));
    bench.write(op());
    assert_eq!(
        bench.model.node("/a").expect("created").acl,
        [Acl::new(perm::ALL, "digest", "u:hash")]
    );
}

#[test]
fn the_version_skips_minus_one() {
    assert_eq!(super::node::next_version(-2, -1), Some(0));
    assert_eq!(super::node::next_version(i32::MAX, -1), Some(i32::MIN));
    assert_eq!(super::node::next_version(3, 2), None);
}
