//! The operations of the protocol and their numbers.
//!
//! Not every number here may come from a client: see [`OpCode::is_client_request`]. A number that
//! is not here at all is answered with UNIMPLEMENTED and the connection is closed.

/// Names an operation: variant, wire number, ZooKeeper's spelling, documentation.
macro_rules! op_codes {
    ($($(#[$doc:meta])* $name:ident = $wire:literal, $text:literal;)*) => {
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

            /// The name ZooKeeper's users know it by, e.g. `getACL`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

op_codes! {
    /// A watch event; a server sends it, never accepts it.
    Notification = 0, "notification";
    /// Creates a znode; replies its path.
    Create = 1, "create";
    /// Deletes a znode without children.
    Delete = 2, "delete";
    /// Replies the stat of a znode.
    Exists = 3, "exists";
    /// Replies data and stat.
    GetData = 4, "getData";
    /// Sets data; replies the stat.
    SetData = 5, "setData";
    /// Replies ACL and stat.
    GetAcl = 6, "getACL";
    /// Sets the ACL; replies the stat.
    SetAcl = 7, "setACL";
    /// Replies the names of the children.
    GetChildren = 8, "getChildren";
    /// Waits until this server has seen what was committed; replies the path.
    Sync = 9, "sync";
    /// Keeps the session alive.
    Ping = 11, "ping";
    /// Replies the names of the children and the stat.
    GetChildren2 = 12, "getChildren2";
    /// Checks a version; only inside a multi.
    Check = 13, "check";
    /// Several writes, all or none.
    Multi = 14, "multi";
    /// Creates a znode; replies path and stat.
    Create2 = 15, "create2";
    /// Changes the members of the ensemble.
    Reconfig = 16, "reconfig";
    /// Asks whether this connection has a watch.
    CheckWatches = 17, "checkWatches";
    /// Removes watches of this connection.
    RemoveWatches = 18, "removeWatches";
    /// Creates a container; replies path and stat.
    CreateContainer = 19, "createContainer";
    /// Deletes an empty container; meant for the server's own reaper.
    DeleteContainer = 20, "deleteContainer";
    /// Creates a znode with a time to live; replies path and stat.
    CreateTtl = 21, "createTTL";
    /// Several reads, each with its own result.
    MultiRead = 22, "multiRead";
    /// Adds an identity to the connection.
    Auth = 100, "auth";
    /// Re-arms watches after a reconnect.
    SetWatches = 101, "setWatches";
    /// A step of a SASL exchange.
    Sasl = 102, "sasl";
    /// Lists the session's own ephemerals.
    GetEphemerals = 103, "getEphemerals";
    /// Counts all descendants.
    GetAllChildrenNumber = 104, "getAllChildrenNumber";
    /// Re-arms watches, persistent ones too.
    SetWatches2 = 105, "setWatches2";
    /// Installs a persistent watch.
    AddWatch = 106, "addWatch";
    /// Lists the identities of the connection.
    WhoAmI = 107, "whoAmI";
    /// A session is made; in the transaction log only.
    CreateSession = -10, "createSession";
    /// Ends the session.
    CloseSession = -11, "closeSession";
    /// A failed write; in the transaction log only.
    Error = -1, "error";
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
