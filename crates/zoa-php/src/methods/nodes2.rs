//! Methods about znodes that the original does not have.

use std::time::Duration;

use zoa_client::CreateMode;
use zoa_client::CreateOptions;
use zoa_client::Data;

use super::nodes::mode_of;
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
use crate::engine::map_of;
use crate::errors;
use crate::registration::WatchKind;
use crate::session::Repeat;
use crate::values;
use crate::zookeeper::Zookeeper;

pub(super) fn create2(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut value) = (TextArg::new(), TextArg::nullable());
    let (mut acl, mut flags, mut stat) = (ArrayArg::nullable(), LongArg(0), OutArg::number(5));
    call.parse(
        &mut [&mut path],
        &mut [&mut value, &mut acl, &mut flags, &mut stat],
    )?;
    let mode = mode_of(flags.0)?;
    if mode.is_ephemeral() {
        call.native::<Zookeeper>().session.note_ephemeral();
    }
    let options = CreateOptions::new(mode);
    make(call, (&path, &value), with_acl(options, &acl)?, &stat)
}

pub(super) fn create_ttl(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut value) = (TextArg::new(), TextArg::nullable());
    let (mut ttl_ms, mut acl) = (LongArg(0), ArrayArg::nullable());
    let (mut flags, mut stat) = (LongArg(0), OutArg::number(6));
    call.parse(
        &mut [&mut path, &mut value, &mut ttl_ms],
        &mut [&mut acl, &mut flags, &mut stat],
    )?;
    let mode = match mode_of(flags.0)? {
        CreateMode::Persistent => CreateMode::PersistentWithTtl,
        CreateMode::PersistentSequential => CreateMode::PersistentSequentialWithTtl,
        _ => return Err(errors::throw_code(errors::BAD_ARGUMENTS)),
    };
    let ttl_ms = u64::try_from(ttl_ms.0).map_err(|_| errors::throw_code(errors::BAD_ARGUMENTS))?;
    let options = CreateOptions::new(mode).ttl(Duration::from_millis(ttl_ms));
    make(call, (&path, &value), with_acl(options, &acl)?, &stat)
}

pub(super) fn create_container(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut value) = (TextArg::new(), TextArg::nullable());
    let (mut acl, mut stat) = (ArrayArg::nullable(), OutArg::number(4));
    call.parse(&mut [&mut path], &mut [&mut value, &mut acl, &mut stat])?;
    let options = CreateOptions::new(CreateMode::Container);
    make(call, (&path, &value), with_acl(options, &acl)?, &stat)
}

fn with_acl(options: CreateOptions, acl: &ArrayArg) -> Result<CreateOptions, Thrown> {
    match acl.array() {
        Some(acl) => Ok(options.acl(values::acl_in(acl)?)),
        None => Ok(options),
    }
}

fn make(
    call: &Call,
    (path, value): (&TextArg, &TextArg),
    options: CreateOptions,
    stat: &OutArg,
) -> Result<Value, Thrown> {
    let path = text_of(path)?;
    let session = &call.native::<Zookeeper>().session;
    let created = session.perform(Repeat::Write, |client| {
        client.create2(path, Data(value.bytes()), options.clone())
    })?;
    call.assign(stat, || values::of_stat(&created.stat));
    Ok(Value::string(created.path))
}

pub(super) fn get_children2(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut watcher) = (TextArg::new(), CallbackArg::nullable());
    let mut stat = OutArg::number(3);
    call.parse(&mut [&mut path], &mut [&mut watcher, &mut stat])?;
    let path = text_of(&path)?;
    let session = &call.native::<Zookeeper>().session;
    let children = if watcher.is_given() {
        let watched = (WatchKind::Children, path);
        session.perform_watching(watched, &watcher, |client, watcher| {
            client.get_children_with(path, watcher)
        })?
    } else {
        session.perform(Repeat::Read, |client| client.get_children2(path))?
    };
    call.assign(&stat, || values::of_stat(&children.stat));
    Ok(array_of(children.names.iter().map(Value::string)))
}

pub(super) fn get_all_children_number(call: &Call) -> Result<Value, Thrown> {
    let mut path = TextArg::new();
    call.parse(&mut [&mut path], &mut [])?;
    let path = text_of(&path)?;
    let session = &call.native::<Zookeeper>().session;
    let count = session.perform(Repeat::Read, |client| client.get_all_children_number(path))?;
    Ok(Value::long(count))
}

pub(super) fn get_ephemerals(call: &Call) -> Result<Value, Thrown> {
    let mut prefix = TextArg::or("");
    call.parse(&mut [], &mut [&mut prefix])?;
    let prefix = text_of(&prefix)?;
    let session = &call.native::<Zookeeper>().session;
    let paths = session.perform(Repeat::Read, |client| client.get_ephemerals(prefix))?;
    Ok(array_of(paths.iter().map(Value::string)))
}

pub(super) fn sync(call: &Call) -> Result<Value, Thrown> {
    let mut path = TextArg::or("/");
    call.parse(&mut [], &mut [&mut path])?;
    let path = text_of(&path)?;
    let session = &call.native::<Zookeeper>().session;
    session.perform(Repeat::Read, |client| client.sync(path))?;
    Ok(Value::bool(true))
}

pub(super) fn who_am_i(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    let session = &call.native::<Zookeeper>().session;
    let identities = session.perform(Repeat::Read, zoa_client::Client::who_am_i)?;
    Ok(array_of(identities.iter().map(|identity| {
        map_of([
            ("scheme", Value::string(&identity.scheme)),
            ("user", Value::string(&identity.user)),
        ])
    })))
}
