//! Who takes part: reconfigs, and what a leader does about the members by itself.

use bytes::Bytes;
use zoa_ensemble::Event;
use zoa_ensemble::NodeId;
use zoa_ensemble::Notice;
use zoa_ensemble::OtherLines;
use zoa_ensemble::limits::CAUGHT_UP_ENTRIES_MAX;
use zoa_ensemble::limits::NOTICE_PERIOD_MS;
use zoa_ensemble::limits::OTHER_LINES_PERIOD_MS;
use zoa_ensemble::limits::STRANGER_GONE_MS_MAX;
use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::PeerId;
use zoa_proto::SessionId;
use zoa_proto::Xid;
use zoa_proto::jute::Writer;
use zoa_proto::request::Reconfig;
use zoa_tree::Identities;
use zoa_tree::MemberLines;
use zoa_tree::Owner;
use zoa_tree::Settings;
use zoa_tree::Txn;
use zoa_tree::TxnOp;

use crate::world::TICK_MS;
use crate::world::World;
use crate::world::lines_of;
use crate::world::txn;

fn served(count: u8, seed: u64) -> (World, u8) {
    let mut world = World::new(count, seed);
    world.start_all();
    let leader = world.run_until_served();
    world.run(5);
    (world, leader)
}

pub(crate) fn reconfig(joining: &str, leaving: &str, config_id: i64) -> Bytes {
    let request = Reconfig {
        joining: Some(joining),
        leaving: Some(leaving),
        new_members: None,
        config_id,
    };
    let mut body = Vec::new();
    request.encode(&mut Writer::new(&mut body));
    let txn = Txn {
        session: SessionId(1),
        owner: Owner {
            server: PeerId(1),
            connection: 1,
        },
        xid: Xid(1),
        time_ms: 0,
        settings: Settings::RECONFIG_ENABLED,
        identities: Identities::NONE,
        op: TxnOp::Request {
            op: OpCode::Reconfig,
            body: &body,
        },
    };
    let mut bytes = Vec::new();
    txn.encode(&mut bytes);
    bytes.into()
}

fn propose(world: &mut World, id: u8, proposals: &[Bytes]) {
    world.event(id, Event::Propose(proposals.to_vec()));
    world.pump();
    world.run(5);
}

/// The errors that reconfigs were refused with before they reached the state machine.
pub(crate) fn refusals(world: &World, id: u8) -> Vec<ErrorCode> {
    let applied = world.at(id).machine.applied.iter();
    let txns = applied.filter_map(|(_, _, data)| Txn::decode(data).ok().map(|txn| txn.op));
    txns.filter_map(|op| match op {
        TxnOp::Refuse { error } => Some(error),
        _ => None,
    })
    .collect()
}

pub(crate) fn line_ids(world: &World, id: u8) -> Vec<u8> {
    world
        .at(id)
        .machine
        .lines
        .iter()
        .map(|(id, _)| id.0)
        .collect()
}

#[test]
fn a_server_leaves_goes_on_without_a_vote_and_is_added_again() {
    for leaving in 1..=3u8 {
        let (mut world, _) = served(3, u64::from(leaving));
        let asked = leaving % 3 + 1;
        propose(&mut world, asked, &[reconfig("", &leaving.to_string(), -1)]);
        let stay: Vec<u64> = (1..=3).filter(|id| *id != u64::from(leaving)).collect();
        world.run(40);
        let leader = world.leader().expect("two vote");
        assert_ne!(leader, leaving);
        assert_eq!(world.voters(leader), stay);
        assert_eq!(world.learners(leader), [u64::from(leaving)]);
        assert_eq!(line_ids(&world, leader).len(), 2);
        assert!(world.at(leaving).serves, "its clients are served");
        world.write(leaving, None);
        world.run(5);
        assert_eq!(world.acked.len(), 1);
        let back = format!("server.{leaving}=h{leaving}:1:2;3");
        propose(&mut world, leader, &[reconfig(&back, "", -1)]);
        world.run(20);
        assert_eq!(world.voters(leader), [1, 2, 3]);
        assert!(world.learners(leader).is_empty());
        world.check_agreement();
    }
}

