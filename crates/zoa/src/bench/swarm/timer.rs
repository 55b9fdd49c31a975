//! A timer finer than the milliseconds that epoll counts in, for requests offered at a fixed rate.

use std::os::fd::AsRawFd as _;
use std::os::fd::OwnedFd;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context as _;
use anyhow::Result;
use mio::Interest;
use mio::Poll;
use mio::Token;
use mio::unix::SourceFd;
use rustix::time::Itimerspec;
use rustix::time::TimerfdClockId;
use rustix::time::TimerfdFlags;
use rustix::time::TimerfdTimerFlags;
use rustix::time::Timespec;
use rustix::time::timerfd_create;
use rustix::time::timerfd_settime;

/// Waits shorter than this are worth a timer.
const TIMER_BELOW: Duration = Duration::from_millis(10);

/// Wakes the loop at a moment finer than the milliseconds that epoll can wait for.
pub(in crate::bench) struct Timer {
    descriptor: OwnedFd,
    armed_until: Option<Instant>,
}

impl Timer {
    /// What its events carry.
    pub(in crate::bench) const TOKEN: Token = Token(usize::MAX);

    /// A timer that wakes `poll`.
    pub(in crate::bench) fn new(poll: &Poll) -> Result<Self> {
        let descriptor = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC,
        )
        .context("cannot make a timer")?;
        let mut source = SourceFd(&descriptor.as_raw_fd());
        poll.registry()
            .register(&mut source, Self::TOKEN, Interest::READABLE)
            .context("cannot register a timer")?;
        Ok(Self {
            descriptor,
            armed_until: None,
        })
    }

    /// Fires once after `wait`, which ends at `until`, if that is soon; epoll reports it
    /// edge-triggered, so nothing is read.
    pub(in crate::bench) fn arm(&mut self, until: Instant, wait: Duration) -> Result<()> {
        let soon = !wait.is_zero() && wait < TIMER_BELOW;
        if !soon || self.armed_until == Some(until) {
            return Ok(());
        }
        self.armed_until = Some(until);
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: Timespec::try_from(wait).context("cannot wait for so long")?,
        };
        timerfd_settime(&self.descriptor, TimerfdTimerFlags::empty(), &once)
            .context("cannot arm a timer")?;
        Ok(())
    }

    /// It has fired.
    pub(in crate::bench) fn disarm(&mut self) {
        self.armed_until = None;
    }
}
