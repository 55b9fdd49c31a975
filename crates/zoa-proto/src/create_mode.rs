//! What kind of znode a create asks for.
//!
//! The flags are kept as they came: an unknown value is a matter for apply (BADARGUMENTS, and a
//! zxid is used), not for decoding, except inside a multi. Mind that the *opcode* and not the
//! flags decides whether a container or a TTL znode is made.

/// The flags of a create as they stand on the wire; any value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct CreateFlags(pub i32);

impl CreateFlags {
    /// The mode these flags name; `None` if they name none.
    #[must_use]
    pub const fn mode(self) -> Option<CreateMode> {
        match self.0 {
            0 => Some(CreateMode::Persistent),
            1 => Some(CreateMode::Ephemeral),
            2 => Some(CreateMode::PersistentSequential),
            3 => Some(CreateMode::EphemeralSequential),
            4 => Some(CreateMode::Container),
            5 => Some(CreateMode::PersistentWithTtl),
            6 => Some(CreateMode::PersistentSequentialWithTtl),
            _ => None,
        }
    }
}

impl From<CreateMode> for CreateFlags {
    fn from(mode: CreateMode) -> Self {
        mode.flags()
    }
}

/// The kind of znode to create.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CreateMode {
    /// Stays until deleted.
    Persistent,
    /// Goes with its session.
    Ephemeral,
    /// Stays; its name gets a number.
    PersistentSequential,
    /// Goes with its session; its name gets a number.
    EphemeralSequential,
    /// Deleted by the server some time after its last child.
    Container,
    /// Deleted by the server when unchanged for its time to live.
    PersistentWithTtl,
    /// The same with a numbered name.
    PersistentSequentialWithTtl,
}

impl CreateMode {
    /// Every mode, in the order of its flags.
    pub const ALL: [Self; 7] = [
        Self::Persistent,
        Self::Ephemeral,
        Self::PersistentSequential,
        Self::EphemeralSequential,
        Self::Container,
        Self::PersistentWithTtl,
        Self::PersistentSequentialWithTtl,
    ];

    /// The flags on the wire.
    #[must_use]
    pub const fn flags(self) -> CreateFlags {
        CreateFlags(match self {
            Self::Persistent => 0,
            Self::Ephemeral => 1,
            Self::PersistentSequential => 2,
            Self::EphemeralSequential => 3,
            Self::Container => 4,
            Self::PersistentWithTtl => 5,
            Self::PersistentSequentialWithTtl => 6,
        })
    }

    /// Whether the server appends a number to the name.
    #[must_use]
    pub const fn is_sequential(self) -> bool {
        match self {
            Self::PersistentSequential
            | Self::EphemeralSequential
            | Self::PersistentSequentialWithTtl => true,
            Self::Persistent | Self::Ephemeral | Self::Container | Self::PersistentWithTtl => false,
        }
    }

    /// Whether the znode goes with its session.
    #[must_use]
    pub const fn is_ephemeral(self) -> bool {
        matches!(self, Self::Ephemeral | Self::EphemeralSequential)
    }

    /// Whether the znode has a time to live.
    #[must_use]
    pub const fn is_ttl(self) -> bool {
        matches!(
            self,
            Self::PersistentWithTtl | Self::PersistentSequentialWithTtl
        )
    }
}

#[cfg(test)]
mod tests {
    use super::CreateFlags;
    use super::CreateMode;

    #[test]
    fn flags_and_modes_name_each_other() {
        for (flags, mode) in (0..).zip(CreateMode::ALL) {
            assert_eq!(CreateFlags(flags).mode(), Some(mode));
            assert_eq!(CreateFlags::from(mode), CreateFlags(flags));
        }
        for flags in [-1, 7, i32::MIN, i32::MAX] {
            assert_eq!(CreateFlags(flags).mode(), None);
        }
    }

    #[test]
    fn each_mode_has_its_properties() {
        let of = |property: fn(CreateMode) -> bool| -> Vec<i32> {
            let modes = CreateMode::ALL.into_iter().filter(|mode| property(*mode));
            modes.map(|mode| mode.flags().0).collect()
        };
        assert_eq!(of(CreateMode::is_sequential), [2, 3, 6]);
        assert_eq!(of(CreateMode::is_ephemeral), [1, 3]);
        assert_eq!(of(CreateMode::is_ttl), [5, 6]);
    }
}
