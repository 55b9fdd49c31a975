//! The four-letter words.

use zoa_core::EnsembleGauges;
use zoa_core::Gauges;
use zoa_core::Role;
use zoa_core::Serving;
use zoa_core::WordList;
use zoa_proto::Request;
use zoa_proto::request;

use crate::world::World;

fn ask(world: &mut World, word: &str) -> String {
    let mut client = world.dial();
    world.send(&mut client, word.as_bytes());
    assert!(
        client.ended,
        "{word}: the connection closes after the answer"
    );
    client.take_text()
}

#[test]
fn a_word_that_is_not_whitelisted_says_so() {
    let mut world = World::with(|config| config.words = WordList::Only(vec!["ruok".to_owned()]));
    assert_eq!(ask(&mut world, "ruok"), "imok");
    assert_eq!(
        ask(&mut world, "mntr"),
        "mntr is not executed because it is not in the whitelist.\n"
    );
    assert!(
        ask(&mut world, "srvr").starts_with("Zookeeper version: 3.9.5-zoarium-"),
        "srvr is always there"
    );
}

#[test]
fn srvr_has_the_lines_that_scripts_look_for() {
    let mut world = World::new();
    let _client = world.connect();
    let text = ask(&mut world, "srvr");
    for line in [
        "Latency min/avg/max: 0/0.0/0",
        "Connections: 2",
        "Outstanding: 0",
        "Zxid: 0x100000001",
        "Mode: standalone",
        "Node count: 5",
    ] {
        assert!(
            text.lines().any(|it| it == line),
            "{line} is missing in\n{text}"
        );
    }
}

#[test]
fn every_word_is_answered() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/eph", 1);
    assert!(ask(&mut world, "cons").contains("lop=CREA"));
    for word in [
        "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr", "ruok",
        "srst", "srvr", "stat", "wchc", "wchp", "wchs",
    ] {
        assert!(!ask(&mut world, word).is_empty(), "{word}");
    }
    assert_eq!(ask(&mut world, "stmk\0\0\0\0\0\0\0\0"), "0");
    assert!(ask(&mut world, "dump").contains("\t/eph"));
    assert!(
        ask(&mut world, "mntr")
            .lines()
            .any(|line| line == "zk_ephemerals_count\t1")
    );
}

#[test]
fn cons_tells_of_each_connection_what_the_original_tells() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/a", 0);
    let text = ask(&mut world, "cons");
    let line = text.lines().find(|line| line.contains("sid=")).expect("it");
    for part in [
        " /127.0.0.1:40000[1](queued=0,recved=1,sent=2,sid=0x1",
        ",lop=CREA,est=1700000000000,to=10000,lcxid=0x1,lzxid=0x100000002,lresp=1000,llat=0,minlat=0,avglat=0,maxlat=0)",
    ] {
        assert!(line.contains(part), "{part} is missing in\n{line}");
    }
    let ping = crate::world::raw(zoa_proto::OpCode::Ping, -2, &[]);
    world.send(&mut client, &ping);
    let text = ask(&mut world, "cons");
    assert!(text.contains("lop=PING"), "{text}");
    assert!(!text.contains("lcxid"), "{text}");
}

#[test]
fn packets_are_counted_both_ways() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/a", 0);
    let text = ask(&mut world, "srvr");
    assert!(text.contains("\nReceived: 1\nSent: 2\n"), "{text}");
    ask(&mut world, "srst");
    let text = ask(&mut world, "srvr");
    assert!(text.contains("\nReceived: 0\nSent: 0\n"), "{text}");
}

#[test]
fn dump_lists_sessions_by_when_they_expire() {
    let mut world = World::new();
    let mut client = world.connect();
    world.create(&mut client, "/eph", 1);
    let text = ask(&mut world, "dump");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "SessionTracker dump:");
    assert_eq!(lines[1], "Session Sets (1)/(1):");
    assert_eq!(lines[2], "1 expire at Tue Nov 14 22:13:31 UTC 2023:");
    assert!(lines[3].starts_with("\t0x1"), "{text}");
    assert_eq!(lines[4], "ephemeral nodes dump:");
    assert_eq!(lines[5], "Sessions with Ephemerals (1):");
    assert_eq!(lines[6], format!("{}:", lines[3].trim_start()));
    assert_eq!(lines[7], "\t/eph");
    assert_eq!(lines[8], "Connections dump:");
    // Who asks has a connection and no session, and would be ended soon.
    assert_eq!(lines[9], "Connections Sets (2)/(2):");
    assert_eq!(lines[10], "1 expire at Tue Nov 14 22:13:21 UTC 2023:");
    assert!(lines[11].ends_with(" sessionId: 0x0"), "{text}");
    assert_eq!(lines[12], "1 expire at Tue Nov 14 22:13:31 UTC 2023:");
    let session = lines[3].trim_start();
    assert_eq!(
        lines[13],
        format!("\tip: /127.0.0.1:40000 sessionId: {session}")
    );
}

