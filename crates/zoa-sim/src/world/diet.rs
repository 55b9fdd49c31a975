//! Clients that want a server to keep much for them, and what it keeps (G-22).
//!
//! A third of the runs has a pair of them, unless connections trickle or are slow in it: what they ask for would be under way for minutes.

use super::World;
use super::actors::Actor;
use super::id_of;
use crate::process::Amount;
use zoa_testkit::faults::FaultKind;
use zoa_testkit::observed::Most;
use zoa_testkit::rng::Rng;
use zoa_testkit::workload::Appetite;
use zoa_testkit::workload::Glutton;

/// So many of a hundred runs have them.
const WITH_GLUTTONS_PERCENT: u64 = 35;

impl World {
    pub(super) fn invite_gluttons(&mut self) {
        let mut rng = Rng::new(self.options.seed).fork("gluttons");
        let is_slow = self.plan.iter().any(|fault| {
            let kind = fault.kind;
            matches!(kind, FaultKind::Trickle | FaultKind::SlowNetwork { .. })
        });
        let is_short = self.options.point.is_some() || self.options.scenario.has_users();
        if is_slow || is_short || !rng.percent(WITH_GLUTTONS_PERCENT) {
            return;
        }
        for appetite in [Appetite::Answers, Appetite::Noise] {
            let number = u32::try_from(self.actors.len()).unwrap_or(u32::MAX);
            let mut actor = Actor::new(number, &self.profile, &mut rng);
            actor.glutton = Some(Glutton::new(rng.fork("glutton"), appetite, number));
            self.observed.gluttons.push(actor.client.id());
            self.actors.push(actor);
        }
        self.counters.gluttons += 2;
    }

    /// At the end they give up, and behave.
    pub(super) fn end_gluttony(&mut self) {
        let now = self.now();
        for position in 0..self.actors.len() {
            let Some(actor) = self.actors.get_mut(position) else {
                continue;
            };
            if actor.glutton.take().is_some() {
                actor.reads_from = now;
                actor.client.start_anew();
                self.drop_connections(position);
            }
        }
    }

    /// What a server holds, and may hold.
    pub(super) fn note_amounts(&mut self, server: usize, amounts: Vec<Amount>) {
        let at = self.now();
        for Amount {
            what,
            amount,
            limit,
        } in amounts
        {
            let server = id_of(server);
            let most = Most {
                amount,
                limit,
                server,
                at,
            };
            self.observed.holdings.note(what, most);
        }
    }
}
