//! reconfig: other servers, or other lines for the same ones. What becomes of the lines is in `members/next.rs`.
//!
//! The order of the errors is the reference's (PrepRequestProcessor): WRITE on `/zookeeper/config` is asked last, but for what only ids
//! here are too high for.

use std::borrow::Cow;

use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::Perms;
use zoa_proto::request::Reconfig;

use crate::apply::Step;
use crate::members;
use crate::members::NoNext;
use crate::outcome::Applied;
use crate::outcome::Trigger;
use crate::predefined::CONFIG;
use crate::tree::Tree;

pub(crate) fn apply<'t>(
    tree: &mut Tree,
    step: &mut Step<'t>,
    request: &Reconfig<'_>,
) -> Result<Applied<'t>, ErrorCode> {
    let next = members::next(tree.members(), request, step.txn.settings);
    if let Err(NoNext::Refused(error)) = next {
        return Err(error);
    }
    let id = tree.find_id(CONFIG).ok_or(ErrorCode::NoNode)?;
    tree.check_acl(id, Perms::WRITE, &step.txn)?;
    let next = next.map_err(|_| ErrorCode::BadArguments)?;
    let next = next.with_version(step.zxid);
    let config = next.to_string();
    tree.set_members(next, step.stamp());
    step.trigger(Trigger {
        kind: EventKind::NodeDataChanged,
        path: Cow::Borrowed(CONFIG),
        acl: tree.acl(id).clone(),
    });
    Ok(Applied::Reconfigured {
        config,
        stat: tree.stat(id),
    })
}
