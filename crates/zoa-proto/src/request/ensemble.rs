//! The request that changes the ensemble.

use super::field::record;

record! {
    /// The body of reconfig: either joining and leaving, or the new members.
    #[derive(Debug)]
    Reconfig<'a> {
        /// Servers to add or change, separated by commas.
        joining: Option<&'a str>,
        /// Ids of servers to remove, separated by commas.
        leaving: Option<&'a str>,
        /// All servers from now on, separated by commas.
        new_members: Option<&'a str>,
        /// The version the configuration must have; -1 is any.
        config_id: i64,
    }
}
