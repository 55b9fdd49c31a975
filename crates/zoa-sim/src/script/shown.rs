//! What is heard, in words that fit on a line. Times, session ids and passwords are left out: they are no part of a story.

use zoa_testkit::op::Answer;
use zoa_testkit::op::Blob;
use zoa_testkit::op::Event;
use zoa_testkit::op::Outcome;
use zoa_testkit::op::Stat;
use zoa_testkit::op::SubAnswer;
use zoa_testkit::op::code;

pub(super) fn event(event: &Event) -> String {
    format!(
        "event {:?} {} at {}",
        event.kind,
        event.path,
        zxid(event.zxid)
    )
}

pub(super) fn reply(outcome: &Outcome, at: i64) -> String {
    match outcome {
        Ok(found) => format!("{} at {}", answer(found), zxid(at)),
        Err(error) => format!("{} at {}", error_name(*error), zxid(at)),
    }
}

/// As epoch and counter.
fn zxid(zxid: i64) -> String {
    if zxid < 0 {
        "-1".to_owned()
    } else {
        format!("{}.{}", zxid >> 32, zxid & 0xffff_ffff)
    }
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Done => "ok".to_owned(),
        Answer::Path(path) => path.clone(),
        Answer::PathStat(path, found) => format!("{path} {}", stat(found)),
        Answer::Stat(found) => stat(found),
        Answer::Data(found, of) => format!("{} {}", data(found.as_ref()), stat(of)),
        Answer::Acl(list, of) => {
            let entries: Vec<String> = list
                .iter()
                .map(|entry| format!("{}:{}:{}", entry.who.scheme, entry.who.id, entry.perms))
                .collect();
            format!("[{}] {}", entries.join(" "), stat(of))
        }
        Answer::Children(names) | Answer::Ephemerals(names) => format!("[{}]", names.join(" ")),
        Answer::ChildrenStat(names, of) => format!("[{}] {}", names.join(" "), stat(of)),
        Answer::Count(count) => count.to_string(),
        Answer::Identities(list) => {
            let shown: Vec<String> = list
                .iter()
                .map(|one| format!("{}:{}", one.scheme, one.id))
                .collect();
            shown.join(" ")
        }
        Answer::Multi(subs) => subs.iter().map(sub_answer).collect::<Vec<_>>().join("; "),
    }
}

fn sub_answer(sub: &SubAnswer) -> String {
    match sub {
        SubAnswer::Created(path) => path.clone(),
        SubAnswer::CreatedWithStat(path, found) => format!("{path} {}", stat(found)),
        SubAnswer::Deleted => "deleted".to_owned(),
        SubAnswer::DataSet(found) => stat(found),
        SubAnswer::Checked => "checked".to_owned(),
        SubAnswer::Data(found, of) => format!("{} {}", data(found.as_ref()), stat(of)),
        SubAnswer::Children(names) => format!("[{}]", names.join(" ")),
        SubAnswer::Error(error) => error_name(*error),
    }
}

fn data(found: Option<&Blob>) -> String {
    found.map_or_else(
        || "null".to_owned(),
        |blob| format!("{:?}", String::from_utf8_lossy(&blob.0)),
    )
}

/// What a story needs of a stat.
fn stat(stat: &Stat) -> String {
    let mut words = vec![format!("v{}", stat.version)];
    if stat.num_children > 0 || stat.cversion > 0 {
        words.push(format!("c{}", stat.cversion));
    }
    if stat.ephemeral_owner != 0 {
        words.push("eph".to_owned());
    }
    format!(
        "({} m{} p{})",
        words.join(" "),
        zxid(stat.mzxid),
        zxid(stat.pzxid)
    )
}

fn error_name(error: i32) -> String {
    match error {
        0 => "undone",
        code::RUNTIME_INCONSISTENCY => "not tried",
        code::MARSHALLING => "MARSHALLINGERROR",
        code::UNIMPLEMENTED => "UNIMPLEMENTED",
        code::BAD_ARGUMENTS => "BADARGUMENTS",
        code::NO_NODE => "NONODE",
        code::NO_AUTH => "NOAUTH",
        code::BAD_VERSION => "BADVERSION",
        code::NO_CHILDREN_FOR_EPHEMERALS => "NOCHILDRENFOREPHEMERALS",
        code::NODE_EXISTS => "NODEEXISTS",
        code::NOT_EMPTY => "NOTEMPTY",
        code::SESSION_EXPIRED => "SESSIONEXPIRED",
        code::INVALID_ACL => "INVALIDACL",
        code::NO_WATCHER => "NOWATCHER",
        _ => return format!("error {error}"),
    }
    .to_owned()
}
