//! The client against a server of ours, over real sockets.

mod operations;
mod suite;
