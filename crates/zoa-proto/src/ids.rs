//! The small numbers of the protocol, each a type of its own so that none is passed for another.
//!
//! They carry no behaviour; what a session or a version *means* lives with the tree and the core.

use std::fmt;

/// The id of a session; 0 asks for a new one and is also "no owner" in a stat.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SessionId(pub i64);

impl SessionId {
    /// No session: asks for a new one in a connect request, refuses one in the response.
    pub const NONE: Self = Self(0);
}

// Sessions are written as 0x... wherever a ZooKeeper operator meets them.
impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({:#x})", self.0)
    }
}

/// The number a client gives a request (its cxid); replies carry it back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Xid(pub i32);

impl Xid {
    /// A watch event, sent without a request.
    pub const NOTIFICATION: Self = Self(-1);
    /// A ping and its reply.
    pub const PING: Self = Self(-2);
    /// An auth packet and its reply.
    pub const AUTH: Self = Self(-4);
    /// setWatches or setWatches2 and its reply.
    pub const SET_WATCHES: Self = Self(-8);
}

/// The version of a znode's data, its children or its ACL, also the one a request expects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Version(pub i32);

impl Version {
    /// As an expectation: any version will do.
    pub const ANY: Self = Self(-1);
}

/// The id of a server of the ensemble (`myid`); at most 254, since 0xff marks TTL owners.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct PeerId(pub u8);

#[cfg(test)]
mod tests {
    use super::SessionId;

    #[test]
    fn a_session_is_shown_in_hex() {
        assert_eq!(
            SessionId(0x1000_0000_0000_0001).to_string(),
            "0x1000000000000001"
        );
        assert_eq!(
            format!("{:?}", SessionId(-1)),
            "SessionId(0xffffffffffffffff)"
        );
    }
}
