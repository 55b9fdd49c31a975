//! Walks over a subtree, one request at a time.
//!
//! It is *not* a snapshot: what changes meanwhile is seen as it is when it is reached, and a znode that is gone by then is left
//! out. Invariant: parents come before their children, and the memory needed is that of the names still to be visited.

use zoa_proto::ErrorCode;

use crate::error::Answer;
use crate::keeper::Keeper;
use crate::path_text::child_path;

/// A znode on the way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Visit {
    pub(crate) path: String,
    /// 0 for the root of the walk.
    pub(crate) depth: usize,
}

/// Visits a znode, then each child with all below it. `visit` says whether to go further down.
pub(crate) fn visit_subtree(
    keeper: &Keeper,
    root: &str,
    mut visit: impl FnMut(&Visit) -> Answer<bool>,
) -> Answer<()> {
    let mut waiting = vec![Visit {
        path: root.to_owned(),
        depth: 0,
    }];
    while let Some(next) = waiting.pop() {
        if !visit(&next)? {
            continue;
        }
        let children = or_gone(
            keeper
                .children(&next.path, false)
                .map(|(children, _)| children),
        )?;
        let below = children
            .unwrap_or_default()
            .into_iter()
            .rev()
            .map(|child| Visit {
                path: child_path(&next.path, &child),
                depth: next.depth + 1,
            });
        waiting.extend(below);
    }
    Ok(())
}

/// All paths of a subtree, level by level, as the original lists them.
pub(crate) fn list_by_level(keeper: &Keeper, root: &str) -> Answer<Vec<String>> {
    let mut paths = vec![root.to_owned()];
    let mut next = 0;
    while let Some(path) = paths.get(next) {
        let (children, _) = keeper.children(path, false)?;
        let below: Vec<String> = children
            .iter()
            .map(|child| child_path(path, child))
            .collect();
        paths.extend(below);
        next += 1;
    }
    Ok(paths)
}

/// Whether it is the servers' own, which is neither exported nor copied with the rest of the tree.
pub(crate) fn is_of_servers(visit: &Visit) -> bool {
    visit.depth > 0 && visit.path == "/zookeeper"
}

/// The path of a znode of a walk, as it stands below the root of the walk; empty for the root itself.
pub(crate) fn path_below<'a>(path: &'a str, root: &str) -> &'a str {
    match root {
        "/" => path.strip_suffix('/').unwrap_or(path),
        _ => path.strip_prefix(root).unwrap_or_default(),
    }
}

/// `None` for a znode that is gone meanwhile.
pub(crate) fn or_gone<T>(answer: Answer<T>) -> Answer<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is(ErrorCode::NoNode) => Ok(None),
        Err(error) => Err(error),
    }
}
