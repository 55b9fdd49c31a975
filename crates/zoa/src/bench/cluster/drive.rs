//! A herd in a thread of its own, while another thread does things to the servers.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::anyhow;

use crate::bench::cluster::herd::Herd;
use crate::bench::cluster::herd::Ride;
use crate::bench::cluster::ledger::Ledger;

/// Asks a ride to finish.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Whether it is to finish.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// See the module. Dropping it lets the thread end, and does not wait.
pub(crate) struct Drive {
    ledger: Ledger,
    stop: Stop,
    handle: Option<JoinHandle<Result<Vec<i64>>>>,
}

impl Drive {
    /// Runs what `ride` makes of a ledger and a way to be stopped.
    pub(crate) fn start<R: Ride + Send + 'static>(
        mut herd: Herd,
        ride: impl FnOnce(Ledger, Stop) -> R,
    ) -> Result<Self> {
        let (ledger, stop) = (Ledger::default(), Stop::default());
        let mut ride = ride(ledger.clone(), stop.clone());
        let told = ledger.clone();
        let run = move || {
            let outcome = herd.run(&mut ride).map(|()| herd.sessions());
            if let Err(error) = &outcome {
                told.with(|account| account.failure = Some(format!("{error:#}")));
            }
            outcome
        };
        let handle = thread::Builder::new().name("herd".to_owned()).spawn(run);
        Ok(Self {
            ledger,
            stop,
            handle: Some(handle.context("cannot start a thread")?),
        })
    }

    /// What was acknowledged.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Lets it end, and waits for that; the ids of its sessions.
    pub(crate) fn stop(mut self) -> Result<Vec<i64>> {
        self.stop.0.store(true, Ordering::Relaxed);
        let handle = self.handle.take().context("it ends once")?;
        handle
            .join()
            .map_err(|_| anyhow!("the herd's thread has panicked"))?
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        self.stop.0.store(true, Ordering::Relaxed);
    }
}
