//! Who the servers of an ensemble are: founded once, changed by reconfig, shown by /zookeeper/config.

use zoa_proto::ErrorCode;
use zoa_proto::Request;
use zoa_proto::Version;
use zoa_proto::Zxid;
use zoa_proto::request::Reconfig;
use zoa_tree::MemberLines;
use zoa_tree::Settings;
use zoa_tree::TxnOp;

use crate::world::Done;
use crate::world::Heard;
use crate::world::World;

const LINES: &str = "server.1=a:1:2;3\nserver.2=b:1:2;3\nserver.3=c:1:2:observer;3\n";
const CONFIG: &str = "/zookeeper/config";

/// An ensemble whose operator may do everything.
fn ensemble() -> World {
    let mut world = World::new();
    world.settings = Settings::RECONFIG_ENABLED;
    world.be(&[("super", "")]);
    let founded = world.apply(TxnOp::FoundMembers { lines: LINES });
    assert_eq!(founded.result, Ok(Done::Founded));
    world
}

fn reconfig(world: &mut World, joining: &str, leaving: &str, config_id: i64) -> Heard {
    world.request(&Request::Reconfig(Reconfig {
        joining: Some(joining),
        leaving: Some(leaving),
        new_members: None,
        config_id,
    }))
}

fn config(world: &World) -> String {
    let node = world.tree.find(CONFIG).unwrap();
    String::from_utf8(node.data().unwrap().to_vec()).unwrap()
}

#[test]
fn the_servers_are_founded_once_without_a_zxid_and_nobody_hears_of_it() {
    let mut world = World::new();
    let before = world.tree.last_zxid();
    let wrong = world.apply(TxnOp::FoundMembers { lines: "" });
    assert_eq!(wrong.error(), ErrorCode::BadArguments);
    let founded = world.apply(TxnOp::FoundMembers { lines: LINES });
    assert_eq!((founded.zxid, founded.triggers.len()), (before, 0));
    assert_eq!(
        config(&world),
        "server.1=a:1:2:participant;0.0.0.0:3\nserver.2=b:1:2:participant;0.0.0.0:3\n\
         server.3=c:1:2:observer;0.0.0.0:3\nversion=0"
    );
    let stat = world.stat(CONFIG);
    assert_eq!((stat.version, stat.mzxid), (Version(-1), Zxid::ZERO));
    let digest = world.tree.digest();
    let again = world.apply(TxnOp::FoundMembers {
        lines: "server.9=z:1:2",
    });
    assert_eq!(again.error(), ErrorCode::NodeExists);
    assert_eq!(world.tree.digest(), digest);
}

#[test]
fn a_reconfig_shows_in_the_configuration_and_its_watchers_hear_of_it() {
    let mut world = ensemble();
    let changed = reconfig(&mut world, "server.4=d:1:2;3", "2", 0);
    let text = "server.1=a:1:2:participant;0.0.0.0:3\nserver.3=c:1:2:observer;0.0.0.0:3\n\
                server.4=d:1:2:participant;0.0.0.0:3\nversion=100000002";
    let stat = world.stat(CONFIG);
    assert_eq!(
        changed.result,
        Ok(Done::Reconfigured(text.to_owned(), stat))
    );
    assert_eq!(changed.triggers, ["NodeDataChanged /zookeeper/config"]);
    assert_eq!(config(&world), text);
    assert_eq!(world.tree.members(), &MemberLines::parse(text).unwrap());
    assert_eq!((stat.version, stat.mzxid), (Version(-1), changed.zxid));
    assert_eq!(stat.mtime_ms, world.time_ms);
    let version = changed.zxid.to_wire();
    let late = reconfig(&mut world, "", "4", 0);
    assert_eq!(late.error(), ErrorCode::BadVersion);
    assert!(
        reconfig(&mut world, "server.2=b:1:2;3", "4", version)
            .result
            .is_ok()
    );
}

#[test]
fn what_is_refused_takes_a_zxid_and_changes_nothing_else() {
    let mut world = ensemble();
    let refused = |world: &mut World, leaving: &str| {
        let (zxid, text) = (world.tree.last_zxid(), config(world));
        let heard = reconfig(world, "", leaving, -1);
        assert!(heard.zxid > zxid && heard.triggers.is_empty());
        assert_eq!(config(world), text);
        heard.error()
    };
    assert_eq!(refused(&mut world, "2"), ErrorCode::BadArguments);
    world.be(&[]);
    assert_eq!(refused(&mut world, "3"), ErrorCode::NoAuth);
    assert_eq!(
        refused(&mut world, "2"),
        ErrorCode::BadArguments,
        "who may is asked last"
    );
    world.settings = Settings::RECONFIG_ENABLED.union(Settings::SKIP_ACL);
    assert!(reconfig(&mut world, "", "3", -1).result.is_ok());
    world.settings = Settings::NONE;
    assert_eq!(refused(&mut world, "3"), ErrorCode::ReconfigDisabled);
}

#[test]
fn who_may_write_the_configuration_may_reconfigure() {
    let mut world = ensemble();
    world.set_acl(CONFIG, &[(3, "digest", "joe:hash")], -1);
    world.be(&[("digest", "joe:hash")]);
    assert!(reconfig(&mut world, "", "3", -1).result.is_ok());
}

/// kazoo's suite asks this of an ensemble: whoever has no right learns no more.
#[test]
fn who_may_not_ask_hears_nothing_of_ids_that_are_too_high() {
    let mut world = ensemble();
    let joining = "server.999=0.0.0.0:1234:2345:observer;3456";
    let refused = |world: &mut World| reconfig(world, joining, "", -1).error();
    assert_eq!(refused(&mut world), ErrorCode::BadArguments);
    world.be(&[]);
    assert_eq!(refused(&mut world), ErrorCode::NoAuth);
}

#[test]
fn a_server_alone_has_nothing_to_reconfigure() {
    let mut world = World::new();
    world.settings = Settings::RECONFIG_ENABLED;
    let refused = reconfig(&mut world, "server.4=d:1:2;3", "", -1);
    assert_eq!(refused.error(), ErrorCode::Unimplemented);
}
