//! The workloads: what each does to a server, and what it reports of it.

pub(crate) mod fill;
pub(crate) mod list;
pub(crate) mod restart;
pub(crate) mod sessions;
pub(crate) mod stream;
pub(crate) mod watch;
