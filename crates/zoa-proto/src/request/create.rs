//! The requests that make a znode.
//!
//! The opcode decides what is made: create and create2 with the container or TTL flags make
//! neither, createContainer and createTTL do.

use super::field::record;
use crate::acl::AclList;
use crate::create_mode::CreateFlags;

record! {
    /// The body of create, create2 and createContainer.
    #[derive(Debug)]
    Create<'a> {
        /// Where; the name gets a number if the flags say so.
        path: &'a str,
        /// The data; null is not empty.
        data: Option<&'a [u8]>,
        /// Who may do what.
        acl: AclList<'a>,
        /// The kind of znode; any value.
        flags: CreateFlags,
    }
}

record! {
    /// The body of createTTL.
    #[derive(Debug)]
    CreateTtl<'a> {
        /// Where; the name gets a number if the flags say so.
        path: &'a str,
        /// The data; null is not empty.
        data: Option<&'a [u8]>,
        /// Who may do what.
        acl: AclList<'a>,
        /// The kind of znode; any value, 5 and 6 are meant.
        flags: CreateFlags,
        /// The time to live, in milliseconds; any value.
        ttl_ms: i64,
    }
}
