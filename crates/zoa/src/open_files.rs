//! Room for connections: each is an open file, and so are the segments of the log, without which the server must stop.
//!
//! The system's soft limit on open files is raised as far as `maxCnxns` asks for; what the hard limit still forbids are connections,
//! never files of the log.
//!
//! Invariant: so many files may be open as connections are taken, and `FILES_RESERVED` more (G-22).

use rustix::process::Resource;
use rustix::process::Rlimit;

use crate::limits::FILES_RESERVED;

/// How many connections may be taken, when `asked` are (0 is no limit). Warns when it is fewer.
pub(crate) fn connections_max(asked: u32) -> usize {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = raised(&limit, asked);
    let current = match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit on open files");
            limit.current
        }
    };
    let room = room(current);
    let asked = usize::try_from(asked).unwrap_or(usize::MAX);
    if asked > room {
        tracing::warn!(
            "maxCnxns is {asked}, but the system allows this process so few open files that {room} connections are taken: \
             raise the limit (ulimit -Hn, LimitNOFILE)"
        );
    }
    if asked == 0 { room } else { asked.min(room) }
}

/// The soft limit that `asked` connections need, as far as the hard one goes; never a lower one than there is.
fn raised(limit: &Rlimit, asked: u32) -> Rlimit {
    let needed = match asked {
        0 => limit.maximum,
        _ => Some(u64::from(asked) + FILES_RESERVED),
    };
    let allowed = match (needed, limit.maximum) {
        (Some(needed), Some(maximum)) => Some(needed.min(maximum)),
        (needed, None) => needed,
        (None, maximum) => maximum,
    };
    let current = match (limit.current, allowed) {
        (Some(current), Some(allowed)) => Some(current.max(allowed)),
        (None, _) | (_, None) => None,
    };
    Rlimit {
        current,
        maximum: limit.maximum,
    }
}

/// Connections under a soft limit; one at least, since 0 would mean no limit.
fn room(current: Option<u64>) -> usize {
    let left = current.map_or(u64::MAX, |files| files.saturating_sub(FILES_RESERVED));
    usize::try_from(left).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(current: u64, maximum: u64) -> Rlimit {
        Rlimit {
            current: Some(current),
            maximum: Some(maximum),
        }
    }

    #[test]
    fn the_soft_limit_goes_up_as_far_as_it_must_and_may() {
        let check = |asked, from, to| assert_eq!(raised(&from, asked), to, "{asked} connections");
        check(10_000, limit(1_024, 1 << 20), limit(10_064, 1 << 20));
        check(10_000, limit(1_024, 4_096), limit(4_096, 4_096));
        check(100, limit(1_024, 4_096), limit(1_024, 4_096));
        check(0, limit(1_024, 4_096), limit(4_096, 4_096));
        let unlimited = Rlimit {
            current: None,
            maximum: None,
        };
        check(100, unlimited, unlimited);
    }

    #[test]
    fn files_of_the_server_are_kept_back() {
        assert_eq!(room(Some(1_024)), 960);
        assert_eq!(room(Some(FILES_RESERVED + 1)), 1);
        assert_eq!(room(Some(10)), 1, "and not 0, which would be no limit");
        assert_eq!(room(None), usize::MAX);
    }
}
