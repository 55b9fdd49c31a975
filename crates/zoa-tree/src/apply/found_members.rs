//! The first leader of an ensemble says who its servers are, as zoo.cfg has them; whoever comes later is too late.
//!
//! It takes no zxid and nobody hears of it: the original writes the same into each server's tree before it serves anybody, with
//! version 0.

use zoa_proto::ErrorCode;

use crate::apply::Step;
use crate::members::MemberLines;
use crate::outcome::Applied;
use crate::tree::Tree;
use crate::tree::links::Stamp;

pub(crate) fn apply<'t>(
    tree: &mut Tree,
    step: &Step<'t>,
    lines: &str,
) -> Result<Applied<'t>, ErrorCode> {
    if !tree.members().is_empty() {
        return Err(ErrorCode::NodeExists);
    }
    let lines = MemberLines::parse(lines).map_err(|_| ErrorCode::BadArguments)?;
    if lines.is_empty() {
        return Err(ErrorCode::BadArguments);
    }
    let founded = lines.with_version(zoa_proto::Zxid::ZERO);
    let at = Stamp {
        zxid: founded.version(),
        time_ms: step.txn.time_ms,
    };
    tree.set_members(founded, at);
    Ok(Applied::MembersFounded)
}
