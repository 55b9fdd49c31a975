//! `config`: the ensemble's own configuration, which it keeps in /zookeeper/config.

use serde_json::json;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::options::OptionSpec;
use crate::text::stat;

pub(crate) const COMMAND: Command = Command {
    name: "config",
    arguments: "[-c] [-w] [-s]",
    options: &[
        OptionSpec::flag("s", "stats"),
        OptionSpec::flag("w", "watch"),
        OptionSpec::flag("c", "client connection string"),
    ],
    about: "Prints the configuration of the ensemble; with -c, where clients connect.",
    examples: &["config", "config -c"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let (data, its_stat) = context.keeper.config(context.line.has("w"))?;
    let text = data.map_or_else(
        || "null".to_owned(),
        |data| String::from_utf8_lossy(&data).into_owned(),
    );
    let shown = if context.line.has("c") {
        client_string(&text)
    } else {
        text
    };
    if context.is_json() {
        let mut answer = json!({"config": shown});
        if context.line.has("s") {
            super::insert(&mut answer, "stat", stat::json(&its_stat));
        }
        return context.say_json(&answer);
    }
    context.say(&shown)?;
    if context.line.has("s") {
        context.say(&stat::lines(&its_stat))?;
    }
    Ok(())
}

/// The version, a blank, and the client addresses of all servers.
fn client_string(config: &str) -> String {
    let pairs = || config.lines().filter_map(|line| line.split_once('='));
    let version = pairs()
        .find(|(key, _)| key.trim() == "version")
        .map_or("", |(_, value)| value.trim());
    let servers = pairs().filter(|(key, _)| key.trim().starts_with("server."));
    let addresses: Vec<String> = servers
        .filter_map(|(_, value)| client_address(value.trim()))
        .collect();
    format!("{version} {}", addresses.join(","))
}

/// What stands behind the `;` of `host:port:port:role;address:port`.
fn client_address(server: &str) -> Option<String> {
    let (_, client) = server.split_once(';')?;
    match client.contains(':') {
        true => Some(client.to_owned()),
        false => Some(format!("0.0.0.0:{client}")),
    }
}

#[cfg(test)]
mod tests {
    use super::client_string;

    #[test]
    fn clients_are_told_the_addresses_behind_the_semicolons() {
        let config = "server.1=a:2888:3888:participant;0.0.0.0:2181\nserver.2=b:2888:3888;2182\nserver.3=c:1:2\nversion=100";
        assert_eq!(client_string(config), "100 0.0.0.0:2181,0.0.0.0:2182");
        assert_eq!(client_string(""), " ");
    }
}
