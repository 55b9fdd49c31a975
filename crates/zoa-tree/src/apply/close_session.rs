//! A session ends, asked for or expired, and takes its ephemerals with it in the same zxid (G-10).
//!
//! The ephemerals go in the order of their paths: the session's own list has an order that depends
//! on what a replica loaded from a snapshot, and triggers must not.

use std::borrow::Cow;

use zoa_proto::ErrorCode;

use crate::apply::Step;
use crate::apply::delete;
use crate::digest;
use crate::outcome::Applied;
use crate::session::Session;
use crate::tree::Tree;

pub(crate) fn apply<'t>(tree: &mut Tree, step: &mut Step<'t>) -> Result<Applied<'t>, ErrorCode> {
    let id = step.txn.session;
    let session = tree.session(id).ok_or(ErrorCode::SessionExpired)?;
    let ephemerals = session.ephemerals().iter();
    let mut ephemerals: Vec<_> = ephemerals
        .map(|node| (tree.path_of(*node), *node))
        .collect();
    ephemerals.sort_unstable();
    tree.preserve_session(id);
    for (path, node) in ephemerals {
        delete::remove(tree, step, node, Cow::Owned(path));
    }
    let session = tree.sessions.remove(id).ok_or(ErrorCode::SessionExpired)?;
    assert_eq!(
        session.ephemerals_count(),
        0,
        "no ephemeral outlives its session"
    );
    let sum = tree.totals.digest_sum;
    tree.totals.digest_sum = sum.wrapping_sub(digest::session_term(&session));
    Ok(Applied::SessionClosed {
        owner: Session::owner(&session),
    })
}
