//! The same client for those without tokio: every method waits for the answer.
//!
//! A thread of its own reads, connects and keeps time; the caller's thread writes. Any number of threads may share a client.
//! Streams are the same as the asynchronous client's, with `wait`, `wait_for` and `try_next` in place of `next`.

pub mod recipes;

use std::thread;
use std::time::Duration;

use zoa_proto::Acl;
use zoa_proto::AddWatchMode;
use zoa_proto::ErrorCode;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::WatcherType;

use crate::answer::Children;
use crate::answer::Created;
use crate::answer::Identity;
use crate::answer::MultiDone;
use crate::answer::MultiFound;
use crate::answer::NodeAcl;
use crate::answer::NodeData;
use crate::builder::ClientBuilder;
use crate::client::Client as AsyncClient;
use crate::client::Reconfig;
use crate::client::Removal;
use crate::clock;
use crate::create::CreateOptions;
use crate::create::Data;
use crate::driver::Driver;
use crate::error::ConnectError;
use crate::error::Error;
use crate::multi::Multi;
use crate::multi::MultiRead;
use crate::park;
use crate::watch::Watch;
use crate::watch::WatchEvents;
use crate::watch::Watcher;

/// A client of one session that waits for its answers. It is cheap to clone, and all clones speak for the same session.
///
/// What is not an operation (states, listeners, the session's id and the like) is asked of [`handle`](Self::handle). Close it
/// with [`close`](Self::close); when the last clone is dropped without that, the session is closed in the background, and left
/// to expire if the process ends first.
#[derive(Clone, Debug)]
pub struct Client {
    client: AsyncClient,
}

/// Declares the operations: each is the asynchronous one of the same name, waited for.
macro_rules! operations {
    ($($(#[$doc:meta])* fn $name:ident $(<$life:lifetime>)? ($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        impl Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As [`Error`] says.
                pub fn $name $(<$life>)? (&self, $($arg: $type),*) -> Result<$result, Error> {
                    self.client.$name($($arg),*).wait()
                }
            )*
        }
    };
}

operations! {
    /// Creates a znode and gives its path, with its number if it is sequential.
    fn create<'d>(path: &str, data: impl Into<Data<'d>>, options: impl Into<CreateOptions>) -> String;
    /// Creates a znode and gives path and stat.
    fn create2<'d>(path: &str, data: impl Into<Data<'d>>, options: impl Into<CreateOptions>) -> Created;
    /// Deletes a znode without children.
    fn delete(path: &str, version: Version) -> ();
    /// Deletes a container that has no children.
    fn delete_container(path: &str) -> ();
    /// The stat of a znode; `None` when it does not exist.
    fn exists(path: &str) -> Option<Stat>;
    /// The same, and a watch that fires when it is created, deleted or its data change.
    fn exists_and_watch(path: &str) -> (Option<Stat>, Watch);
    /// The same, telling this watcher.
    fn exists_with(path: &str, watcher: Watcher) -> Option<Stat>;
    /// The data and stat of a znode.
    fn get_data(path: &str) -> NodeData;
    /// The same, and a watch that fires when the data change or the znode is deleted.
    fn get_data_and_watch(path: &str) -> (NodeData, Watch);
    /// The same, telling this watcher.
    fn get_data_with(path: &str, watcher: Watcher) -> NodeData;
    /// Sets the data of a znode.
    fn set_data<'d>(path: &str, data: impl Into<Data<'d>>, version: Version) -> Stat;
    /// The ACL and stat of a znode.
    fn get_acl(path: &str) -> NodeAcl;
    /// Sets the ACL of a znode; the version is that of the ACL.
    fn set_acl(path: &str, acl: &[Acl], version: Version) -> Stat;
    /// The names of a znode's children, in no order.
    fn get_children(path: &str) -> Vec<String>;
    /// The names of a znode's children, in no order, and its stat.
    fn get_children2(path: &str) -> Children;
    /// The same, and a watch that fires when a child is created or deleted, or the znode is.
    fn get_children_and_watch(path: &str) -> (Children, Watch);
    /// The same, telling this watcher.
    fn get_children_with(path: &str, watcher: Watcher) -> Children;
    /// How many znodes are below this one, at any depth.
    fn get_all_children_number(path: &str) -> i32;
    /// The paths of this session's ephemerals that start with `prefix`; empty for all.
    fn get_ephemerals(prefix: &str) -> Vec<String>;
    /// Waits until the server has seen all that was written before, through whichever server.
    fn sync(path: &str) -> ();
    /// Applies several operations together or not at all.
    fn multi(multi: &Multi) -> Vec<MultiDone>;
    /// Answers several reads together; each is found or refused by itself.
    fn multi_read(reads: &MultiRead) -> Vec<Result<MultiFound, ErrorCode>>;
    /// Changes the ensemble; gives the new configuration and its stat.
    fn reconfig(reconfig: Reconfig<'_>) -> NodeData;
    /// The configuration of the ensemble, whatever the chroot.
    fn get_config() -> NodeData;
    /// The same, telling this watcher when it changes.
    fn get_config_with(watcher: Watcher) -> NodeData;
    /// A persistent watch, which fires again and again.
    fn watch(path: &str, mode: AddWatchMode) -> WatchEvents;
    /// The same, telling this watcher.
    fn add_watch_with(path: &str, mode: AddWatchMode, watcher: Watcher) -> ();
    /// Whether the server keeps such a watch of this session on the path; `NOWATCHER` when it does not.
    fn check_watches(path: &str, watcher_type: WatcherType) -> ();
    /// Removes everybody's watches of this type from the path; their streams hear of it.
    fn remove_watches(path: &str, watcher_type: WatcherType, removal: Removal) -> ();
    /// Adds an identity to this and every later connection. A refusal ends the session.
    fn add_auth(scheme: &str, auth: &[u8]) -> ();
    /// The identities of the connection, as the server sees them.
    fn who_am_i() -> Vec<Identity>;
    /// One step of a SASL exchange.
    fn sasl(token: &[u8]) -> Option<Vec<u8>>;
}

