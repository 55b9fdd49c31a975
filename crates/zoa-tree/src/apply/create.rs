//! create, create2, createContainer and createTTL: a znode with a name of its own, or one numbered by its parent.
//!
//! The operation decides what is made, not the flags: `apply`, `apply_container` and `apply_ttl`. A time to live without its flag, by
//! which the reference ends for good (reference 2.11), is answered BADARGUMENTS.
//!
//! The checks and their order are the reference's (PrepRequestProcessor.pRequest2TxnCreate):
//! flags, path, ACL, parent, CREATE on it, the final path, the name, an ephemeral parent.

use std::borrow::Cow;

use zoa_proto::CreateFlags;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::Path;
use zoa_proto::Perms;
use zoa_proto::Stat;
use zoa_proto::request::Create;
use zoa_proto::request::CreateTtl;

use crate::apply::Step;
use crate::apply::check_has_parent;
use crate::apply::event_path;
use crate::limits::EPHEMERALS_PER_SESSION_MAX;
use crate::limits::NAME_LEN_MAX;
use crate::limits::TTL_MS_MAX;
use crate::node::Lifetime;
use crate::outcome::Applied;
use crate::outcome::MultiApplied;
use crate::outcome::Trigger;
use crate::tree::Tree;
use crate::tree::links::Place;
use crate::tree::links::split_path;
use crate::txn::Settings;

/// A znode that was created.
pub(crate) struct Created<'t> {
    path: Cow<'t, str>,
    stat: Stat,
}

/// The result of create.
pub(crate) fn plain(created: Created<'_>) -> Applied<'_> {
    Applied::Created {
        path: created.path,
        stat: None,
    }
}

/// The result of create2.
pub(crate) fn with_stat(created: Created<'_>) -> Applied<'_> {
    Applied::Created {
        path: created.path,
        stat: Some(created.stat),
    }
}

/// The result of create in a multi.
pub(crate) fn plain_in_multi(created: Created<'_>) -> MultiApplied<'_> {
    MultiApplied::Created {
        path: created.path,
        stat: None,
    }
}

/// The result of create2 in a multi.
pub(crate) fn with_stat_in_multi(created: Created<'_>) -> MultiApplied<'_> {
    MultiApplied::Created {
        path: created.path,
        stat: Some(created.stat),
    }
}

/// create and create2.
pub(crate) fn apply<'t>(
    tree: &mut Tree,
    step: &mut Step<'t>,
    request: &Create<'t>,
) -> Result<Created<'t>, ErrorCode> {
    let mode = mode_of(request.flags, step)?;
    let lifetime = match mode {
        // A container is made by an operation of its own. Of the reference this one makes a znode that stays, and clients exist that
        // ask for no more.
        CreateMode::Persistent | CreateMode::PersistentSequential | CreateMode::Container => {
            Lifetime::Persistent
        }
        CreateMode::Ephemeral | CreateMode::EphemeralSequential
            if step.txn.settings.contains(Settings::LOCAL_SESSION) =>
        {
            return Err(ErrorCode::EphemeralOnLocalSession);
        }
        CreateMode::Ephemeral | CreateMode::EphemeralSequential => {
            Lifetime::Ephemeral(step.txn.session)
        }
        CreateMode::PersistentWithTtl | CreateMode::PersistentSequentialWithTtl => {
            return Err(ErrorCode::BadArguments);
        }
    };
    make(tree, step, request, (mode, lifetime))
}

/// createContainer. Whatever the flags say, it makes a container, numbered if they say so.
pub(crate) fn apply_container<'t>(
    tree: &mut Tree,
    step: &mut Step<'t>,
    request: &Create<'t>,
) -> Result<Created<'t>, ErrorCode> {
    let mode = mode_of(request.flags, step)?;
    if mode.is_ttl() {
        return Err(ErrorCode::BadArguments);
    }
    make(tree, step, request, (mode, Lifetime::Container))
}

