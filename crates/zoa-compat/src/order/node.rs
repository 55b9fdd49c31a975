//! The znodes of the order check, by number instead of by path.

/// Where all of them lie.
pub(crate) const ROOT: &str = "/order";

/// One of the znodes, or what a path means that is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Node {
    /// One of the znodes whose data changes all the time.
    Key(u16),
    /// The directory whose children come and go.
    Parent,
    /// A child of it, by the stamp of the write that made it.
    Child(u64),
    /// The znode that comes and goes.
    Flap,
}

impl Node {
    pub(crate) fn path(self) -> String {
        match self {
            Self::Key(key) => format!("{ROOT}/k{key}"),
            Self::Parent => format!("{ROOT}/c"),
            Self::Child(stamp) => format!("{ROOT}/c/{stamp:x}"),
            Self::Flap => format!("{ROOT}/flap"),
        }
    }

    pub(crate) fn parse(path: &str) -> Option<Self> {
        let name = path.strip_prefix(ROOT)?.strip_prefix('/')?;
        match name {
            "c" => Some(Self::Parent),
            "flap" => Some(Self::Flap),
            _ => match name.strip_prefix("c/") {
                Some(stamp) => u64::from_str_radix(stamp, 16).ok().map(Self::Child),
                None => name.strip_prefix('k')?.parse().ok().map(Self::Key),
            },
        }
    }
}

/// The kind of an event, as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Created,
    Deleted,
    Changed,
    ChildrenChanged,
}

impl Kind {
    pub(crate) fn from_wire(kind: i32) -> Option<Self> {
        match kind {
            1 => Some(Self::Created),
            2 => Some(Self::Deleted),
            3 => Some(Self::Changed),
            4 => Some(Self::ChildrenChanged),
            _ => None,
        }
    }
}
