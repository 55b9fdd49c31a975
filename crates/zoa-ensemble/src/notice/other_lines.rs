//! In what the servers that zoo.cfg names differ from those that the ensemble goes by, and how to make them one.
//!
//! What it is not: a comparison of addresses; each server may see the others under other names. Invariant: the command, once its gaps are
//! filled in, makes the ensemble what zoo.cfg says.

use std::fmt;

use zoa_proto::PeerId;
use zoa_tree::MemberLines;
use zoa_tree::MemberRole;

use super::Servers;

/// See the module. Its text is what is so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OtherLines {
    /// Servers that only zoo.cfg names.
    pub only_here: Vec<PeerId>,
    /// Servers that zoo.cfg does not name.
    pub only_there: Vec<PeerId>,
    /// Servers that vote according to one of the two only.
    pub other_role: Vec<PeerId>,
    /// What makes the ensemble as zoo.cfg says, typed into a client's shell.
    pub command: String,
}

impl OtherLines {
    /// `None` when ids and roles are the same.
    pub(crate) fn between(config: &MemberLines, ensemble: &MemberLines) -> Option<Self> {
        let role = |lines: &MemberLines, id| lines.get(id).map(|line| line.role);
        let not_in = |lines: &MemberLines, others: &MemberLines| -> Vec<PeerId> {
            let ids = lines.iter().map(|(id, _)| id);
            ids.filter(|id| others.get(*id).is_none()).collect()
        };
        let only_here = not_in(config, ensemble);
        let only_there = not_in(ensemble, config);
        let is_other = |(id, there): (PeerId, MemberRole)| {
            let here = role(config, id);
            here.is_some_and(|here| here != there).then_some(id)
        };
        let roles_there = ensemble.iter().map(|(id, line)| (id, line.role));
        let other_role: Vec<PeerId> = roles_there.filter_map(is_other).collect();
        if only_here.is_empty() && only_there.is_empty() && other_role.is_empty() {
            return None;
        }
        Some(Self {
            command: command(config, &only_there, [&only_here, &other_role]),
            only_here,
            only_there,
            other_role,
        })
    }
}

fn command(config: &MemberLines, leaving: &[PeerId], joining: [&Vec<PeerId>; 2]) -> String {
    let mut command = "reconfig".to_owned();
    if !leaving.is_empty() {
        let ids: Vec<String> = leaving.iter().map(|id| id.0.to_string()).collect();
        command.push_str(&format!(" -remove {}", ids.join(",")));
    }
    let lines = joining.into_iter().flatten().filter_map(|id| {
        let line = config.get(*id)?;
        // A reconfig wants it said; zoo.cfg need not.
        let client = if line.client.is_none() {
            ";<its clientPort>"
        } else {
            ""
        };
        Some(format!("server.{}={line}{client}", id.0))
    });
    let lines: Vec<String> = lines.collect();
    if !lines.is_empty() {
        command.push_str(&format!(" -add {}", lines.join(",")));
    }
    command
}

impl fmt::Display for OtherLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "zoo.cfg names other servers than the ensemble goes by, which is what /zookeeper/config says and no restart changes: ",
        )?;
        self.differences(f)?;
        write!(
            f,
            ". To make the ensemble what zoo.cfg says, set reconfigEnabled=true on all servers and type into a client's shell that may \
             write /zookeeper/config: {} ; or else give zoo.cfg the servers of /zookeeper/config",
            self.command
        )
    }
}

impl OtherLines {
    fn differences(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if !self.only_here.is_empty() {
            let servers = Servers(&self.only_here);
            write!(f, "only zoo.cfg names {servers}, without a vote here")?;
            separator = "; ";
        }
        if !self.only_there.is_empty() {
            let servers = Servers(&self.only_there);
            write!(
                f,
                "{separator}zoo.cfg does not name {servers}, still of the ensemble"
            )?;
            separator = "; ";
        }
        if !self.other_role.is_empty() {
            let servers = Servers(&self.other_role);
            write!(
                f,
                "{separator}the two differ in whether {servers} is participant or observer"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> MemberLines {
        MemberLines::parse(text).expect("the tests write lines that are")
    }

    fn between(config: &str, ensemble: &str) -> Option<OtherLines> {
        OtherLines::between(&lines(config), &lines(ensemble))
    }

    #[test]
    fn the_same_servers_under_other_addresses_are_the_same() {
        let (config, ensemble) = ("server.1=a:1:2\nserver.2=b:1:2", "server.1=c:3:4;5");
        let ensemble = format!("{ensemble}\nserver.2=b:1:2:participant");
        assert_eq!(between(config, &ensemble), None);
    }

    #[test]
    fn each_difference_is_named_with_the_command_that_ends_it() {
        let config = "server.1=a:1:2\nserver.2=b:1:2:observer;7\nserver.4=d:1:2";
        let ensemble = "server.1=a:1:2\nserver.2=b:1:2;7\nserver.3=c:1:2;7\nserver.5=e:1:2;7";
        let found = between(config, ensemble).expect("they differ");
        assert_eq!(found.only_here, [PeerId(4)]);
        assert_eq!(found.only_there, [PeerId(3), PeerId(5)]);
        assert_eq!(found.other_role, [PeerId(2)]);
        assert_eq!(
            found.command,
            "reconfig -remove 3,5 -add server.4=d:1:2:participant;<its clientPort>,\
             server.2=b:1:2:observer;0.0.0.0:7"
        );
        let text = found.to_string();
        assert!(
            text.contains(
            "only zoo.cfg names server 4, without a vote here; zoo.cfg does not name servers 3, 5, still of the ensemble; \
             the two differ in whether server 2 is participant or observer"),
            "{text}"
        );
        assert!(text.contains(&found.command), "{text}");
    }
}
