//! FIFO per session, events before new data, replies before their own watch's events.

use std::sync::Arc;
use std::thread;

use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::CreateFlags;
use zoa_proto::EventKind;
use zoa_proto::OpCode;
use zoa_proto::Perms;
use zoa_proto::Request;
use zoa_proto::Zxid;
use zoa_proto::request;

use crate::world::Client;
use crate::world::Received;
use crate::world::World;
use crate::world::get_data;
use crate::world::raw;
use crate::world::set_data;

/// As many as an ACL holds, about.
const ACL_ENTRIES: usize = 1_500;

fn xids(received: &[Received]) -> Vec<i32> {
    let xid = |it: &Received| match it {
        Received::Reply { xid, .. } => *xid,
        Received::Event { .. } => -1,
    };
    received.iter().map(xid).collect()
}

#[test]
fn a_read_behind_a_write_waits_for_it_and_sees_it_but_not_the_next() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/a", 0);
    let first = world.request(&mut client, &set_data("/a", b"one"));
    let read = world.request(&mut client, &get_data("/a", false));
    let second = world.request(&mut client, &set_data("/a", b"two"));
    assert!(
        client.take_all().is_empty(),
        "nothing is answered before it is committed"
    );
    assert_eq!(
        world.proposed_count(),
        2,
        "the second write does not wait for the read"
    );
    world.commit_all();
    let received = client.take_all();
    assert_eq!(xids(&received), [first, read, second]);
    let Received::Reply { body, .. } = &received[1] else {
        panic!("a reply")
    };
    assert_eq!(&body[..7], b"\0\0\0\x03one");
}

#[test]
fn reads_of_other_sessions_do_not_wait() {
    let mut world = World::new();
    let (mut writer, mut reader) = (world.connect(), world.connect());
    world.create(&mut writer, "/a", 0);
    world.request(&mut writer, &set_data("/a", b"one"));
    let read = world.request(&mut reader, &get_data("/a", false));
    assert_eq!(reader.reply(read).error(), 0);
}

#[test]
fn a_list_behind_a_write_holds_what_follows_it() {
    let mut world = World::new();
    let mut client = world.connect();
    let write = world.request(&mut client, &set_data("/nowhere", b""));
    let list = world.request(
        &mut client,
        &Request::GetChildren(request::GetChildren {
            path: "/",
            watch: false,
        }),
    );
    let after = world.request(&mut client, &set_data("/nowhere", b""));
    assert_eq!(world.proposed_count(), 1);
    world.commit_all();
    world.wake(&mut client);
    assert_eq!(xids(&client.take_all()), [write, list]);
    world.commit_all();
    assert_eq!(xids(&client.take_all()), [after]);
}

#[test]
fn the_event_comes_before_the_reply_of_the_write_that_caused_it() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/a", 0);
    let read = world.request(&mut client, &get_data("/a", true));
    client.reply(read);
    let write = world.request(&mut client, &set_data("/a", b"new"));
    world.commit_all();
    let received = client.take_all();
    assert_eq!(xids(&received), [-1, write]);
    let Received::Event { kind, path, zxid } = &received[0] else {
        panic!("an event")
    };
    assert_eq!((*kind, path.as_str()), (EventKind::NodeDataChanged, "/a"));
    assert!(
        *zxid > Zxid::ZERO,
        "events carry the zxid of their transaction, as 3.9 does"
    );
}

#[test]
fn a_parked_read_that_sets_a_watch_is_answered_before_its_event() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/a", 0);
    let first = world.request(&mut client, &set_data("/a", b"one"));
    let read = world.request(&mut client, &get_data("/a", true));
    let second = world.request(&mut client, &set_data("/a", b"two"));
    world.commit_all();
    assert_eq!(xids(&client.take_all()), [first, read, -1, second]);
}

