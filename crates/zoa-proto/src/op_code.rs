//! The operations of the protocol and their numbers.
//!
//! Not every number here may come from a client: see [`OpCode::is_client_request`]. A number that
//! is not here at all is answered with UNIMPLEMENTED and the connection is closed.

/// Names an operation: variant, wire number, documentation.
macro_rules! op_codes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal,)*) => {
        /// An operation, by its wire number.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum OpCode {
            $($(#[$doc])* $name,)*
        }

        impl OpCode {
            /// Every operation, in the order of the reference's table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The operation with this number, if there is one.
            #[must_use]
            pub const fn from_wire(wire: i32) -> Option<Self> {
                match wire {
                    $($wire => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The number on the wire.
            #[must_use]
            pub const fn to_wire(self) -> i32 {
                match self {
                    $(Self::$name => $wire,)*
                }
            }
        }
    };
}

op_codes! {
    /// A watch event; a server sends it, never accepts it.
    Notification = 0,
    /// Creates a znode; replies its path.
    Create = 1,
    /// Deletes a znode without children.
    Delete = 2,
    /// Replies the stat of a znode.
    Exists = 3,
    /// Replies data and stat.
    GetData = 4,
    /// Sets data; replies the stat.
    SetData = 5,
    /// Replies ACL and stat.
    GetAcl = 6,
    /// Sets the ACL; replies the stat.
    SetAcl = 7,
    /// Replies the names of the children.
    GetChildren = 8,
    /// Waits until this server has seen what was committed; replies the path.
    Sync = 9,
    /// Keeps the session alive.
    Ping = 11,
    /// Replies the names of the children and the stat.
    GetChildren2 = 12,
    /// Checks a version; only inside a multi.
    Check = 13,
    /// Several writes, all or none.
    Multi = 14,
    /// Creates a znode; replies path and stat.
    Create2 = 15,
    /// Changes the members of the ensemble.
    Reconfig = 16,
    /// Asks whether this connection has a watch.
    CheckWatches = 17,
    /// Removes watches of this connection.
    RemoveWatches = 18,
    /// Creates a container; replies path and stat.
    CreateContainer = 19,
    /// Deletes an empty container; meant for the server's own reaper.
    DeleteContainer = 20,
    /// Creates a znode with a time to live; replies path and stat.
    CreateTtl = 21,
    /// Several reads, each with its own result.
    MultiRead = 22,
    /// Adds an identity to the connection.
    Auth = 100,
    /// Re-arms watches after a reconnect.
    SetWatches = 101,
    /// A step of a SASL exchange.
    Sasl = 102,
    /// Lists the session's own ephemerals.
    GetEphemerals = 103,
    /// Counts all descendants.
    GetAllChildrenNumber = 104,
    /// Re-arms watches, persistent ones too.
    SetWatches2 = 105,
    /// Installs a persistent watch.
    AddWatch = 106,
    /// Lists the identities of the connection.
    WhoAmI = 107,
    /// A session is made; in the transaction log only.
    CreateSession = -10,
    /// Ends the session.
    CloseSession = -11,
    /// A failed write; in the transaction log only.
    Error = -1,
}

impl OpCode {
    /// Whether the operation changes the replicated state, takes a zxid and a place in the log.
    ///
    /// `Sync` passes through the log but takes no zxid; a `Check` counts only inside its multi.
    #[must_use]
    pub const fn is_write(self) -> bool {
        match self {
            Self::Create
            | Self::Create2
            | Self::CreateContainer
            | Self::CreateTtl
            | Self::Delete
            | Self::DeleteContainer
            | Self::SetData
            | Self::SetAcl
            | Self::Multi
            | Self::Reconfig
            | Self::CreateSession
            | Self::CloseSession => true,
            Self::Notification
            | Self::Exists
            | Self::GetData
            | Self::GetAcl
            | Self::GetChildren
            | Self::Sync
            | Self::Ping
            | Self::GetChildren2
            | Self::Check
            | Self::CheckWatches
            | Self::RemoveWatches
            | Self::MultiRead
            | Self::Auth
            | Self::SetWatches
            | Self::Sasl
            | Self::GetEphemerals
            | Self::GetAllChildrenNumber
            | Self::SetWatches2
            | Self::AddWatch
            | Self::WhoAmI
            | Self::Error => false,
        }
    }

    /// Whether a client may send it; anything else is answered as an unknown operation.
    #[must_use]
    pub const fn is_client_request(self) -> bool {
        !matches!(self, Self::Notification | Self::Error | Self::CreateSession)
    }
}
