//! Rule: names that must not stand in the code of some crates.
//!
//! A pure crate gets time, random bytes and I/O as arguments, so that the simulator can drive the very code
//! that ships; one `Instant::now()` ends that. Test code may name what it likes, and comments and strings
//! are no code. What a crate may *depend on* is the business of `arrows`.

use super::Finding;
use super::Tree;
use crate::source::Source;
use crate::source::past_matching;

/// The crates that name no runtime, socket, file, clock, random source or thread.
const PURE: [&str; 8] = [
    "zoa-proto",
    "zoa-tree",
    "zoa-core",
    "zoa-log",
    "zoa-raft",
    "zoa-ensemble",
    "zoa-client-core",
    "zoa-recipes",
];

/// The crates in which `unsafe` may stand, each block with its reason.
const UNSAFE_ALLOWED: [&str; 2] = ["crates/zoa-ffi/", "crates/zoa-php/"];

struct Ban {
    name: &'static str,
    instead: &'static str,
}

const PURE_BANS: [Ban; 16] = [
    Ban {
        name: "tokio",
        instead: "return effects and let zoa-server run them",
    },
    Ban {
        name: "std::net",
        instead: "take bytes; addresses are in core::net",
    },
    Ban {
        name: "std::fs",
        instead: "use zoa_log's trait Disk",
    },
    Ban {
        name: "std::thread",
        instead: "be a function of (state, event) that a thread of zoa-server calls",
    },
    Ban {
        name: "std::process",
        instead: "return an error or an effect",
    },
    Ban {
        name: "std::env",
        instead: "take settings as arguments",
    },
    Ban {
        name: "thread::spawn",
        instead: "be a function of (state, event) that a thread of zoa-server calls",
    },
    Ban {
        name: "Instant::now",
        instead: "take the moment as an argument",
    },
    Ban {
        name: "SystemTime",
        instead: "take the time in ms as an argument",
    },
    Ban {
        name: "UNIX_EPOCH",
        instead: "take the time in ms as an argument",
    },
    Ban {
        name: "rand",
        instead: "take random bytes as an argument",
    },
    Ban {
        name: "thread_rng",
        instead: "take random bytes as an argument",
    },
    Ban {
        name: "getrandom",
        instead: "take random bytes as an argument",
    },
    Ban {
        name: "RandomState",
        instead: "key the map with the HashKey passed in",
    },
    Ban {
        name: "std::collections::HashMap",
        instead: "use hashbrown with the HashKey passed in",
    },
    Ban {
        name: "std::collections::HashSet",
        instead: "use hashbrown with the HashKey passed in",
    },
];

/// Modules of std that a grouped import (`use std::{fs, io}`) must not smuggle in.
const GROUPED: [(&str, &[&str]); 2] = [
    ("std::{", &["net", "fs", "thread", "process", "env"]),
    ("std::collections::{", &["HashMap", "HashSet"]),
];

/// The tree knows no connections, watches or frames.
const TREE_BANS: [Ban; 4] = [
    Ban {
        name: "zoa_proto::frame",
        instead: "frames end in zoa-server",
    },
    Ban {
        name: "encode_reply",
        instead: "return an Outcome; zoa-core encodes",
    },
    Ban {
        name: "encode_event",
        instead: "return a Trigger; zoa-core knows who watches",
    },
    Ban {
        name: "WatchedEvent",
        instead: "return a Trigger; zoa-core knows who watches",
    },
];

pub(super) fn check(tree: &Tree, findings: &mut Vec<Finding>) {
    for name in PURE {
        for source in tree.sources_of(name) {
            check_bans(source, ("impure-name", &PURE_BANS), findings);
            check_groups(source, findings);
        }
    }
    for source in tree.sources_of("zoa-tree") {
        check_bans(source, ("layer", &TREE_BANS), findings);
    }
    for source in &tree.sources {
        check_unsafe(source, findings);
    }
}

fn check_bans(source: &Source, (rule, bans): (&'static str, &[Ban]), findings: &mut Vec<Finding>) {
    for ban in bans {
        let found = source
            .find_name(ban.name)
            .into_iter()
            .find(|&at| !source.is_test(at));
        if let Some(at) = found {
            let message = format!("`{}` is banned here: {}", ban.name, ban.instead);
            findings.push(Finding {
                path: source.path.clone(),
                line: source.line_of(at),
                rule,
                message,
            });
        }
    }
}

fn check_groups(source: &Source, findings: &mut Vec<Finding>) {
    for (prefix, banned) in GROUPED {
        for (at, _) in source.code.match_indices(prefix) {
            let open = at + prefix.len() - 1;
            let group = source
                .code
                .get(open..past_matching(&source.code, open))
                .unwrap_or_default();
            let named = |name: &&&str| !crate::source::find_name(group, name).is_empty();
            let Some(name) = banned.iter().find(named).filter(|_| !source.is_test(at)) else {
                continue;
            };
            let message =
                format!("`{name}` of {prefix}...}} is banned here; import one name per line");
            findings.push(Finding {
                path: source.path.clone(),
                line: source.line_of(at),
                rule: "impure-name",
                message,
            });
        }
    }
}

fn check_unsafe(source: &Source, findings: &mut Vec<Finding>) {
    if UNSAFE_ALLOWED
        .iter()
        .any(|folder| source.path.starts_with(folder))
    {
        return;
    }
    let stated = ["unsafe", "allow(unsafe_code)", "expect(unsafe_code"];
    if let Some(at) = stated
        .iter()
        .find_map(|name| source.find_name(name).first().copied())
    {
        let message = "unsafe code lives in zoa-ffi and zoa-php only".to_owned();
        findings.push(Finding {
            path: source.path.clone(),
            line: source.line_of(at),
            rule: "unsafe",
            message,
        });
    }
}