#[test]
fn a_long_list_shows_one_zxid_and_later_events_wait_behind_it() {
    let mut world = World::new();
    let (mut lister, mut writer) = (world.connect(), world.connect());
    world.create(&mut writer, "/dir", 0);
    for number in 0..3_000 {
        world.create(&mut writer, &format!("/dir/{number}"), 0);
    }
    let list = world.request(
        &mut lister,
        &Request::GetChildren2(request::GetChildren {
            path: "/dir",
            watch: true,
        }),
    );
    assert!(lister.take_all().is_empty(), "it takes more than one step");
    world.create(&mut writer, "/dir/late", 0);
    world.write(
        &mut writer,
        &Request::Delete(request::Delete {
            path: "/dir/7",
            version: zoa_proto::Version::ANY,
        }),
    );
    for _ in 0..16 {
        world.wake(&mut lister);
    }
    let received = lister.take_all();
    assert_eq!(
        xids(&received),
        [list, -1],
        "the list first, then the one event of its watch"
    );
    let Received::Reply { body, .. } = &received[0] else {
        panic!("a reply")
    };
    assert_eq!(
        &body[..4],
        3_000_i32.to_be_bytes(),
        "as many as there were when it began"
    );
    let text = String::from_utf8_lossy(body);
    assert!(!text.contains("late"));
}

#[test]
fn a_connection_that_ends_in_the_middle_of_a_list_leaves_nothing_open() {
    let mut world = World::new();
    let (mut lister, mut writer) = (world.connect(), world.connect());
    world.create(&mut writer, "/dir", 0);
    for number in 0..3_000 {
        world.create(&mut writer, &format!("/dir/{number}"), 0);
    }
    world.request(
        &mut lister,
        &Request::GetChildren(request::GetChildren {
            path: "/dir",
            watch: false,
        }),
    );
    drop(lister);
    world.write(
        &mut writer,
        &Request::Delete(request::Delete {
            path: "/dir/7",
            version: zoa_proto::Version::ANY,
        }),
    );
    let list = world.request(
        &mut writer,
        &Request::GetChildren(request::GetChildren {
            path: "/dir",
            watch: false,
        }),
    );
    for _ in 0..16 {
        world.wake(&mut writer);
    }
    let Received::Reply { body, .. } = writer.reply(list) else {
        panic!("a reply")
    };
    assert_eq!(&body[..4], 2_999_i32.to_be_bytes());
}

/// Goal: what is answered without a look at the tree does not overtake a parked read that the apply loop has taken out and not answered
/// yet. Method: two threads, and a read that is long judged for its ACL; the other one asks all the while whether it is its turn.
#[test]
fn nothing_overtakes_a_parked_read_while_it_is_being_answered() {
    let auth = raw(OpCode::Auth, 90, b"\0\0\0\0\0\0\0\x06digest\0\0\0\x03u:p");
    let unknown = b"\0\0\0\x08\0\0\0\x5a\0\0\x03\xe7".to_vec();
    let check = raw(OpCode::Check, 90, b"\0\0\0\x02/a\0\0\0\0");
    for last in [auth, unknown, check] {
        let mut world = World::new();
        let mut client = world.connect();
        create_with_a_long_acl(&mut world, &mut client, "/a");
        for number in 0..50 {
            let identity = format!("\0\0\0\0\0\0\0\x06digest\0\0\0\x06u:{number:04}");
            world.send(&mut client, &raw(OpCode::Auth, 80, identity.as_bytes()));
            assert_eq!(client.reply(80).error(), 0);
        }
        let write = world.request(&mut client, &set_data("/nowhere", b""));
        let read = world.request(&mut client, &get_data("/a", false));
        world.send(&mut client, &last);
        let committed = world.take_committed(1);
        let (core, now) = (Arc::clone(&world.core), world.now);
        let applying = thread::spawn(move || core.handle_committed(now, &committed));
        while !applying.is_finished() {
            world.wake(&mut client);
        }
        let applied = applying.join().expect("it does not panic");
        applied.expect("the core reads what it wrote");
        world.wake(&mut client);
        assert_eq!(xids(&client.take_all()), [write, read, 90]);
    }
}

/// Nobody here may read it, which takes a walk over all of its ACL.
fn create_with_a_long_acl(world: &mut World, client: &mut Client, path: &str) {
    let ids: Vec<String> = (0..ACL_ENTRIES)
        .map(|it| format!("user-{it}:hash"))
        .collect();
    let entries = ids.iter().map(|id| AclRef {
        perms: Perms::ALL,
        scheme: "digest",
        id,
    });
    let mut scratch = Vec::new();
    let acl = AclList::collect_into(entries, &mut scratch);
    let create = request::Create {
        path,
        data: None,
        acl,
        flags: CreateFlags(0),
    };
    let created = world.write(client, &Request::Create(create));
    assert_eq!(created.error(), 0);
}