/// Of these servers that vote this one comes to lead: the leader dies, and of the others it alone has all of the log.
fn lead(world: &mut World, (id, voters): (u8, &[u8])) {
    let leader = world.run_until_served();
    if leader == id {
        return;
    }
    let others = voters.iter().filter(|it| ![leader, id].contains(it));
    others.clone().for_each(|id| world.crash(*id));
    world.write(leader, None);
    world.settle();
    world.crash(leader);
    others.for_each(|id| world.start(*id));
    assert_eq!(world.run_until_served(), id);
    world.start(leader);
    world.run(20);
}

// Goal: who was taken out while it was away, and whose lines are from before the present leader was among them, comes to it all the same:
// neither of the two has a line for the other, but zoo.cfg has.
#[test]
fn a_server_that_was_away_finds_a_leader_that_its_lines_do_not_name() {
    let (mut world, leader) = served(5, 14);
    propose(&mut world, leader, &[reconfig("", "1", -1)]);
    world.run(40);
    // Its disk knows that the reconfig is committed.
    world.write(5, None);
    world.run(5);
    world.crash(5);
    let leader = world.run_until_served();
    propose(&mut world, leader, &[reconfig("server.1=h1:1:2;3", "", -1)]);
    world.run(40);
    let leader = world.leader().expect("four vote");
    propose(&mut world, leader, &[reconfig("", "5", -1)]);
    world.run(40);
    lead(&mut world, (1, &[1, 2, 3, 4]));
    assert!(!line_ids(&world, 1).contains(&5) && !line_ids(&world, 5).contains(&1));
    // Who meets the leader at the very start, before the state is read, needs no lines.
    world.cut_off(5);
    world.start(5);
    world.run(5);
    assert!(!line_ids(&world, 5).contains(&1));
    world.cuts.clear();
    world.run(60);
    assert!(world.at(5).serves, "it follows, and its clients are served");
}

// Goal: a server without a line, whose zoo.cfg does not name the leader, is unknown to that one as well. Those that know both bring them
// together: when it was there before that leader had a vote, and when it comes with an empty disk.
#[test]
fn a_server_that_no_line_names_is_told_where_the_leader_is() {
    for was_there in [true, false] {
        let (mut world, _) = served(3, 18);
        world.add(4, MemberLines::parse(&lines_of(4)).expect("lines"));
        if was_there {
            world.start(4);
            world.run(40);
            assert!(world.at(4).serves);
            world.crash(4);
        }
        let lines = format!("{}server.5=h5:1:2;3\n", lines_of(3));
        world.add(5, MemberLines::parse(&lines).expect("lines"));
        world.start(5);
        world.run(40);
        let leader = world.run_until_served();
        propose(&mut world, leader, &[reconfig("server.5=h5:1:2;3", "", -1)]);
        world.run(40);
        lead(&mut world, (5, &[1, 2, 3, 5]));
        assert!(!line_ids(&world, 5).contains(&4));
        world.start(4);
        world.run(60);
        assert!(world.at(4).serves, "it was there before: {was_there}");
        world.check_agreement();
    }
}

// Goal: one server line and no standalone server (standaloneEnabled=false): it begins alone, and grows.
#[test]
fn an_ensemble_of_one_grows_by_a_reconfig() {
    let (mut world, leader) = served(1, 15);
    assert_eq!((leader, line_ids(&world, 1)), (1, vec![1]));
    world.add(2, MemberLines::parse(&lines_of(2)).expect("lines"));
    world.start(2);
    world.run_until_served();
    world.run(20);
    propose(&mut world, 1, &[reconfig("server.2=h2:1:2;3", "", -1)]);
    world.run(20);
    let node = world.node(2).expect("it has joined").raft();
    assert_eq!(world.voters(1), [1, node]);
    assert_eq!(line_ids(&world, 2), [1, 2]);
    world.check_agreement();
}

