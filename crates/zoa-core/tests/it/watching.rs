//! Watches as one connection meets them: what a client that comes back is told, and who is told nothing.
//!
//! Which event fires which watch is tried beside the watch table; the order of events and replies in `ordering.rs`.

use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::EventKind;
use zoa_proto::OpCode;
use zoa_proto::Perms;
use zoa_proto::Request;
use zoa_proto::Version;
use zoa_proto::Zxid;
use zoa_proto::request;

use crate::world::Client;
use crate::world::Received;
use crate::world::World;
use crate::world::get_data;
use crate::world::raw;
use crate::world::set_data;

/// The xid of setWatches and its reply.
const XID: i32 = -8;

fn event(kind: EventKind, path: &str) -> Received {
    Received::Event {
        kind,
        path: path.to_owned(),
        zxid: Zxid::NONE,
    }
}

/// The body of setWatches, or with five lists of setWatches2.
fn body(seen: i64, lists: &[&[&str]]) -> Vec<u8> {
    let mut body = seen.to_be_bytes().to_vec();
    let int = |len: usize| i32::try_from(len).expect("short").to_be_bytes();
    for list in lists {
        body.extend_from_slice(&int(list.len()));
        for path in *list {
            body.extend_from_slice(&int(path.len()));
            body.extend_from_slice(path.as_bytes());
        }
    }
    body
}

fn delete(world: &mut World, client: &mut Client, path: &str) {
    let delete = request::Delete {
        path,
        version: Version::ANY,
    };
    let deleted = world.write(client, &Request::Delete(delete));
    assert_eq!(deleted.error(), 0, "{path}");
}

/// A tree in which each name says what happened to it after `seen`.
fn after_changes(world: &mut World, client: &mut Client) -> i64 {
    for path in [
        "/same", "/changed", "/gone", "/parent", "/quiet", "/dropped",
    ] {
        world.create(client, path, 0);
    }
    let seen = world.core.last_zxid();
    world.write(client, &set_data("/changed", b"new"));
    delete(world, client, "/gone");
    delete(world, client, "/dropped");
    world.create(client, "/appeared", 0);
    world.create(client, "/parent/child", 0);
    seen.to_wire()
}

#[test]
fn a_client_that_comes_back_is_told_what_it_missed_and_keeps_the_other_watches() {
    let mut world = World::new();
    let mut writer = world.connect();
    let seen = after_changes(&mut world, &mut writer);
    let mut client = world.connect();
    let data: &[&str] = &["/same", "/changed", "/gone"];
    let exist: &[&str] = &["/appeared", "/missing"];
    let child: &[&str] = &["/quiet", "/parent", "/dropped"];
    let request = raw(OpCode::SetWatches, XID, &body(seen, &[data, exist, child]));
    world.send(&mut client, &request);
    let told = client.take_all();
    let (reply, events) = told.split_last().expect("a reply at least");
    assert_eq!(reply.error(), 0);
    let expected = [
        event(EventKind::NodeDataChanged, "/changed"),
        event(EventKind::NodeDeleted, "/gone"),
        event(EventKind::NodeCreated, "/appeared"),
        event(EventKind::NodeChildrenChanged, "/parent"),
        event(EventKind::NodeDeleted, "/dropped"),
    ];
    assert_eq!(events, expected);
    // What was told is not armed, what was not is, once, in the right table.
    world.write(&mut writer, &set_data("/changed", b"again"));
    world.create(&mut writer, "/parent/other", 0);
    assert!(client.take_all().is_empty(), "those were told already");
    world.write(&mut writer, &set_data("/same", b"new"));
    world.write(&mut writer, &set_data("/same", b"newer"));
    world.create(&mut writer, "/missing", 0);
    world.create(&mut writer, "/quiet/child", 0);
    let kinds: Vec<_> = client.take_all().iter().map(kind_and_path).collect();
    let expected = [
        (EventKind::NodeDataChanged, "/same".to_owned()),
        (EventKind::NodeCreated, "/missing".to_owned()),
        (EventKind::NodeChildrenChanged, "/quiet".to_owned()),
    ];
    assert_eq!(kinds, expected);
}

fn kind_and_path(received: &Received) -> (EventKind, String) {
    match received {
        Received::Event { kind, path, zxid } => {
            assert_ne!(*zxid, Zxid::NONE, "a change of its own has a zxid");
            (*kind, path.clone())
        }
        Received::Reply { .. } => panic!("{received:?}"),
    }
}

