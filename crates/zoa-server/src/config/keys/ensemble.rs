//! The other servers: `server.N` lines and what goes with them.

use crate::config::draft::Draft;
use crate::config::error::ConfigError;
use crate::config::given::Given;
use crate::config::given::INT_MAX;
use crate::config::model::PeerType;
use crate::config::server_line;

keys! {
    "initLimit" => |draft, given|
        draft.config.ensemble.init_limit = Some(given.number(1..=INT_MAX, "ticks")?),
    "syncLimit" => |draft, given|
        draft.config.ensemble.sync_limit = Some(given.number(1..=INT_MAX, "ticks")?),
    "electionAlg" => |_draft, given| given.one_of(&[("3", ())])?,
    "peerType" => |draft, given|
        draft.config.ensemble.peer_type = given.one_of(&[
            ("participant", PeerType::Participant),
            ("observer", PeerType::Observer),
        ])?,
    "standaloneEnabled" => |draft, given|
        draft.config.ensemble.standalone_enabled = given.boolean()?,
    "quorumListenOnAllIPs" => |draft, given|
        draft.config.ensemble.listen_on_all = given.boolean()?,
    "readonlymode.enabled" => |draft, given|
        draft.config.ensemble.read_only = given.boolean()?,
    "localSessionsEnabled" => |draft, given|
        draft.config.ensemble.local_sessions = given.boolean()?,
    "localSessionsUpgradingEnabled" => |draft, given|
        draft.config.ensemble.local_sessions_upgrading = given.boolean()?,
    "leaderServes" => |draft, given| draft.config.ensemble.leader_serves = given.yes_or_no()?,
    // Which SASL, and as whom: nothing without these.
    "quorum.auth.enableSasl" => |draft, given| ask_for_sasl(draft, given)?,
    "quorum.auth.learnerRequireSasl" => |draft, given| ask_for_sasl(draft, given)?,
    "quorum.auth.serverRequireSasl" => |draft, given| ask_for_sasl(draft, given)?,
    "dynamicConfigFile" => |draft, given| {
        given.text("a file")?;
        draft.dynamic_config_file = Some(given.clone());
    },
}

fn ask_for_sasl(draft: &mut Draft, given: &Given) -> Result<(), ConfigError> {
    if given.boolean()? {
        draft.config.ensemble.sasl_keys.push(given.key.clone());
    }
    Ok(())
}

/// Takes keys that end in a number of a server or a group. `false` for other keys.
///
/// # Errors
///
/// When number or value is not what it can be.
pub(super) fn apply_numbered(draft: &mut Draft, given: &Given) -> Result<bool, ConfigError> {
    let Some((family, number)) = given.key.split_once('.') else {
        return Ok(false);
    };
    let ensemble = &mut draft.config.ensemble;
    match family {
        "server" => {
            let member = server_line::parse(&given.value);
            let member = member.ok_or_else(|| given.bad(server_line::EXPECTED))?;
            ensemble.servers.insert(server_id(number, given)?, member);
        }
        "group" => {
            let group = number
                .parse()
                .map_err(|_| given.bad("the number of a group in group.N"))?;
            let ids = given.value.split(':').map(|id| server_id(id.trim(), given));
            ensemble
                .groups
                .insert(group, ids.collect::<Result<_, _>>()?);
        }
        "weight" => {
            let weight = given.number(0..=INT_MAX, "votes")?;
            ensemble.weights.insert(server_id(number, given)?, weight);
        }
        _ => return Ok(false),
    }
    draft.member_line.get_or_insert_with(|| given.clone());
    Ok(true)
}

fn server_id(text: &str, given: &Given) -> Result<u8, ConfigError> {
    let expected = "the id of a server to be a whole number from 0 to 255";
    text.parse().map_err(|_| given.bad(expected))
}