#[test]
fn a_new_server_is_a_learner_until_a_reconfig_adds_it() {
    let (mut world, leader) = served(3, 10);
    let lines = MemberLines::parse(&lines_of(4)).expect("lines");
    world.add(4, lines);
    world.start(4);
    world.run_until_served();
    world.run(20);
    let node = world.node(4).expect("it has joined").raft();
    assert_eq!(
        (world.voters(leader), world.learners(leader)),
        (vec![1, 2, 3], vec![node])
    );
    world.write(4, None);
    world.run(5);
    assert_eq!(world.acked.len(), 1);
    propose(&mut world, 4, &[reconfig("server.4=h4:1:2;3", "1", -1)]);
    world.run(40);
    let leader = world.leader().expect("three vote");
    assert_eq!(world.voters(leader), [2, 3, node]);
    world.check_agreement();
}

#[test]
fn a_server_that_is_added_before_it_is_there_gets_its_vote_when_it_comes() {
    let (mut world, leader) = served(3, 11);
    propose(&mut world, leader, &[reconfig("server.4=h4:1:2;3", "", -1)]);
    assert_eq!(line_ids(&world, leader), [1, 2, 3, 4]);
    assert_eq!(world.voters(leader), [1, 2, 3]);
    world.add(4, MemberLines::parse(&lines_of(4)).expect("lines"));
    world.start(4);
    world.run_until_served();
    world.run(20);
    let node = world.node(4).expect("it has joined").raft();
    assert_eq!(world.voters(leader), [1, 2, 3, node]);
}

#[test]
fn a_participant_becomes_an_observer_and_an_observer_a_participant() {
    let (mut world, leader) = served(3, 12);
    let other = leader % 3 + 1;
    propose(
        &mut world,
        leader,
        &[reconfig(
            &format!("server.{other}=h{other}:1:2:observer;3"),
            "",
            -1,
        )],
    );
    world.run(20);
    assert_eq!(world.learners(leader), [u64::from(other)]);
    let role = world.at(other).role.map(|(role, _, _)| role);
    assert_eq!(role, Some(zoa_ensemble::Role::Observer));
    propose(
        &mut world,
        leader,
        &[reconfig(
            &format!("server.{other}=h{other}:1:2:participant;3"),
            "",
            -1,
        )],
    );
    world.run(20);
    assert_eq!(world.voters(leader), [1, 2, 3]);
}

// Goal: what the state machine refuses changes nobody; what only the leader knows is refused by it, and logged as refused.
#[test]
fn a_reconfig_that_is_refused_changes_nothing() {
    let (mut world, leader) = served(3, 13);
    propose(&mut world, leader, &[reconfig("", "3", 77)]);
    propose(&mut world, leader, &[reconfig("", "2,3", -1)]);
    assert_eq!(refusals(&world, leader), []);
    let no_quorum = ErrorCode::NewConfigNoQuorum;
    let four: Vec<String> = (4..8)
        .map(|id| format!("server.{id}=h{id}:1:2;3"))
        .collect();
    propose(&mut world, leader, &[reconfig(&four.join(","), "", -1)]);
    assert_eq!(refusals(&world, leader), [no_quorum]);
    let gone = leader % 3 + 1;
    let left = 6 - leader - gone;
    world.crash(gone);
    let none = reconfig("server.4=h4:1:2;3,server.5=h5:1:2;3", &left.to_string(), -1);
    propose(&mut world, leader, &[none]);
    assert_eq!(refusals(&world, leader), [no_quorum, no_quorum]);
    assert_eq!(world.voters(leader), [1, 2, 3]);
    assert_eq!(line_ids(&world, leader), [1, 2, 3]);
}

// Goal: who is there and has everything is never said not to be, at whatever moment somebody asks.
#[test]
fn a_reconfig_is_refused_for_want_of_a_quorum_only_when_there_is_none() {
    let (mut world, leader) = served(3, 15);
    for _ in 0..60 {
        world.event(leader, Event::Propose(vec![reconfig("", "9", -1)]));
        world.pump();
        // Time passes, and answers to heartbeats are on their way.
        world.settle();
        world.now_ms += TICK_MS;
        world.tick(leader);
    }
    world.run(5);
    assert_eq!(refusals(&world, leader), []);
}

