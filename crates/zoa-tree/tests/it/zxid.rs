//! Which transactions take a zxid, and which one (G-17).

use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::Request;
use zoa_proto::Version;
use zoa_proto::Zxid;
use zoa_proto::request::Check;
use zoa_proto::request::Reconfig;
use zoa_tree::Settings;
use zoa_tree::TxnOp;

use crate::world::Done;
use crate::world::World;

#[test]
fn zxids_are_dense_and_failures_take_one() {
    let mut world = World::new();
    assert_eq!(
        world.tree.last_zxid(),
        Zxid::new(1, 1),
        "opening the session took the first"
    );
    assert_eq!(world.create("/a").zxid, Zxid::new(1, 2));
    assert_eq!(world.create("/a").zxid, Zxid::new(1, 3));
    assert_eq!(world.delete("/b", -1).zxid, Zxid::new(1, 4));
    let refused = world.apply(TxnOp::Refuse {
        error: ErrorCode::ThrottledOp,
    });
    assert_eq!(
        (refused.error(), refused.zxid),
        (ErrorCode::ThrottledOp, Zxid::new(1, 5))
    );
    let sync = world.apply(TxnOp::Sync);
    assert_eq!(
        (sync.result, sync.zxid),
        (Ok(Done::Synced), Zxid::new(1, 5))
    );
    assert_eq!(world.create("/b").zxid, Zxid::new(1, 6));
}

#[test]
fn a_higher_term_begins_an_epoch_with_its_first_write() {
    let mut world = World::new();
    world.term = 4;
    assert_eq!(world.apply(TxnOp::Sync).zxid, Zxid::new(1, 1));
    assert_eq!(world.create("/a").zxid, Zxid::new(2, 1));
    assert_eq!(world.create("/b").zxid, Zxid::new(2, 2));
    world.term = 5;
    assert_eq!(world.create("/b").zxid, Zxid::new(3, 1));
}

#[test]
fn a_body_that_cannot_be_read_is_a_marshalling_error_with_a_zxid() {
    let mut world = World::new();
    let writes = [
        OpCode::Create,
        OpCode::Create2,
        OpCode::CreateContainer,
        OpCode::CreateTtl,
        OpCode::Delete,
        OpCode::DeleteContainer,
        OpCode::SetData,
        OpCode::SetAcl,
        OpCode::Multi,
        OpCode::Reconfig,
    ];
    for op in writes {
        for body in [
            &b""[..],
            b"\0\0",
            b"\x7f\xff\xff\xff",
            b"\xff\xff\xff\xfe\0\0\0\0",
        ] {
            let before = world.tree.last_zxid();
            let heard = world.raw(op, body);
            assert_eq!(
                heard.error(),
                ErrorCode::MarshallingError,
                "{op:?} {body:?}"
            );
            assert_eq!(heard.zxid.0, before.0 + 1);
        }
    }
}

#[test]
fn what_is_no_write_says_so() {
    let mut world = World::new();
    let reads = OpCode::ALL
        .iter()
        .filter(|op| !op.is_write() && op.is_client_request());
    for op in reads {
        let before = world.tree.last_zxid();
        let heard = world.raw(*op, &[0; 64]);
        let expected = [ErrorCode::Unimplemented, ErrorCode::MarshallingError];
        assert!(expected.contains(&heard.error()), "{op:?}");
        assert_eq!(heard.zxid.0, before.0 + 1);
    }
    let check = Check {
        path: "/",
        version: Version(0),
    };
    let heard = world.request(&Request::Check(check));
    assert_eq!(heard.error(), ErrorCode::Unimplemented);
    let reconfig = Reconfig {
        joining: None,
        leaving: None,
        new_members: None,
        config_id: -1,
    };
    let heard = world.request(&Request::Reconfig(reconfig));
    assert_eq!(heard.error(), ErrorCode::ReconfigDisabled);
    world.settings = Settings::RECONFIG_ENABLED;
    let heard = world.request(&Request::Reconfig(reconfig));
    assert_eq!(heard.error(), ErrorCode::Unimplemented);
    assert_eq!(world.tree.node_count(), 5);
}
