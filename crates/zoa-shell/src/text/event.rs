//! Watch events as the original prints them.
//!
//! ```text
//! (blank line)
//! WATCHER::
//! (blank line)
//! WatchedEvent state:SyncConnected type:NodeDataChanged path:/test zxid: 4294967324
//! ```
//!
//! Invariant: a session's own events have the path `null` and the zxid -1, as in the original.

use serde_json::Value;
use serde_json::json;

/// An event to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Shown {
    /// The state of the connection: `SyncConnected`, ...
    pub(crate) state: &'static str,
    /// What happened: `NodeCreated`, ...; `None` when it is about the session.
    pub(crate) kind: &'static str,
    /// To which znode; `None` when it is about the session.
    pub(crate) path: Option<String>,
    /// In which transaction, as a plain number; -1 when it is not known.
    pub(crate) zxid: i64,
}

impl Shown {
    /// A change of the session's state.
    pub(crate) const fn of_session(state: &'static str) -> Self {
        Self {
            state,
            kind: "None",
            path: None,
            zxid: -1,
        }
    }

    /// Whether it is about the session and not about a znode.
    pub(crate) const fn is_of_session(&self) -> bool {
        self.path.is_none()
    }

    /// The block that the original prints, with all its ends of line.
    pub(crate) fn block(&self) -> String {
        let path = self.path.as_deref().unwrap_or("null");
        format!(
            "\nWATCHER::\n\nWatchedEvent state:{} type:{} path:{path} zxid: {}\n",
            self.state, self.kind, self.zxid
        )
    }

    pub(crate) fn json(&self) -> Value {
        json!({"event": {"state": self.state, "type": self.kind, "path": self.path, "zxid": self.zxid}})
    }
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn an_event_is_printed_as_the_original_prints_it() {
        let said = "\nWATCHER::\n\nWatchedEvent state:SyncConnected type:None path:null zxid: -1\n";
        assert_eq!(Shown::of_session("SyncConnected").block(), said);
    }
}
