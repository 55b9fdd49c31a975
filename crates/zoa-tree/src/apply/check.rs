//! check, inside a multi: the znode exists and has this version. It asks for READ.

use zoa_proto::ErrorCode;
use zoa_proto::Path;
use zoa_proto::Perms;
use zoa_proto::request::Check;

use crate::apply::Step;
use crate::apply::check_version;
use crate::tree::Tree;

pub(crate) fn apply(tree: &Tree, step: &Step<'_>, request: &Check<'_>) -> Result<(), ErrorCode> {
    Path::parse(request.path).map_err(|_| ErrorCode::BadArguments)?;
    let id = tree.find_id(request.path).ok_or(ErrorCode::NoNode)?;
    tree.check_acl(id, Perms::READ, &step.txn)?;
    check_version(tree.node(id).versions.version, request.version)
}
