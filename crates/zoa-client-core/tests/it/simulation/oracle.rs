//! What must hold of everything the client tells, beside what the model server knows.
//!
//! Each request ends once, in order, truthfully (G-02, G-03); replies belong to their requests; zxids never go back (G-04); a
//! watch fires once, for a reason, before newer data, and is not lost (G-07).

use std::collections::BTreeMap;

use zoa_client_core::Outcome;
use zoa_client_core::WatchFired;
use zoa_client_core::WatchGone;
use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::Reply;
use zoa_proto::Stat;
use zoa_proto::WatcherType;

use super::server::Change;
use super::server::Server;
use super::server::is_below;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Create,
    SetData,
    Delete,
    GetData,
    Exists,
    GetChildren,
    Persistent,
    Recursive,
    /// Removes the watches of that watcher.
    Remove(u32),
}

impl Kind {
    pub(crate) fn is_write(self) -> bool {
        matches!(self, Self::Create | Self::SetData | Self::Delete)
    }

    /// What removes the watch that it sets.
    pub(crate) fn watcher_type(self) -> WatcherType {
        match self {
            Self::GetChildren => WatcherType::Children,
            Self::Persistent => WatcherType::Persistent,
            Self::Recursive => WatcherType::PersistentRecursive,
            _ => WatcherType::Data,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) kind: Kind,
    /// As the server sees it.
    pub(crate) path: String,
    pub(crate) watch: bool,
}

/// A watch that was set, numbered like the request that set it.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) kind: Kind,
    pub(crate) path: String,
    /// An exists that found nothing.
    missing: bool,
    zxid: u64,
    /// Of a persistent one: the last that told.
    told: Vec<(u64, EventKind, String)>,
    is_over: bool,
}

impl Watch {
    pub(crate) fn is_persistent(&self) -> bool {
        matches!(self.kind, Kind::Persistent | Kind::Recursive)
    }

    fn concerns(&self, change: &Change) -> bool {
        let of_children = change.kind == EventKind::NodeChildrenChanged;
        let is_own = change.path == self.path;
        match self.kind {
            Kind::GetChildren => is_own && (of_children || change.kind == EventKind::NodeDeleted),
            Kind::Persistent => is_own,
            Kind::Recursive => !of_children && is_below(&change.path, &self.path),
            _ => is_own && !of_children,
        }
    }

    /// Whether what the server has now, or a reply showed, is newer than what the watch was set on.
    fn is_overtaken(&self, stat: Option<Stat>) -> bool {
        match (self.kind, stat) {
            (Kind::GetChildren, Some(stat)) => stat.pzxid.0 > self.zxid,
            (_, found) if self.missing => found.is_some(),
            (_, Some(stat)) => stat.mzxid.0 > self.zxid,
            (_, None) => true,
        }
    }
}

#[derive(Default)]
pub(crate) struct Oracle {
    pub(crate) asked: BTreeMap<u32, Asked>,
    ended: BTreeMap<u32, &'static str>,
    pub(crate) watches: BTreeMap<u32, Watch>,
    last_tag: u32,
    zxid: u64,
    pub(crate) fired: usize,
    pub(crate) unknown: usize,
}

impl Oracle {
    pub(crate) fn take_outcome(
        &mut self,
        tag: u32,
        outcome: Outcome<'_>,
        server: &Server,
        strip: &str,
    ) {
        assert!(
            tag > self.last_tag,
            "request {tag} ended after {}",
            self.last_tag
        );
        self.last_tag = tag;
        let asked = self.asked[&tag].clone();
        let applied = server
            .applied
            .iter()
            .filter(|applied| **applied == tag)
            .count();
        let word = match outcome {
            Outcome::Done { zxid, result } => {
                assert!(zxid.0 >= self.zxid, "zxid {zxid} after {:#x}", self.zxid);
                self.zxid = zxid.0;
                assert_eq!(
                    applied,
                    usize::from(asked.kind.is_write() && result.is_ok()),
                    "{tag} {asked:?} {result:?}"
                );
                self.take_reply(tag, &asked, zxid.0, result, strip);
                if asked.kind.is_write() && result.is_ok() {
                    "done"
                } else {
                    "refused"
                }
            }
            Outcome::NotApplied(reason) => {
                assert_eq!(
                    applied, 0,
                    "{tag} {asked:?} was applied, and called not applied: {reason}"
                );
                "not applied"
            }
            Outcome::Unknown(reason) => {
                assert!(
                    asked.kind.is_write(),
                    "a read is known not to be applied: {reason}"
                );
                self.unknown += 1;
                "unknown"
            }
        };
        self.ended.insert(tag, word);
    }

    fn take_reply(
        &mut self,
        tag: u32,
        asked: &Asked,
        zxid: u64,
        result: Result<Reply<'_>, ErrorCode>,
        strip: &str,
    ) {
        let shown = match (asked.kind, result) {
            (Kind::GetData, Ok(Reply::Data { data, stat })) => {
                let data = data.expect("the model has no null data");
                assert!(
                    data.is_empty() || data.ends_with(asked.path.as_bytes()),
                    "the data of another znode"
                );
                Some(stat)
            }
            (Kind::Exists, Ok(Reply::Stat(stat))) => Some(stat),
            (Kind::GetChildren, Ok(Reply::ChildrenAndStat { stat, .. })) => Some(stat),
            (Kind::SetData, Ok(Reply::Stat(_)))
            | (Kind::Delete | Kind::Remove(_), Ok(Reply::Empty)) => None,
            (Kind::Create, Ok(Reply::Path(path))) => {
                assert_eq!(format!("{strip}{path}"), asked.path);
                None
            }
            (Kind::Persistent | Kind::Recursive, Ok(Reply::ErrorResponse(None))) => None,
            (_, Err(_)) => None,
            (kind, reply) => panic!("{reply:?} in answer to {kind:?}"),
        };
        if let Some(stat) = shown {
            self.check_event_came_first(asked, stat);
        }
        let missing = asked.kind == Kind::Exists && result == Err(ErrorCode::NoNode);
        if asked.watch && (result.is_ok() || missing) {
            self.watches.insert(
                tag,
                Watch {
                    kind: asked.kind,
                    path: asked.path.clone(),
                    missing,
                    zxid,
                    told: Vec::new(),
                    is_over: false,
                },
            );
        }
    }

