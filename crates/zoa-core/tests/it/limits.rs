//! Bounds of the core that are no input of a client alone: holds of the lock, steps, replies that would be too long.

use std::sync::Arc;
use std::sync::Mutex;
use std::task::Wake;
use std::task::Waker;

use zoa_core::Core;
use zoa_core::Progress;
use zoa_core::limits;
use zoa_proto::OpCode;
use zoa_proto::Request;
use zoa_proto::request;

use crate::world::Client;
use crate::world::Received;
use crate::world::World;
use crate::world::get_data;
use crate::world::raw;
use crate::world::set_data;

/// Notes how far the server is when somebody is woken, and that the tree is free by then.
struct Witness {
    core: Arc<Core>,
    applied: Mutex<Vec<u64>>,
}

impl Wake for Witness {
    fn wake(self: Arc<Self>) {
        // Would never return if the exclusive lock were still held.
        self.core.last_zxid();
        let applied = self.core.applied_index();
        self.applied.lock().expect("nobody panics").push(applied);
    }
}

#[test]
fn entries_are_applied_so_many_at_a_time_and_readers_have_their_turn() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/a", 0);
    let witness = Arc::new(Witness {
        core: Arc::clone(&world.core),
        applied: Mutex::default(),
    });
    client.connection.listen(&Waker::from(Arc::clone(&witness)));
    let first = world.core.applied_index();
    let write = raw(OpCode::Delete, 1, b"\0\0\0\x02/x\xff\xff\xff\xff");
    world.send_unflushed(&mut client, &write.repeat(3 * limits::ENTRIES_PER_HOLD));
    world.commit_all();
    let applied = witness.applied.lock().expect("nobody panics").clone();
    let step = u64::try_from(limits::ENTRIES_PER_HOLD).expect("small");
    assert_eq!(applied, [first + step]);
    assert_eq!(world.core.applied_index(), first + 3 * step);
}

#[test]
fn a_long_list_takes_as_many_turns_as_it_has_steps() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/dir", 0);
    let count = 2 * limits::CHILDREN_PER_STEP * limits::STEPS_PER_TURN + 1;
    for number in 0..count {
        world.create(&mut client, &format!("/dir/{number}"), 0);
    }
    let list = raw(OpCode::GetChildren, 1, b"\0\0\0\x04/dir\0");
    let mut turns = 1;
    let mut progress = world.send(&mut client, &list);
    while progress == Progress::Again {
        turns += 1;
        progress = world.wake(&mut client);
    }
    assert_eq!(progress, Progress::Reading);
    let children_per_turn = limits::CHILDREN_PER_STEP * limits::STEPS_PER_TURN;
    assert_eq!(turns, 1 + count.div_ceil(children_per_turn));
    assert_eq!(client.reply(1).error(), 0);
}

#[test]
fn a_long_list_makes_way_while_others_are_at_work_and_a_little_longer() {
    let mut world = World::new();
    let (mut lister, mut writer) = (world.connect(), world.connect());
    world.create(&mut writer, "/dir", 0);
    for number in 0..=limits::CHILDREN_PER_STEP * limits::STEPS_PER_TURN {
        world.create(&mut writer, &format!("/dir/{number}"), 0);
    }
    let list = raw(OpCode::GetChildren, 1, b"\0\0\0\x04/dir\0");
    assert_eq!(world.send(&mut lister, &list), Progress::Again);
    let makes_way =
        |world: &World, lister: &mut Client| lister.connection.others_are_at_work(world.now);
    world.pass(2 * limits::OTHERS_REMEMBERED_MS);
    assert!(!makes_way(&world, &mut lister), "nobody else asks");
    world.request(&mut writer, &get_data("/dir", false));
    assert!(makes_way(&world, &mut lister), "somebody asked");
    world.pass(limits::OTHERS_REMEMBERED_MS - 1);
    assert!(makes_way(&world, &mut lister));
    world.pass(1);
    assert!(!makes_way(&world, &mut lister));
    world.request(&mut writer, &set_data("/dir", b"new"));
    assert!(makes_way(&world, &mut lister));
    world.now.mono_ms += 2 * limits::OTHERS_REMEMBERED_MS;
    assert!(makes_way(&world, &mut lister), "somebody waits for a write");
}

