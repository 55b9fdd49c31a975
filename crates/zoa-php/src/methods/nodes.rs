//! Methods about znodes and their data.

use zoa_client::CreateMode;
use zoa_client::CreateOptions;
use zoa_client::Data;

use super::text_of;
use crate::engine::ArrayArg;
use crate::engine::Call;
use crate::engine::CallbackArg;
use crate::engine::LongArg;
use crate::engine::OutArg;
use crate::engine::TextArg;
use crate::engine::Thrown;
use crate::engine::Value;
use crate::engine::array_of;
use crate::errors;
use crate::registration::WatchKind;
use crate::session::Repeat;
use crate::values;
use crate::zookeeper::Zookeeper;

pub(super) fn create(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut value) = (TextArg::new(), TextArg::nullable());
    let (mut acl, mut flags) = (ArrayArg::nullable(), LongArg(0));
    call.parse(&mut [&mut path, &mut value], &mut [&mut acl, &mut flags])?;
    let path = text_of(&path)?;
    let mode = mode_of(flags.0)?;
    let mut options = CreateOptions::new(mode);
    if let Some(acl) = acl.array() {
        options = options.acl(values::acl_in(acl)?);
    }
    let session = &call.native::<Zookeeper>().session;
    if mode.is_ephemeral() {
        session.note_ephemeral();
    }
    let created = session.perform(Repeat::Write, |client| {
        client.create(path, Data(value.bytes()), options.clone())
    })?;
    Ok(Value::string(created))
}

/// The mode for the original's flags; those for a time to live have a method of their own.
pub(super) fn mode_of(flags: i64) -> Result<CreateMode, Thrown> {
    match flags {
        0 => Ok(CreateMode::Persistent),
        1 => Ok(CreateMode::Ephemeral),
        2 => Ok(CreateMode::PersistentSequential),
        3 => Ok(CreateMode::EphemeralSequential),
        4 => Ok(CreateMode::Container),
        _ => Err(errors::throw_code(errors::BAD_ARGUMENTS)),
    }
}

pub(super) fn delete(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut version) = (TextArg::new(), LongArg(-1));
    call.parse(&mut [&mut path], &mut [&mut version])?;
    let path = text_of(&path)?;
    let version = values::version_in(version.0)?;
    let session = &call.native::<Zookeeper>().session;
    session.perform(Repeat::Write, |client| client.delete(path, version))?;
    Ok(Value::bool(true))
}

pub(super) fn get(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut watcher) = (TextArg::new(), CallbackArg::nullable());
    let (mut stat, mut len_max) = (OutArg::number(3), LongArg(0));
    call.parse(
        &mut [&mut path],
        &mut [&mut watcher, &mut stat, &mut len_max],
    )?;
    let path = text_of(&path)?;
    let session = &call.native::<Zookeeper>().session;
    let node = if watcher.is_given() {
        session.perform_watching((WatchKind::Data, path), &watcher, |client, watcher| {
            client.get_data_with(path, watcher)
        })?
    } else {
        session.perform(Repeat::Read, |client| client.get_data(path))?
    };
    call.assign(&stat, || values::of_stat(&node.stat));
    let data = node.data.as_deref().map(|data| cut(data, len_max.0));
    Ok(values::of_data(data))
}

/// As much as the caller wants; 0 is all.
fn cut(data: &[u8], len_max: i64) -> &[u8] {
    match usize::try_from(len_max) {
        Ok(len_max) if len_max > 0 => data.get(..len_max).unwrap_or(data),
        _ => data,
    }
}

pub(super) fn get_children(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut watcher) = (TextArg::new(), CallbackArg::nullable());
    call.parse(&mut [&mut path], &mut [&mut watcher])?;
    let path = text_of(&path)?;
    let session = &call.native::<Zookeeper>().session;
    let names = if watcher.is_given() {
        let watched = (WatchKind::Children, path);
        let children = session.perform_watching(watched, &watcher, |client, watcher| {
            client.get_children_with(path, watcher)
        })?;
        children.names
    } else {
        session.perform(Repeat::Read, |client| client.get_children(path))?
    };
    Ok(array_of(names.iter().map(Value::string)))
}

pub(super) fn exists(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut watcher) = (TextArg::new(), CallbackArg::nullable());
    call.parse(&mut [&mut path], &mut [&mut watcher])?;
    let path = text_of(&path)?;
    let session = &call.native::<Zookeeper>().session;
    let stat = if watcher.is_given() {
        session.perform_watching((WatchKind::Exists, path), &watcher, |client, watcher| {
            client.exists_with(path, watcher)
        })?
    } else {
        session.perform(Repeat::Read, |client| client.exists(path))?
    };
    Ok(stat.map_or_else(|| Value::bool(false), |stat| values::of_stat(&stat)))
}

pub(super) fn set(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut value) = (TextArg::new(), TextArg::nullable());
    let (mut version, mut stat) = (LongArg(-1), OutArg::number(4));
    call.parse(&mut [&mut path, &mut value], &mut [&mut version, &mut stat])?;
    let path = text_of(&path)?;
    let version = values::version_in(version.0)?;
    let session = &call.native::<Zookeeper>().session;
    let set = session.perform(Repeat::Write, |client| {
        client.set_data(path, Data(value.bytes()), version)
    })?;
    call.assign(&stat, || values::of_stat(&set));
    Ok(Value::bool(true))
}
