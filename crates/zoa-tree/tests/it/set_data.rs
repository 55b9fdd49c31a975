//! setData.

use zoa_proto::ErrorCode;
use zoa_proto::Request;
use zoa_proto::Version;
use zoa_proto::request::SetData;

use crate::world::Done;
use crate::world::World;

#[test]
fn new_data_move_version_mzxid_and_mtime_also_when_they_are_the_same() {
    let mut world = World::new();
    world.create("/a");
    let before = world.stat("/a");
    for (version, data) in [(1, "more data"), (2, "more data"), (3, "atad"), (4, "")] {
        let heard = world.set_data("/a", data.as_bytes(), version - 1);
        let stat = world.stat("/a");
        assert_eq!(heard.result, Ok(Done::DataSet(stat)));
        assert_eq!(heard.triggers, ["NodeDataChanged /a"]);
        assert_eq!((stat.version, stat.mzxid), (Version(version), heard.zxid));
        assert_eq!(stat.mtime_ms, world.time_ms);
        assert_eq!(stat.data_length, i32::try_from(data.len()).unwrap());
        assert_eq!((stat.czxid, stat.pzxid), (before.czxid, before.pzxid));
        assert_eq!(
            (stat.ctime_ms, stat.cversion),
            (before.ctime_ms, before.cversion)
        );
        assert_eq!(world.tree.find("/a").unwrap().data(), Some(data.as_bytes()));
    }
}

#[test]
fn null_and_empty_data_differ() {
    let mut world = World::new();
    world.create("/a");
    for data in [None, Some(&b""[..]), None, Some(b"x")] {
        let version = Version::ANY;
        world.request(&Request::SetData(SetData {
            path: "/a",
            data,
            version,
        }));
        assert_eq!(world.tree.find("/a").unwrap().data(), data);
        let expected = i32::try_from(data.unwrap_or_default().len()).unwrap();
        assert_eq!(world.stat("/a").data_length, expected);
    }
}

#[test]
fn errors_come_in_the_reference_order() {
    let mut world = World::new();
    world.create_with("/locked", 0, &[(1, "world", "anyone")]);
    world.create("/a");
    let mut check = |path: &str, version, expected| {
        assert_eq!(
            world.set_data(path, b"x", version).error(),
            expected,
            "{path:?}"
        );
    };
    for malformed in ["", "a", "/a/", "//a", "/a//b", "/a/.", "/\0", "/\u{e000}"] {
        check(malformed, -1, ErrorCode::BadArguments);
    }
    check("/missing", 3, ErrorCode::NoNode);
    check("/locked", 3, ErrorCode::NoAuth);
    check("/a", 1, ErrorCode::BadVersion);
    check("/a", -2, ErrorCode::BadVersion);
}

#[test]
fn the_root_has_data_like_others() {
    let mut world = World::new();
    assert_eq!(world.tree.find("/").unwrap().data(), Some(&b""[..]));
    world.set_data("/", b"root", 0);
    assert_eq!(world.tree.find("/").unwrap().data(), Some(&b"root"[..]));
}
