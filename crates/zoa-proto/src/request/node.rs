//! The requests about one znode that exists, or may.

use super::field::record;
use crate::acl::AclList;
use crate::ids::Version;

record! {
    /// The body of delete.
    #[derive(Debug)]
    Delete<'a> {
        /// Which znode.
        path: &'a str,
        /// The version it must have.
        version: Version,
    }
}

record! {
    /// The body of deleteContainer.
    #[derive(Debug)]
    DeleteContainer<'a> {
        /// Which znode.
        path: &'a str,
    }
}

record! {
    /// The body of exists.
    #[derive(Debug)]
    Exists<'a> {
        /// Which znode.
        path: &'a str,
        /// Whether to leave a watch, also if there is no such znode.
        watch: bool,
    }
}

record! {
    /// The body of getData.
    #[derive(Debug)]
    GetData<'a> {
        /// Which znode.
        path: &'a str,
        /// Whether to leave a watch on its data.
        watch: bool,
    }
}

record! {
    /// The body of setData.
    #[derive(Debug)]
    SetData<'a> {
        /// Which znode.
        path: &'a str,
        /// The data; null is not empty.
        data: Option<&'a [u8]>,
        /// The version it must have.
        version: Version,
    }
}

record! {
    /// The body of getACL.
    #[derive(Debug)]
    GetAcl<'a> {
        /// Which znode.
        path: &'a str,
    }
}

record! {
    /// The body of setACL.
    #[derive(Debug)]
    SetAcl<'a> {
        /// Which znode.
        path: &'a str,
        /// Who may do what from now on.
        acl: AclList<'a>,
        /// The ACL version it must have.
        version: Version,
    }
}

record! {
    /// The body of getChildren and getChildren2.
    #[derive(Debug)]
    GetChildren<'a> {
        /// Which znode.
        path: &'a str,
        /// Whether to leave a watch on its children.
        watch: bool,
    }
}

record! {
    /// The body of getAllChildrenNumber.
    #[derive(Debug)]
    GetAllChildrenNumber<'a> {
        /// Which znode.
        path: &'a str,
    }
}

record! {
    /// The body of sync.
    #[derive(Debug)]
    Sync<'a> {
        /// Any path; comes back in the reply.
        path: &'a str,
    }
}

record! {
    /// The body of check.
    #[derive(Debug)]
    Check<'a> {
        /// Which znode.
        path: &'a str,
        /// The version it must have.
        version: Version,
    }
}
