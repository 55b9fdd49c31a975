//! A new session. Its id and password come from the leader and are already in the transaction.

use zoa_proto::ErrorCode;
use zoa_proto::SessionId;

use crate::apply::Step;
use crate::digest;
use crate::outcome::Applied;
use crate::session::PASSWORD_LEN;
use crate::session::Session;
use crate::tree::Tree;

pub(crate) fn apply<'t>(
    tree: &mut Tree,
    step: &Step<'t>,
    timeout_ms: i32,
    password: [u8; PASSWORD_LEN],
) -> Result<Applied<'t>, ErrorCode> {
    let (id, owner) = (step.txn.session, step.txn.owner);
    if id == SessionId::NONE {
        return Err(ErrorCode::BadArguments);
    }
    let mut session = Session::new(id, timeout_ms, owner, password);
    // An open snapshot is of the tree without it.
    session.snapshot = tree.snapshots_begun;
    let term = digest::session_term(&session);
    // An id that is taken belongs to somebody: never give their ephemerals to another. Too many
    // sessions end here too.
    if !tree.sessions.add(session) {
        return Err(ErrorCode::SystemError);
    }
    tree.totals.digest_sum = tree.totals.digest_sum.wrapping_add(term);
    Ok(Applied::SessionOpened { timeout_ms })
}
