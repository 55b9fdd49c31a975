//! What follows from a call of production code: what it told is noted for the checkers, what it sends goes on its way, and its threads
//! get the turns that they want.
//!
//! Nothing is judged here but what must be compared at once, while the witness stands where the server stood.

use super::ELECTION_MS_MAX;
use super::Happening;
use super::World;
use super::id_of;
use crate::process::Established;
use crate::process::Told;
use crate::witness;
use crate::witness::Heard;
use zoa_testkit::observed::Leads;
use zoa_testkit::observed::ServingBegins;
use zoa_testkit::rng::Rng;

impl World {
    /// Takes in what a call of production code has to tell, and gives turns to whoever has something to do now.
    pub(super) fn settle(&mut self, server: usize, told: Told) {
        let now = self.now();
        let mut installed = told.installed.iter().peekable();
        for (place, entry) in told.committed.iter().enumerate() {
            while let Some((_, index)) = installed.next_if(|(behind, _)| *behind <= place) {
                self.witness.skip_to(server, *index);
            }
            self.note("committed", (entry.index.0, entry.term));
            let heard = Heard {
                index: entry.index.0,
                term: entry.term,
                data: &entry.data,
            };
            if let Some(before) = self.witness.hear(server, &heard, now) {
                let again = (id_of(server), entry.index.0, before);
                self.observed.handed_out_again.push(again);
            }
            if let Some(session) = witness::expiry_in(&entry.data) {
                self.mourn_session(session);
            }
        }
        for (_, index) in installed {
            self.witness.skip_to(server, *index);
        }
        for (index, digest) in told.digests {
            self.compare_digest(server, index, digest);
        }
        for session in told.expiries {
            self.note("expiry proposed", (session.cast_unsigned(), 0));
            self.note_expiry(server, session);
        }
        self.note_amounts(server, told.amounts);
        if let Some(rules) = told.rules_proposed {
            self.note_proposed_rules(server, rules);
        }
        for rules in told.rules_held {
            self.note_rules(server, rules);
        }
        for owner in told.heard {
            self.observed.hear(owner, now);
        }
        if let Some(established) = told.established {
            self.note_leader(server, established);
        }
        if let Some(serving) = told.serving {
            self.note_serving(server, serving);
        }
        self.send_frames(told.frames);
        told.cuts
            .into_iter()
            .for_each(|link| self.break_link(link, 1_000));
        self.send_snapshots(server, told.snapshots_out);
        if told.handed_over {
            self.kill(server);
        }
        self.counters.members_changed += told.members_changed;
        self.counters.snapshots += told.snapshots;
        self.counters.snapshots_failed += told.snapshots_failed;
        self.observed.panics.extend(told.wrong);
        if self.machines[server].process.is_some() && self.machines[server].disk.is_down() {
            self.power_goes(server);
        }
        self.schedule_wanted(server);
    }

    /// A server wants a session to expire. One that was replaced as leader, and does not know it, may want what it likes: none of it happens.
    fn note_expiry(&mut self, server: usize, session: i64) {
        let leader = self.leaders.last_key_value().map(|(_, leader)| *leader);
        if leader.is_none_or(|leader| leader == server) {
            let at = self.now();
            let proposed = &mut self.observed.expiry_proposed;
            proposed.entry(session).or_default().push(at);
        }
    }

    /// A server begins to serve clients, or ends it; what it had applied then.
    fn note_serving(&mut self, server: usize, (serves, applied_index): (bool, u64)) {
        let at = self.now();
        let since = std::mem::replace(&mut self.machines[server].idle_since, at);
        if !serves {
            return self.note("serving no more", (server as u64, 0));
        }
        self.note("serving", (server as u64, self.machines[server].life));
        self.observed.serving_begins.push(ServingBegins {
            server: id_of(server),
            since,
            at,
            applied_index,
        });
        self.end_outage(server);
    }

    /// A server leads: in its term nobody else may (G-18), and every session has its full timeout from here on.
    fn note_leader(&mut self, server: usize, established: Established) {
        let Established {
            term,
            applied_index,
            votes,
        } = established;
        self.note("leads", (server as u64, term));
        let at = self.now();
        self.observed.served_from.push(at);
        self.observed.leads.push(Leads {
            server: id_of(server),
            term,
            at,
            applied_index,
            votes,
        });
        self.disturb_before(ELECTION_MS_MAX);
        if self.leaders.insert(term, server).is_none() {
            self.counters.leaders += 1;
        }
    }

    fn compare_digest(&mut self, server: usize, index: u64, digest: u64) {
        let expected = self.witness.digest_at(index);
        if index > 0 && expected != Some(digest) {
            let what = format!(
                "the state of server {} at index {index} has digest {digest:x}, by the whole log it is {expected:x?}",
                server + 1
            );
            self.observed.divergences.push(what);
        }
    }

    pub(super) fn schedule_wanted(&mut self, server: usize) {
        let machine = &mut self.machines[server];
        let Some(process) = &mut machine.process else {
            return;
        };
        for thread in process.take_wanted() {
            if machine.scheduled.insert((machine.life, thread)) {
                let delay_us = wake_delay_us(&mut self.dice.schedule);
                let turn = Happening::Turn(server, machine.life, thread);
                self.agenda.put_in_us(delay_us, turn);
            }
        }
    }
}

/// How long a thread takes to wake up: mostly at once, sometimes others come first, rarely the machine is busy.
fn wake_delay_us(rng: &mut Rng) -> u64 {
    match rng.weighted(&[75, 20, 5]) {
        0 => rng.between(1, 50),
        1 => rng.between(50, 900),
        _ => rng.between(900, 7_000),
    }
}
