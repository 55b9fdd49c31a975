//! Several operations that are applied together or not at all.

use zoa_client::CreateOptions;
use zoa_client::Data;
use zoa_client::ErrorKind;
use zoa_client::Multi;
use zoa_client::MultiDone;

use super::nodes::mode_of;
use super::text_of;
use crate::engine::ArrayArg;
use crate::engine::Call;
use crate::engine::LongArg;
use crate::engine::ObjectArg;
use crate::engine::TextArg;
use crate::engine::Thrown;
use crate::engine::Value;
use crate::engine::array_of;
use crate::engine::map_of;
use crate::errors;
use crate::session::Repeat;
use crate::values;
use crate::zookeeper::Zookeeper;
use crate::zookeeper_client::ZookeeperMulti;

/// Sends the operations; gives for each what it did.
pub(super) fn multi(call: &Call) -> Result<Value, Thrown> {
    let mut object = ObjectArg::<ZookeeperMulti>::new();
    call.parse(&mut [&mut object], &mut [])?;
    let Some(native) = object.native() else {
        return Err(errors::throw_code(errors::BAD_ARGUMENTS));
    };
    let multi = native.multi.borrow().clone();
    native.failed_at.set(None);
    let session = &call.native::<Zookeeper>().session;
    // It may create ephemerals; whether it does, only the server reads.
    session.note_ephemeral();
    match session.attempt(Repeat::Write, |client| client.multi(&multi))? {
        Ok(done) => Ok(array_of(done.into_iter().map(of_done))),
        Err(error) => {
            if let ErrorKind::Multi { index, .. } = error.kind() {
                native.failed_at.set(Some(*index));
            }
            Err(errors::throw_failed(&error))
        }
    }
}

fn of_done(done: MultiDone) -> Value {
    match done {
        MultiDone::Created { path, stat: None } => Value::string(path),
        MultiDone::Created {
            path,
            stat: Some(stat),
        } => map_of([
            ("path", Value::string(path)),
            ("stat", values::of_stat(&stat)),
        ]),
        MultiDone::DataSet(stat) => values::of_stat(&stat),
        MultiDone::Deleted | MultiDone::Checked => Value::bool(true),
    }
}

/// Adds an operation, and gives the object back.
fn add(call: &Call, change: impl FnOnce(Multi) -> Multi) -> Value {
    let native = call.native::<ZookeeperMulti>();
    let multi = native.multi.take();
    *native.multi.borrow_mut() = change(multi);
    call.this_value()
}

pub(super) fn create(call: &Call) -> Result<Value, Thrown> {
    add_create(call, |multi, (path, data), options| {
        multi.create(path, data, options)
    })
}

pub(super) fn create2(call: &Call) -> Result<Value, Thrown> {
    add_create(call, |multi, (path, data), options| {
        multi.create2(path, data, options)
    })
}

fn add_create(
    call: &Call,
    change: impl FnOnce(Multi, (&str, Data<'_>), CreateOptions) -> Multi,
) -> Result<Value, Thrown> {
    let (mut path, mut value) = (TextArg::new(), TextArg::nullable());
    let (mut acl, mut flags) = (ArrayArg::nullable(), LongArg(0));
    call.parse(&mut [&mut path], &mut [&mut value, &mut acl, &mut flags])?;
    let path = text_of(&path)?;
    let mut options = CreateOptions::new(mode_of(flags.0)?);
    if let Some(acl) = acl.array() {
        options = options.acl(values::acl_in(acl)?);
    }
    Ok(add(call, |multi| {
        change(multi, (path, Data(value.bytes())), options)
    }))
}

pub(super) fn delete(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut version) = (TextArg::new(), LongArg(-1));
    call.parse(&mut [&mut path], &mut [&mut version])?;
    let path = text_of(&path)?;
    let version = values::version_in(version.0)?;
    Ok(add(call, |multi| multi.delete(path, version)))
}

pub(super) fn set(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut value) = (TextArg::new(), TextArg::nullable());
    let mut version = LongArg(-1);
    call.parse(&mut [&mut path, &mut value], &mut [&mut version])?;
    let path = text_of(&path)?;
    let version = values::version_in(version.0)?;
    Ok(add(call, |multi| {
        multi.set_data(path, Data(value.bytes()), version)
    }))
}

pub(super) fn check(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut version) = (TextArg::new(), LongArg(-1));
    call.parse(&mut [&mut path, &mut version], &mut [])?;
    let path = text_of(&path)?;
    let version = values::version_in(version.0)?;
    Ok(add(call, |multi| multi.check(path, version)))
}

pub(super) fn count(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    let len = call.native::<ZookeeperMulti>().multi.borrow().len();
    Ok(Value::long(i64::try_from(len).unwrap_or(i64::MAX)))
}

/// The index of the operation that failed when it was sent last, or null.
pub(super) fn failed_at(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    let index = call.native::<ZookeeperMulti>().failed_at.get();
    let index = index.and_then(|index| i64::try_from(index).ok());
    Ok(index.map_or_else(Value::null, Value::long))
}
