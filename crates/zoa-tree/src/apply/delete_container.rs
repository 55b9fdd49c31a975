//! deleteContainer, and what the leader's clock proposes in its place: a container or a znode with a time to live goes when nobody
//! uses it.
//!
//! From a client the reference takes deleteContainer without asking for a permission, of persistent znodes too; here it asks for
//! DELETE on the parent, as delete does, and takes only what it is made for. It is an operation for servers, and no client
//! library sends it.

use std::borrow::Cow;

use zoa_proto::ErrorCode;
use zoa_proto::Perms;
use zoa_proto::request::DeleteContainer;

use crate::apply::Step;
use crate::apply::check_has_parent;
use crate::apply::delete;
use crate::node::NodeId;
use crate::tree::Tree;
use crate::tree::links::split_path;

/// deleteContainer of a client.
pub(crate) fn apply<'t>(
    tree: &mut Tree,
    step: &mut Step<'t>,
    request: &DeleteContainer<'t>,
) -> Result<(), ErrorCode> {
    let id = find(tree, request.path)?;
    let parent = tree.node(id).parent.some().unwrap_or(NodeId::ROOT);
    tree.check_acl(parent, Perms::DELETE, &step.txn)?;
    check_is_unused(tree, id)?;
    delete::remove(tree, step, id, Cow::Borrowed(request.path));
    Ok(())
}

/// The leader found it unused; it may have been used since.
pub(crate) fn reap<'t>(
    tree: &mut Tree,
    step: &mut Step<'t>,
    path: &'t str,
    never_used_ms_max: u32,
) -> Result<(), ErrorCode> {
    let id = find(tree, path)?;
    check_is_unused(tree, id)?;
    if !tree.is_due(id, step.txn.time_ms, never_used_ms_max) {
        return Err(ErrorCode::BadVersion);
    }
    delete::remove(tree, step, id, Cow::Borrowed(path));
    Ok(())
}

/// The znode at a path as it is written; `//a` and the root's other name are none.
fn find(tree: &mut Tree, path: &str) -> Result<NodeId, ErrorCode> {
    check_has_parent(path)?;
    let (parent_path, name) = split_path(path);
    let parent = tree.find_parent(parent_path).ok_or(ErrorCode::NoNode)?;
    let child = if parent_path == "/" {
        None
    } else {
        tree.child(parent.id, name.as_bytes())
    };
    child.ok_or(ErrorCode::NoNode)
}

fn check_is_unused(tree: &Tree, id: NodeId) -> Result<(), ErrorCode> {
    if tree.children_count(id) > 0 {
        return Err(ErrorCode::NotEmpty);
    }
    if tree.node(id).is_reaped() {
        Ok(())
    } else {
        Err(ErrorCode::BadVersion)
    }
}