/// createTTL.
pub(crate) fn apply_ttl<'t>(
    tree: &mut Tree,
    step: &mut Step<'t>,
    request: &CreateTtl<'t>,
) -> Result<Created<'t>, ErrorCode> {
    let mode = mode_of(request.flags, step)?;
    if !mode.is_ttl() || !(1..=TTL_MS_MAX).contains(&request.ttl_ms) {
        return Err(ErrorCode::BadArguments);
    }
    let create = Create {
        path: request.path,
        data: request.data,
        acl: request.acl,
        flags: request.flags,
    };
    make(tree, step, &create, (mode, Lifetime::Ttl(request.ttl_ms)))
}

/// The kind that the flags name; unknown flags, and a time to live that is not allowed, are errors before anything else is looked at.
fn mode_of(flags: CreateFlags, step: &Step<'_>) -> Result<CreateMode, ErrorCode> {
    let mode = flags.mode().ok_or(ErrorCode::BadArguments)?;
    if mode.is_ttl() && !step.txn.settings.contains(Settings::EXTENDED_TYPES) {
        return Err(ErrorCode::Unimplemented);
    }
    Ok(mode)
}

fn make<'t>(
    tree: &mut Tree,
    step: &mut Step<'t>,
    request: &Create<'t>,
    (mode, lifetime): (CreateMode, Lifetime),
) -> Result<Created<'t>, ErrorCode> {
    check_has_parent(request.path)?;
    tree.fix_up_acl(request.acl, step.txn.identities, step.txn.settings)?;
    let parent_path = split_path(request.path).0;
    let parent = tree.find_parent(parent_path).ok_or(ErrorCode::NoNode)?;
    tree.check_acl(parent.id, Perms::CREATE, &step.txn)?;
    let path = numbered(request.path, mode, tree.node(parent.id).versions.cversion);
    let name = path.get(parent_path.len() + 1..).unwrap_or_default();
    check_path(&path, parent_path, name)?;
    let hash = tree.index.hash(parent.id.0, name.as_bytes());
    let twin = tree.child_by_hash(parent.id, name.as_bytes(), hash);
    if &*path == "/" || twin.is_some() {
        return Err(ErrorCode::NodeExists);
    }
    if tree.node(parent.id).is_ephemeral() {
        return Err(ErrorCode::NoChildrenForEphemerals);
    }
    if tree.nodes.is_full() || has_its_share(tree, lifetime) {
        return Err(ErrorCode::SystemError);
    }
    let place = Place {
        parent,
        name,
        path_len: path.len(),
        at: step.stamp(),
    };
    let id = tree.add_child(&place, hash, (request.data, lifetime));
    step.trigger(Trigger {
        kind: EventKind::NodeCreated,
        path: path.clone(),
        acl: tree.acl(id).clone(),
    });
    step.trigger(Trigger {
        kind: EventKind::NodeChildrenChanged,
        path: Cow::Borrowed(event_path(parent_path)),
        acl: tree.acl(parent.id).clone(),
    });
    Ok(Created {
        path,
        stat: tree.stat(id),
    })
}

/// Whether the session of an ephemeral has as many as it may.
fn has_its_share(tree: &Tree, lifetime: Lifetime) -> bool {
    let Lifetime::Ephemeral(owner) = lifetime else {
        return false;
    };
    tree.session(owner)
        .is_some_and(|session| session.ephemerals_count() >= EPHEMERALS_PER_SESSION_MAX)
}

/// The final path is legal, and its last name is no longer than any may be. The parent's path, at
/// which there is a znode, is looked at only where it may be the root's, which has two.
fn check_path(path: &str, parent_path: &str, name: &str) -> Result<(), ErrorCode> {
    let is_legal = if parent_path.len() > 1 {
        Path::check_name(name).is_ok()
    } else {
        Path::parse(path).is_ok()
    };
    if is_legal && name.len() <= NAME_LEN_MAX {
        Ok(())
    } else {
        Err(ErrorCode::BadArguments)
    }
}

/// The final path: a sequential one gets the parent's raw cversion, ten digits or more (G-13).
fn numbered(path: &str, mode: CreateMode, cversion: i32) -> Cow<'_, str> {
    if mode.is_sequential() {
        Cow::Owned(format!("{path}{cversion:010}"))
    } else {
        Cow::Borrowed(path)
    }
}