#[test]
fn a_second_reconfig_while_one_is_under_way_is_refused_and_writes_around_them_keep_their_order() {
    let (mut world, leader) = served(3, 14);
    let out = (leader % 3 + 1).to_string();
    let batch = [
        txn(leader, 0, Settings::NONE, "one"),
        reconfig("", &out, -1),
        txn(leader, 0, Settings::NONE, "two"),
        reconfig("", &out, -1),
        txn(leader, 0, Settings::NONE, "three"),
    ];
    propose(&mut world, leader, &batch);
    assert_eq!(refusals(&world, leader), [ErrorCode::ReconfigInProgress]);
    assert_eq!(world.at(leader).machine.writes(), ["one", "two", "three"]);
    world.run(10);
    assert_eq!(world.voters(leader).len(), 2);
}

#[test]
fn a_dead_server_is_replaced_by_one_with_another_id() {
    let (mut world, leader) = served(3, 15);
    let dead = leader % 3 + 1;
    world.crash(dead);
    world.add(4, MemberLines::parse(&lines_of(4)).expect("lines"));
    world.start(4);
    world.run(60);
    propose(
        &mut world,
        leader,
        &[reconfig("server.4=h4:1:2;3", &dead.to_string(), -1)],
    );
    world.run(40);
    let node = world.node(4).expect("it has joined").raft();
    assert!(
        world.voters(leader).contains(&node) && !world.voters(leader).contains(&u64::from(dead))
    );
    assert_eq!(world.learners(leader), [u64::from(dead)]);
}

#[test]
fn a_learner_that_no_line_names_is_taken_out_after_stranger_gone_ms_max() {
    let (mut world, leader) = served(3, 16);
    world.add(4, MemberLines::parse(&lines_of(4)).expect("lines"));
    world.start(4);
    world.run_until_served();
    world.run(20);
    world.crash(4);
    world.run(5);
    let pass = |world: &mut World, ms: u64| {
        // Nothing else happens meanwhile, so that long steps are as good as short ones.
        for _ in 0..ms / (2 * TICK_MS) {
            world.now_ms += 2 * TICK_MS;
            world.ids().into_iter().for_each(|id| world.tick(id));
            world.settle();
        }
    };
    pass(&mut world, STRANGER_GONE_MS_MAX - 1_000);
    assert_eq!(world.learners(leader).len(), 1);
    pass(&mut world, 2_000);
    assert!(world.learners(leader).is_empty());
}

#[test]
fn a_learner_more_than_caught_up_entries_max_behind_gets_no_vote() {
    let (mut world, leader) = served(3, 17);
    let victim = leader % 3 + 1;
    world.crash(victim);
    world.wipe(victim);
    world.run(40);
    world.start(victim);
    // It is connected, and takes nothing.
    world.connect_all();
    for _ in 0..4_000 {
        world.ids().into_iter().for_each(|id| {
            world.save(id);
            world.sync(id, usize::MAX);
        });
        let is_there = world
            .node(victim)
            .is_some_and(|node| world.learners(leader).contains(&node.raft()));
        if is_there {
            break;
        }
        world.connect_all();
        let links: Vec<u64> = world.wires.keys().copied().collect();
        links.into_iter().for_each(|link| world.deliver(link));
        world.now_ms += TICK_MS;
        world.ids().into_iter().for_each(|id| world.tick(id));
        if world.at(leader).wants_snapshot {
            world.snapshot(leader, 0);
        }
    }
    let node = world.node(victim).expect("it is a learner").raft();
    let count = usize::try_from(CAUGHT_UP_ENTRIES_MAX).expect("it is small") + 10;
    let batch: Vec<Bytes> = (0..count).map(|_| Bytes::from_static(b"much")).collect();
    world.cuts.insert((leader, victim));
    world.event(leader, Event::Propose(batch));
    world.run(20);
    assert_eq!(world.learners(leader), [node], "it is behind");
    world.cuts.clear();
    world.run(60);
    assert!(world.voters(leader).contains(&node));
}

