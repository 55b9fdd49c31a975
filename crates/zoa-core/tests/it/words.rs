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
