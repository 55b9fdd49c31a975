//! Waiting for events without sleeping, and what helps to see where a client is.

use std::time::Duration;
use std::time::Instant;

use zoa_client::ConnectString;

use super::text_of;
use crate::delivery;
use crate::desk::Desk;
use crate::engine::Call;
use crate::engine::Callable;
use crate::engine::DoubleArg;
use crate::engine::TextArg;
use crate::engine::Thrown;
use crate::engine::Value;
use crate::engine::ValueArg;
use crate::engine::has_exception;
use crate::engine::throw_type_error;
use crate::errors;
use crate::zookeeper::Zookeeper;

/// How often a wait looks whether a signal or a time limit asks for attention.
const SLICE: Duration = Duration::from_millis(20);

/// Waits until a callback was called, and gives how many were. It ends early, with 0, at a signal, as `sleep()` does.
///
/// It throws where it would wait in vain: in a callback, since callbacks are called one after the other, and without a limit
/// when there is nothing that could come.
pub(super) fn wait(call: &Call) -> Result<Value, Thrown> {
    let mut timeout = DoubleArg::nullable();
    call.parse(&mut [], &mut [&mut timeout])?;
    if delivery::is_under_way() {
        return Err(errors::throw_invalid_state(
            "wait() in a callback: the next callback is called when this one has returned",
        ));
    }
    let timeout = timeout
        .value()
        .map(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX));
    let deadline = timeout.and_then(|timeout| now().checked_add(timeout));
    Desk::here().mailbox().set_attended(true);
    let waited = wait_until(deadline);
    // After a fork in a callback it is another one.
    Desk::here().mailbox().set_attended(false);
    let count = i64::try_from(waited?).unwrap_or(i64::MAX);
    Ok(Value::long(count))
}

fn wait_until(deadline: Option<Instant>) -> Result<u64, Thrown> {
    loop {
        let count = delivery::deliver();
        if count > 0 || has_exception() {
            return Ok(count);
        }
        if deadline.is_none() && !Desk::here().expects_news() {
            return Err(errors::throw_nothing(
                "wait() without a limit: there is no watch or watcher that could be told of anything",
            ));
        }
        let left = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(now()));
        if left.is_zero() {
            return Ok(0);
        }
        // Whoever raised the flag is not us.
        let mailbox = Desk::here().mailbox();
        if !mailbox.wait(left.min(SLICE)) && mailbox.is_interrupted() {
            return Ok(0);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a deadline of the user's, on the user's thread"
)]
fn now() -> Instant {
    Instant::now()
}

/// Takes a logger as PSR-3 has it, or null.
pub(super) fn set_logger(call: &Call) -> Result<Value, Thrown> {
    let mut logger = ValueArg::new();
    call.parse(&mut [&mut logger], &mut [])?;
    let callable = match logger.value() {
        Some(value) if value.is_object() => Callable::of_method(value, "log"),
        Some(value) if value.is_null() => None,
        _ => return Err(not_a_logger()),
    };
    let is_null = logger.value().is_none_or(|value| value.is_null());
    if callable.is_none() && !is_null {
        return Err(not_a_logger());
    }
    call.native::<Zookeeper>().session.set_logger(callable);
    Ok(Value::bool(true))
}

fn not_a_logger() -> Thrown {
    throw_type_error(
        "ZookeeperClient::setLogger(): Argument #1 ($logger) must be a PSR-3 logger or null",
    )
}

/// The server in use or being tried, as `host:port`; null before there is one.
pub(super) fn get_server(call: &Call) -> Result<Value, Thrown> {
    call.parse_none()?;
    let client = call.native::<Zookeeper>().session.client()?;
    let client = client.get().ok_or_else(errors::throw_not_connected)?;
    let server = client.handle().server();
    Ok(server.map_or_else(Value::null, |(host, _)| Value::string(host.to_string())))
}

/// From now on these are the hosts; the session stays.
pub(super) fn set_hosts(call: &Call) -> Result<Value, Thrown> {
    let mut hosts = TextArg::new();
    call.parse(&mut [&mut hosts], &mut [])?;
    let hosts = text_of(&hosts)?;
    let parsed = ConnectString::parse(hosts)
        .map_err(|error| errors::throw_not_started(&error.to_string()))?;
    call.native::<Zookeeper>()
        .session
        .set_hosts(hosts, &parsed)?;
    Ok(Value::null())
}
