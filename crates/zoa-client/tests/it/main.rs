//! The client against a server of ours, over real sockets.

mod fake;
mod hostile;
mod operations;
mod sessions;
mod suite;
mod tls;
