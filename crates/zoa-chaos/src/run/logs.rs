//! The logs of the servers are read in passing, so that what is acknowledged can be looked for in them at the end.
//!
//! Invariant: a server that runs is read only while it stands still, and all the time in which it did is noted.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::Result;
use rustix::process::Signal;
use zoa_testkit::clock::SimTime;
use zoa_testkit::observed::Span;

use super::Run;
use crate::clock::pause_ms;
use crate::server::Server;

/// The log of one server is read this often at least: it keeps only so much behind a snapshot.
const GATHER_EVERY_MS: u64 = 4_000;

/// The same while much is written, and for how long that may be after it was asked for: 8 MiB are soon written.
const GATHER_EVERY_MS_OF_MUCH: u64 = 300;
const MUCH_MS_MAX: u64 = 20_000;

/// A server may take this long to stand still.
const STANDSTILL_MS_MAX: u64 = 2_000;

/// A server that stands still for no longer does not miss a turn that anybody waits for.
const UNNOTICED_MS: u64 = 100;

impl Run {
    /// Reads the log of a server that is down.
    pub(crate) fn gather_from(&mut self, number: u8) -> Result<()> {
        let data = self.server(number).data();
        let scratch = self.setup.folder.join("copy");
        let begun = self.now();
        let taken = self.gathering.take(&data, &scratch);
        if let Ok(held) = &taken {
            let took_ms = self.now().ms_since(begun);
            let at = begun.ms_since(SimTime::ZERO);
            writeln!(
                self.readings,
                "{at} ms: server {number} {held}, in {took_ms} ms"
            )?;
        }
        if let Err(error) = taken {
            let words =
                format!("what server {number} left on its disk cannot be recovered: {error:#}");
            self.say(&words);
            self.wrong.push(("G-19", words));
            let kept = self.setup.folder.join(format!("unreadable-{number}"));
            fs::rename(&scratch, kept).ok();
        }
        Ok(())
    }

    /// Reads the log of a server that runs, if that was not done for a while.
    pub(crate) async fn gather_now_and_then(&mut self) -> Result<()> {
        let every_ms = if self.now() < self.much_until {
            GATHER_EVERY_MS_OF_MUCH
        } else {
            GATHER_EVERY_MS
        };
        if self.now().ms_since(self.gathered_at) < every_ms {
            return Ok(());
        }
        self.gather_now().await
    }

    /// Time passes, and logs are read in it.
    pub(crate) async fn pass_ms(&mut self, ms: u64) -> Result<()> {
        let until = self.now().after_ms(ms);
        while self.now() < until {
            pause_ms(until.ms_since(self.now()).min(100)).await;
            self.gather_now_and_then().await?;
        }
        Ok(())
    }

    /// Much is about to be written.
    pub(crate) fn expect_much(&mut self) {
        self.much_until = self.now().after_ms(MUCH_MS_MAX);
    }

    /// Reads the log of a server that runs: it stands still meanwhile.
    pub(crate) async fn gather_now(&mut self) -> Result<()> {
        let mut candidates: Vec<u8> = self.leader().await.into_iter().collect();
        candidates.extend(self.numbers());
        for number in candidates {
            let server = self.server(number);
            if !server.is_started() || server.is_paused {
                continue;
            }
            server.signal(Signal::STOP);
            let begun = self.now();
            while !self.server(number).stands_still()
                && self.now().ms_since(begun) < STANDSTILL_MS_MAX
            {
                pause_ms(1).await;
            }
            if self.server(number).stands_still() {
                // Not when a server that is down is read, which may be far behind.
                self.gathered_at = begun;
                self.gather_from(number)?;
            }
            self.server(number).signal(Signal::CONT);
            let stood = Span {
                from: begun,
                to: self.now(),
            };
            if stood.to.ms_since(stood.from) > UNNOTICED_MS {
                self.outages.borrow_mut().push(stood);
            }
            break;
        }
        Ok(())
    }

    /// Reads what every server left, all of them stopped.
    pub(super) fn gather_last(&mut self) -> Result<()> {
        let data: Vec<PathBuf> = self.servers.iter().map(Server::data).collect();
        let data: Vec<_> = data.iter().map(PathBuf::as_path).collect();
        let scratch = self.setup.folder.join("copy");
        self.gathering
            .take_last(&data, &scratch)
            .context("reading the logs of all servers")
    }
}
