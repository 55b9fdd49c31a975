//! The servers of an ensemble, and one server alone.

use std::collections::BTreeMap;

use zoa_proto::Zxid;

use super::Case;
use super::DATA;
use super::LIMITS;
use super::THREE;
use super::on;
use super::on_port;
use super::three_and;
use crate::config::PeerType;

#[test]
fn one_server_line_is_one_server_alone() {
    // As the official container image writes it: the client port stands in the server line only.
    let docker = "dataDir=/data\nserver.1=localhost:2888:3888;2181\n";
    for case in [Case::new(docker).my_id("1\n"), Case::new(docker)] {
        let config = case.config();
        assert_eq!(config.client, on_port(2181));
        assert!(!config.ensemble.is_distributed());
        assert_eq!(case.check(), Ok(()));
    }
    let both = "dataDir=/data\nclientPort=2182\nserver.1=localhost:2888:3888;2181\n";
    assert_eq!(
        Case::new(both).my_id("1").errors(),
        [
            "conf/zoo.cfg: clientPort says *:2182, but this server's server.N line says *:2181: take one of them out"
        ]
    );
    let agreed = "dataDir=/data\nclientPort=2181\nserver.1=localhost:2888:3888;10.0.0.1:2181\n";
    assert_eq!(
        Case::new(agreed).my_id("1").config().client,
        on("10.0.0.1", 2181)
    );
}

#[test]
fn an_ensemble_is_understood_and_told_in_the_form_of_the_replicated_state() {
    let text = three_and("server.4=d:2888:3888:observer\n");
    let case = Case::plain_and(&text).my_id("4");
    let config = case.config();
    assert!(config.ensemble.is_distributed());
    assert_eq!(config.ensemble.participants().count(), 3);
    assert_eq!(config.ensemble.my_id, Some(4));
    assert_eq!(
        config.ensemble.peer_type,
        PeerType::Observer,
        "the server line wins"
    );
    assert_eq!(case.check(), Ok(()));
    let lines = config.ensemble.lines().expect("they are few");
    let expected = "server.1=a:2888:3888:participant\nserver.2=b:2888:3888:participant\n\
                    server.3=c:2888:3888:participant\nserver.4=d:2888:3888:observer\n";
    assert_eq!(lines.servers_text(), expected);
    let odd = "server.1=[::1]:1:2|b:3:4;2181\nserver.2=c:1:2;[::]:2181;d:2281\n";
    let config = Case::plain_and(&format!("{LIMITS}{odd}"))
        .my_id("2")
        .config();
    assert_eq!(
        config
            .ensemble
            .lines()
            .expect("they are few")
            .servers_text(),
        "server.1=[::1]:1:2|b:3:4:participant;0.0.0.0:2181\nserver.2=c:1:2:participant;[::]:2181;d:2281\n"
    );
}

#[test]
fn an_ensemble_needs_its_limits_and_its_id() {
    assert_eq!(
        Case::plain_and(THREE).errors(),
        [
            "conf/zoo.cfg: initLimit is missing: expected initLimit=ticks that a server may take to join its leader, such as 10",
            "conf/zoo.cfg: syncLimit is missing: expected syncLimit=ticks that a server may be behind its leader, such as 5",
            "conf/zoo.cfg: the file myid is missing in dataDir: it holds the N of this server's server.N line",
        ]
    );
    let limits = three_and("");
    assert_eq!(
        Case::plain_and(&limits).my_id("7").errors(),
        ["conf/zoo.cfg: the file myid says 7, but there is no line server.7"]
    );
    assert_eq!(
        Case::plain_and(&limits).my_id("one").errors(),
        ["/data/myid:1: myid=one: expected a whole number of this server's id from 0 to 255"]
    );
}

#[test]
fn servers_that_make_no_ensemble_are_refused() {
    assert_eq!(
        Case::plain_and("standaloneEnabled=false").errors(),
        ["conf/zoo.cfg: standaloneEnabled=false needs a server.N line for each server"]
    );
    let observers =
        "conf/zoo.cfg: observers need servers to observe: name participants in server.N lines";
    assert_eq!(
        Case::plain_and("server.1=a:1:2:observer").errors(),
        [observers]
    );
    assert_eq!(
        Case::plain_and("server.1=a:1:2\nserver.2=b:1:2:observer").errors(),
        [observers]
    );
    let line = Case::plain_and("server.1=localhost:2888").errors();
    assert_eq!(
        line,
        [
            "conf/zoo.cfg:3: server.1=localhost:2888: expected host:quorumPort:electionPort, then perhaps :participant or :observer, then perhaps ;clientPort or ;host:clientPort"
        ]
    );
    let id = Case::plain_and("server.x=localhost:2888:3888").errors();
    assert_eq!(
        id,
        [
            "conf/zoo.cfg:3: server.x=localhost:2888:3888: expected the id of a server to be a whole number from 0 to 255"
        ]
    );
}

#[test]
fn groups_and_weights_are_read() {
    let text = three_and("group.1=1:2:3\nweight.2=0\n");
    let ensemble = Case::plain_and(&text).my_id("1").config().ensemble;
    assert_eq!(ensemble.groups, BTreeMap::from([(1, vec![1, 2, 3])]));
    assert_eq!(ensemble.weights, BTreeMap::from([(2, 0)]));
}

#[test]
fn servers_may_stand_in_a_file_of_their_own() {
    let named = format!("{DATA}{LIMITS}dynamicConfigFile=/conf/dynamic\n");
    let dynamic = "server.1=a:2888:3888;2181\nserver.2=b:2888:3888;2181\n";
    let case = Case::new(&named).my_id("1").file("/conf/dynamic", dynamic);
    let config = case.config();
    assert_eq!(config.ensemble.servers.len(), 2);
    assert_eq!(config.client, on_port(2181));
    assert_eq!(config.ensemble.version, Zxid::ZERO);
    let versioned = named.replace("/conf/dynamic", "/conf/zoo.cfg.dynamic.1a0000000f");
    let case = Case::new(&versioned).my_id("1");
    let case = case.file("/conf/zoo.cfg.dynamic.1a0000000f", dynamic);
    let lines = case.config().ensemble.lines();
    assert_eq!(lines.map(|lines| lines.version()), Ok(Zxid(0x1a_0000_000f)));
    let twice = Case::new(&format!("{named}server.3=c:1:2\n")).file("/conf/dynamic", dynamic);
    assert_eq!(
        twice.errors(),
        ["conf/zoo.cfg:5: server.3 must stand in the file that dynamicConfigFile names"]
    );
    let odd = Case::new(&named).file("/conf/dynamic", "tickTime=1\n");
    assert_eq!(
        odd.errors(),
        ["/conf/dynamic:1: tickTime cannot stand here, only server, group and weight can"]
    );
    let absent = Case::new(&named);
    assert_eq!(
        absent.errors(),
        ["/conf/dynamic: cannot be read: entity not found"]
    );
}

#[test]
fn the_id_255_and_znodes_with_a_time_to_live_do_not_go_together() {
    let both = Case::plain_and("extendedTypesEnabled=true").my_id("255");
    assert_eq!(
        both.errors(),
        [
            "conf/zoo.cfg: the file myid says 255, but with extendedTypesEnabled=true ids go up to 254: ephemeral znodes of this \
             server's clients would look as if they had a time to live. Give this server another id"
        ]
    );
    let config = Case::plain_and("extendedTypesEnabled=true").my_id("254");
    assert_eq!(config.config().ensemble.my_id, Some(254));
    let config = Case::plain_and("").my_id("255").config();
    assert_eq!(config.ensemble.my_id, Some(255));
}
