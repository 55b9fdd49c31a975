//! The requests about the watches of a connection.

use super::field::record;
use crate::vector::PathList;
use crate::watch::AddWatchMode;
use crate::watch::WatcherType;
use crate::zxid::Zxid;

record! {
    /// The body of addWatch.
    #[derive(Debug)]
    AddWatch<'a> {
        /// Which znode; need not exist.
        path: &'a str,
        /// How far the watch reaches.
        mode: AddWatchMode,
    }
}

record! {
    /// The body of checkWatches and removeWatches.
    #[derive(Debug)]
    ChangeWatches<'a> {
        /// Which znode.
        path: &'a str,
        /// Which of its watches.
        watcher_type: WatcherType,
    }
}

record! {
    /// The body of setWatches: the standard watches that a client had before it reconnected.
    #[derive(Debug)]
    SetWatches<'a> {
        /// The newest zxid the client has seen; what happened after it fires at once (G-07).
        relative_zxid: Zxid,
        /// Watches on data.
        data_watches: PathList<'a>,
        /// Watches on znodes that did not exist.
        exist_watches: PathList<'a>,
        /// Watches on children.
        child_watches: PathList<'a>,
    }
}

record! {
    /// The body of setWatches2: the same with persistent watches.
    #[derive(Debug)]
    SetWatches2<'a> {
        /// The newest zxid the client has seen; what happened after it fires at once (G-07).
        relative_zxid: Zxid,
        /// Watches on data.
        data_watches: PathList<'a>,
        /// Watches on znodes that did not exist.
        exist_watches: PathList<'a>,
        /// Watches on children.
        child_watches: PathList<'a>,
        /// Persistent watches; re-armed, nothing fires.
        persistent_watches: PathList<'a>,
        /// Persistent recursive watches; re-armed, nothing fires.
        persistent_recursive_watches: PathList<'a>,
    }
}
