//! What a process has cost so far: CPU time and resident memory, read from `/proc`.
//!
//! Not a profiler: two numbers a process, taken before and after a stretch of work. The CPU time is
//! that of the whole process: all threads, those that have ended too. Children count only when
//! their pid is given as well.

use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;

/// The processes of the server under test: one for a single server, several for an ensemble, none
/// when unknown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Processes {
    pids: Vec<u32>,
}

/// CPU time and resident memory of a set of processes at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// User and system time since the processes started.
    pub(crate) cpu: Duration,
    /// Resident memory, bytes.
    pub(crate) rss_bytes: u64,
}

impl Processes {
    /// The processes with these ids; fails when one of them cannot be read.
    pub(crate) fn new(pids: &[u32]) -> Result<Self> {
        let processes = Self {
            pids: pids.to_vec(),
        };
        processes.sample()?;
        Ok(processes)
    }

    /// What they have used so far, summed; `None` when no pid was given.
    pub(crate) fn sample(&self) -> Result<Option<Usage>> {
        if self.pids.is_empty() {
            return Ok(None);
        }
        let mut sum = Usage::default();
        for &pid in &self.pids {
            let usage = sample_process(pid)?;
            sum.cpu += usage.cpu;
            sum.rss_bytes += usage.rss_bytes;
        }
        Ok(Some(sum))
    }
}

/// CPU time this process itself has used so far, to the nanosecond.
pub(crate) fn own_cpu() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(spent.tv_sec).unwrap_or(0),
        u32::try_from(spent.tv_nsec).unwrap_or(0),
    )
}

fn sample_process(pid: u32) -> Result<Usage> {
    let stat = read_proc(pid, "stat")?;
    let status = read_proc(pid, "status")?;
    let Some(ticks) = parse_cpu_ticks(&stat) else {
        bail!("/proc/{pid}/stat has no user and system time: {stat:?}");
    };
    let Some(rss_kib) = parse_rss_kib(&status) else {
        bail!("/proc/{pid}/status has no VmRSS: process {pid} has ended, or is a kernel thread");
    };
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    Ok(Usage {
        cpu: Duration::from_micros(ticks * 1_000_000 / ticks_per_second),
        rss_bytes: rss_kib * 1024,
    })
}

fn read_proc(pid: u32, file: &str) -> Result<String> {
    std::fs::read_to_string(format!("/proc/{pid}/{file}")).with_context(|| {
        format!(
            "cannot read the CPU time and memory of process {pid} (--pid): is it still running?"
        )
    })
}

/// `utime + stime` of a `/proc/PID/stat` line (proc(5): fields 14 and 15). The name of the program
/// stands in brackets and may itself hold brackets and spaces, so the fields are counted from the
/// last closing one.
fn parse_cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// `VmRSS` of a `/proc/PID/status` text, in KiB.
fn parse_rss_kib(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "4711 (java (main) x) S 1 4711 4711 0 -1 4194304 25 0 3 0 1234 66 7 8 20 0 41 0 99 1 2 3";

    #[test]
    fn cpu_time_is_user_plus_system_whatever_the_program_is_called() {
        assert_eq!(parse_cpu_ticks(STAT), Some(1300));
    }

    #[test]
    fn a_stat_line_cut_short_has_no_cpu_time() {
        assert_eq!(parse_cpu_ticks("4711 (java) S 1 4711"), None);
        assert_eq!(parse_cpu_ticks(""), None);
    }

    #[test]
    fn resident_memory_is_read_from_status() {
        let status = "Name:\tjava\nVmPeak:\t  900 kB\nVmRSS:\t   74752 kB\nThreads:\t41\n";
        assert_eq!(parse_rss_kib(status), Some(74_752));
        assert_eq!(parse_rss_kib("Name:\tkthreadd\n"), None);
    }

    #[test]
    fn our_own_work_shows_in_our_own_figures() {
        let us = Processes::new(&[std::process::id()]).expect("this process can be read");
        let before = own_cpu();
        let mut sum = 0_u64;
        while own_cpu() < before + Duration::from_millis(60) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let usage = us.sample().expect("readable").expect("one pid was given");
        assert!(usage.cpu >= Duration::from_millis(40), "{usage:?}");
        assert!(usage.rss_bytes > 1_000_000, "{usage:?}");
    }

    #[test]
    fn a_pid_that_is_not_there_is_an_error_that_names_it() {
        let error = Processes::new(&[u32::MAX - 1]).expect_err("no such process");
        assert!(error.to_string().contains("4294967294"), "{error}");
    }

    #[test]
    fn without_a_pid_there_is_nothing_to_say() {
        let nobody = Processes::new(&[]).expect("nothing to read");
        assert_eq!(nobody.sample().expect("nothing to read"), None);
    }
}
