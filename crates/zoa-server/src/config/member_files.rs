//! What becomes of zoo.cfg when a reconfig has named other servers.
//!
//! ```text
//!   zoo.cfg                       zoo.cfg                          zoo.cfg.dynamic.100000005
//!     tickTime=2000                 tickTime=2000                    server.1=...
//!     server.1=...        ->        dynamicConfigFile=/etc/zoo...    server.2=...
//!     server.2=...                zoo.cfg.bak: as it was
//! ```
//!
//! The original does the same, and loses comments and order on the way (`QuorumPeerConfig.editStaticConfig`). What it is not: the
//! writing of these files ([`crate::member_files`]). Invariant: no key is lost but those that the new file says, and those that
//! contradict it.

use std::path::Path;
use std::path::PathBuf;

use zoa_proto::PeerId;
use zoa_tree::MemberLines;

use super::PREFIX;
use super::properties;

/// The files as they should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NextFiles {
    /// Where the servers are named from here on.
    pub(crate) dynamic_path: PathBuf,
    /// Their lines.
    pub(crate) dynamic_text: String,
    /// zoo.cfg.
    pub(crate) config_text: String,
    /// Whether the old zoo.cfg named the servers itself, and is worth keeping.
    pub(crate) keeps_old: bool,
}

/// The files after a reconfig; `None` if this server is not among the lines: it could not start from such a file.
pub(crate) fn next_files(
    path: &Path,
    config: &[u8],
    me: PeerId,
    lines: &MemberLines,
) -> Option<NextFiles> {
    let own = lines.get(me)?;
    let old = properties::decode(config);
    let dynamic_path = dynamic_path(path, lines);
    let pointer = dynamic_path.to_string_lossy().replace('\\', "\\\\");
    let ports = [
        ("clientPort", own.client.as_ref()),
        ("secureClientPort", own.secure_client.as_ref()),
    ];
    // What the line says counts, and a zoo.cfg that says something else would not start.
    let contradicted = ports
        .into_iter()
        .filter(|(key, line)| line.is_some_and(|line| port(&old, key) != Some(line.port)))
        .map(|(key, _)| key);
    let mut dropped: Vec<&str> = contradicted.collect();
    dropped.extend(["dynamicConfigFile", "peerType"]);
    let goes = |key: &str| {
        let key = plain(key);
        let port = key.strip_suffix("Address").unwrap_or(key);
        names_servers(key) || dropped.contains(&port)
    };
    let mut config_text = properties::without(&old, goes);
    if !config_text.is_empty() && !config_text.ends_with('\n') {
        config_text.push('\n');
    }
    config_text.push_str(&format!("dynamicConfigFile={pointer}\n"));
    Some(NextFiles {
        dynamic_path,
        dynamic_text: lines.servers_text(),
        config_text,
        keeps_old: keys(&old).iter().any(|(key, _)| names_servers(key)),
    })
}

/// `zoo.cfg.dynamic.` and the version of the lines, as the original calls it.
fn dynamic_path(path: &Path, lines: &MemberLines) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".dynamic.{:x}", lines.version().0));
    PathBuf::from(name)
}

fn names_servers(key: &str) -> bool {
    let families = ["server.", "group.", "weight."];
    families.iter().any(|family| key.starts_with(family))
}

/// The key as a file has it.
fn plain(key: &str) -> &str {
    let key = key.trim();
    key.strip_prefix(PREFIX).unwrap_or(key)
}

fn keys(text: &str) -> Vec<(String, String)> {
    let properties = properties::parse(text).into_iter().flatten();
    properties
        .map(|property| (plain(&property.key).to_owned(), property.value))
        .collect()
}

/// The port that a key names; the last one counts.
fn port(text: &str, key: &str) -> Option<u16> {
    let mut found = keys(text).into_iter().filter(|(found, _)| found == key);
    found.next_back()?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/etc/zoo/zoo.cfg";

    fn next(config: &str, lines: &str) -> Option<NextFiles> {
        let lines = MemberLines::parse(lines).unwrap();
        next_files(Path::new(PATH), config.as_bytes(), PeerId(1), &lines)
    }

    #[test]
    fn the_servers_move_to_a_file_of_their_own() {
        let config = "# ours\ntickTime=2000\nserver.1=a:1:2\n\n# peers\nserver.2=b:1:\\\n  2\npeerType=participant\nclientPort=2181";
        let files = next(config, "server.1=a:1:2\nserver.3=c:1:2\nversion=100000005").unwrap();
        assert_eq!(
            files.dynamic_path,
            Path::new("/etc/zoo/zoo.cfg.dynamic.100000005")
        );
        assert_eq!(
            files.dynamic_text,
            "server.1=a:1:2:participant\nserver.3=c:1:2:participant\n"
        );
        assert_eq!(
            files.config_text,
            "# ours\ntickTime=2000\n\n# peers\nclientPort=2181\ndynamicConfigFile=/etc/zoo/zoo.cfg.dynamic.100000005\n"
        );
        assert!(files.keeps_old);
    }

    #[test]
    fn a_file_that_was_pointed_to_before_is_not_any_more() {
        let config = "dynamicConfigFile=/etc/zoo/zoo.cfg.dynamic.1\ntickTime=2000\n";
        let files = next(config, "server.1=a:1:2\nversion=2").unwrap();
        assert_eq!(
            files.config_text,
            "tickTime=2000\ndynamicConfigFile=/etc/zoo/zoo.cfg.dynamic.2\n"
        );
        assert!(
            !files.keeps_old,
            "the copy of what the operator wrote stays as it is"
        );
    }

    #[test]
    fn a_port_stays_unless_the_servers_line_says_another() {
        let config = "clientPort=2181\nclientPortAddress=10.0.0.1\nsecureClientPort=2281\n";
        let kept = |line: &str| {
            let files = next(config, &format!("server.1={line}\nversion=2")).unwrap();
            let (kept, _) = files.config_text.split_once("dynamic").unwrap();
            kept.to_owned()
        };
        assert_eq!(kept("a:1:2"), config);
        assert_eq!(kept("a:1:2;10.0.0.1:2181"), config);
        assert_eq!(kept("a:1:2;2182"), "secureClientPort=2281\n");
        assert_eq!(
            kept("a:1:2;2181;2282"),
            "clientPort=2181\nclientPortAddress=10.0.0.1\n"
        );
    }

    #[test]
    fn a_server_that_was_taken_out_keeps_what_it_has() {
        assert_eq!(next("clientPort=2181\n", "server.2=b:1:2\nversion=2"), None);
    }
}
