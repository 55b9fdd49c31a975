//! The servers of an ensemble, against lines worked out by hand from the reference, section 2.9.

use super::Bench;
use super::FIRST;
use crate::applied::Asked;
use crate::model::Step;
use crate::op::Acl;
use crate::op::Answer;
use crate::op::Blob;
use crate::op::EventKind;
use crate::op::Identity;
use crate::op::Op;
use crate::op::code;
use crate::op::perm;

const CONFIG: &str = "/zookeeper/config";

fn reconfig(joining: Option<&str>, leaving: Option<&str>, all: Option<&str>) -> Op {
    let owned = |list: Option<&str>| list.map(str::to_owned);
    Op::Reconfig {
        joining: owned(joining),
        leaving: owned(leaving),
        new_members: owned(all),
        config_id: -1,
    }
}

/// Three servers, and somebody who may do everything.
fn founded() -> Bench {
    let mut bench = Bench::new();
    bench.identities.push(Identity::new("super", ""));
    let lines: String = (1..=3)
        .map(|id| format!("server.{id}=h{id}:2888:3888:participant;2181\n"))
        .collect();
    bench.entry(0, 0, Asked::FoundMembers(lines));
    bench
}

fn text(bench: &Bench) -> String {
    let node = bench.model.node(CONFIG).expect("it is always there");
    let data = node.data.clone().unwrap_or_default();
    String::from_utf8_lossy(&data.0).into_owned()
}

fn ids(step: &Step) -> Result<Vec<String>, i32> {
    match step.outcome.clone()? {
        Answer::Data(Some(Blob(text)), _) => Ok(String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| Some(line.split_once('=')?.0.to_owned()))
            .collect()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_founding_takes_no_zxid_and_counts_once() {
    let mut bench = founded();
    let expected = "server.1=h1:2888:3888:participant;0.0.0.0:2181\n\
                    server.2=h2:2888:3888:participant;0.0.0.0:2181\n\
                    server.3=h3:2888:3888:participant;0.0.0.0:2181\nversion=0";
    assert_eq!(text(&bench), expected);
    assert_eq!(bench.model.zxid(), FIRST);
    let again = Asked::FoundMembers("server.9=h:1:2\n".to_owned());
    assert_eq!(
        bench.entry(0, 0, again).outcome,
        Err(code::NODE_EXISTS),
        "whoever comes later is too late"
    );
    assert_eq!(text(&bench), expected);
}

#[test]
fn a_change_is_told_with_its_own_zxid_as_the_version() {
    let mut bench = founded();
    let step = bench.write(reconfig(
        Some("server.4=h4:2888:3888:observer;h4:2181"),
        Some("3"),
        None,
    ));
    let expected = format!(
        "server.1=h1:2888:3888:participant;0.0.0.0:2181\n\
         server.2=h2:2888:3888:participant;0.0.0.0:2181\n\
         server.4=h4:2888:3888:observer;h4:2181\nversion={:x}",
        FIRST + 1
    );
    assert_eq!(text(&bench), expected);
    assert_eq!((step.zxid, bench.stat(CONFIG).version), (FIRST + 1, -1));
    assert_eq!(bench.stat(CONFIG).mzxid, FIRST + 1);
    let fired: Vec<_> = step.fired.iter().map(|fired| &fired.event).collect();
    assert!(
        matches!(fired.as_slice(), [event] if event.kind == EventKind::NodeDataChanged && event.path == CONFIG)
    );
}

#[test]
fn all_may_be_named_anew_and_who_leaves_makes_room() {
    let mut bench = founded();
    let step = bench.write(reconfig(None, None, Some("server.2=a:1:2,server.5=b:1:2")));
    assert_eq!(
        ids(&step),
        Ok(vec![
            "server.2".to_owned(),
            "server.5".to_owned(),
            "version".to_owned()
        ])
    );
    let room = bench.write(reconfig(Some("server.3=a:1:2;3"), Some("2"), None));
    assert!(room.outcome.is_ok());
}

#[test]
fn the_errors_come_in_the_references_order() {
    let mut alone = Bench::new();
    alone.identities.push(Identity::new("super", ""));
    let nonsense = || reconfig(Some("nonsense"), None, None);
    assert_eq!(alone.write(nonsense()).outcome, Err(code::UNIMPLEMENTED));
    let mut bench = founded();
    let stale = Op::Reconfig {
        joining: Some("nonsense".to_owned()),
        leaving: None,
        new_members: None,
        config_id: 7,
    };
    assert_eq!(bench.write(stale).outcome, Err(code::BAD_VERSION));
    bench.identities.clear();
    for joining in [
        "nonsense",
        "server.4=h4:2888:3888",
        "server.4=h1:1:3888;2181",
    ] {
        let step = bench.write(reconfig(Some(joining), None, None));
        assert_eq!(step.outcome, Err(code::BAD_ARGUMENTS), "{joining}");
    }
    let too_few = bench.write(reconfig(None, Some("1,2"), None));
    assert_eq!(too_few.outcome, Err(code::BAD_ARGUMENTS));
    let beyond = || reconfig(Some("server.999=h4:1:2;3"), None, None);
    assert_eq!(bench.write(beyond()).outcome, Err(code::NO_AUTH));
    bench.identities.push(Identity::new("super", ""));
    assert_eq!(bench.write(beyond()).outcome, Err(code::BAD_ARGUMENTS));
    bench.identities.clear();
    let right = reconfig(None, Some("3"), None);
    assert_eq!(bench.write(right).outcome, Err(code::NO_AUTH));
    assert!(text(&bench).ends_with("version=0"));
}

#[test]
fn what_stands_in_the_znode_is_not_who_the_servers_are() {
    let mut bench = founded();
    let data = Some(Blob(b"server.9=x:1:2".to_vec()));
    let set = Op::SetData {
        path: CONFIG.to_owned(),
        data,
        version: -1,
    };
    assert!(bench.write(set).outcome.is_ok());
    let step = bench.write(reconfig(None, None, None));
    assert_eq!(ids(&step).map(|ids| ids.len()), Ok(4));
    let open = Op::SetAcl {
        path: CONFIG.to_owned(),
        acl: Acl::open(),
        version: -1,
    };
    bench.write(open);
    bench.identities.clear();
    let allowed = bench.write(reconfig(None, None, None));
    assert!(allowed.outcome.is_ok(), "{} is enough", perm::WRITE);
}