#[test]
fn a_multi_read_that_would_be_too_long_says_so_operation_by_operation() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/a", 0);
    let data = vec![7; 1_000_000];
    world.write(&mut client, &set_data("/a", &data));
    let fitting = limits::MULTI_READ_REPLY_LEN_MAX / data.len();
    let get = b"\0\0\0\x04\0\xff\xff\xff\xff\0\0\0\x02/a\0";
    let end = b"\xff\xff\xff\xff\x01\xff\xff\xff\xff";
    let body = [get.repeat(fitting + 2), end.to_vec()].concat();
    world.send(&mut client, &raw(OpCode::MultiRead, 7, &body));
    let Received::Reply { error, body, .. } = client.reply(7) else {
        panic!("a reply")
    };
    assert_eq!(error, 0);
    // Each error is a header with the code, then the code again; then the end.
    let refused = b"\xff\xff\xff\xff\0\xff\xff\xff\xfb\xff\xff\xff\xfb";
    assert!(body.ends_with(&[refused.repeat(2), end.to_vec()].concat()));
    assert!(body.len() <= limits::MULTI_READ_REPLY_LEN_MAX + 1_000);
    assert!(body.len() > fitting * data.len());
}

#[test]
fn a_multi_read_lists_no_directory_that_is_too_long() {
    let mut world = World::new();
    let mut client = world.connect();
    let name = "n".repeat(500_000);
    let fitting = limits::MULTI_READ_REPLY_LEN_MAX / (name.len() + 2);
    world.create(&mut client, "/dir", 0);
    for number in 0..=fitting {
        world.create(&mut client, &format!("/dir/{name}{number}"), 0);
    }
    let list = b"\0\0\0\x08\0\xff\xff\xff\xff\0\0\0\x04/dir\0";
    let end = b"\xff\xff\xff\xff\x01\xff\xff\xff\xff";
    let body = [&list[..], end].concat();
    world.send(&mut client, &raw(OpCode::MultiRead, 7, &body));
    let Received::Reply { body, .. } = client.reply(7) else {
        panic!("a reply")
    };
    let refused = b"\xff\xff\xff\xff\0\xff\xff\xff\xfb\xff\xff\xff\xfb";
    assert_eq!(body, [&refused[..], end].concat());
    // The list by itself is no problem.
    let alone = Request::GetChildren(request::GetChildren {
        path: "/dir",
        watch: false,
    });
    let xid = world.request(&mut client, &alone);
    while world.wake(&mut client) != Progress::Reading {}
    assert_eq!(client.reply(xid).error(), 0);
}

#[test]
fn reads_that_wait_for_a_write_show_in_the_latency() {
    let mut world = World::new();
    let mut client = world.connect();
    world.request(&mut client, &set_data("/nowhere", b""));
    world.request(&mut client, &get_data("/nowhere", false));
    world.now.mono_ms += 40;
    world.commit_all();
    assert_eq!(world.core.stats().read_latency.max(), 40);
}

#[test]
fn many_ephemerals_are_listed_in_steps_of_ephemerals_per_step() {
    let mut world = World::new();
    let mut client = world.connect();
    let count = 2 * limits::EPHEMERALS_PER_STEP + 3;
    for number in 0..count {
        world.create(&mut client, &format!("/e{number:04}"), 1);
    }
    let get = Request::GetEphemerals(request::GetEphemerals { prefix: "" });
    let xid = world.request(&mut client, &get);
    let Received::Reply { body, zxid, .. } = client.reply(xid) else {
        panic!("a reply");
    };
    assert_eq!(zxid, world.core.last_zxid());
    // A count, and of each path its length and six bytes.
    assert_eq!(body.len(), 4 + count * 10);
    let reply = zoa_proto::jute::Reader::new(&body).int().expect("a count");
    assert_eq!(usize::try_from(reply), Ok(count));
    let some = Request::GetEphemerals(request::GetEphemerals { prefix: "/e001" });
    let xid = world.request(&mut client, &some);
    let Received::Reply { body, .. } = client.reply(xid) else {
        panic!("a reply");
    };
    assert_eq!(body.len(), 4 + 10 * 10);
}
