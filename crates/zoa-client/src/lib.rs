//! A Rust client for ZooKeeper's protocol: asynchronous on tokio, and a blocking face for those without.
//!
//! ```
//! use zoa_client::{Client, CreateMode, Version};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = zoa_server::testing::LocalServer::start();
//! # let address = server.connect_string();
//! let client = Client::connect(&address).await?;          // "127.0.0.1:2181" or "zk1,zk2,zk3/chroot"
//! client.create("/config", b"v1", CreateMode::Persistent).await?;
//! let node = client.get_data("/config").await?;
//! client.set_data("/config", "v2", node.stat.version).await?;
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! It is a thin driver of [`zoa_client_core`]: sockets, names, a clock and wakers. It decides nothing about the protocol.
//! Locks, elections, queues and the like are in [`recipes`].
//!
//! # Requests
//!
//! A request is sent when its method is called, not when it is first polled, and replies come in the order of the calls. So
//! many can be under way at once, from one task or from many, and what one client asks in order happens in order (G-03):
//!
//! ```
//! # use zoa_client::{Client, CreateMode};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = zoa_server::testing::LocalServer::start();
//! # let client = Client::connect(&server.connect_string()).await?;
//! let parent = client.create("/jobs", b"", CreateMode::Persistent);
//! let first = client.create("/jobs/job-", b"a", CreateMode::PersistentSequential);
//! let second = client.create("/jobs/job-", b"b", CreateMode::PersistentSequential);
//! parent.await?;
//! assert_eq!(first.await?, "/jobs/job-0000000000");
//! assert_eq!(second.await?, "/jobs/job-0000000001");
//! # client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Errors tell what is known
//!
//! [`Error::outcome`] says whether a request that failed is [`Done`](Outcome::Done) (the server judged it and said no),
//! [`NotApplied`](Outcome::NotApplied) (safe to try again), or [`Unknown`](Outcome::Unknown): sent, and the connection was lost
//! before the answer. The client repeats nothing by itself (G-02). After Unknown, look:
//!
//! ```
//! # use zoa_client::{Client, CreateMode, Error, ErrorCode, Outcome};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = zoa_server::testing::LocalServer::start();
//! # let client = Client::connect(&server.connect_string()).await?;
//! /// Registers this worker once, whatever happens to the connection.
//! async fn register(client: &Client) -> Result<(), Error> {
//!     loop {
//!         match client.create("/worker", b"", CreateMode::Ephemeral).await {
//!             Ok(_) => return Ok(()),
//!             Err(error) if error.is_final() => return Err(error),
//!             Err(error) if error.outcome() == Outcome::NotApplied => {}
//!             Err(error) if error.outcome() == Outcome::Unknown || error.code() == ErrorCode::NodeExists => {
//!                 let stat = client.exists("/worker").await?;
//!                 if stat.is_some_and(|stat| stat.ephemeral_owner == client.session_id()) {
//!                     return Ok(());
//!                 }
//!             }
//!             Err(error) => return Err(error),
//!         }
//!     }
//! }
//! register(&client).await?;
//! register(&client).await?;
//! # client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! A request waits for a connection and for its answer as long as
//! [`request_timeout`](ClientBuilder::request_timeout) says: the session timeout, unless set. Nothing waits for ever.
//!
//! # Watches
//!
//! A [`Watch`] fires once and is a future; a persistent watch is a stream, [`WatchEvents`]; a [`Watcher`] collects the events
//! of many watches in one stream. An event is in its stream before any reply that came after it is ready, so whoever sees new
//! data can already see the event that announces them (G-07). Watches survive lost connections.
//!
//! ```
//! # use zoa_client::{AddWatchMode, Client, CreateMode, EventKind, EventType, Version};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = zoa_server::testing::LocalServer::start();
//! # let client = Client::connect(&server.connect_string()).await?;
//! let (stat, watch) = client.exists_and_watch("/flag").await?;
//! assert_eq!(stat, None);
//! let mut below = client.watch("/", AddWatchMode::PersistentRecursive).await?;
//! client.create("/flag", b"", CreateMode::Persistent).await?;
//! assert_eq!(watch.await?.event, EventType::Node(EventKind::NodeCreated));
//! let event = below.next().await.ok_or("the session has ended")??;
//! assert_eq!(event.path, "/flag");
//! # client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Several operations at once
//!
//! ```
//! # use zoa_client::{Client, CreateMode, ErrorCode, ErrorKind, Multi, Version};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = zoa_server::testing::LocalServer::start();
//! # let client = Client::connect(&server.connect_string()).await?;
//! let multi = Multi::new()
//!     .create("/a", b"", CreateMode::Persistent)
//!     .set_data("/b", b"x", Version::ANY);
//! let error = client.multi(&multi).await.expect_err("there is no /b");
//! assert_eq!(*error.kind(), ErrorKind::Multi { index: 1, code: ErrorCode::NoNode });
//! assert_eq!(client.exists("/a").await?, None);
//! # client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # The session
//!
//! [`Client::session_events`] is a stream of its states. When the connection is lost the session lives on, and what it owns
//! with it, for as long as its timeout: [`Client::surely_alive_for`] says how long it surely does. Who leads by it must stop
//! when that is over.
//!
//! # Without tokio
//!
//! ```
//! use zoa_client::{blocking, CreateMode};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = zoa_server::testing::LocalServer::start();
//! # let address = server.connect_string();
//! let client = blocking::Client::connect(&address)?;
//! client.create("/a", b"", CreateMode::Ephemeral)?;
//! assert_eq!(client.get_ephemerals("/")?, ["/a"]);
//! client.close();
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! ```text
//! caller's thread   encodes into the core's buffer; writes at once if nothing else is under way
//! driver task       reads, hands answers to their slots, writes what callers left, keeps time, connects
//! ```
//!
//! There is one lock around the core, held for one request or one read at a time, and one task a client; no task and, but for
//! its slot, no allocation a request. Every queue has a bound, in [`limits`] or in the core's.