#[test]
fn mntr_has_summaries_of_watches_and_percentiles_of_latencies() {
    let mut world = World::new();
    let mut clients = [world.connect(), world.connect()];
    world.create(&mut clients[0], "/a", 0);
    for client in &mut clients {
        world.request(client, &crate::world::get_data("/a", true));
    }
    world.request(&mut clients[0], &crate::world::set_data("/a", b"new"));
    world.now.mono_ms += 20;
    world.commit_all();
    let text = ask(&mut world, "mntr");
    for line in [
        "zk_sum_node_changed_watch_count\t2",
        "zk_cnt_node_changed_watch_count\t1",
        "zk_avg_node_changed_watch_count\t2.0",
        "zk_max_updatelatency\t20",
        "zk_p99_updatelatency\t20",
        "zk_p50_readlatency\t0",
        "zk_cnt_fsynctime\t0",
        "zk_cnt_snapshottime\t0",
        "zk_max_latency\t20",
    ] {
        assert!(
            text.lines().any(|it| it == line),
            "{line} is missing in\n{text}"
        );
    }
}

/// Keys with a value of their own.
const MNTR_VALUES: &[&str] = &[
    "approximate_data_size",
    "auth_failed_count",
    "avg_latency",
    "bytes_received_count",
    "commit_count",
    "connection_rejected",
    "connection_request_count",
    "ephemerals_count",
    "global_sessions",
    "last_client_response_size",
    "learner_commit_received_count",
    "learner_proposal_received_count",
    "local_sessions",
    "looking_count",
    "max_client_response_size",
    "max_file_descriptor_count",
    "max_latency",
    "min_client_response_size",
    "min_latency",
    "num_alive_connections",
    "open_file_descriptor_count",
    "outstanding_requests",
    "packets_received",
    "packets_sent",
    "proposal_count",
    "response_bytes",
    "server_state",
    "sessionless_connections_expired",
    "snap_count",
    "snapshot_error_count",
    "stale_sessions_expired",
    "uptime",
    "version",
    "watch_bytes",
    "watch_count",
    "znode_count",
];

/// Keys that come with avg, min, max, cnt and sum.
const MNTR_SUMMARIES: &[&str] = &[
    "dbinittime",
    "election_time",
    "fsynctime",
    "leader_unavailable_time",
    "node_changed_watch_count",
    "node_children_watch_count",
    "node_created_watch_count",
    "node_deleted_watch_count",
    "readlatency",
    "snapshottime",
    "startup_snap_load_time",
    "startup_txns_load_time",
    "startup_txns_loaded",
    "sync_processor_batch_size",
    "unavailable_time",
    "updatelatency",
];

/// Of these, those that come with percentiles, too.
const MNTR_LATENCIES: &[&str] = &["readlatency", "updatelatency"];

/// Goal: no key is lost, and none appears that nobody decided on. What the original prints beyond these is of its inside, of an ensemble, or
/// of what is not served yet.
#[test]
fn mntr_has_these_keys_and_no_others() {
    let mut expected: Vec<String> = MNTR_VALUES.iter().map(|key| format!("zk_{key}")).collect();
    let mut add = |prefixes: &[&str], names: &[&str]| {
        for name in names {
            expected.extend(prefixes.iter().map(|prefix| format!("zk_{prefix}_{name}")));
        }
    };
    add(&["avg", "min", "max", "cnt", "sum"], MNTR_SUMMARIES);
    add(&["p50", "p95", "p99", "p999"], MNTR_LATENCIES);
    expected.sort();
    let text = ask(&mut World::new(), "mntr");
    let mut keys: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split('\t').next())
        .collect();
    assert_eq!(keys[..2], ["zk_version", "zk_server_state"], "as it begins");
    keys.sort_unstable();
    assert_eq!(keys, expected);
}

#[test]
fn mntr_tells_lengths_of_replies_and_what_is_watched_as_the_original_does() {
    let mut world = World::new();
    let has = |world: &mut World, lines: &[&str]| {
        let text = ask(world, "mntr");
        for line in lines {
            assert!(
                text.lines().any(|it| it == *line),
                "{line} is missing in\n{text}"
            );
        }
    };
    has(
        &mut world,
        &[
            "zk_last_client_response_size\t-1",
            "zk_max_file_descriptor_count\t-1",
            "zk_watch_count\t0",
        ],
    );
    let mut client = world.connect();
    world.create(&mut client, "/a", 0);
    let get = world.request(&mut client, &crate::world::get_data("/a", true));
    client.reply(get);
    let list = Request::GetChildren(request::GetChildren {
        path: "/a",
        watch: true,
    });
    let list = world.request(&mut client, &list);
    client.reply(list);
    // Header and, of the create, a path; of getData, data and a stat; of getChildren, a count.
    has(
        &mut world,
        &[
            "zk_last_client_response_size\t24",
            "zk_max_client_response_size\t96",
            "zk_min_client_response_size\t24",
            "zk_response_bytes\t146",
            "zk_watch_bytes\t0",
            "zk_watch_count\t2",
        ],
    );
    world.request(&mut client, &crate::world::set_data("/a", b"new"));
    world.commit_all();
    client.flush();
    has(&mut world, &["zk_watch_bytes\t34", "zk_watch_count\t1"]);
}

