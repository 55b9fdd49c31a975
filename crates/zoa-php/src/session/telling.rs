//! Who is told of a session itself: its watcher, which hears its states, and its log.

use std::rc::Rc;

use zoa_client::SessionEvent;
use zoa_client::SessionState;

use super::Session;
use crate::desk::Desk;
use crate::engine::Callable;
use crate::engine::Thrown;
use crate::errors;
use crate::log::Line;
use crate::registration::News;
use crate::registration::Source;

/// What a watcher of the session hears first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// What happens from now on.
    FromNowOn,
    /// That it is connected, if it is.
    State,
    /// The same, of a session that was just begun, and what failed before.
    All,
}

impl Session {
    /// Replaces the watcher of the session.
    pub(crate) fn set_watcher(&self, watcher: Callable) {
        let replaced = self.watcher.replace(Some(Rc::new(watcher)));
        self.register_watcher(Told::FromNowOn);
        drop(replaced);
    }

    /// Tells one more callable how the session stands, from now on, until the session is closed.
    ///
    /// # Errors
    /// When there is no client; thrown.
    pub(crate) fn add_watcher(&self, watcher: Callable) -> Result<(), Thrown> {
        let client = self.client()?;
        let client = client.get().ok_or_else(errors::throw_not_connected)?;
        let source = Source::Standing(client.handle().session_events());
        self.register((None, None), source, Some(Rc::new(watcher)));
        Ok(())
    }

    pub(super) fn register_watcher(&self, told: Told) {
        drop(Desk::here().remove(self.watcher_number.get()));
        let callable = self.watcher.borrow().clone();
        let client = self.client.borrow().clone();
        if let Some(callable) = callable
            && let Some(client) = client
            && let Some(client) = client.get()
        {
            let mut events = client.handle().session_events();
            let first = match told {
                Told::FromNowOn => None,
                Told::State | Told::All => events
                    .try_next()
                    .or_else(|| connected(client.handle()))
                    .map(News::Session),
            };
            let source = Source::Session(events);
            self.watcher_number
                .set(self.register((None, first), source, Some(callable)));
        }
    }

    /// Tells this callable, in the words of PSR-3, what happens to the session and on the way to a server.
    pub(crate) fn set_logger(&self, logger: Option<Callable>) {
        let replaced = self.logger.replace(logger.map(Rc::new));
        self.register_log(Told::FromNowOn);
        drop(replaced);
    }

    /// There is a log whether or not there is a logger: a stream for all sessions may be set at any time.
    pub(super) fn register_log(&self, told: Told) {
        for number in self.log_numbers.take() {
            drop(Desk::here().remove(number));
        }
        let callable = self.logger.borrow().clone();
        let client = self.client.borrow().clone();
        if let Some(client) = client
            && let Some(client) = client.get()
        {
            let handle = client.handle();
            let mut events = handle.session_events();
            let mut notices = handle.notices();
            // The client's thread may have been faster than the listeners.
            let (event, notice) = match told {
                Told::FromNowOn => (None, None),
                Told::State => (connected(handle), None),
                Told::All => (
                    events.try_next().or_else(|| connected(handle).map(as_new)),
                    notices.try_next().or_else(|| handle.last_failure()),
                ),
            };
            let event = event.map(|event| News::Line(Line::of_session(event, handle)));
            let notice = notice.map(|notice| News::Line(Line::of_notice(&notice)));
            let source = Source::Notices(notices);
            let notices = self.register((None, notice), source, callable.clone());
            let source = Source::LoggedSession(events, handle.clone());
            let session = self.register((None, event), source, callable);
            self.log_numbers.set([session, notices]);
        }
    }

    pub(super) fn log(&self, line: Line) {
        let desk = Desk::here();
        let [_, number] = self.log_numbers.get();
        if let Some(registration) = desk.registration(number)
            && registration.add_line(line)
        {
            desk.mailbox().push(number);
        }
    }
}

/// The event that a session which is connected already would have told.
fn connected(client: &zoa_client::Client) -> Option<SessionEvent> {
    let read_only = match client.state() {
        SessionState::Connected => false,
        SessionState::ConnectedReadOnly => true,
        SessionState::Connecting
        | SessionState::Suspended
        | SessionState::Expired
        | SessionState::AuthFailed
        | SessionState::Closed => return None,
    };
    let timeout_ms = client.session_timeout().as_millis();
    Some(SessionEvent::Connected {
        session: client.session_id(),
        timeout_ms: u64::try_from(timeout_ms).unwrap_or(u64::MAX),
        read_only,
        is_new: false,
    })
}

fn as_new(event: SessionEvent) -> SessionEvent {
    match event {
        SessionEvent::Connected {
            session,
            timeout_ms,
            read_only,
            ..
        } => SessionEvent::Connected {
            session,
            timeout_ms,
            read_only,
            is_new: true,
        },
        event => event,
    }
}
