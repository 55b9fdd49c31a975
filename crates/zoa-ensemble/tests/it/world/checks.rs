//! What must hold at every step, on what the servers say and commit.

use bytes::Bytes;
use zoa_ensemble::Event;
use zoa_ensemble::Role;
use zoa_log::ClusterId;
use zoa_proto::PeerId;
use zoa_raft::Committed;

use super::World;

impl World {
    /// Every server that is up has applied all of the history.
    pub(crate) fn check_agreement(&self) {
        let history: Vec<_> = self
            .history
            .iter()
            .map(|(index, (term, data))| (*index, *term, data.clone()))
            .collect();
        for server in self.up() {
            assert_eq!(
                server.machine.applied.len(),
                history.len(),
                "server {}, seed {}",
                server.id,
                self.seed
            );
            assert!(
                server.machine.applied == history,
                "server {}, seed {}",
                server.id,
                self.seed
            );
        }
    }

    pub(super) fn note_role(&mut self, id: u8, role: (Role, Option<PeerId>, u64)) {
        let seed = self.seed;
        if role.0 == Role::Leader {
            let node = self.node(id).expect("a leader is somebody");
            let cluster = self.cluster(id);
            let first = *self.leaders.entry((cluster.0, role.2)).or_insert(node);
            assert_eq!(first, node, "two leaders in term {}, seed {seed}", role.2);
        }
        self.server(id).role = Some(role);
    }

    pub(super) fn note_serving(&mut self, id: u8, serves: bool) {
        let (seed, acked_index) = (self.seed, self.acked_index);
        let server = self.server(id);
        assert_ne!(server.said, Some(serves), "it comes when it changes");
        server.said = Some(serves);
        server.serves = serves;
        if serves {
            let seen = server.machine.position().map_or(0, |(index, _)| index);
            assert!(
                seen >= server.must_see,
                "server {id} serves too early: {seen} of {}, seed {seed}",
                server.must_see
            );
        } else {
            server.must_see = acked_index;
            server.connections.clear();
        }
    }

    fn cluster(&self, id: u8) -> ClusterId {
        let identity = self.at(id).identity.as_ref();
        identity
            .and_then(|it| it.state.cluster())
            .expect("it has data")
    }

    pub(super) fn commit(&mut self, id: u8, entry: &Committed) {
        let seed = self.seed;
        let (index, said) = (entry.index.0, (entry.term, entry.data.clone()));
        let cluster = self.cluster(id);
        if !self.given_up.contains(&cluster.0) {
            self.clusters.insert(cluster.0);
            self.note_history(index, &said);
        }
        let server = self.server(id);
        let (before, rules) = (server.machine.lines.clone(), server.machine.semantics());
        let accepted = server.machine.apply(entry);
        let semantics = server.machine.semantics();
        assert!(
            semantics <= server.versions.semantics,
            "the program of server {id} does not know what it has to do, seed {seed}"
        );
        if semantics != rules {
            self.later.push_back((id, Event::Semantics(semantics)));
        }
        let server = self.server(id);
        if server.machine.lines != before {
            let lines = server.machine.lines.clone();
            self.later.push_back((id, Event::MemberLines(lines)));
        }
        if entry.is_change {
            let index = entry.index;
            self.later
                .push_back((id, Event::ChangeDecided { index, accepted }));
        }
        self.answer(id, index, &entry.data);
    }

    fn note_history(&mut self, index: u64, said: &(u64, Bytes)) {
        let seed = self.seed;
        assert_eq!(
            self.clusters.len(),
            1,
            "one ensemble was founded, seed {seed}"
        );
        if !self.history.contains_key(&index) {
            self.check_order(&said.1);
            self.history.insert(index, said.clone());
        }
        assert_eq!(
            self.history.get(&index),
            Some(said),
            "two truths at {index}, seed {seed}"
        );
    }

    fn answer(&mut self, id: u8, index: u64, data: &[u8]) {
        let Some((owner, number, _)) = parse(data) else {
            return;
        };
        let seed = self.seed;
        let server = self.server(id);
        let Some(connection) = server.connections.get_mut(&number).filter(|_| owner == id) else {
            return;
        };
        let awaited = connection.unanswered.pop_front();
        let data = super::words_of(data).unwrap_or_default();
        assert_eq!(
            awaited.as_ref(),
            Some(&data),
            "replies in order, seed {seed}"
        );
        self.acked.insert(data);
        self.acked_index = self.acked_index.max(index);
    }

    /// Goal: G-03. Of a connection's writes the first so many are applied, and none behind one that is not.
    fn check_order(&mut self, data: &[u8]) {
        let Some((owner, number, n)) = parse(data) else {
            return;
        };
        let next = self.written.entry((owner, number)).or_insert(0);
        assert_eq!(
            n, *next,
            "a write of connection {number} is missing, seed {}",
            self.seed
        );
        *next += 1;
    }
}

fn parse(data: &[u8]) -> Option<(u8, u64, u64)> {
    let text = super::words_of(data)?;
    let mut words = text.split(' ');
    let owner = words.next()?.parse().ok()?;
    Some((
        owner,
        words.next()?.parse().ok()?,
        words.next()?.parse().ok()?,
    ))
}