    /// New data are shown only after the event that tells of them.
    fn check_event_came_first(&self, asked: &Asked, stat: Stat) {
        for (number, watch) in &self.watches {
            let is_same = (watch.kind == Kind::GetChildren) == (asked.kind == Kind::GetChildren);
            if !watch.is_over && !watch.is_persistent() && is_same && watch.path == asked.path {
                assert!(
                    !watch.is_overtaken(Some(stat)),
                    "{asked:?} shows {stat:?} before {number} {watch:?} fired"
                );
            }
        }
    }

    pub(crate) fn take_watch(&mut self, fired: &WatchFired<'_>, server: &Server, chroot: &str) {
        let path = join(chroot, fired.path);
        for watcher in fired.watchers {
            let number = u32::try_from(watcher.0).expect("a tag");
            let watch = self
                .watches
                .get_mut(&number)
                .unwrap_or_else(|| panic!("{fired:?} of a watch that was never set"));
            assert!(!watch.is_over, "{fired:?} once more: {watch:?}");
            self.fired += 1;
            let matches = |change: &&Change| change.zxid > watch.zxid && watch.concerns(change);
            assert!(
                server.changes.iter().any(|change| matches(&change)),
                "{fired:?} without a reason: {watch:?}"
            );
            if watch.is_persistent() {
                if let Some(zxid) = fired.zxid {
                    let event = (zxid.0, fired.kind, path.clone());
                    assert!(!watch.told.contains(&event), "{fired:?} twice: {watch:?}");
                    assert!(
                        watch.told.last().is_none_or(|last| last.0 <= zxid.0),
                        "{fired:?} too late: {watch:?}"
                    );
                    watch.told.push(event);
                }
            } else {
                assert_eq!(path, watch.path);
                watch.is_over = true;
            }
        }
    }

    pub(crate) fn take_gone(&mut self, gone: &WatchGone<'_>) {
        assert!(gone.is_asked_for, "{gone:?}");
        for watcher in &gone.watchers {
            let number = u32::try_from(watcher.0).expect("a tag");
            let watch = self.watches.get_mut(&number).expect("a watch that was set");
            assert!(!watch.is_over, "{gone:?} was over: {watch:?}");
            watch.is_over = true;
        }
    }

    /// A watch that is still there, to be removed.
    pub(crate) fn live_watch(&self, draw: usize) -> Option<(u32, &Watch)> {
        let live: Vec<_> = self
            .watches
            .iter()
            .filter(|(_, watch)| !watch.is_over)
            .collect();
        let (number, watch) = live.get(draw % live.len().max(1))?;
        Some((**number, watch))
    }

    /// All is quiet and connected: what has changed must have been told.
    pub(crate) fn check_no_watch_lost(&self, server: &Server) {
        for (number, watch) in &self.watches {
            if !watch.is_over && !watch.is_persistent() {
                let stat = server.stat(&watch.path);
                assert!(
                    !watch.is_overtaken(stat),
                    "watch {number} is lost: {watch:?}, there is {stat:?}"
                );
            }
        }
    }

    /// The changes from this one on were made while all was quiet: persistent watches must have told each.
    pub(crate) fn check_persistent_watches(&self, server: &Server, first: usize) {
        for (number, watch) in self
            .watches
            .iter()
            .filter(|(_, watch)| !watch.is_over && watch.is_persistent())
        {
            for change in server
                .changes
                .iter()
                .skip(first)
                .filter(|change| watch.concerns(change))
            {
                let event = (change.zxid, change.kind, change.path.clone());
                assert!(
                    watch.told.contains(&event),
                    "watch {number} {watch:?} did not tell {event:?}"
                );
            }
        }
    }

    /// Nothing can happen any more: every request has ended, and what was said of it has stayed true.
    pub(crate) fn check_outcomes(&self, server: &Server) {
        for (tag, asked) in &self.asked {
            let word = self
                .ended
                .get(tag)
                .unwrap_or_else(|| panic!("request {tag} {asked:?} never ended"));
            let applied = server
                .applied
                .iter()
                .filter(|applied| *applied == tag)
                .count();
            match *word {
                "done" => assert_eq!(applied, 1, "{tag} {asked:?}"),
                "unknown" => assert!(applied <= 1, "{tag} {asked:?} was applied {applied} times"),
                _ => assert_eq!(applied, 0, "{tag} {asked:?} was {word}"),
            }
        }
    }
}

pub(crate) fn join(chroot: &str, path: &str) -> String {
    match (chroot, path) {
        ("", _) => path.to_owned(),
        (_, "/") => chroot.to_owned(),
        _ => format!("{chroot}{path}"),
    }
}
