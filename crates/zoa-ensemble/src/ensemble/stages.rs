//! From what the disk held to a running replication, step by durable step.

use std::collections::BTreeMap;

use zoa_log::ClusterId;
use zoa_log::LogIndex;
use zoa_proto::PeerId;
use zoa_raft::Members;
use zoa_raft::RaftConfig;
use zoa_raft::RaftLoop;
use zoa_raft::Recovery;

use super::Ensemble;
use super::founding::Move;
use super::founding::View;
use crate::config::EnsembleError;
use crate::config::Prepared;
use crate::config::Start;
use crate::event::CutReason;
use crate::event::Effect;
use crate::event::LinkId;
use crate::event::Step;
use crate::hello::Hello;
use crate::hello::HelloState;
use crate::message::PeerMessage;
use crate::node_id::NodeId;
use crate::node_id::split_random;
use crate::notice::Notice;

/// How far this server is.
#[derive(Debug)]
pub(super) enum Stage {
    /// It has no data.
    Bare(Bare),
    /// A step is being made durable.
    Saving { bare: Bare, step: Step },
    /// The log is being opened.
    Opening,
    /// It has a log.
    Running(Box<RaftLoop>),
}

/// A server without data.
#[derive(Clone, Debug)]
pub(super) struct Bare {
    random: [u8; 32],
    prepared: Option<Prepared>,
}

impl Ensemble {
    pub(super) fn begin(
        &mut self,
        start: Start,
        effects: &mut Vec<Effect>,
    ) -> Result<(), EnsembleError> {
        match start {
            Start::Empty { random } => {
                self.stage = Stage::Bare(Bare {
                    random,
                    prepared: None,
                });
                self.tell_identity(effects);
            }
            Start::Prepared { prepared, random } => {
                self.identity.state = HelloState::Prepared {
                    cluster: prepared.cluster,
                };
                self.stage = Stage::Bare(Bare {
                    random,
                    prepared: Some(prepared),
                });
                self.tell_identity(effects);
            }
            Start::Founded {
                cluster,
                node,
                recovery,
            } => {
                let (found, me) = (node.myid(), self.config.me);
                if found != me {
                    return Err(EnsembleError::OtherServer { found, me });
                }
                if self.config.force_new_ensemble {
                    effects.push(Effect::Notice(Notice::Forced { cluster }));
                    effects.push(Effect::RemoveMarkers);
                }
                self.start_raft((cluster, node), *recovery, effects)?;
            }
        }
        Ok(())
    }

    pub(super) fn settle_founding(&mut self, effects: &mut Vec<Effect>) {
        let Stage::Bare(bare) = &self.stage else {
            return;
        };
        let bare = bare.clone();
        let (cluster, _) = split_random(bare.random);
        if self.config.is_alone() {
            let founders = self.founders.clone();
            return self.found(Prepared { cluster, founders }, effects);
        }
        let peers = self.links.peers();
        match self.view(bare.prepared.as_ref(), &peers).next_move() {
            Move::Wait(notice) | Move::AwaitLeader(notice) => self.reminder.waits(notice),
            Move::Begin => {
                let founders = self.founders.clone();
                self.save(Step::Prepare(Prepared { cluster, founders }), effects);
            }
            Move::Ask { peers } => {
                if let Some(prepared) = bare.prepared {
                    peers
                        .into_iter()
                        .for_each(|peer| self.ask(peer, &prepared, effects));
                }
            }
            Move::Found => {
                if let Some(prepared) = bare.prepared {
                    self.found(prepared, effects);
                }
            }
        }
    }

