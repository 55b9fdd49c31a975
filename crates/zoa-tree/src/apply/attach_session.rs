//! Another connection speaks for a session from here on, with a timeout of its own.
//!
//! An unknown session and a wrong password get the same answer, so that nobody learns which ids
//! are alive (reference 1.2, G-12).

use zoa_proto::ErrorCode;

use crate::apply::Step;
use crate::digest;
use crate::outcome::Applied;
use crate::tree::Tree;

pub(crate) fn apply<'t>(
    tree: &mut Tree,
    step: &Step<'t>,
    timeout_ms: i32,
    password: &[u8],
) -> Result<Applied<'t>, ErrorCode> {
    let (id, owner) = (step.txn.session, step.txn.owner);
    let number = tree.sessions.number(id).ok_or(ErrorCode::SessionExpired)?;
    if !tree.sessions.at_mut(number).has_password(password) {
        return Err(ErrorCode::SessionExpired);
    }
    tree.preserve_session(id);
    let session = tree.sessions.at_mut(number);
    let previous_owner = Some(session.owner()).filter(|previous| *previous != owner);
    let before = digest::session_term(session);
    session.attach(owner, timeout_ms);
    let after = digest::session_term(session);
    tree.totals.digest_sum = tree
        .totals
        .digest_sum
        .wrapping_sub(before)
        .wrapping_add(after);
    Ok(Applied::SessionAttached {
        timeout_ms,
        previous_owner,
    })
}