/// Goal: the boundary. What the client has seen last is not told again; the very next change is.
#[test]
fn the_change_that_was_seen_last_is_not_missed_and_the_next_one_is() {
    let mut world = World::new();
    let mut writer = world.connect();
    world.create(&mut writer, "/a", 0);
    let seen = world.core.last_zxid().to_wire();
    let told = |world: &mut World, seen: i64| {
        let mut client = world.connect();
        let body = body(seen, &[&["/a"], &[], &["/a"]]);
        world.send(&mut client, &raw(OpCode::SetWatches, XID, &body));
        client.take_all().len() - 1
    };
    assert_eq!(told(&mut world, seen), 0);
    assert_eq!(told(&mut world, seen - 1), 2, "data and children");
    world.write(&mut writer, &set_data("/a", b"next"));
    assert_eq!(told(&mut world, seen), 1);
}

#[test]
fn persistent_watches_stand_again_and_are_told_nothing_of_the_past() {
    let mut world = World::new();
    let mut writer = world.connect();
    let seen = after_changes(&mut world, &mut writer);
    let mut client = world.connect();
    let lists: [&[&str]; 5] = [&[], &[], &[], &["/changed", "/gone"], &["/parent"]];
    let request = raw(OpCode::SetWatches2, XID, &body(seen, &lists));
    world.send(&mut client, &request);
    let told = client.take_all();
    assert_eq!(told.len(), 1, "{told:?}");
    for _ in 0..2 {
        world.write(&mut writer, &set_data("/changed", b"more"));
        world.write(&mut writer, &set_data("/parent/child", b"more"));
    }
    world.create(&mut writer, "/gone", 0);
    let paths: Vec<_> = client.take_all().iter().map(kind_and_path).collect();
    let changed = |path: &str| (EventKind::NodeDataChanged, path.to_owned());
    let expected = [
        changed("/changed"),
        changed("/parent/child"),
        changed("/changed"),
        changed("/parent/child"),
        (EventKind::NodeCreated, "/gone".to_owned()),
    ];
    assert_eq!(paths, expected);
}

/// Goal: CVE-2024-23944 (G-08). Who may not read a znode hears nothing of it, by no kind of watch, and the permission counts as it is
/// when the watch fires, not when it was set.
#[test]
fn a_watch_event_needs_read_on_the_znode() {
    let mut world = World::new();
    let mut owner = world.connect();
    world.create(&mut owner, "/secret", 0);
    let mut stranger = world.connect();
    let read = world.request(&mut stranger, &get_data("/secret", true));
    assert_eq!(stranger.reply(read).error(), 0, "it may be read still");
    for mode in [
        zoa_proto::AddWatchMode::Persistent,
        zoa_proto::AddWatchMode::PersistentRecursive,
    ] {
        let path = if mode == zoa_proto::AddWatchMode::Persistent {
            "/secret"
        } else {
            "/"
        };
        let add = Request::AddWatch(request::AddWatch { path, mode });
        let xid = world.request(&mut stranger, &add);
        stranger.reply(xid);
    }
    let auth = request::Auth {
        auth_type: 0,
        scheme: "digest",
        auth: Some(b"owner:password"),
    };
    world.request(&mut owner, &Request::Auth(auth));
    let mut scratch = Vec::new();
    let acl = AclRef {
        perms: Perms::ALL,
        scheme: "auth",
        id: "",
    };
    let set = request::SetAcl {
        path: "/secret",
        acl: AclList::collect_into([acl], &mut scratch),
        version: Version::ANY,
    };
    owner.take_all();
    let changed = world.write(&mut owner, &Request::SetAcl(set));
    assert_eq!(changed.error(), 0);
    world.write(&mut owner, &set_data("/secret", b"hidden"));
    world.create(&mut owner, "/secret/child", 0);
    let told: Vec<_> = stranger.take_all().iter().map(kind_and_path).collect();
    let child = (EventKind::NodeCreated, "/secret/child".to_owned());
    assert_eq!(told, [child], "everybody may read the child");
    delete(&mut world, &mut owner, "/secret/child");
    delete(&mut world, &mut owner, "/secret");
    let told = stranger.take_all();
    assert!(
        !told
            .iter()
            .any(|received| matches!(received, Received::Event { path, .. } if path == "/secret")),
        "{told:?}"
    );
}
