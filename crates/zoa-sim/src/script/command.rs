//! The words of scripts.

use zoa_testkit::disk::Persistence;
use zoa_testkit::op::Acl;
use zoa_testkit::op::Blob;
use zoa_testkit::op::Op;
use zoa_testkit::op::flag;
use zoa_testkit::op::perm;
use zoa_testkit::people::PEOPLE;

/// One line of a script.
#[derive(Debug)]
pub(super) enum Command {
    Start,
    Kill,
    Power(Persistence),
    Snapshot,
    /// So many milliseconds pass.
    Pass(u64),
    /// The client asks for a new session.
    Connect {
        client: String,
        timeout_ms: i32,
    },
    /// The client comes back with its session; the old connection stays open.
    Reconnect {
        client: String,
        wrong_password: bool,
    },
    /// The client closes its connections without a word.
    Drop {
        client: String,
    },
    /// The client sends a request on its newest connection, or on its oldest.
    Send {
        client: String,
        op: Op,
        late: bool,
    },
}

/// Reads a line.
pub(super) fn parse(line: &str) -> Command {
    let words: Vec<&str> = line.split_whitespace().collect();
    let word = |position: usize| words.get(position).copied().unwrap_or_default();
    let client = word(1).to_owned();
    match word(0) {
        "start" => Command::Start,
        "kill" => Command::Kill,
        "power" => Command::Power(persistence(word(1))),
        "snapshot" => Command::Snapshot,
        "pass" => Command::Pass(word(1).parse().expect("milliseconds")),
        "connect" => Command::Connect {
            client,
            timeout_ms: word(2).parse().unwrap_or(4_000),
        },
        "reconnect" => Command::Reconnect {
            client,
            wrong_password: word(2) == "wrong-password",
        },
        "drop" => Command::Drop { client },
        "late" => {
            let rest = words.get(1..).unwrap_or_default();
            Command::Send {
                client: word(2).to_owned(),
                op: op(rest),
                late: true,
            }
        }
        _ => Command::Send {
            client,
            op: op(&words),
            late: false,
        },
    }
}

fn persistence(word: &str) -> Persistence {
    match word {
        "nothing" => Persistence::Nothing,
        "all" => Persistence::All,
        "subset" => Persistence::Subset,
        "torn" => Persistence::TornLast,
        other => panic!("no such way to lose power: {other}"),
    }
}

/// `create c1 /a [data] [eph] [seq]` and the like: the word, the client, the path, and more words.
fn op(words: &[&str]) -> Op {
    let word = |position: usize| words.get(position).copied().unwrap_or_default();
    let has = |wanted: &str| words.iter().skip(3).any(|word| *word == wanted);
    let path = word(2).to_owned();
    let version = words
        .iter()
        .find_map(|word| word.strip_prefix('v')?.parse().ok())
        .unwrap_or(-1);
    match word(0) {
        "create" => Op::Create {
            path,
            data: data(words),
            acl: acl(words),
            flags: flags(words),
            with_stat: has("stat"),
        },
        "delete" => Op::Delete { path, version },
        "set" => Op::SetData {
            path,
            data: data(words),
            version,
        },
        "setacl" => Op::SetAcl {
            path,
            acl: acl(words),
            version,
        },
        "check" => Op::Check { path, version },
        "get" => Op::GetData {
            path,
            watch: has("watch"),
        },
        "exists" => Op::Exists {
            path,
            watch: has("watch"),
        },
        "ls" => Op::GetChildren {
            path,
            watch: has("watch"),
            with_stat: has("stat"),
        },
        "getacl" => Op::GetAcl { path },
        "count" => Op::CountDescendants { path },
        "ephemerals" => Op::GetEphemerals { prefix: path },
        "whoami" => Op::WhoAmI,
        "sync" => Op::Sync { path },
        "ping" => Op::Ping,
        "close" => Op::CloseSession,
        "watch" => Op::AddWatch {
            path,
            mode: i32::from(has("recursive")),
        },
        "unwatch" => Op::RemoveWatches { path, kind: 3 },
        "login" => Op::AddAuth {
            scheme: "digest".to_owned(),
            auth: word(2).as_bytes().to_vec(),
        },
        "multi" => Op::Multi(
            words
                .get(2..)
                .unwrap_or_default()
                .split(|word| *word == ";")
                .filter(|part| !part.is_empty())
                .map(part)
                .collect(),
        ),
        other => panic!("no such word: {other}"),
    }
}

/// An operation inside a multi names no client.
fn part(words: &[&str]) -> Op {
    let mut named = vec![words.first().copied().unwrap_or_default(), "-"];
    named.extend(words.get(1..).unwrap_or_default());
    op(&named)
}

fn flags(words: &[&str]) -> i32 {
    match (words.contains(&"eph"), words.contains(&"seq")) {
        (false, false) => flag::PERSISTENT,
        (true, false) => flag::EPHEMERAL,
        (false, true) => flag::PERSISTENT_SEQUENTIAL,
        (true, true) => flag::EPHEMERAL_SEQUENTIAL,
    }
}

/// `=text` is the data.
fn data(words: &[&str]) -> Option<Blob> {
    words
        .iter()
        .find_map(|word| word.strip_prefix('='))
        .map(|text| Blob(text.as_bytes().to_vec()))
}

/// `+alice:rw` gives permissions to a user, `+anyone:r` to everyone; without any, all may do all.
fn acl(words: &[&str]) -> Vec<Acl> {
    let given: Vec<Acl> = words
        .iter()
        .filter_map(|word| entry(word.strip_prefix('+')?))
        .collect();
    if given.is_empty() { Acl::open() } else { given }
}

fn entry(word: &str) -> Option<Acl> {
    let (who, letters) = word.split_once(':')?;
    let bit = |letter| match letter {
        'r' => perm::READ,
        'w' => perm::WRITE,
        'c' => perm::CREATE,
        'd' => perm::DELETE,
        'a' => perm::ADMIN,
        other => panic!("no such permission: {other}"),
    };
    let perms = letters.chars().map(bit).sum();
    if who == "anyone" {
        return Some(Acl::new(perms, "world", "anyone"));
    }
    let person = PEOPLE
        .iter()
        .find(|person| person.login.starts_with(who))
        .expect("a known user");
    Some(Acl::new(perms, "digest", person.digest))
}