// Goal: two machines with one myid do not push each other out.
#[test]
fn an_id_is_not_replaced_while_its_server_is_heard_of() {
    let (mut world, leader) = served(3, 18);
    let twin = NodeId::joining(PeerId(leader % 3 + 1), [7; 6]);
    let victim = twin.myid().0;
    let old = world.at(victim).identity.clone().expect("it runs");
    let cluster = old.state.cluster().expect("it is a member");
    let hello = zoa_ensemble::Hello {
        state: zoa_ensemble::HelloState::Joining {
            cluster,
            node: twin,
        },
        ..old.hello(PeerId(leader), zoa_ensemble::Purpose::Messages)
    };
    let epoch = world.at(leader).identity.as_ref().map_or(0, |it| it.epoch);
    for (link, direction) in [
        (1_000_001, zoa_ensemble::Direction::Outgoing),
        (1_000_002, zoa_ensemble::Direction::Incoming),
    ] {
        world.event(
            leader,
            Event::LinkUp {
                link: zoa_ensemble::LinkId(link),
                peer: twin.myid(),
                direction,
                hello: hello.clone(),
                epoch,
            },
        );
    }
    for _ in 0..4 {
        world.now_ms += TICK_MS;
        world.tick(leader);
    }
    assert!(world.learners(leader).is_empty());
}

fn ticks(ms: u64) -> usize {
    usize::try_from(ms / TICK_MS).expect("a test runs some ticks")
}

fn other_lines(world: &World, id: u8) -> Vec<&OtherLines> {
    let notices = world.at(id).notices.iter();
    let differences = notices.filter_map(|notice| match notice {
        Notice::OtherLines(difference) => Some(difference),
        _ => None,
    });
    differences.collect()
}

// Goal: whoever grows an ensemble by new lines in zoo.cfg and restarts is told that nobody got a vote, and the command he is told to type
// gives it to them. After that nothing is said, as before any of it.
#[test]
fn other_servers_in_zoo_cfg_are_named_with_the_command_that_makes_it_so() {
    let (mut world, _) = served(3, 71);
    world.run(ticks(NOTICE_PERIOD_MS) + 10);
    assert!((1..=3).all(|id| other_lines(&world, id).is_empty()));
    let lines = MemberLines::parse(&lines_of(5)).expect("lines");
    (4..=5).for_each(|id| world.add(id, lines.clone()));
    for id in 1..=5 {
        if world.is_up(id) {
            world.crash(id);
        }
        world.server(id).lines = lines.clone();
        world.start(id);
        world.run_until_served();
    }
    world.run(ticks(NOTICE_PERIOD_MS) + 10);
    for id in 1..=5 {
        let [difference] = other_lines(&world, id)[..] else {
            panic!("server {id} says it once");
        };
        assert_eq!(difference.only_here, [PeerId(4), PeerId(5)]);
    }
    let leader = world.leader().expect("it is served");
    assert_eq!(world.voters(leader), [1, 2, 3]);
    let command = other_lines(&world, leader)[0].command.clone();
    let joining = command.strip_prefix("reconfig -add ").expect("they join");
    let joining = joining.replace("<its clientPort>", "2181");
    propose(&mut world, leader, &[reconfig(&joining, "", -1)]);
    world.run(40);
    let leader = world.leader().expect("it is served");
    assert_eq!(world.voters(leader).len(), 5);
    world.run(ticks(NOTICE_PERIOD_MS) + 10);
    assert!((1..=5).all(|id| other_lines(&world, id).len() == 1));
}

// Goal: OTHER_LINES_PERIOD_MS.
#[test]
fn servers_that_zoo_cfg_no_longer_names_are_told_of_rarely() {
    let (mut world, _) = served(3, 72);
    let lines = MemberLines::parse(&lines_of(2)).expect("lines");
    world.crash(1);
    world.server(1).lines = lines;
    world.start(1);
    world.run_until_served();
    world.run(ticks(NOTICE_PERIOD_MS) + 10);
    let found = other_lines(&world, 1);
    assert_eq!((found.len(), &found[0].only_there), (1, &vec![PeerId(3)]));
    assert_eq!(found[0].command, "reconfig -remove 3");
    let one_before = ticks(OTHER_LINES_PERIOD_MS) - 100;
    skip(&mut world, one_before);
    assert_eq!(other_lines(&world, 1).len(), 1);
    world.run(120);
    assert_eq!(other_lines(&world, 1).len(), 2);
}

/// Time passes for all at once, with nothing to do but to hear of each other now and then.
fn skip(world: &mut World, ticks: usize) {
    let step_ms = 50 * TICK_MS;
    for _ in 0..ticks / 50 {
        world.now_ms += step_ms - TICK_MS;
        world.run(1);
    }
}
