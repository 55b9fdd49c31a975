//! A setting that must never be seen: not in a log, not in an error, not in a debugger's print-out.
//!
//! It has no `Debug` and no `Display` on purpose: whatever holds one cannot derive them either, so
//! that printing it by accident does not compile.

/// A password, a digest, or what else opens doors.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
