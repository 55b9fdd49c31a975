//! The operations that set watches.
//!
//! Each one exists twice: with a watch of its own, and with a [`Watcher`] that many watches can share.

use std::sync::Arc;

use zoa_client_core::Submission;
use zoa_client_core::WatcherId;
use zoa_proto::AddWatchMode;
use zoa_proto::Request;
use zoa_proto::Stat;
use zoa_proto::WatcherType;
use zoa_proto::request;

use super::Client;
use super::operations::CONFIG_PATH;
use super::operations::answer;
use super::operations::stat_if_found;
use crate::answer::Answer;
use crate::answer::Children;
use crate::answer::NodeData;
use crate::pending::Finish;
use crate::pending::Pending;
use crate::shared::Purpose;
use crate::watch::Watch;
use crate::watch::WatchEvents;
use crate::watch::Watcher;

/// A request that asks for a watch: what and where.
type Watched<'r> = (Request<'r>, &'r str, WatcherType);

impl Client {
    /// The data and stat of a znode, and a watch that fires when the data change or the znode is deleted.
    pub fn get_data_and_watch(&self, path: &str) -> Pending<(NodeData, Watch)> {
        let watched = (get_data(path), path, WatcherType::Data);
        self.send_and_watch(watched, |result, watch| match result? {
            Answer::Data(data) => Ok((data, taken(watch))),
            _ => unreachable!("the core reads a reply by its operation"),
        })
    }

    /// The stat of a znode or `None`, and a watch that fires when it is created, deleted or its data change.
    pub fn exists_and_watch(&self, path: &str) -> Pending<(Option<Stat>, Watch)> {
        let watched = (exists(path), path, WatcherType::Data);
        self.send_and_watch(watched, |result, watch| {
            stat_if_found(result).map(|stat| (stat, taken(watch)))
        })
    }

    /// The names of a znode's children and its stat, and a watch that fires when a child is created or deleted, or the znode
    /// is.
    pub fn get_children_and_watch(&self, path: &str) -> Pending<(Children, Watch)> {
        let watched = (get_children(path), path, WatcherType::Children);
        self.send_and_watch(watched, |result, watch| match result? {
            Answer::Children(children) => Ok((children, taken(watch))),
            _ => unreachable!("the core reads a reply by its operation"),
        })
    }

    /// A persistent watch, which fires again and again: on this znode and its list of children, or with
    /// [`AddWatchMode::PersistentRecursive`] on it and all znodes below. The znode need not exist. Servers before 3.6 do not
    /// know it.
    pub fn watch(&self, path: &str, mode: AddWatchMode) -> Pending<WatchEvents> {
        let watcher_type = match mode {
            AddWatchMode::Persistent => WatcherType::Persistent,
            AddWatchMode::PersistentRecursive => WatcherType::PersistentRecursive,
        };
        let (watcher, events) = self
            .shared()
            .register(Purpose::Stream(Box::from(path), watcher_type));
        let submission = watching(add_watch(path, mode), watcher);
        let sent = self.shared().submit(submission, path);
        Pending::new(sent, Some(events), |result, events| {
            result?;
            Ok(events.expect("it was given above"))
        })
    }

    /// A watcher for any number of watches, and the stream of what it is told.
    ///
    /// Its watches stay until they fire or are removed by [`remove_watches`](Self::remove_watches), also when the stream is
    /// dropped.
    #[must_use]
    pub fn watcher(&self) -> (Watcher, WatchEvents) {
        let (watcher, events) = self.shared().register(Purpose::Any);
        (Watcher(watcher), events)
    }

    /// As [`get_data_and_watch`](Self::get_data_and_watch), telling this watcher.
    pub fn get_data_with(&self, path: &str, watcher: Watcher) -> Pending<NodeData> {
        let finish = answer!(Answer::Data(data) => data);
        self.send_with((get_data(path), path), watcher, finish)
    }

    /// As [`exists_and_watch`](Self::exists_and_watch), telling this watcher.
    pub fn exists_with(&self, path: &str, watcher: Watcher) -> Pending<Option<Stat>> {
        self.send_with((exists(path), path), watcher, |result, _| {
            stat_if_found(result)
        })
    }

    /// As [`get_children_and_watch`](Self::get_children_and_watch), telling this watcher.
    pub fn get_children_with(&self, path: &str, watcher: Watcher) -> Pending<Children> {
        let finish = answer!(Answer::Children(children) => children);
        self.send_with((get_children(path), path), watcher, finish)
    }

    /// As [`watch`](Self::watch), telling this watcher.
    pub fn add_watch_with(&self, path: &str, mode: AddWatchMode, watcher: Watcher) -> Pending<()> {
        let finish = answer!(Answer::Empty => ());
        self.send_with((add_watch(path, mode), path), watcher, finish)
    }

    /// The configuration of the ensemble, whatever the chroot, telling this watcher when it changes.
    pub fn get_config_with(&self, watcher: Watcher) -> Pending<NodeData> {
        let submission = Submission {
            outside_chroot: true,
            ..watching(get_data(CONFIG_PATH), watcher.0)
        };
        let sent = self.shared().submit(submission, CONFIG_PATH);
        Pending::new(sent, None, answer!(Answer::Data(data) => data))
    }

    fn send_and_watch<R>(
        &self,
        (request, path, watcher_type): Watched<'_>,
        finish: Finish<R>,
    ) -> Pending<R> {
        let purpose = Purpose::Once(Box::from(path), watcher_type);
        let (watcher, events) = Arc::clone(self.shared()).register(purpose);
        let sent = self.shared().submit(watching(request, watcher), path);
        Pending::new(sent, Some(events), finish)
    }

    fn send_with<R>(
        &self,
        (request, path): (Request<'_>, &str),
        watcher: Watcher,
        finish: Finish<R>,
    ) -> Pending<R> {
        let sent = self.shared().submit(watching(request, watcher.0), path);
        Pending::new(sent, None, finish)
    }
}

fn taken(events: Option<WatchEvents>) -> Watch {
    Watch::new(events.expect("it was given with the request"))
}

const fn watching(request: Request<'_>, watcher: WatcherId) -> Submission<'_> {
    Submission {
        request,
        watcher: Some(watcher),
        outside_chroot: false,
    }
}

const fn get_data(path: &str) -> Request<'_> {
    let watch = true;
    Request::GetData(request::GetData { path, watch })
}

const fn exists(path: &str) -> Request<'_> {
    let watch = true;
    Request::Exists(request::Exists { path, watch })
}

const fn get_children(path: &str) -> Request<'_> {
    let watch = true;
    Request::GetChildren2(request::GetChildren { path, watch })
}

const fn add_watch(path: &str, mode: AddWatchMode) -> Request<'_> {
    Request::AddWatch(request::AddWatch { path, mode })
}
