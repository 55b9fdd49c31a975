//! Containers and znodes with a time to live, against the reference, sections 2.3 and 2.4.

use super::Bench;
use super::create;
use super::delete;
use super::set;
use crate::applied::Asked;
use crate::op::Acl;
use crate::op::Answer;
use crate::op::Op;
use crate::op::code;
use crate::op::flag;

fn container(path: &str) -> Op {
    Op::CreateContainer {
        path: path.to_owned(),
        data: None,
        acl: Acl::open(),
        flags: flag::CONTAINER,
    }
}

fn with_ttl(path: &str, flags: i32, ttl_ms: i64) -> Op {
    Op::CreateTtl {
        path: path.to_owned(),
        data: None,
        acl: Acl::open(),
        flags,
        ttl_ms,
    }
}

/// Each entry of the bench comes a second after the one before.
fn reap(bench: &mut Bench, path: &str) -> Result<Answer, i32> {
    let asked = Asked::Reap {
        path: path.to_owned(),
        never_used_ms_max: 3_000,
    };
    let step = bench.entry(0, 0, asked);
    assert!(step.took_zxid);
    step.outcome
}

#[test]
fn a_container_goes_when_its_last_child_is_gone() {
    let mut bench = Bench::new();
    bench.write(container("/box"));
    assert_eq!(bench.stat("/box").ephemeral_owner, 0);
    bench.write(create("/box/a"));
    assert_eq!(reap(&mut bench, "/box"), Err(code::NOT_EMPTY));
    bench.write(delete("/box/a"));
    assert_eq!(reap(&mut bench, "/box"), Ok(Answer::Done));
    assert_eq!(reap(&mut bench, "/box"), Err(code::NO_NODE));
}

#[test]
fn a_container_that_was_never_used_has_a_while() {
    let mut bench = Bench::new();
    bench.write(container("/box"));
    for _ in 0..3 {
        assert_eq!(reap(&mut bench, "/box"), Err(code::BAD_VERSION));
    }
    assert_eq!(reap(&mut bench, "/box"), Ok(Answer::Done));
}

#[test]
fn a_time_to_live_begins_anew_with_each_change() {
    let mut bench = Bench::new();
    bench.write(with_ttl("/a", flag::PERSISTENT_WITH_TTL, 1_500));
    bench.write(set("/a", -1));
    assert_eq!(reap(&mut bench, "/a"), Err(code::BAD_VERSION));
    assert_eq!(reap(&mut bench, "/a"), Ok(Answer::Done));
}

#[test]
fn what_stays_is_not_taken_and_what_is_no_time_to_live_is_refused() {
    let mut bench = Bench::new();
    bench.write(create("/a"));
    assert_eq!(reap(&mut bench, "/a"), Err(code::BAD_VERSION));
    for (flags, ttl_ms) in [(0, 10), (5, 0), (5, 1 << 40), (77, 1)] {
        let step = bench.write(with_ttl("/b", flags, ttl_ms));
        assert_eq!(step.outcome, Err(code::BAD_ARGUMENTS), "{flags} {ttl_ms}");
    }
    let numbered = with_ttl("/c-", flag::PERSISTENT_SEQUENTIAL_WITH_TTL, 10);
    let Ok(Answer::PathStat(path, _)) = bench.write(numbered).outcome else {
        panic!("it is created");
    };
    assert_eq!(path, "/c-0000000001");
}
