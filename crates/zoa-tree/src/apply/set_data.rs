//! setData: new data, also when they are the old ones; version and mzxid move and watchers hear.

use std::borrow::Cow;

use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::Path;
use zoa_proto::Perms;
use zoa_proto::Stat;
use zoa_proto::request::SetData;

use crate::apply::Step;
use crate::apply::check_version;
use crate::outcome::Trigger;
use crate::tree::Tree;

pub(crate) fn apply<'t>(
    tree: &mut Tree,
    step: &mut Step<'t>,
    request: &SetData<'t>,
) -> Result<Stat, ErrorCode> {
    Path::parse(request.path).map_err(|_| ErrorCode::BadArguments)?;
    let id = tree.find_id(request.path).ok_or(ErrorCode::NoNode)?;
    tree.check_acl(id, Perms::WRITE, &step.txn)?;
    check_version(tree.node(id).versions.version, request.version)?;
    tree.set_data(id, request.path, request.data, step.stamp());
    step.trigger(Trigger {
        kind: EventKind::NodeDataChanged,
        path: Cow::Borrowed(request.path),
        acl: tree.acl(id).clone(),
    });
    Ok(tree.stat(id))
}
