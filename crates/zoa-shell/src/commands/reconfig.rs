//! `reconfig`: changes which servers make up the ensemble.

use std::fs;

use serde_json::json;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::options::OptionSpec;
use crate::text::stat;

pub(crate) const COMMAND: Command = Command {
    name: "reconfig",
    arguments: "[-s] [-v version] [[-file path] | [-members serverID=host:port1:port2;port3[,...]*]] | \
                [-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]",
    options: &[
        OptionSpec::flag("s", "stats"),
        OptionSpec::value("v", "required current config version"),
        OptionSpec::value("file", "path of config file to parse for membership"),
        OptionSpec::value(
            "members",
            "comma-separated list of config strings for non-incremental reconfig",
        ),
        OptionSpec::value(
            "add",
            "comma-separated list of config strings for new servers",
        ),
        OptionSpec::value("remove", "comma-separated list of server IDs to remove"),
    ],
    about: "Changes the members of the ensemble, one by one or all at once.",
    examples: &[
        "reconfig -add server.4=host4:2888:3888;2181",
        "reconfig -remove 2",
        "reconfig -file zoo.cfg.dynamic",
    ],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let has = |name| context.line.has(name);
    let (is_whole, is_step) = (has("file") || has("members"), has("add") || has("remove"));
    if !is_whole && !is_step {
        return Err(COMMAND.usage_error());
    }
    let version = match context
        .line
        .value("v")
        .map(|text| i64::from_str_radix(text, 16))
    {
        None => -1,
        Some(Ok(version)) => version,
        Some(Err(_)) => return refuse("-v must be followed by a long (configuration version)"),
    };
    if is_whole && is_step {
        return refuse(
            "Can't use -file or -members together with -add or -remove (mixing incremental and non-incremental modes is \
             not allowed)",
        );
    }
    if has("file") && has("members") {
        return refuse("Can't use -file and -members together (conflicting non-incremental modes)");
    }
    let value = |name| context.line.value(name).map(str::to_lowercase);
    let members = match context.line.value("file") {
        Some(file) => Some(read_members(file)?),
        None => value("members"),
    };
    let (joining, leaving) = (value("add"), value("remove"));
    let change = [joining.as_deref(), leaving.as_deref(), members.as_deref()];
    let (config, its_stat) = context.keeper.reconfig(change, version)?;
    let config = String::from_utf8_lossy(&config);
    if context.is_json() {
        return context.say_json(&json!({"config": config, "stat": stat::json(&its_stat)}));
    }
    context.say(&format!("Committed new configuration:\n{config}"))?;
    if has("s") {
        context.say(&stat::lines(&its_stat))?;
    }
    Ok(())
}

/// The servers in a dynamic configuration file, a line each.
fn read_members(file: &str) -> Answer<String> {
    let text = fs::read_to_string(file)
        .map_err(|error| ShellError::new(format!("Error processing {file}: {error}")))?;
    let servers: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| line.starts_with("server."))
        .collect();
    match servers.as_slice() {
        [] => Err(ShellError::new(format!(
            "Error processing {file}: it names no server"
        ))),
        servers => Ok(servers.join("\n")),
    }
}

fn refuse(message: &str) -> Answer<()> {
    Err(ShellError::new(message))
}
