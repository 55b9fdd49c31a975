//! Which watches a request means.
//!
//! The watch table itself lives in the core; here are only the numbers on the wire.

use crate::decode_error::DecodeError;

/// Which watches checkWatches and removeWatches mean.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WatcherType {
    /// Standard watches on the children.
    Children,
    /// Standard watches on data and existence.
    Data,
    /// Every watch on the path.
    Any,
    /// Persistent watches (since 3.9).
    Persistent,
    /// Persistent recursive watches (since 3.9).
    PersistentRecursive,
}

impl WatcherType {
    /// Every type, in the order of its number.
    pub const ALL: [Self; 5] = [
        Self::Children,
        Self::Data,
        Self::Any,
        Self::Persistent,
        Self::PersistentRecursive,
    ];

    /// Reads the number; one that names no type is the peer's error.
    pub const fn from_wire(wire: i32) -> Result<Self, DecodeError> {
        match wire {
            1 => Ok(Self::Children),
            2 => Ok(Self::Data),
            3 => Ok(Self::Any),
            4 => Ok(Self::Persistent),
            5 => Ok(Self::PersistentRecursive),
            _ => Err(DecodeError::UnknownWatcherType(wire)),
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Children => 1,
            Self::Data => 2,
            Self::Any => 3,
            Self::Persistent => 4,
            Self::PersistentRecursive => 5,
        }
    }
}

/// How far an addWatch reaches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AddWatchMode {
    /// The path itself: created, deleted, data and children changed.
    Persistent,
    /// The path and all below it: created, deleted and data changed.
    PersistentRecursive,
}

impl AddWatchMode {
    /// Reads the number; one that names no mode is the peer's error.
    pub const fn from_wire(wire: i32) -> Result<Self, DecodeError> {
        match wire {
            0 => Ok(Self::Persistent),
            1 => Ok(Self::PersistentRecursive),
            _ => Err(DecodeError::UnknownAddWatchMode(wire)),
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn to_wire(self) -> i32 {
        match self {
            Self::Persistent => 0,
            Self::PersistentRecursive => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::AddWatchMode;
    use super::WatcherType;
    use crate::decode_error::DecodeError;

    #[test]
    fn watcher_types_keep_their_numbers() {
        for (wire, of) in (1..).zip(WatcherType::ALL) {
            assert_eq!(WatcherType::from_wire(wire), Ok(of));
            assert_eq!(of.to_wire(), wire);
        }
        for wire in [0, 6, -1, i32::MAX] {
            assert_eq!(
                WatcherType::from_wire(wire),
                Err(DecodeError::UnknownWatcherType(wire))
            );
        }
    }

    #[test]
    fn add_watch_modes_keep_their_numbers() {
        for (wire, of) in (0..).zip([AddWatchMode::Persistent, AddWatchMode::PersistentRecursive]) {
            assert_eq!(AddWatchMode::from_wire(wire), Ok(of));
            assert_eq!(of.to_wire(), wire);
        }
        assert_eq!(
            AddWatchMode::from_wire(2),
            Err(DecodeError::UnknownAddWatchMode(2))
        );
    }
}
