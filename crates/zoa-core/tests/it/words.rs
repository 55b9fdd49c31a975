//! The four-letter words.

use zoa_core::WordList;

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
