//! The session is told truthfully: attached only while it lives, expired only when the server ended it, one and the same to its end,
//! and closed when it is said to be. Serves G-29.

use super::Trial;
use crate::clients::Tally;
use crate::clients::place_of;
use crate::clients::places::Place;
use crate::clients::told::Told;
use zoa_client_core::ConnectionError;
use zoa_client_core::ExpiredBy;
use zoa_client_core::Notice;
use zoa_client_core::SessionEvent;
use zoa_client_core::SessionState;
use zoa_testkit::clock::SimTime;

pub(super) fn check(trial: &mut Trial<'_>) {
    let mut wrong = Vec::new();
    let mut watch = Watch::default();
    for (at, told) in &trial.life.told {
        match told {
            Told::Session(event) => watch.hear(trial, (*at, *event), &mut wrong),
            Told::Notice(Notice::AttemptFailed {
                address: Some(address),
                error: error @ ConnectionError::Protocol(_),
                ..
            }) if matches!(place_of(address.ip()), Place::Server(_)) => {
                wrong.push(format!(
                    "it finds fault with a server that has none: {error}"
                ));
            }
            Told::Outcome(..) | Told::Watch(_) | Told::Gone(..) | Told::Notice(_) => {}
        }
    }
    watch.finish(trial, &mut wrong);
    for what in wrong {
        trial.report("G-29", &what);
    }
}

/// What was told of the session so far.
#[derive(Debug, Default)]
struct Watch {
    session: Option<i64>,
    is_connected: bool,
    has_ended: bool,
}

impl Watch {
    fn hear(
        &mut self,
        trial: &Trial<'_>,
        (at, event): (SimTime, SessionEvent),
        wrong: &mut Vec<String>,
    ) {
        if self.has_ended {
            wrong.push(format!("{event:?} after the end"));
        }
        match event {
            SessionEvent::Connected {
                session, is_new, ..
            } => self.hear_connected((session.0, is_new), trial, wrong),
            SessionEvent::Suspended(error) => {
                if matches!(error, ConnectionError::Protocol(_)) {
                    wrong.push(format!(
                        "it finds fault with a server that has none: {error}"
                    ));
                }
                if !std::mem::take(&mut self.is_connected) {
                    wrong.push("suspended without having been connected".to_owned());
                }
            }
            SessionEvent::MayHaveExpired if self.is_connected => {
                wrong.push("in doubt while connected".to_owned());
            }
            SessionEvent::MayHaveExpired => {}
            SessionEvent::Expired(by) => {
                self.has_ended = true;
                if by == ExpiredBy::Server && !self.was_over(trial, at) {
                    wrong.push(format!("called expired at {at}, and it lives"));
                }
            }
            SessionEvent::AuthFailed => self.has_ended = true,
            SessionEvent::Closed { session_ended } => {
                self.has_ended = true;
                let had_one = self.session.or(trial.life.taken_over).is_some();
                if session_ended && had_one && !self.was_over(trial, at) {
                    wrong.push(format!("called closed at {at}, and it lives"));
                }
            }
        }
    }

    fn hear_connected(
        &mut self,
        (session, is_new): (i64, bool),
        trial: &Trial<'_>,
        wrong: &mut Vec<String>,
    ) {
        self.is_connected = true;
        let before = self.session.or(trial.life.taken_over);
        if before.is_some_and(|before| before != session) || is_new == before.is_some() {
            wrong.push(format!(
                "connected with {session:#x} (new: {is_new}) after {before:x?}"
            ));
        }
        self.session = Some(session);
    }

    /// Whether the log had ended the session by then.
    fn was_over(&self, trial: &Trial<'_>, at: SimTime) -> bool {
        let session = self.session.or(trial.life.taken_over);
        let life = session.and_then(|session| trial.case.replayed.sessions.get(&session));
        life.is_some_and(|life| life.ended.is_some_and(|end| end.at <= at))
    }

    /// At the end all is calm: who is connected has a session that lives, and who is not has none.
    fn finish(&self, trial: &Trial<'_>, wrong: &mut Vec<String>) {
        let life = trial.life;
        if life.killed || self.has_ended {
            return;
        }
        let state = life.client.state();
        if state == SessionState::Connected && self.was_over(trial, SimTime(u64::MAX)) {
            wrong.push("connected in the end, and its session is over".to_owned());
        }
        if (state == SessionState::Connected) != self.is_connected {
            wrong.push(format!(
                "{state:?}, and connected was told: {}",
                self.is_connected
            ));
        }
    }
}

pub(super) fn count(event: SessionEvent, tally: &mut Tally) {
    let counter = match event {
        SessionEvent::Connected { is_new: true, .. } => return,
        SessionEvent::Connected { is_new: false, .. } => &mut tally.reattached,
        SessionEvent::Suspended(ConnectionError::Silent(_)) => &mut tally.silences,
        SessionEvent::Suspended(_) => return,
        SessionEvent::MayHaveExpired => &mut tally.doubts,
        SessionEvent::Expired(ExpiredBy::Server) => &mut tally.expired,
        SessionEvent::Expired(ExpiredBy::Silence) => &mut tally.expired_by_silence,
        SessionEvent::AuthFailed => &mut tally.auth_failed,
        SessionEvent::Closed {
            session_ended: true,
        } => &mut tally.closed,
        SessionEvent::Closed {
            session_ended: false,
        } => &mut tally.closed_unheard,
    };
    *counter += 1;
}

pub(super) fn count_notice(notice: &Notice, tally: &mut Tally) {
    let Notice::AttemptFailed { error, .. } = notice;
    tally.protocol_errors += u64::from(matches!(error, ConnectionError::Protocol(_)));
}
