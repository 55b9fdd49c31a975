//! What the end of a session means for a user who still counts on it (G-29).
//!
//! Whose only server has ended its session must not take it for alive any more. Of several servers, one that is cut off goes on
//! answering until it notices, and cannot tell the leader whom it hears (G-11): its clients may count on a session that has ended
//! elsewhere. So of an ensemble it is asked that nobody counts on a session for longer than its timeout after a server heard of it;
//! that the leader ends none that it was told of is G-11's. What such a client says to hold is not believed any more (G-30).

use super::World;
use crate::clients::User;
use std::sync::PoisonError;
use zoa_testkit::clock::SimTime;
use zoa_testkit::history::History;
use zoa_testkit::observed::Observed;

/// Clocks of clients show whole milliseconds.
const ROUNDING_MS: u64 = 1;

impl World {
    /// The end of a session was committed: from here on nobody may count on it, but for those that a server misled.
    pub(in crate::world) fn mourn_session(&mut self, session: i64) {
        let now = self.now();
        let is_ensemble = self.machines.count() > 1;
        for user in self.users.values_mut() {
            let Some(life) = &user.life else { continue };
            if life.client.session_id().0 != session {
                continue;
            }
            let wrong = if is_ensemble {
                let counts_on = beyond_end(user, now).is_some();
                if let Some(program) = &user.program
                    && program.outlive_session()
                    && counts_on
                {
                    let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
                    ledger.tally.outlived += 1;
                }
                beyond_hearing(user, &self.history, &self.observed)
            } else {
                beyond_end(user, now)
            };
            if let (Some(what), Some(life)) = (wrong, &mut user.life) {
                let what = format!("session {session:#x} ended at {now}, and {what}");
                life.wrong.push(("G-29", what));
            }
        }
    }
}

/// Whether it is counted on now, after its end.
fn beyond_end(user: &User, now: SimTime) -> Option<String> {
    let client = &user.life.as_ref()?.client;
    let left_ms = client
        .alive_until_ms()?
        .checked_sub(user.clock_ms(now))
        .filter(|left_ms| *left_ms > 0)?;
    Some(format!("is taken for alive for {left_ms} ms more"))
}

/// Whether it is counted on for longer than a server gave reason to.
fn beyond_hearing(user: &User, history: &History, observed: &Observed) -> Option<String> {
    let life = user.life.as_ref()?;
    let own = history.iter();
    let own = own.filter(|(_, connection)| connection.client == life.id);
    // Whoever is given the session has asked for it no earlier than it opened the connection.
    let heard = own.flat_map(|(_, connection)| {
        let owner = connection.owner.as_ref();
        let packets = owner.and_then(|owner| observed.heard.get(owner)?.last());
        let asked_at = connection.answered.as_ref().map(|_| connection.opened_at);
        [asked_at, packets.copied()]
    });
    let heard = heard.flatten().max().unwrap_or_default();
    let until = user.time_of(life.client.alive_until_ms()?);
    let timeout_ms = life.client.session_timeout_ms();
    is_too_long(until, heard, timeout_ms).then(|| {
        format!("is taken for alive until {until}; its timeout is {timeout_ms} ms, and it was last heard of at {heard}")
    })
}

fn is_too_long(until: SimTime, heard: SimTime, timeout_ms: u64) -> bool {
    until > heard.after_ms(timeout_ms + ROUNDING_MS)
}

#[cfg(test)]
mod tests {
    use super::is_too_long;
    use zoa_testkit::clock::SimTime;

    #[test]
    fn nobody_counts_on_a_session_beyond_its_timeout_after_it_was_heard_of() {
        let until = |ms| is_too_long(SimTime::from_ms(ms), SimTime::from_ms(100), 1_000);
        assert!(!until(1_101));
        assert!(until(1_102));
    }
}
