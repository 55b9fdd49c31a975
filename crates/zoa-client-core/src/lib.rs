//! A ZooKeeper client without I/O: one session, its requests, its watches, and the search for a server that holds them.
//!
//! ```text
//! zoa-client, zoa-shell, libzookeeper, PHP        drivers: sockets, names, clocks, threads
//!        |  handle_*   submit        ^  poll_*
//!        v                           |
//!      Client<T>                     bytes of the protocol, decided here and nowhere else
//! ```
//!
//! It is *not* a driver: it opens no socket, resolves no name, reads no clock and draws no random number. All of that is told to
//! it, so one thread can simulate years of lost connections, and every client of this project behaves the same.
//!
//! Invariants: every request ends in exactly one [`Outcome`], told truthfully, in order (G-02, G-03). No watch is lost or fires
//! twice over reconnects (G-07). Whatever a server sends, the worst that happens is that the connection is dropped, with a
//! reason. Every queue has a bound in [`limits`].
//!
//! A session from the first byte to the last, with a server played by hand:
//!
//! ```
//! use zoa_client_core::{Action, Client, ClientConfig, ConnectString, Entropy, Event, Outcome};
//! use zoa_proto::request::Sync;
//! use zoa_proto::{ConnectResponse, Reply, ReplyHeader, Request, SessionId, Xid, Zxid, encode_reply};
//!
//! let config = ClientConfig::new(ConnectString::parse("127.0.0.1:2181")?);
//! let entropy = Entropy { hash_key: [1, 2], seed: 3 };
//! let mut client: Client<&str> = Client::new(config, entropy, 0);
//!
//! // The client says where to connect; the driver does, and writes what there is to write.
//! let Some(Action::Connect { connection, .. }) = client.poll_action() else { panic!() };
//! client.handle_connected(1, connection);
//! let len = client.poll_transmit().map_or(0, |transmit| transmit.bytes.len());
//! client.handle_transmitted(1, connection, len);
//!
//! // The server grants a session.
//! let mut bytes = Vec::new();
//! let granted = ConnectResponse {
//!     protocol_version: 0,
//!     timeout_ms: 30_000,
//!     session: SessionId(7),
//!     password: &[9; 16],
//!     read_only: Some(false),
//! };
//! granted.encode_frame(&mut bytes)?;
//! client.receive_buffer()[..bytes.len()].copy_from_slice(&bytes);
//! client.handle_received(2, connection, bytes.len());
//! assert!(matches!(client.poll_event(), Some(Event::Session(_))));
//!
//! // A request, with a tag of the caller's, and its reply.
//! client.submit(3, Request::Sync(Sync { path: "/" }).into(), "my sync").unwrap();
//! let len = client.poll_transmit().map_or(0, |transmit| transmit.bytes.len());
//! client.handle_transmitted(3, connection, len);
//! bytes.clear();
//! let header = ReplyHeader { xid: Xid(1), zxid: Zxid(5), error: None };
//! encode_reply(&mut bytes, header, |writer| Reply::Path("/").encode(writer));
//! client.receive_buffer()[..bytes.len()].copy_from_slice(&bytes);
//! client.handle_received(4, connection, bytes.len());
//! match client.poll_event() {
//!     Some(Event::Outcome { tag: "my sync", outcome: Outcome::Done { result, .. } }) => {
//!         assert_eq!(result, Ok(Reply::Path("/")));
//!     }
//!     other => panic!("{other:?}"),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(clippy::as_conversions)]

mod auths;
mod chroot;
mod client;
mod config;
mod connect_string;
mod error;
mod event;
mod hashing;
mod host_list;
mod inbox;
pub mod limits;
mod outbox;
mod pending;
mod random;
mod rearm;
mod session;
mod watches;

pub use client::Client;
pub use client::Submission;
pub use client::WatchRemoval;
pub use config::ClientConfig;
pub use config::Offline;
pub use config::SessionTicket;
pub use connect_string::ConnectString;
pub use connect_string::ConnectStringError;
pub use connect_string::Host;
pub use connect_string::PORT_DEFAULT;
pub use error::ConnectionError;
pub use error::ProtocolError;
pub use error::Reason;
pub use error::Rejected;
pub use error::SubmitError;
pub use error::TlsFailure;
pub use event::Action;
pub use event::ConnectionId;
pub use event::Event;
pub use event::ExpiredBy;
pub use event::Notice;
pub use event::Outcome;
pub use event::PROBE_REQUEST;
pub use event::SessionEvent;
pub use event::SessionState;
pub use event::Transmit;
pub use event::WatchFired;
pub use event::WatchGone;
pub use event::WatcherId;
pub use host_list::Backoff;
pub use random::Entropy;
