//! What the tests of this crate's insides build upon. Tests that need no insides stand in `tests/it`.

use ::core::net::Ipv4Addr;
use ::core::net::SocketAddr;
use std::sync::Arc;

use zoa_proto::PeerId;
use zoa_proto::frame::FrameLimits;
use zoa_tree::HashKey;
use zoa_tree::IdentitiesBuf;
use zoa_tree::Settings;
use zoa_tree::Tree;

use crate::config::CoreConfig;
use crate::config::Facts;
use crate::config::Gauges;
use crate::config::WordList;
use crate::connection::Connection;
use crate::core::Core;
use crate::lane::ConnectionNumber;
use crate::lane::Lane;
use crate::moment::Moment;

pub(crate) const PEER: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 1);

pub(crate) const NOW: Moment = Moment {
    mono_ms: 1_000,
    wall_ms: 1_700_000_000_000,
};

/// A lane that no server knows.
pub(crate) fn lane(number: u64) -> Arc<Lane> {
    Arc::new(Lane::new(
        ConnectionNumber(number),
        SocketAddr::from(PEER),
        IdentitiesBuf::default(),
    ))
}

/// A server with an empty tree.
pub(crate) fn core() -> Arc<Core> {
    let config = CoreConfig {
        server: PeerId(1),
        tick_ms: 1_000,
        session_timeout_ms_min: 2_000,
        session_timeout_ms_max: 20_000,
        frame_limits: FrameLimits::default(),
        connections_per_address_max: 0,
        connections_max: 0,
        settings: Settings::NONE,
        super_digest: None,
        words: WordList::All,
        facts: Facts {
            version: String::new(),
            built_on: String::new(),
            configuration: Vec::new(),
            environment: Vec::new(),
            gauges: Box::new(Gauges::default),
        },
        hash_key: HashKey([3, 4]),
        first_connection: 1,
    };
    Core::new(config, Tree::new(HashKey([1, 2])), NOW)
}

/// A connection that has sent nothing.
pub(crate) fn dial(core: &Arc<Core>) -> Connection {
    let connection = core.accept(SocketAddr::from(PEER), NOW);
    connection.expect("the server takes it on")
}
