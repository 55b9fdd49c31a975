//! Times, ports, directories, connections, monitoring.

use zoa_core::WordList;
use zoa_proto::FourLetterWord;

use crate::config::draft::Draft;
use crate::config::given::Given;
use crate::config::given::INT_MAX;
use crate::config::notice::Notice;

const HOST: &str = "a name or an address of this machine";

keys! {
    "tickTime" => |draft, given|
        draft.config.tick_time_ms = given.number(1..=INT_MAX, "milliseconds")?,
    "minSessionTimeout" => |draft, given|
        draft.config.session_timeout_ms_min = given.number(-1..=INT_MAX, "milliseconds")?,
    "maxSessionTimeout" => |draft, given|
        draft.config.session_timeout_ms_max = given.number(-1..=INT_MAX, "milliseconds")?,

    "dataDir" => |draft, given| draft.config.data.data_dir = given.directory()?,
    "dataLogDir" => |draft, given| draft.config.data.data_log_dir = given.directory()?,
    "datadir.autocreate" => |draft, given| draft.config.data.autocreate = given.boolean()?,
    "db.autocreate" => |draft, given| draft.config.data.db_autocreate = given.boolean()?,

    "clientPort" => |draft, given| draft.client_port = given.port()?,
    "clientPortAddress" => |draft, given| draft.client_host = Some(given.text(HOST)?),
    "secureClientPort" => |draft, given| draft.secure_client_port = given.port()?,
    "secureClientPortAddress" => |draft, given|
        draft.secure_client_host = Some(given.text(HOST)?),
    "clientPortListenBacklog" => |draft, given| {
        let backlog: i64 = given.number(-1..=INT_MAX, "connections")?;
        draft.config.connections.backlog = u32::try_from(backlog).ok();
    },
    "clientTcpKeepAlive" => |draft, given| draft.config.connections.keep_alive = given.boolean()?,
    "maxClientCnxns" => |draft, given|
        draft.config.connections.per_address_max = given.limit("connections")?,
    "maxCnxns" => |draft, given|
        draft.config.connections.total_max = given.limit("connections")?,
    "4lw.commands.whitelist" => |draft, given| set_words(draft, given),

    "admin.enableServer" => |draft, given| draft.config.admin.enabled = Some(given.boolean()?),
    "admin.serverAddress" => |draft, given| draft.config.admin.host = Some(given.text(HOST)?),
    "admin.serverPort" => |draft, given|
        draft.config.admin.port = Some(given.port()?.unwrap_or(0)),
    "admin.commandURL" => |draft, given|
        draft.config.admin.command_url = Some(given.text("a path such as /commands")?),
    "metricsProvider.className" => |draft, given|
        draft.config.metrics.prometheus = given.value.ends_with("PrometheusMetricsProvider"),
    "metricsProvider.httpHost" => |draft, given| draft.config.metrics.host = Some(given.text(HOST)?),
    "metricsProvider.httpPort" => |draft, given| {
        // -1 is "off" too.
        let off = given.value == "-1";
        draft.config.metrics.port = Some(if off { 0 } else { given.port()?.unwrap_or(0) });
    },
    "audit.enable" => |draft, given| draft.config.audit_enabled = given.boolean()?,
}

fn set_words(draft: &mut Draft, given: &Given) {
    let words = given.list();
    if words.iter().any(|word| word == "*") {
        draft.config.four_letter_words = WordList::All;
        return;
    }
    for word in words.iter().filter(|word| !is_word(word)) {
        let (place, word) = (given.place.clone(), word.clone());
        draft.notices.push(Notice::UnknownWord { place, word });
    }
    draft.config.four_letter_words = WordList::Only(words);
}

fn is_word(word: &str) -> bool {
    let bytes: Result<[u8; 4], _> = word.as_bytes().try_into();
    bytes.is_ok_and(|bytes| FourLetterWord::from_bytes(bytes).is_some())
}
