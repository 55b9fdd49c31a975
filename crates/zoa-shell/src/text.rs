//! How things look in the shell: stats, ACLs, events, hex dumps, quotas, each as the original prints it and as JSON.
//!
//! It writes nothing: each function makes a text. Invariant: what the original prints is printed byte for byte, and JSON has the
//! names of the protocol's fields.

pub(crate) mod acl;
pub(crate) mod data;
pub(crate) mod date;
pub(crate) mod event;
pub(crate) mod hex_dump;
pub(crate) mod quota;
pub(crate) mod stat;