    /// What this bare server knows that decides what it does next.
    fn view<'v>(
        &'v self,
        prepared: Option<&'v Prepared>,
        peers: &'v BTreeMap<PeerId, &'v Hello>,
    ) -> View<'v> {
        View {
            me: self.config.me,
            founders: &self.founders,
            may_found: self.config.may_found,
            initialize: self.config.initialize,
            prepared,
            peers,
        }
    }

    /// A peer asks whether this server takes part in a founding.
    pub(super) fn handle_prepare(
        &mut self,
        link: LinkId,
        asked: Prepared,
        effects: &mut Vec<Effect>,
    ) {
        let (Stage::Bare(bare), Some(link)) = (&self.stage, self.links.get(link)) else {
            return;
        };
        let peers = self.links.peers();
        let view = self.view(bare.prepared.as_ref(), &peers);
        let is_known = bare.prepared.as_ref() == Some(&asked);
        if !is_known && view.may_agree(link.peer, &asked.founders) {
            self.save(Step::Prepare(asked), effects);
        }
    }

    /// Somebody leads the ensemble that this server, which has no data, belongs to.
    pub(super) fn join(&mut self, cluster: ClusterId, effects: &mut Vec<Effect>) {
        let Stage::Bare(bare) = &self.stage else {
            return;
        };
        let peers = self.links.peers();
        let mut clusters = peers.values().filter_map(|hello| hello.state.cluster());
        if clusters.any(|other| other != cluster) {
            return;
        }
        let (_, incarnation) = split_random(bare.random);
        let node = NodeId::joining(self.config.me, incarnation);
        effects.push(Effect::Notice(Notice::Joins { cluster, node }));
        self.save(Step::Join { cluster, node }, effects);
    }

    pub(super) fn handle_saved(&mut self, effects: &mut Vec<Effect>) {
        let Stage::Saving { bare, step } = &self.stage else {
            return;
        };
        match step.clone() {
            Step::Prepare(prepared) => {
                let cluster = prepared.cluster;
                let bare = Bare {
                    prepared: Some(prepared),
                    ..bare.clone()
                };
                self.stage = Stage::Bare(bare);
                self.become_other(HelloState::Prepared { cluster }, effects);
            }
            Step::Found { cluster, node, .. } | Step::Join { cluster, node } => {
                effects.push(Effect::OpenLog { node, cluster });
            }
        }
    }

    pub(super) fn handle_log_opened(&mut self, effects: &mut Vec<Effect>) {
        let Stage::Saving { step, .. } = &self.stage else {
            return;
        };
        let (place, recovery) = match step.clone() {
            Step::Prepare(_) => return,
            Step::Found {
                cluster,
                node,
                members,
            } => {
                effects.push(Effect::Notice(Notice::Founded { cluster }));
                ((cluster, node), Recovery::founding(members))
            }
            Step::Join { cluster, node } => ((cluster, node), Recovery::joining()),
        };
        self.start_raft(place, recovery, effects)
            .expect("an empty log is sound, and the settings were checked");
        self.become_other(self.identity.state, effects);
        // An empty disk has nothing to force; the marker must not mean what comes onto it later.
        if self.config.initialize || self.config.force_new_ensemble {
            self.identity.initialize = false;
            effects.push(Effect::RemoveMarkers);
        }
    }

    /// The members from `index` on.
    pub(super) fn note_members(
        &mut self,
        index: LogIndex,
        members: Members,
        effects: &mut Vec<Effect>,
    ) {
        if let (Some(cluster), Some(node), false) = (
            self.identity.state.cluster(),
            self.identity.state.node(),
            members.is_empty(),
        ) {
            self.identity.state = HelloState::Member {
                cluster,
                node,
                members_index: index.0,
            };
        }
        self.identity.members = members.clone();
        self.peers_changed = true;
        self.tell_identity(effects);
        effects.push(Effect::Members { index, members });
    }

    fn start_raft(
        &mut self,
        (cluster, node): (ClusterId, NodeId),
        recovery: Recovery,
        effects: &mut Vec<Effect>,
    ) -> Result<(), EnsembleError> {
        let config = RaftConfig {
            id: node.raft(),
            election_tick: self.config.election_ticks,
            heartbeat_tick: self.config.heartbeat_ticks,
            seed: self.config.seed,
            notices: self.config.notices.clone(),
        };
        self.identity.state = HelloState::Joining { cluster, node };
        let raft = RaftLoop::new(config, recovery, &mut self.raft_effects)?;
        self.stage = Stage::Running(Box::new(raft));
        self.carry_out_raft(effects);
        self.tell_identity(effects);
        Ok(())
    }

    fn found(&mut self, prepared: Prepared, effects: &mut Vec<Effect>) {
        let Prepared { cluster, founders } = prepared;
        let step = Step::Found {
            cluster,
            node: NodeId::founding(self.config.me),
            members: founders.members(),
        };
        self.save(step, effects);
    }

    fn ask(&mut self, peer: PeerId, prepared: &Prepared, effects: &mut Vec<Effect>) {
        let Some(link) = self.links.outgoing(peer).map(|link| link.id) else {
            return;
        };
        let Some(link) = self.links.get_mut(link).filter(|link| !link.asked) else {
            return;
        };
        link.asked = true;
        let message = PeerMessage::Prepare {
            cluster: prepared.cluster,
            founders: prepared.founders.clone(),
        };
        effects.push(Effect::Send {
            link: link.id,
            frame: message.encode(),
        });
    }

    fn save(&mut self, step: Step, effects: &mut Vec<Effect>) {
        if let Stage::Bare(bare) = &self.stage {
            self.stage = Stage::Saving {
                bare: bare.clone(),
                step: step.clone(),
            };
            effects.push(Effect::Save(step));
        }
    }

    /// What the peers were told is wrong from here on: they hear it anew.
    fn become_other(&mut self, state: HelloState, effects: &mut Vec<Effect>) {
        self.identity.state = state;
        self.identity.epoch += 1;
        self.tell_identity(effects);
        for link in self.links.ids() {
            self.cut(link, CutReason::NewIdentity, effects);
        }
    }
}
