//! The driver: sockets, threads, the real disk, configuration, signals. It carries bytes and decides nothing that `zoa-core`,
//! `zoa-raft` or `zoa-log` could decide.

mod assembly;
mod client_port;
pub mod config;
pub mod disk;
mod entropy;
mod fatal;
mod inbox;
pub mod limits;
mod member_files;
mod peers;
mod recovery;
mod replication;
mod server;
mod snapshots;
#[cfg(feature = "testing")]
pub mod testing;
mod time;
mod tls;

pub use member_files::ConfigFiles;
pub use replication::EnsembleView;
pub use server::EnsembleOptions;
pub use server::Options;
pub use server::PeerTls;
pub use server::SecureClient;
pub use server::ServeError;
pub use server::Server;
pub use snapshots::LogLenLimit;
pub use snapshots::SnapshotRule;
pub use tls::TlsFiles;