pub mod blocking;

mod answer;
mod builder;
mod client;
mod clock;
mod create;
mod driver;
mod error;
mod hashing;
pub mod limits;
mod lock;
mod multi;
mod park;
mod pending;
mod queue;
pub mod recipes;
mod session;
mod shared;
mod slot;
mod tls;
mod watch;

pub use answer::Children;
pub use answer::Created;
pub use answer::Identity;
pub use answer::MultiDone;
pub use answer::MultiFound;
pub use answer::NodeAcl;
pub use answer::NodeData;
pub use builder::ClientBuilder;
pub use client::Client;
pub use client::Reconfig;
pub use client::Removal;
pub use create::CreateOptions;
pub use create::Data;
pub use error::ConnectError;
pub use error::Error;
pub use error::ErrorKind;
pub use error::Missed;
pub use error::Outcome;
pub use error::WatchEnded;
pub use multi::Multi;
pub use multi::MultiRead;
pub use pending::Pending;
pub use session::Listener;
pub use tls::TlsOptions;
pub use watch::Watch;
pub use watch::WatchEvent;
pub use watch::WatchEvents;
pub use watch::Watcher;

pub use zoa_client_core::Backoff;
pub use zoa_client_core::ConnectString;
pub use zoa_client_core::ConnectStringError;
pub use zoa_client_core::ConnectionError;
pub use zoa_client_core::ExpiredBy;
pub use zoa_client_core::Host;
pub use zoa_client_core::Notice;
pub use zoa_client_core::Offline;
pub use zoa_client_core::ProtocolError;
pub use zoa_client_core::Reason;
pub use zoa_client_core::SessionEvent;
pub use zoa_client_core::SessionState;
pub use zoa_client_core::SessionTicket;
pub use zoa_client_core::SubmitError;
pub use zoa_client_core::TlsFailure;
pub use zoa_proto::Acl;
pub use zoa_proto::AddWatchMode;
pub use zoa_proto::CreateMode;
pub use zoa_proto::ErrorCode;
pub use zoa_proto::EventKind;
pub use zoa_proto::EventType;
pub use zoa_proto::KeeperState;
pub use zoa_proto::OpCode;
pub use zoa_proto::Path;
pub use zoa_proto::PathError;
pub use zoa_proto::Perms;
pub use zoa_proto::SessionId;
pub use zoa_proto::Stat;
pub use zoa_proto::Version;
pub use zoa_proto::WatcherType;
pub use zoa_proto::Zxid;
pub use zoa_tls::TlsError;