/// Whether the answer to a word has this line.
fn has_line(world: &mut World, word: &str, line: &str) {
    let text = ask(world, word);
    assert!(
        text.lines().any(|it| it == line),
        "{word}: {line} is missing in\n{text}"
    );
}

#[test]
fn a_server_of_an_ensemble_says_what_it_is() {
    let mut world = World::new();
    for (role, mode, state) in [
        (Role::Leader, "leader", "leading - broadcast"),
        (Role::Follower, "follower", "following - broadcast"),
        (Role::Observer, "observer", "observing - broadcast"),
    ] {
        world.core.set_role(role);
        has_line(&mut world, "srvr", &format!("Mode: {mode}"));
        has_line(&mut world, "stat", &format!("Mode: {mode}"));
        has_line(&mut world, "mntr", &format!("zk_server_state\t{mode}"));
        has_line(&mut world, "mntr", &format!("zk_peer_state\t{state}"));
        has_line(&mut world, "mntr", "zk_quorum_size\t0");
    }
    world.core.set_role(Role::Standalone);
    assert!(!ask(&mut world, "mntr").contains("zk_quorum_size"));
    assert!(!ask(&mut world, "srvr").contains("Proposal sizes"));
}

#[test]
fn a_leader_tells_of_its_followers_and_its_proposals() {
    let mut world = World::with(|config| {
        config.facts.gauges = Box::new(|| Gauges {
            ensemble: Some(EnsembleGauges {
                quorum_size: 3,
                learners: 4,
                synced_followers: 2,
                synced_non_voting_followers: 1,
                synced_observers: 1,
                pending_syncs: 5,
                leader_uptime_ms: 77,
            }),
            ..Gauges::default()
        });
    });
    world.core.set_role(Role::Leader);
    has_line(&mut world, "mntr", "zk_last_proposal_size\t-1");
    has_line(&mut world, "srvr", "Proposal sizes last/min/max: -1/-1/-1");
    let mut client = world.dial();
    world.send_connect(&mut client);
    let len = world.proposed_bytes();
    world.commit_all();
    for line in [
        "zk_quorum_size\t3",
        "zk_learners\t4",
        "zk_synced_followers\t2",
        "zk_synced_non_voting_followers\t1",
        "zk_synced_observers\t1",
        "zk_pending_syncs\t5",
        "zk_leader_uptime\t77",
        &format!("zk_last_proposal_size\t{len}"),
        &format!("zk_max_proposal_size\t{len}"),
    ] {
        has_line(&mut world, "mntr", line);
    }
    let sizes = format!("Proposal sizes last/min/max: {len}/{len}/{len}");
    has_line(&mut world, "srvr", &sizes);
}

#[test]
fn who_serves_nobody_says_so_and_lives() {
    let mut world = World::new();
    world.core.set_serving(Serving::No);
    let silent = "This ZooKeeper instance is not currently serving requests";
    for word in [
        "srvr", "stat", "mntr", "conf", "cons", "dump", "wchs", "dirs",
    ] {
        assert_eq!(ask(&mut world, word), format!("{silent}\n"), "{word}");
    }
    assert_eq!(ask(&mut world, "hash"), silent);
    assert_eq!(ask(&mut world, "isro"), "null");
    assert_eq!(ask(&mut world, "ruok"), "imok");
    assert!(ask(&mut world, "envi").starts_with("Environment:"));
    world.core.set_serving(Serving::Full);
    assert_eq!(ask(&mut world, "isro"), "rw");
}

#[test]
fn the_configuration_shows_the_servers_and_a_follower_its_sessions() {
    let mut world = World::new();
    let _client = world.connect();
    assert!(!ask(&mut world, "conf").contains("membership"));
    world.found("server.1=a:1:2;3\nserver.2=b:1:2;3");
    let conf = ask(&mut world, "conf");
    let expected = "membership: \nserver.1=a:1:2:participant;0.0.0.0:3\n\
                    server.2=b:1:2:participant;0.0.0.0:3\nversion=0";
    assert!(conf.ends_with(expected), "{conf}");
    assert!(ask(&mut world, "dump").starts_with("SessionTracker dump:\n"));
    world.core.set_role(Role::Follower);
    let dump = ask(&mut world, "dump");
    let begins = "SessionTracker dump:\nGlobal Sessions(1):\n0x1";
    assert!(dump.starts_with(begins), "{dump}");
    assert!(dump.lines().nth(2).is_some_and(|line| line.ends_with("ms")));
}
