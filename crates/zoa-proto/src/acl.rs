//! Access control lists as they travel: permissions, scheme and id.
//!
//! Whether an id is valid for its scheme, and whether a connection matches it, is not judged
//! here. Debug output hides the hash of a digest id, as getACL does (G-25).

use std::fmt;

use crate::decode_error::DecodeError;
use crate::jute::Reader;
use crate::jute::Writer;
use crate::vector::Vector;
use crate::vector::VectorItem;

/// A set of permissions, as the bits stand on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Perms(pub u32);

impl Perms {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Read data and list children.
    pub const READ: Self = Self(1);
    /// Set data.
    pub const WRITE: Self = Self(2);
    /// Create children.
    pub const CREATE: Self = Self(4);
    /// Delete children.
    pub const DELETE: Self = Self(8);
    /// Set the ACL.
    pub const ADMIN: Self = Self(16);
    /// All of the above.
    pub const ALL: Self = Self(31);

    /// Whether every permission of `other` is in here.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether at least one permission of `other` is in here.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The permissions of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Reads the wire's signed form; any bits are kept.
    #[must_use]
    pub const fn from_wire(wire: i32) -> Self {
        Self(wire.cast_unsigned())
    }

    /// The signed form for the wire.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        self.0.cast_signed()
    }
}

/// One entry of an ACL, owned.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Acl {
    /// What is allowed.
    pub perms: Perms,
    /// How the id is to be understood: `world`, `digest`, `ip`, ...
    pub scheme: String,
    /// Whom it is allowed.
    pub id: String,
}

impl Acl {
    /// The entry, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> AclRef<'_> {
        AclRef {
            perms: self.perms,
            scheme: &self.scheme,
            id: &self.id,
        }
    }
}

impl fmt::Debug for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// One entry of an ACL, borrowed from the frame.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AclRef<'a> {
    /// What is allowed.
    pub perms: Perms,
    /// How the id is to be understood: `world`, `digest`, `ip`, ...
    pub scheme: &'a str,
    /// Whom it is allowed.
    pub id: &'a str,
}

impl AclRef<'static> {
    /// Everything to everybody: `world:anyone`.
    pub const OPEN: Self = Self {
        perms: Perms::ALL,
        scheme: "world",
        id: "anyone",
    };
}

impl AclRef<'_> {
    /// The entry, owned.
    #[must_use]
    pub fn to_owned(&self) -> Acl {
        Acl {
            perms: self.perms,
            scheme: self.scheme.to_owned(),
            id: self.id.to_owned(),
        }
    }
}

impl fmt::Debug for AclRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only what is known to hold no secret is shown whole: the id of an unknown scheme is the
        // operator's business, and a digest is a password's hash (G-25).
        let (shown, hidden) = match self.scheme {
            "digest" => (self.id.split(':').next().unwrap_or_default(), ":x"),
            _ => (self.id, ""),
        };
        write!(
            f,
            "Acl({}:{shown}{hidden}, perms {:#x})",
            self.scheme, self.perms.0
        )
    }
}

/// Vectors of ACL entries.
#[derive(Clone, Copy, Debug)]
pub struct Acls;

/// An ACL in a frame; null reads as empty.
pub type AclList<'a> = Vector<'a, Acls>;

impl VectorItem for Acls {
    type Item<'a> = AclRef<'a>;

    // perms, and the lengths of scheme and id.
    const LEN_MIN: usize = 12;

    fn decode<'a>(reader: &mut Reader<'a>) -> Result<AclRef<'a>, DecodeError> {
        Ok(AclRef {
            perms: Perms::from_wire(reader.int()?),
            scheme: reader.ustring()?,
            id: reader.ustring()?,
        })
    }

    fn skip(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        reader.int()?;
        // A string that is not UTF-8 is read all the same.
        reader.buffer()?;
        reader.buffer().map(drop)
    }

    fn encode(item: &AclRef<'_>, writer: &mut Writer<'_>) {
        writer.int(item.perms.to_wire());
        writer.ustring(item.scheme);
        writer.ustring(item.id);
    }
}
