//! Telling PHP code, on its own thread, at a safe point.
//!
//! Invariant: one callback at a time in each fiber, in the order of the mailbox. What cannot be told now stays in the mailbox: an
//! exception on its way is let through first, and nothing is taken out before.

use std::rc::Rc;
use std::sync::Arc;

use zoa_client::SessionEvent;

use crate::desk::Desk;
use crate::engine::Callable;
use crate::engine::Value;
use crate::engine::current_fiber;
use crate::engine::guard_bailout;
use crate::engine::has_exception;
use crate::log::Line;
use crate::process;
use crate::registration::News;
use crate::registration::Registration;
use crate::session_state;

/// The type of an event of the session.
const SESSION_EVENT: i64 = -1;
/// The type of an event that says that others were left out.
const NOTWATCHING_EVENT: i64 = -2;
/// The state in events of znodes.
const CONNECTED_STATE: i64 = 3;

/// What a callback is called with.
enum Told {
    Event(i64, i64, String),
    Code(i64),
    Log(Line),
}

/// Tells all there is to tell; gives how many callbacks were called, loggers not counted.
pub(crate) fn deliver() -> u64 {
    process::enter();
    let desk = Desk::here();
    let fiber = current_fiber();
    if desk.is_delivering_in(fiber) {
        // Whoever delivers goes on when the callback returns.
        return 0;
    }
    let mut count = 0;
    loop {
        if has_exception() {
            desk.mailbox().pulse();
            return count;
        }
        let Some(number) = desk.mailbox().pop() else {
            return count;
        };
        let Some(registration) = desk.registration(number) else {
            continue;
        };
        if let Some(told) = next_of(desk, number, &registration) {
            let callable = registration.callable().map(Rc::clone);
            drop(registration);
            if callable.is_none() && !is_written(&told) {
                continue;
            }
            desk.start_delivery(fiber);
            // PHP code that runs in a callback, other fibers in between, is asked by the flag.
            let mailbox = desk.mailbox();
            let was_attended = mailbox.set_attended(false);
            let tell = || tell(callable.as_deref(), &told);
            guard_bailout(&tell, || desk.end_delivery(fiber));
            desk.end_delivery(fiber);
            // A child process has another one, and the parent's is not for it to touch.
            if Arc::ptr_eq(&mailbox, &desk.mailbox()) {
                mailbox.set_attended(was_attended);
            }
            count += u64::from(!matches!(told, Told::Log(_)));
        }
    }
}

/// Whether a callback runs in this fiber.
pub(crate) fn is_under_way() -> bool {
    Desk::here().is_delivering_in(current_fiber())
}

/// What the registration has to tell. It is taken out when it has told all.
fn next_of(desk: &Desk, number: u64, registration: &Rc<Registration>) -> Option<Told> {
    let (told, is_last) = match registration.poll() {
        News::NotYet => return None,
        News::End => (None, true),
        News::Auth(result) => {
            let code = result.map_or_else(|error| crate::errors::code_of(&error), |()| 0);
            (Some(Told::Code(code)), true)
        }
        News::Watch(event) => {
            let is_last = registration.ends_with(&event);
            let kind = event.event.to_wire().into();
            (
                Some(Told::Event(kind, CONNECTED_STATE, event.path)),
                is_last,
            )
        }
        News::Missed => {
            let told = Told::Event(NOTWATCHING_EVENT, CONNECTED_STATE, String::new());
            (Some(told), false)
        }
        News::Line(line) => (Some(Told::Log(line)), false),
        News::Session(event) => (state_in(event).map(of_session), false),
        News::Standing(event) => (standing_in(event).map(of_session), false),
    };
    if is_last {
        drop(desk.remove(number));
    }
    told
}

const fn of_session(state: i64) -> Told {
    Told::Event(SESSION_EVENT, state, String::new())
}

/// The same as [`state_in`], and what the original does not tell: that the session may have expired.
const fn standing_in(event: SessionEvent) -> Option<i64> {
    match event {
        SessionEvent::MayHaveExpired => Some(session_state::DOUBTFUL),
        SessionEvent::Connected { .. }
        | SessionEvent::Suspended(_)
        | SessionEvent::Expired(_)
        | SessionEvent::AuthFailed
        | SessionEvent::Closed { .. } => state_in(event),
    }
}

/// The state that an event of the session tells, if it is one that the original tells.
const fn state_in(event: SessionEvent) -> Option<i64> {
    match event {
        SessionEvent::Connected { read_only, .. } => Some(if read_only {
            session_state::READ_ONLY
        } else {
            session_state::CONNECTED
        }),
        SessionEvent::Suspended(_) => Some(session_state::CONNECTING),
        SessionEvent::Expired(_) => Some(session_state::EXPIRED),
        SessionEvent::AuthFailed => Some(session_state::AUTH_FAILED),
        SessionEvent::MayHaveExpired | SessionEvent::Closed { .. } => None,
    }
}

fn tell(callable: Option<&Callable>, told: &Told) {
    if let Told::Log(line) = told {
        write(line);
    }
    // A stream may be PHP code, and may have thrown.
    let Some(callable) = callable.filter(|_| !has_exception()) else {
        return;
    };
    match told {
        Told::Event(kind, state, path) => {
            callable.call([Value::long(*kind), Value::long(*state), Value::string(path)]);
        }
        Told::Code(code) => callable.call([Value::long(*code)]),
        Told::Log(line) => {
            callable.call([Value::string(line.level.word()), Value::string(&line.text)])
        }
    }
}

/// Whether it is a line that a stream is told of.
fn is_written(told: &Told) -> bool {
    match told {
        Told::Log(line) => line.level.is_wanted() && Desk::here().log_stream().is_some(),
        Told::Event(..) | Told::Code(_) => false,
    }
}

/// Writes a line to the request's stream for logs, if it has one.
fn write(line: &Line) {
    if line.level.is_wanted()
        && let Some(stream) = Desk::here().log_stream()
    {
        stream.write(format!("{}: {}\n", line.level.word(), line.text).as_bytes());
    }
}
