//! Methods about who may do what.

use super::text_of;
use crate::engine::ArrayArg;
use crate::engine::Call;
use crate::engine::CallbackArg;
use crate::engine::LongArg;
use crate::engine::TextArg;
use crate::engine::Thrown;
use crate::engine::Value;
use crate::engine::array_of;
use crate::errors;
use crate::session::Repeat;
use crate::values;
use crate::zookeeper::Zookeeper;

pub(super) fn get_acl(call: &Call) -> Result<Value, Thrown> {
    let mut path = TextArg::new();
    call.parse(&mut [&mut path], &mut [])?;
    let path = text_of(&path)?;
    let session = &call.native::<Zookeeper>().session;
    let node = session.perform(Repeat::Read, |client| client.get_acl(path))?;
    Ok(array_of([
        values::of_stat(&node.stat),
        values::of_acl(&node.acl),
    ]))
}

pub(super) fn set_acl(call: &Call) -> Result<Value, Thrown> {
    let (mut path, mut version, mut acl) = (TextArg::new(), LongArg(-1), ArrayArg::new());
    call.parse(&mut [&mut path, &mut version, &mut acl], &mut [])?;
    let path = text_of(&path)?;
    let version = values::version_in(version.0)?;
    let acl = match acl.array() {
        Some(acl) => values::acl_in(acl)?,
        None => return Err(errors::throw_code(errors::INVALID_ACL)),
    };
    let session = &call.native::<Zookeeper>().session;
    session.perform(Repeat::Write, |client| client.set_acl(path, &acl, version))?;
    Ok(Value::bool(true))
}

pub(super) fn add_auth(call: &Call) -> Result<Value, Thrown> {
    let (mut scheme, mut cert) = (TextArg::new(), TextArg::new());
    let mut completion = CallbackArg::new();
    call.parse(&mut [&mut scheme, &mut cert], &mut [&mut completion])?;
    let scheme = text_of(&scheme)?;
    let cert = cert.bytes().unwrap_or_default();
    let session = &call.native::<Zookeeper>().session;
    session.add_auth((scheme, cert), completion.keep())?;
    Ok(Value::bool(true))
}
