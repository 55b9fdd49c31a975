//! Methods about the session itself: making it, asking it, ending it.

use std::sync::atomic::Ordering;

use ext_php_rs::types::ZendStr;
use ext_php_rs::types::Zval;
use zoa_client::SessionId;

use super::text_of;
use crate::delivery;
use crate::desk::Desk;
use crate::engine::BoolArg;
use crate::engine::Call;
use crate::engine::CallbackArg;
use crate::engine::LongArg;
use crate::engine::Stream;
use crate::engine::TextArg;
use crate::engine::Thrown;
use crate::engine::Value;
use crate::engine::ValueArg;
use crate::engine::has_exception;
use crate::engine::warn;
use crate::errors;
use crate::log;
use crate::session::KEEPS_HOST_ORDER;
use crate::session_state;
use crate::settings;
use crate::zookeeper::Zookeeper;

/// Bytes of a session's password.
const PASSWORD_LEN: usize = 16;

pub(super) fn construct(call: &Call) -> Result<Value, Thrown> {
    let mut host = TextArg::or("");
    let mut watcher = CallbackArg::nullable();
    let mut timeout = LongArg(settings::recv_timeout_ms());
    call.parse(&mut [], &mut [&mut host, &mut watcher, &mut timeout])?;
    if host.bytes().is_some_and(<[u8]>::is_empty) {
        return Ok(Value::null());
    }
    start(call, &host, &watcher, timeout)
}

pub(super) fn connect(call: &Call) -> Result<Value, Thrown> {
    let mut host = TextArg::new();
    let mut watcher = CallbackArg::nullable();
    let mut timeout = LongArg(settings::recv_timeout_ms());
    call.parse(&mut [&mut host], &mut [&mut watcher, &mut timeout])?;
    start(call, &host, &watcher, timeout)
}

fn start(
    call: &Call,
    host: &TextArg,
    watcher: &CallbackArg,
    LongArg(timeout): LongArg,
) -> Result<Value, Thrown> {
    if timeout <= 0 {
        warn("recv_timeout parameter has to be greater than zero");
        return Err(errors::throw_code(errors::BAD_ARGUMENTS));
    }
    let timeout_ms = u32::try_from(timeout).unwrap_or(u32::MAX);
    let session = &call.native::<Zookeeper>().session;
    session.connect(text_of(host)?, timeout_ms, watcher.keep())?;
    Ok(Value::null())
}

pub(super) fn close(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    if call.native::<Zookeeper>().session.close() {
        Ok(Value::null())
    } else {
        Err(errors::throw_not_connected())
    }
}

pub(super) fn get_client_id(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    let client = call.native::<Zookeeper>().session.client()?;
    let client = client.get().ok_or_else(errors::throw_not_connected)?;
    let ticket = client.handle().ticket();
    let (SessionId(id), password) = ticket.map_or_else(
        || (SessionId::NONE, vec![0; PASSWORD_LEN]),
        |ticket| (ticket.id, ticket.password),
    );
    Ok(crate::engine::array_of([
        Value::long(id),
        Value::string(password),
    ]))
}

pub(super) fn get_state(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    let session = &call.native::<Zookeeper>().session;
    let _ = session.client()?;
    let state = session.state().ok_or_else(errors::throw_not_connected)?;
    Ok(Value::long(session_state::number_of(state)))
}

pub(super) fn get_recv_timeout(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    let client = call.native::<Zookeeper>().session.client()?;
    let client = client.get().ok_or_else(errors::throw_not_connected)?;
    let timeout_ms = client.handle().session_timeout().as_millis();
    Ok(Value::long(i64::try_from(timeout_ms).unwrap_or(i64::MAX)))
}

pub(super) fn is_recoverable(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    let session = &call.native::<Zookeeper>().session;
    let _ = session.client()?;
    let state = session.state().ok_or_else(errors::throw_not_connected)?;
    Ok(Value::bool(session_state::number_of(state) > 0))
}

/// One more watcher of the session, told besides when it may have expired.
pub(super) fn add_session_watcher(call: &Call) -> Result<Value, Thrown> {
    let mut watcher = CallbackArg::new();
    call.parse(&mut [&mut watcher], &mut [])?;
    if let Some(watcher) = watcher.keep() {
        call.native::<Zookeeper>().session.add_watcher(watcher)?;
    }
    Ok(Value::bool(true))
}

/// How many milliseconds the session surely lives, whatever happens; 0 when it may have expired.
pub(super) fn get_surely_alive_for(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    let client = call.native::<Zookeeper>().session.client()?;
    let client = client.get().ok_or_else(errors::throw_not_connected)?;
    let left_ms = client.handle().surely_alive_for().as_millis();
    Ok(Value::long(i64::try_from(left_ms).unwrap_or(i64::MAX)))
}

/// How much a stream set by `setLogStream()` is told.
pub(super) fn set_debug_level(call: &Call) -> Result<Value, Thrown> {
    let mut level = LongArg(0);
    call.parse(&mut [&mut level], &mut [])?;
    log::set_level(level.0);
    Ok(Value::bool(true))
}

pub(super) fn set_deterministic_conn_order(call: &Call) -> Result<Value, Thrown> {
    let mut keeps = BoolArg(false);
    call.parse(&mut [&mut keeps], &mut [])?;
    KEEPS_HOST_ORDER.store(keeps.0, Ordering::Relaxed);
    Ok(Value::bool(true))
}

pub(super) fn set_watcher(call: &Call) -> Result<Value, Thrown> {
    let mut watcher = CallbackArg::new();
    call.parse(&mut [&mut watcher], &mut [])?;
    let session = &call.native::<Zookeeper>().session;
    let _ = session.client()?;
    if let Some(watcher) = watcher.keep() {
        session.set_watcher(watcher);
    }
    Ok(Value::bool(true))
}

/// Takes a stream, or the name of a file to add lines to, for all sessions until the request ends; null ends it before.
pub(super) fn set_log_stream(call: &Call) -> Result<Value, Thrown> {
    let mut stream = ValueArg::new();
    call.parse(&mut [&mut stream], &mut [])?;
    if stream.value().is_some_and(Zval::is_null) {
        drop(Desk::here().set_log_stream(None));
        return Ok(Value::bool(true));
    }
    let opened = stream.value().and_then(|value| {
        let name = value.zend_str().map(ZendStr::as_bytes);
        name.map_or_else(|| Stream::of(value), Stream::open)
    });
    if has_exception() {
        return Err(Thrown);
    }
    let is_one = opened.is_some();
    if is_one {
        drop(Desk::here().set_log_stream(opened));
    }
    Ok(Value::bool(is_one))
}

pub(super) fn dispatch(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    delivery::deliver();
    Ok(Value::null())
}