impl Client {
    /// The settings of a client, to be changed before it is started with
    /// [`connect_blocking`](ClientBuilder::connect_blocking) or [`start_blocking`](ClientBuilder::start_blocking).
    pub fn builder(connect_string: &str) -> ClientBuilder {
        ClientBuilder::new(connect_string)
    }

    /// Connects with the default settings.
    ///
    /// # Errors
    /// When the connect string is not one, or no server takes the session within its timeout, 30 s.
    pub fn connect(connect_string: &str) -> Result<Self, ConnectError> {
        Self::builder(connect_string).connect_blocking()
    }

    /// Starts the thread that drives the client.
    pub(crate) fn start(client: AsyncClient, driver: Driver) -> Result<Self, ConnectError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|_| ConnectError::System("events"))?;
        thread::Builder::new()
            .name("zoa-client".to_owned())
            .spawn(move || {
                runtime.block_on(driver);
                // A lookup that is stuck in the system's resolver is not waited for.
                runtime.shutdown_background();
            })
            .map_err(|_| ConnectError::System("thread"))?;
        Ok(Self { client })
    }

    /// The client itself: its states, listeners and watchers, and all operations as requests that need not be waited for one
    /// by one.
    #[must_use]
    pub const fn handle(&self) -> &AsyncClient {
        &self.client
    }

    /// A watcher for any number of watches, and the stream of what it is told.
    #[must_use]
    pub fn watcher(&self) -> (Watcher, WatchEvents) {
        self.client.watcher()
    }

    /// Waits until a server holds the session.
    ///
    /// # Errors
    /// When none does within `timeout`, or the session has ended.
    pub fn wait_connected(&self, timeout: Duration) -> Result<(), ConnectError> {
        let events = self.client.shared().own_events();
        let deadline = clock::now().checked_add(timeout);
        park::wait(deadline, |context| {
            self.client.poll_connected(&events, context)
        })
        .unwrap_or_else(|| Err(self.client.no_server(timeout)))
    }

    /// Ends the session in order, and waits for it; see [`Client::close`](AsyncClient::close). True when the server is known
    /// to have ended it.
    pub fn close(&self) -> bool {
        let events = self.client.shared().own_events();
        self.client.start_close();
        let closed = park::wait(None, |context| self.client.poll_end(&events, context));
        closed.expect("there is no deadline")
    }
}
