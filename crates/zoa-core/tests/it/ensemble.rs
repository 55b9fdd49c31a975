//! A server among others, as its clients meet it.

use zoa_core::Serving;
use zoa_proto::AclList;
use zoa_proto::AclRef;
use zoa_proto::CreateFlags;
use zoa_proto::Perms;
use zoa_proto::Request;
use zoa_proto::SessionId;
use zoa_proto::jute::Reader;
use zoa_proto::request;
use zoa_tree::HashKey;
use zoa_tree::Settings;
use zoa_tree::Tree;

use crate::world::Received;
use crate::world::World;
use crate::world::set_data;

#[test]
fn who_connects_while_nobody_is_served_is_turned_away_without_a_word() {
    let mut world = World::new();
    world.core.set_serving(Serving::No);
    let mut client = world.dial();
    world.send_connect(&mut client);
    assert!(client.ended);
    assert_eq!(client.take_frame(), None);
    assert_eq!(world.proposed_count(), 0);
    world.core.set_serving(Serving::Full);
    world.connect();
}

#[test]
fn a_session_lives_on_while_its_server_does_not_serve() {
    let mut world = World::new();
    let mut client = world.dial();
    let session = world.attach(&mut client, SessionId::NONE, &[0; 16]);
    world.core.set_serving(Serving::No);
    world.wake(&mut client);
    assert!(client.ended);
    world.core.set_serving(Serving::Full);
    let mut client = world.dial();
    let again = world.attach(&mut client, session.session, &session.password);
    assert_eq!(again.session, session.session);
}

#[test]
fn only_connections_that_wait_end_when_nobody_knows_what_becomes_of_it() {
    let mut world = World::new();
    let mut waits = world.connect();
    let mut idle = world.connect();
    let mut attaching = world.dial();
    let sync = Request::Sync(request::Sync { path: "/" });
    world.request(&mut waits, &sync);
    world.send_connect(&mut attaching);
    world.core.end_unanswered();
    for (client, ends) in [
        (&mut waits, true),
        (&mut attaching, true),
        (&mut idle, false),
    ] {
        world.wake(client);
        assert_eq!(client.ended, ends);
    }
    // What comes true after all is told to nobody.
    world.commit_all();
    for client in [&mut waits, &mut attaching] {
        assert_eq!(client.take_frame(), None);
    }
    world.request(&mut idle, &Request::Ping);
    assert!(!idle.ended);
}

#[test]
fn nobody_expires_on_a_server_that_does_not_lead() {
    let mut world = World::new();
    let _client = world.connect();
    world.core.set_leading(false, world.now);
    world.pass(100_000);
    assert_eq!(world.core.with_tree(Tree::sessions_count), 1);
    world.core.set_leading(true, world.now);
    world.pass(9_000);
    assert_eq!(
        world.core.with_tree(Tree::sessions_count),
        1,
        "the full timeout anew"
    );
    world.pass(200);
    world.pass(200);
    world.pass(2_000);
    assert_eq!(world.core.with_tree(Tree::sessions_count), 0);
}

#[test]
fn clients_of_a_server_that_received_a_snapshot_come_back_and_see_it() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/old", 0);
    let before = world
        .core
        .install(Tree::new(HashKey([1, 2])), (50, 3), world.now);
    assert!(before.find("/old").is_some());
    world.wake(&mut client);
    assert!(client.ended);
    assert_eq!(world.core.applied_index(), 50);
    assert!(world.core.with_tree(|tree| tree.find("/old").is_none()));
}

#[test]
fn a_reconfig_is_answered_with_the_new_configuration_and_decided_for_who_replicates() {
    let settings = Settings::RECONFIG_ENABLED.union(Settings::SKIP_ACL);
    let mut world = World::with(|config| config.settings = settings);
    let mut client = world.connect();
    world.found("server.1=a:1:2;3\nserver.2=b:1:2;3\nserver.3=c:1:2;3");
    let reconfig = |world: &mut World, client: &mut crate::world::Client, config_id| {
        let xid = world.request(
            client,
            &Request::Reconfig(request::Reconfig {
                joining: None,
                leaving: Some("3"),
                new_members: None,
                config_id,
            }),
        );
        let mut committed = world.take_committed(1);
        committed[0].is_change = true;
        let verdicts = world.core.handle_committed(world.now, &committed);
        world.wake(client);
        let verdict = verdicts.expect("it is read")[0];
        assert_eq!(verdict.index, committed[0].index);
        (xid, verdict.accepted)
    };
    let (xid, accepted) = reconfig(&mut world, &mut client, 99);
    assert!(!accepted);
    assert_eq!(client.reply(xid).error(), -103);
    let (xid, accepted) = reconfig(&mut world, &mut client, 0);
    assert!(accepted);
    let Received::Reply { body, error: 0, .. } = client.reply(xid) else {
        panic!("a reply without error");
    };
    let mut reader = Reader::new(&body);
    let config = reader.buffer().unwrap().unwrap();
    let expected = "server.1=a:1:2:participant;0.0.0.0:3\n\
                    server.2=b:1:2:participant;0.0.0.0:3\nversion=100000003";
    assert_eq!(std::str::from_utf8(config), Ok(expected));
    assert_eq!(reader.remaining(), 68, "the stat");
}

// Goal: G-16. The zoo.cfg of the servers may differ; what decides is in the entry.
#[test]
fn an_entry_goes_by_the_settings_in_it_and_not_by_those_of_the_server_that_applies_it() {
    let mut leader = World::new();
    let other = World::with(|config| config.settings = Settings::SKIP_ACL);
    let mut client = leader.dial();
    leader.send_connect(&mut client);
    let mut log = leader.take_committed(1);
    leader
        .core
        .handle_committed(leader.now, &log)
        .expect("the core reads what it wrote");
    leader.wake(&mut client);
    let mut scratch = Vec::new();
    let readable = AclRef {
        perms: Perms::READ,
        ..AclRef::OPEN
    };
    let create = Request::Create(request::Create {
        path: "/locked",
        data: Some(b"data"),
        acl: AclList::collect_into([readable], &mut scratch),
        flags: CreateFlags(0),
    });
    leader.request(&mut client, &create);
    leader.request(&mut client, &set_data("/locked", b"other"));
    let writes = leader.take_committed(2);
    leader
        .core
        .handle_committed(leader.now, &writes)
        .expect("the core reads what it wrote");
    log.extend(writes);
    other
        .core
        .handle_committed(other.now, &log)
        .expect("the core reads what it wrote");
    let digest = |world: &World| world.core.with_tree(Tree::digest);
    assert_eq!(digest(&leader), digest(&other));
}
