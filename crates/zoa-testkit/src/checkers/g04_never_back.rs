//! G-04: a session never goes back. The zxids it sees do not decrease, over reconnects either, and a server that is behind what
//! the client has seen does not take it.

use super::Case;
use super::Violation;
use crate::clock::SimTime;
use crate::history::Connection;
use crate::history::Received;
use crate::op::hex;
use crate::replay::StreamFaultKind;

pub(super) fn check(case: Case<'_>, violations: &mut Vec<Violation>) {
    let mut report = |what: String| violations.push(Violation::new("G-04", what));
    for fault in case.replayed.faults(StreamFaultKind::ZxidWentBack) {
        report(format!(
            "connection {} message {}: {}",
            fault.connection.0, fault.position, fault.what
        ));
    }
    for (id, connection) in case.history.iter() {
        let floor = connection.asked.last_zxid_seen;
        let lowest = zxids(connection).map(|(_, zxid)| zxid).min();
        if let Some(lowest) = lowest.filter(|lowest| *lowest < floor) {
            report(format!(
                "connection {} came having seen {} and was shown {}",
                id.0,
                hex(floor),
                hex(lowest)
            ));
        }
        if floor > case.replayed.last_zxid() && connection.answered.is_some() {
            report(format!(
                "connection {} came having seen {}, which no server had, and was taken",
                id.0,
                hex(floor)
            ));
        }
    }
}

/// The zxids a connection saw, with their times; what carries none is left out.
fn zxids(connection: &Connection) -> impl Iterator<Item = (SimTime, i64)> {
    let zxid_of = |message: &Received| match message {
        Received::Event(event) => Some(event.zxid),
        Received::Reply(position) => connection
            .calls
            .get(*position)?
            .reply()
            .map(|(_, zxid, _)| zxid),
        Received::Nonsense(_) => None,
    };
    connection
        .received
        .iter()
        .filter_map(move |(at, message)| Some((*at, zxid_of(message)?)))
        .filter(|(_, zxid)| *zxid > 0)
}

#[cfg(test)]
mod tests {
    use super::super::scene::Scene;

    #[test]
    fn a_session_that_comes_back_to_the_same_state_is_accepted() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let again = scene.reconnect(one);
        scene.exists(again, "/a");
        scene.accepts();
    }

    #[test]
    fn a_reply_older_than_one_before_it_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.create(one, "/a");
        let read = scene.exists(one, "/a");
        scene.tamper_zxid(read, 1);
        scene.rejects("G-04");
    }

    #[test]
    fn an_older_state_after_a_reconnect_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        let before = scene.create(one, "/a");
        scene.create(one, "/b");
        let again = scene.reconnect(one);
        let read = scene.exists(again, "/a");
        scene.tamper_zxid(read, scene.zxid_of(before));
        scene.rejects("G-04");
    }

    #[test]
    fn a_client_from_the_future_that_is_taken_is_reported() {
        let mut scene = Scene::new();
        let one = scene.connect();
        scene.tamper_last_zxid_seen(one, 1 << 40);
        scene.rejects("G-04");
    }
}
