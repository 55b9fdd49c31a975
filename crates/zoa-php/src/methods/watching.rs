//! Watches that stay, and their removal.

use zoa_client::AddWatchMode;
use zoa_client::Removal;
use zoa_client::WatcherType;

use super::text_of;
use crate::engine::BoolArg;
use crate::engine::Call;
use crate::engine::CallbackArg;
use crate::engine::LongArg;
use crate::engine::TextArg;
use crate::engine::Thrown;
use crate::engine::Value;
use crate::errors;
use crate::registration::WatchKind;
use crate::session::Repeat;
use crate::zookeeper::Zookeeper;

/// A watch that fires again and again, on a znode or on it and all below it.
pub(super) fn add_watch(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut watcher) = (TextArg::new(), CallbackArg::new());
    let mut recursive = BoolArg(false);
    call.parse(&mut [&mut path, &mut watcher], &mut [&mut recursive])?;
    let path = text_of(&path)?;
    let (kind, mode) = if recursive.0 {
        (
            WatchKind::PersistentRecursive,
            AddWatchMode::PersistentRecursive,
        )
    } else {
        (WatchKind::Persistent, AddWatchMode::Persistent)
    };
    let session = &call.native::<Zookeeper>().session;
    session.perform_watching((kind, path), &watcher, |client, watcher| {
        client.add_watch_with(path, mode, watcher)
    })?;
    Ok(Value::bool(true))
}

/// Removes all watches of this session from a path; their callables are told so.
pub(super) fn remove_watch(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut kind) = (TextArg::new(), LongArg(3));
    call.parse(&mut [&mut path], &mut [&mut kind])?;
    let path = text_of(&path)?;
    let watcher_type = match kind.0 {
        1 => WatcherType::Children,
        2 => WatcherType::Data,
        3 => WatcherType::Any,
        4 => WatcherType::Persistent,
        5 => WatcherType::PersistentRecursive,
        _ => return Err(errors::throw_code(errors::BAD_ARGUMENTS)),
    };
    let session = &call.native::<Zookeeper>().session;
    session.perform(Repeat::Write, |client| {
        client.remove_watches(path, watcher_type, Removal::OnServer)
    })?;
    Ok(Value::bool(true))
}
