//! setACL: who may do what from now on. Only aversion moves, and no watcher hears of it.

use zoa_proto::ErrorCode;
use zoa_proto::Path;
use zoa_proto::Perms;
use zoa_proto::Stat;
use zoa_proto::request::SetAcl;

use crate::apply::Step;
use crate::apply::check_version;
use crate::tree::Tree;

pub(crate) fn apply(
    tree: &mut Tree,
    step: &Step<'_>,
    request: &SetAcl<'_>,
) -> Result<Stat, ErrorCode> {
    Path::parse(request.path).map_err(|_| ErrorCode::BadArguments)?;
    tree.fix_up_acl(request.acl, step.txn.identities, step.txn.settings)?;
    let id = tree.find_id(request.path).ok_or(ErrorCode::NoNode)?;
    tree.check_acl(id, Perms::ADMIN, &step.txn)?;
    check_version(tree.node(id).versions.aversion, request.version)?;
    tree.set_acl(id, request.path);
    Ok(tree.stat(id))
}
