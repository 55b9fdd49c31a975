//! The network: links that break and never change the order on them, handshakes that take their time, and cuts.

use std::collections::VecDeque;

use bytes::Bytes;
use zoa_ensemble::Direction;
use zoa_ensemble::Event;
use zoa_ensemble::Hello;
use zoa_ensemble::HelloState;
use zoa_ensemble::LinkId;
use zoa_ensemble::Purpose;
use zoa_ensemble::judge;
use zoa_proto::PeerId;

use super::World;

#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) from: u8,
    pub(crate) to: u8,
    pub(crate) frames: VecDeque<Bytes>,
}

/// Who greets, in which of its lives, as of which of its identities, and how.
type Greeting = (u8, u64, u64, Hello);

#[derive(Debug)]
pub(crate) struct Handshake {
    from: Greeting,
    to: Greeting,
}

impl World {
    /// Dials, if there is something to dial; the handshake is then under way.
    pub(crate) fn dial(&mut self, from: u8, to: u8) {
        let is_there = self
            .wires
            .values()
            .any(|wire| (wire.from, wire.to) == (from, to))
            || self
                .handshakes
                .iter()
                .any(|it| (it.from.0, it.to.0) == (from, to));
        let is_wanted = self.servers.contains_key(&to) && self.at(from).dials.contains(&to);
        if is_there || !is_wanted || self.cuts.contains(&(from, to)) {
            return;
        }
        let (Some(one), Some(other)) =
            (self.at(from).identity.clone(), self.at(to).identity.clone())
        else {
            return;
        };
        let hello = one.hello(PeerId(to), Purpose::Messages);
        let answer = other.hello(PeerId(from), Purpose::Messages);
        let hello = Hello::decode(&hello.encode()).expect("it comes through");
        if let Err(refusal) = judge(&other, &hello) {
            let peer = PeerId(to);
            self.refusals.push((from, peer, refusal));
            self.event(from, Event::LinkRefused { peer, refusal });
        } else if let Err(refusal) = judge(&one, &answer) {
            self.refusals.push((to, PeerId(from), refusal));
        } else {
            self.handshakes.push(Handshake {
                from: (from, self.at(from).life, one.epoch, hello),
                to: (to, self.at(to).life, other.epoch, answer),
            });
        }
        self.pump();
    }

    /// A handshake ends, with what was said when it began.
    pub(crate) fn link(&mut self, at: usize) {
        let Handshake { from, to } = self.handshakes.remove(at);
        if self.at(from.0).life != from.1 || self.at(to.0).life != to.1 {
            return;
        }
        self.next_link += 1;
        let wire = Wire {
            from: from.0,
            to: to.0,
            frames: VecDeque::new(),
        };
        self.wires.insert(self.next_link, wire);
        let link = LinkId(self.next_link);
        let up = |peer: u8, direction, hello, epoch| Event::LinkUp {
            link,
            peer: PeerId(peer),
            direction,
            hello,
            epoch,
        };
        let ups = [
            (from.0, up(to.0, Direction::Outgoing, to.3, from.2)),
            (to.0, up(from.0, Direction::Incoming, from.3, to.2)),
        ];
        self.later.extend(ups);
        self.pump();
    }

    pub(crate) fn connect_all(&mut self) {
        let ids = self.ids();
        for from in &ids {
            ids.iter().for_each(|to| self.dial(*from, *to));
        }
        while !self.handshakes.is_empty() {
            self.link(0);
        }
    }

    /// Delivers the next frame on a link.
    pub(crate) fn deliver(&mut self, link: u64) {
        let Some(wire) = self.wires.get_mut(&link) else {
            return;
        };
        let to = wire.to;
        if self.cuts.contains(&(wire.from, wire.to)) {
            return;
        }
        let Some(frame) = wire.frames.pop_front() else {
            return;
        };
        self.receive(to, LinkId(link), frame);
        self.pump();
    }

    /// A server reads a frame, whatever is on the wires.
    pub(crate) fn receive(&mut self, id: u8, link: LinkId, frame: Bytes) {
        let wall_ms = self.at(id).wall_ms;
        let received = Event::Received {
            link,
            frame,
            wall_ms,
        };
        self.event(id, received);
    }

    /// A link breaks: what was on its way is lost, or still comes.
    pub(crate) fn drop_wire(&mut self, link: u64) {
        let Some(wire) = self.wires.remove(&link) else {
            return;
        };
        let link = LinkId(link);
        let some = self.dice.below(wire.frames.len() + 1);
        let frames = wire.frames.into_iter().take(some);
        let wall_ms = self.at(wire.to).wall_ms;
        let received = |frame| Event::Received {
            link,
            frame,
            wall_ms,
        };
        self.later
            .extend(frames.map(|frame| (wire.to, received(frame))));
        self.later.push_back((wire.to, Event::LinkDown { link }));
        self.later.push_back((wire.from, Event::LinkDown { link }));
    }

    /// All that leads to this server and from it breaks.
    pub(super) fn drop_wires_of(&mut self, id: u8) {
        let links: Vec<u64> = self
            .wires
            .iter()
            .filter(|(_, wire)| wire.from == id || wire.to == id)
            .map(|(link, _)| *link)
            .collect();
        links.into_iter().for_each(|link| self.drop_wire(link));
        self.handshakes
            .retain(|it| it.from.0 != id && it.to.0 != id);
    }

    /// The links on which something is on its way and can arrive.
    pub(super) fn busy_wires(&self) -> Vec<u64> {
        let can_arrive = |from: u8, to: u8| !self.cuts.contains(&(from, to));
        self.wires
            .iter()
            .filter(|(_, wire)| !wire.frames.is_empty() && can_arrive(wire.from, wire.to))
            .map(|(link, _)| *link)
            .collect()
    }

    pub(crate) fn cut_off(&mut self, id: u8) {
        for other in self.ids() {
            self.cuts.insert((id, other));
            self.cuts.insert((other, id));
        }
    }

    pub(super) fn send(&mut self, id: u8, link: LinkId, frame: Bytes) {
        let state = self.at(id).identity.as_ref().map(|it| it.state);
        let is_vote = matches!(frame.as_ref(), [1, 3..=6, ..]);
        let is_member = matches!(state, Some(HelloState::Member { .. }));
        assert!(
            is_member || !is_vote,
            "server {id} has no say yet, seed {}",
            self.seed
        );
        let Some(wire) = self.wires.get_mut(&link.0) else {
            return;
        };
        assert_eq!(wire.from, id, "frames go one way");
        wire.frames.push_back(frame);
    }
}
