//! The limit on open files: a bench of 10,000 connections needs as many descriptors.
//!
//! Only the soft limit of this process is raised, up to the hard limit that the system set.

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use rustix::process::Resource;
use rustix::process::Rlimit;

/// Descriptors that the program uses beside its connections: standard streams, epoll, files, the
/// floor's runtime.
const RESERVED: u64 = 64;

/// Makes room for so many connections at once; fails with what to do when the hard limit forbids
/// it.
pub(crate) fn allow_connections(connections: usize) -> Result<()> {
    let needed = u64::try_from(connections)
        .unwrap_or(u64::MAX)
        .saturating_add(RESERVED);
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let Some(raised) = raised(&limit, needed)? else {
        return Ok(());
    };
    rustix::process::setrlimit(Resource::Nofile, raised)
        .with_context(|| format!("cannot raise the limit on open files to {needed}"))
}

/// The limit to set so that `needed` files may be open; `None` when that many may be already.
fn raised(limit: &Rlimit, needed: u64) -> Result<Option<Rlimit>> {
    if limit.current.is_none_or(|current| needed <= current) {
        return Ok(None);
    }
    if let Some(maximum) = limit.maximum
        && maximum < needed
    {
        bail!(
            "{needed} open files are needed, but the hard limit is {maximum}: raise it (ulimit -Hn)"
        );
    }
    Ok(Some(Rlimit {
        current: Some(needed),
        maximum: limit.maximum,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_files_than_the_hard_limit_are_refused_with_what_to_do() {
        let limit = Rlimit {
            current: Some(1024),
            maximum: Some(4096),
        };
        let error = raised(&limit, 4097).expect_err("one too many");
        assert!(error.to_string().contains("ulimit -Hn"), "{error}");
    }

    #[test]
    fn the_soft_limit_is_raised_only_when_it_is_too_low() {
        let limit = Rlimit {
            current: Some(1024),
            maximum: Some(4096),
        };
        assert_eq!(raised(&limit, 1024).expect("allowed"), None);
        let wanted = Rlimit {
            current: Some(4096),
            maximum: Some(4096),
        };
        assert_eq!(raised(&limit, 4096).expect("allowed"), Some(wanted));
        let unlimited = Rlimit {
            current: None,
            maximum: None,
        };
        assert_eq!(raised(&unlimited, 1 << 40).expect("allowed"), None);
    }

    #[test]
    fn this_process_may_open_a_few_connections() {
        allow_connections(8).expect("every system allows 72 files");
    }
}
