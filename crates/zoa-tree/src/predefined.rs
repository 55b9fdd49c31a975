//! The znodes that every tree has: the root and the three under /zookeeper.
//!
//! They are znodes like others, with a stat of zeros, except that they cannot be deleted
//! (reference 2.3).

use zoa_proto::AclRef;
use zoa_proto::Acls;
use zoa_proto::Perms;
use zoa_proto::VectorItem as _;
use zoa_proto::jute::Writer;

use crate::digest::PathHash;
use crate::node::Lifetime;
use crate::node::Node;
use crate::node::NodeId;
use crate::node::NodeParts;
use crate::node::StoredStat;
use crate::node::Versions;
use crate::tree::Tree;
use crate::tree::links::len_of;
use crate::tree::links::split_path;

const ROOT: &str = "/";
const ZOOKEEPER: &str = "/zookeeper";
const QUOTA: &str = "/zookeeper/quota";
/// Where the servers of the ensemble stand to be read.
pub(crate) const CONFIG: &str = "/zookeeper/config";

/// Whether this znode cannot be deleted.
pub(crate) fn is_predefined(path: &str) -> bool {
    matches!(path, ROOT | ZOOKEEPER | QUOTA | CONFIG)
}

impl Tree {
    /// Makes the znodes that every tree has.
    pub(crate) fn add_predefined_nodes(&mut self) {
        self.add_predefined(ROOT, AclRef::OPEN);
        self.add_predefined(ZOOKEEPER, AclRef::OPEN);
        self.add_predefined(QUOTA, AclRef::OPEN);
        let readable = AclRef {
            perms: Perms::READ,
            ..AclRef::OPEN
        };
        self.add_predefined(CONFIG, readable);
    }

    fn add_predefined(&mut self, path: &str, acl: AclRef<'_>) {
        let (parent_path, name) = split_path(path);
        let is_root = path == ROOT;
        // The reference sets the ACL of this one with version -1, and clients see that.
        let aversion = if path == CONFIG { -1 } else { 0 };
        let parent = if is_root {
            None
        } else {
            self.find_id(parent_path)
        };
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes);
        writer.count(1);
        Acls::encode(&acl, &mut writer);
        let number = self.nodes.insert(Node::new(NodeParts {
            name: name.as_bytes(),
            data: Some(b""),
            stat: StoredStat::default(),
            versions: Versions {
                aversion,
                ..Versions::default()
            },
            parent: parent.unwrap_or(NodeId::NONE),
            acl: self.acls.take(&bytes),
            lifetime: Lifetime::Persistent,
        }));
        let id = NodeId(number.expect("a new tree has room"));
        if is_root {
            assert_eq!(id, NodeId::ROOT, "the root is the first znode");
            self.totals.nodes_count += 1;
        } else {
            self.enter(id);
        }
        self.totals.paths_and_data_len += len_of(path.len());
        self.add_terms(id, PathHash::of(path));
    }
}
