//! What the Raft library has to say, handed to whoever wants it.
//!
//! The library logs through slog. Nothing of it goes to a terminal or a file from here: a notice
//! reaches the callback given at start, or nobody.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use slog::Drain;
use slog::Level;
use slog::Logger;
use slog::Never;
use slog::OwnedKVList;
use slog::Record;

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoticeLevel {
    /// Elections and the like: rare, and worth a line.
    Info,
    /// Something unusual.
    Warning,
}

/// Where notices go. The default discards them.
#[derive(Clone, Default)]
pub struct Notices(Option<Arc<NoticeFn>>);

type NoticeFn = dyn Fn(NoticeLevel, &str) + Send + Sync;

impl Notices {
    /// Hands each notice to `hear`, in the thread that runs the raft loop.
    pub fn to(hear: impl Fn(NoticeLevel, &str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hear)))
    }

    pub(crate) fn logger(&self) -> Logger {
        match &self.0 {
            None => Logger::root(slog::Discard, slog::o!()),
            Some(hear) => Logger::root(
                CallbackDrain(AssertUnwindSafe(Arc::clone(hear))),
                slog::o!(),
            ),
        }
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Notices").field(&self.0.is_some()).finish()
    }
}

struct CallbackDrain(AssertUnwindSafe<Arc<NoticeFn>>);

impl Drain for CallbackDrain {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, _values: &OwnedKVList) -> Result<(), Never> {
        let level = match record.level() {
            Level::Critical | Level::Error | Level::Warning => NoticeLevel::Warning,
            Level::Info => NoticeLevel::Info,
            Level::Debug | Level::Trace => return Ok(()),
        };
        self.0(level, &record.msg().to_string());
        Ok(())
    }
}
