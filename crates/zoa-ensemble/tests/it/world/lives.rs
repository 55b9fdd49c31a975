//! Servers begin to run and end.

use zoa_ensemble::Ensemble;
use zoa_ensemble::Event;

use super::World;
use crate::disk::Disk;

impl World {
    pub(crate) fn start(&mut self, id: u8) {
        self.next_life += 1;
        let (life, seed, must_see) = (self.next_life, self.seed, self.acked_index);
        let random = self.dice.random();
        if let (true, Some((cluster, _))) = (self.at(id).force, self.at(id).disk.identity) {
            self.given_up.insert(cluster.0);
            self.clusters.remove(&cluster.0);
        }
        let server = self.server(id);
        let (start, machine) = server.disk.start(random, server.force);
        let config = server.config(seed);
        server.machine = machine;
        server.life = life;
        server.must_see = must_see;
        server.notices.clear();
        server.handed_over = false;
        let mut effects = Vec::new();
        let ensemble = Ensemble::new(config, start, &mut effects).expect("the disk is sound");
        server.ensemble = Some(ensemble);
        let lines = server.machine.lines.clone();
        let semantics = server.machine.semantics();
        self.carry_out(id, effects);
        self.event(id, Event::MemberLines(lines));
        self.event(id, Event::Semantics(semantics));
        self.pump();
    }

    pub(crate) fn start_all(&mut self) {
        self.ids().into_iter().for_each(|id| self.start(id));
    }

    pub(crate) fn crash(&mut self, id: u8) {
        self.server(id).crash();
        self.later.retain(|(whose, _)| *whose != id);
        self.drop_wires_of(id);
        self.lose_parcels_of(id);
        self.pump();
    }

    pub(crate) fn wipe(&mut self, id: u8) {
        assert!(!self.is_up(id), "a running server's disk stays");
        let founded_in = self.at(id).disk.founded_in.clone();
        self.server(id).disk = Disk {
            founded_in,
            ..Disk::default()
        };
    }
}
