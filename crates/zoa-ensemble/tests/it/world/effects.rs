//! What the servers want done is done, by the letter.

use zoa_ensemble::Effect;
use zoa_ensemble::Event;
use zoa_ensemble::Role;

use super::World;

impl World {
    pub(super) fn carry_out(&mut self, id: u8, effects: Vec<Effect>) {
        for effect in effects {
            self.carry_out_one(id, effect);
        }
    }

    fn carry_out_one(&mut self, id: u8, effect: Effect) {
        match effect {
            Effect::Persist(persist) => self.server(id).disk.queue.push_back(persist),
            Effect::Commit(committed) => committed.iter().for_each(|entry| self.commit(id, entry)),
            Effect::Members { index, members } => self.server(id).members.push((index, members)),
            Effect::ReadLog { low, high, .. } => {
                let entries = self.at(id).disk.read(low, high);
                self.later.push_back((id, Event::LogRead { low, entries }));
            }
            Effect::InstallSnapshot { position, members } => self.install(id, position, members),
            Effect::TakeSnapshot => self.server(id).wants_snapshot = true,
            Effect::Send { link, frame } => self.send(id, link, frame),
            Effect::SendSnapshot {
                peer,
                node,
                position,
                message,
            } => {
                assert_eq!(peer, node.myid());
                self.pack(id, (node, position), message);
            }
            Effect::CutLink { link, .. } => self.drop_wire(link.0),
            Effect::Peers(peers) => {
                self.server(id).dials = peers.iter().map(|it| it.peer.0).collect();
            }
            Effect::Identity(identity) => self.server(id).identity = Some(*identity),
            Effect::Role { role, leader, term } => self.note_role(id, (role, leader, term)),
            Effect::Established { term } => {
                let role = self.at(id).role;
                assert_eq!(
                    role.map(|(role, _, at)| (role, at)),
                    Some((Role::Leader, term))
                );
            }
            Effect::Serving(serves) => self.note_serving(id, serves),
            Effect::Unknown => {
                let server = self.server(id);
                server.unknowns += 1;
                server
                    .connections
                    .retain(|_, connection| connection.unanswered.is_empty());
            }
            Effect::Touches(touches) => self.server(id).touches.extend(touches),
            Effect::Save(step) => {
                let before = self.server(id).disk.saving.replace(step);
                assert_eq!(before, None, "one step at a time");
            }
            Effect::OpenLog { node, cluster } => {
                assert_eq!(self.at(id).disk.identity, Some((cluster, node)));
                self.later.push_back((id, Event::LogOpened));
            }
            Effect::RemoveMarkers => {
                let server = self.server(id);
                (server.initialize, server.force) = (false, false);
            }
            Effect::Notice(notice) => {
                assert!(!notice.to_string().is_empty());
                self.server(id).notices.push(notice);
            }
            Effect::HandoverDone => self.server(id).handed_over = true,
        }
    }
}
