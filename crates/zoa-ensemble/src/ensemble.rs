//! One server's place among its peers: the state machine itself.

use zoa_log::HardState;
use zoa_log::LogIndex;
use zoa_proto::PeerId;

use crate::config::EnsembleConfig;
use crate::config::EnsembleError;
use crate::config::Start;
use crate::event::Effect;
use crate::event::Event;
use crate::node_id::NodeId;

/// See the module.
#[derive(Debug)]
pub struct Ensemble {
    config: EnsembleConfig,
}

/// How a peer does, for those who look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerStatus {
    /// Who.
    pub peer: PeerId,
    /// Under which id, if it has one.
    pub node: Option<NodeId>,
    /// Whether both connections stand.
    pub is_connected: bool,
    /// Whether its vote counts.
    pub votes: bool,
    /// Up to where it has the log, as a leader knows.
    pub matched: Option<LogIndex>,
}

impl Ensemble {
    /// Begins with what the disk held. The first effects are added to `effects`.
    ///
    /// # Errors
    ///
    /// When the settings are wrong, or the log cannot be what this server has written.
    pub fn new(
        config: EnsembleConfig,
        start: Start,
        effects: &mut Vec<Effect>,
    ) -> Result<Self, EnsembleError> {
        config.check()?;
        let _ = (start, effects);
        Ok(Self { config })
    }

    /// Takes one event and adds what follows from it to `effects`.
    pub fn handle(&mut self, event: Event, effects: &mut Vec<Effect>) {
        let _ = (event, effects, &self.config);
    }

    /// The newest hard state, which at a clean stop is worth storing; `None` while there is no log.
    pub fn hard_state(&self) -> Option<HardState> {
        None
    }

    /// How the peers do.
    pub fn peers(&self) -> Vec<PeerStatus> {
        Vec::new()
    }
}
