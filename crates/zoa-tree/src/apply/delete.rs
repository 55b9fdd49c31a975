//! delete: a znode without children.
//!
//! The path is not validated beyond its slash, so that a malformed one is just not there; the four
//! znodes that every tree has cannot be deleted. DELETE is asked of the *parent*.

use std::borrow::Cow;

use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::Perms;
use zoa_proto::request::Delete;

use crate::apply::Step;
use crate::apply::check_has_parent;
use crate::apply::check_version;
use crate::apply::event_path;
use crate::node::NodeId;
use crate::outcome::Trigger;
use crate::predefined::is_predefined;
use crate::tree::Tree;
use crate::tree::links::Place;
use crate::tree::links::split_path;

pub(crate) fn apply<'t>(
    tree: &mut Tree,
    step: &mut Step<'t>,
    request: &Delete<'t>,
) -> Result<(), ErrorCode> {
    check_has_parent(request.path)?;
    if is_predefined(request.path) {
        return Err(ErrorCode::BadArguments);
    }
    let (parent_path, name) = split_path(request.path);
    let parent = tree.find_parent(parent_path).ok_or(ErrorCode::NoNode)?;
    tree.check_acl(parent.id, Perms::DELETE, &step.txn)?;
    // The parent of "/a" is the empty path; "//a" is no znode, though its parent is one.
    let child = if parent_path == "/" {
        None
    } else {
        tree.child(parent.id, name.as_bytes())
    };
    let id = child.ok_or(ErrorCode::NoNode)?;
    check_version(tree.node(id).versions.version, request.version)?;
    if tree.children_count(id) > 0 {
        return Err(ErrorCode::NotEmpty);
    }
    remove(tree, step, id, Cow::Borrowed(request.path));
    Ok(())
}

/// Deletes a znode that may be deleted, and tells watchers; an ephemeral at its session's end too.
pub(crate) fn remove<'t>(tree: &mut Tree, step: &mut Step<'t>, id: NodeId, path: Cow<'t, str>) {
    let acl = tree.acl(id).clone();
    let (parent_path, name) = split_path(&path);
    let parent = tree.find_parent(parent_path);
    let parent = parent.expect("who deletes a znode has found it at this path");
    assert_eq!(parent.id, tree.node(id).parent, "a znode has one path");
    tree.remove_child(
        id,
        &Place {
            parent,
            name,
            path_len: path.len(),
            at: step.stamp(),
        },
    );
    let parent_path = match &path {
        Cow::Borrowed(path) => Cow::Borrowed(event_path(split_path(path).0)),
        Cow::Owned(_) => Cow::Owned(event_path(parent_path).to_owned()),
    };
    step.trigger(Trigger {
        kind: EventKind::NodeDeleted,
        path,
        acl,
    });
    step.trigger(Trigger {
        kind: EventKind::NodeChildrenChanged,
        path: parent_path,
        acl: tree.acl(parent.id).clone(),
    });
}
