//! What is put into a znode and how it is made.

use std::time::Duration;

use zoa_proto::Acl;
use zoa_proto::AclRef;
use zoa_proto::CreateMode;

use crate::clock;

/// The data of a znode as a caller gives them: bytes, text, or null by `None`. ZooKeeper keeps null and empty apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Data<'d>(pub Option<&'d [u8]>);

impl std::fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(bytes) => write!(f, "Data({} bytes)", bytes.len()),
            None => f.write_str("Data(null)"),
        }
    }
}

impl<'d> From<&'d [u8]> for Data<'d> {
    fn from(bytes: &'d [u8]) -> Self {
        Self(Some(bytes))
    }
}

impl<'d, const LEN: usize> From<&'d [u8; LEN]> for Data<'d> {
    fn from(bytes: &'d [u8; LEN]) -> Self {
        Self(Some(bytes))
    }
}

impl<'d> From<&'d Vec<u8>> for Data<'d> {
    fn from(bytes: &'d Vec<u8>) -> Self {
        Self(Some(bytes))
    }
}

impl<'d> From<&'d str> for Data<'d> {
    fn from(text: &'d str) -> Self {
        Self(Some(text.as_bytes()))
    }
}

impl<'d> From<&'d String> for Data<'d> {
    fn from(text: &'d String) -> Self {
        Self(Some(text.as_bytes()))
    }
}

impl<'d> From<Option<&'d [u8]>> for Data<'d> {
    fn from(data: Option<&'d [u8]>) -> Self {
        Self(data)
    }
}

/// How a znode is made: its mode, who may do what, and how long it lives. A [`CreateMode`] alone will do: it is then open to
/// everybody.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "these are only the options"]
pub struct CreateOptions {
    pub(crate) mode: CreateMode,
    acl: Option<Vec<Acl>>,
    ttl: Duration,
}

impl CreateOptions {
    /// A znode of this mode, open to everybody.
    pub const fn new(mode: CreateMode) -> Self {
        Self {
            mode,
            acl: None,
            ttl: Duration::ZERO,
        }
    }

    /// Who may do what.
    pub fn acl(mut self, acl: impl Into<Vec<Acl>>) -> Self {
        self.acl = Some(acl.into());
        self
    }

    /// How long it lives unchanged, in whole milliseconds; for the modes with a TTL.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    pub(crate) fn ttl_ms(&self) -> i64 {
        i64::try_from(clock::millis(self.ttl)).unwrap_or(i64::MAX)
    }

    pub(crate) fn acl_refs(&self) -> impl Iterator<Item = AclRef<'_>> {
        let open = self.acl.is_none().then_some(AclRef::OPEN);
        let given = self.acl.iter().flatten().map(Acl::as_ref);
        open.into_iter().chain(given)
    }
}

impl From<CreateMode> for CreateOptions {
    fn from(mode: CreateMode) -> Self {
        Self::new(mode)
    }
}
