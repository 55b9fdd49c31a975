//! A tap on one connection of a production client: its bytes, both ways, become entries of the history.
//!
//! It reads the bytes a second time, with the test kit's own layouts, and knows nothing of the client's inside. Invariant: a call
//! is noted when its last byte was handed to the network, a reply or event when its last byte was handed to the client.

use super::reading;
use std::collections::VecDeque;
use zoa_proto::frame::FrameLimits;
use zoa_proto::frame::next_frame;
use zoa_testkit::clock::SimTime;
use zoa_testkit::history::Call;
use zoa_testkit::history::CallOutcome;
use zoa_testkit::history::Connection;
use zoa_testkit::history::Received;
use zoa_testkit::op::Op;
use zoa_testkit::wire;
use zoa_testkit::wire::reserved_xid;

const LIMITS: FrameLimits = FrameLimits {
    frame_len_max: 64 << 20,
};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Tap {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    has_asked: bool,
    /// Calls without a reply, in the order of sending.
    awaiting: VecDeque<usize>,
    sent: u64,
}

impl Tap {
    /// The client has handed these bytes to the network. Gives the ends of the frames completed, counted from the beginning.
    pub(crate) fn send(
        &mut self,
        now: SimTime,
        bytes: &[u8],
        connection: &mut Connection,
    ) -> Vec<u64> {
        self.to_server.extend_from_slice(bytes);
        self.sent += bytes.len() as u64;
        let frames = take_frames(&mut self.to_server);
        let mut ends = Vec::new();
        let behind: u64 = frames.iter().map(|frame| frame.len() as u64 + 4).sum();
        let mut end = self.sent - self.to_server.len() as u64 - behind;
        for frame in frames {
            end += frame.len() as u64 + 4;
            ends.push(end);
            if let Err(wrong) = self.note_frame(now, &frame, connection) {
                let what = format!("the client sent bytes that cannot be read: {wrong}");
                connection.received.push((now, Received::Nonsense(what)));
            }
        }
        ends
    }

    fn note_frame(
        &mut self,
        now: SimTime,
        frame: &[u8],
        connection: &mut Connection,
    ) -> Result<(), String> {
        if !self.has_asked {
            self.has_asked = true;
            connection.asked = reading::connect_ask(frame)?;
            return Ok(());
        }
        let (xid, op) = reading::request(frame)?;
        self.awaiting.push_back(connection.calls.len());
        connection.calls.push(Call {
            xid,
            op,
            invoked_at: now,
            outcome: CallOutcome::Unknown,
        });
        Ok(())
    }

    /// The client is handed these bytes.
    pub(crate) fn receive(&mut self, now: SimTime, bytes: &[u8], connection: &mut Connection) {
        self.to_client.extend_from_slice(bytes);
        for frame in take_frames(&mut self.to_client) {
            if let Err(wrong) = self.note_message(now, &frame, connection) {
                connection.received.push((now, Received::Nonsense(wrong)));
            }
        }
    }

    fn note_message(
        &mut self,
        now: SimTime,
        frame: &[u8],
        connection: &mut Connection,
    ) -> Result<(), String> {
        if connection.answered.is_none() {
            connection.answered = Some((now, wire::connect::decode(frame)?));
            return Ok(());
        }
        let (header, body) = wire::answer::split(frame)?;
        if header.xid == reserved_xid::NOTIFICATION {
            let event = wire::answer::decode_event(header, body)?;
            connection.received.push((now, Received::Event(event)));
            return Ok(());
        }
        let has_xid = |position: &usize| {
            connection.calls.get(*position).map(|call| call.xid) == Some(header.xid)
        };
        let awaited = self.awaiting.iter().position(has_xid);
        let position = awaited.and_then(|awaited| self.awaiting.remove(awaited));
        let position = position.ok_or_else(|| format!("a reply to nothing: {header:?}"))?;
        let call = connection.calls.get_mut(position).ok_or("no call")?;
        let outcome = match header.error {
            0 => Ok(wire::answer::decode(&call.op, body)?),
            _ if body.is_empty() => Err(header.error),
            _ => return Err(format!("an error with a body: {header:?}")),
        };
        call.outcome = CallOutcome::Replied {
            at: now,
            zxid: header.zxid,
            outcome,
        };
        connection.received.push((now, Received::Reply(position)));
        Ok(())
    }

    /// Whether the stream to the client stands in the middle of a frame.
    pub(crate) fn is_mid_reply(&self) -> bool {
        !self.to_client.is_empty()
    }

    /// Whether the stream to the server stands in the middle of a frame.
    pub(crate) fn is_mid_request(&self) -> bool {
        !self.to_server.is_empty()
    }

    /// Watches that the calls so far have set again: pieces, and paths in them.
    pub(crate) fn rearmed(connection: &Connection) -> (u64, u64) {
        let mut sums = (0, 0);
        for call in &connection.calls {
            if let Op::SetWatches { lists, .. } = &call.op {
                let all = [
                    &lists.data,
                    &lists.exist,
                    &lists.child,
                    &lists.persistent,
                    &lists.recursive,
                ];
                sums.0 += 1;
                sums.1 += all.iter().map(|list| list.len() as u64).sum::<u64>();
            }
        }
        sums
    }
}

/// The whole frames at the beginning, without their lengths; what is behind stays.
fn take_frames(bytes: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut used = 0;
    while let Ok(Some((frame, len))) = next_frame(bytes.get(used..).unwrap_or_default(), LIMITS) {
        frames.push(frame.to_vec());
        used += len;
    }
    bytes.drain(..used);
    frames
}

#[cfg(test)]
mod tests {
    use super::Tap;
    use zoa_testkit::clock::SimTime;
    use zoa_testkit::history::ConnectAsk;
    use zoa_testkit::history::Connection;
    use zoa_testkit::op::Op;
    use zoa_testkit::wire;

    #[test]
    fn requests_cut_anywhere_are_noted_whole_and_once_with_their_ends() {
        let asked = ConnectAsk {
            timeout_ms: 9,
            ..ConnectAsk::default()
        };
        let op = Op::Exists {
            path: "/a".to_owned(),
            watch: true,
        };
        let first = wire::connect::encode(&asked);
        let second = wire::request::encode(7, &op);
        let (mut tap, mut connection) = (Tap::default(), Connection::default());
        let mut ends = Vec::new();
        for byte in [first.as_slice(), &second].concat() {
            ends.extend(tap.send(SimTime(1), &[byte], &mut connection));
        }
        let both = (first.len() + second.len()) as u64;
        assert_eq!(ends, [first.len() as u64, both]);
        assert_eq!(connection.asked, asked);
        assert_eq!(connection.calls.len(), 1);
        assert_eq!((connection.calls[0].xid, &connection.calls[0].op), (7, &op));
    }
}
