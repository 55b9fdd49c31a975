//! `get`: the data of a znode.

use serde_json::json;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::options::OptionSpec;
use crate::text::data;
use crate::text::hex_dump;
use crate::text::stat;

pub(crate) const COMMAND: Command = Command {
    name: "get",
    arguments: "[-s] [-w] [-b] [-x] path",
    options: &[
        OptionSpec::flag("s", "Print znode stats additionally"),
        OptionSpec::flag("w", "Watch for changes on the znode"),
        OptionSpec::flag("b", "Output data in base64 format"),
        OptionSpec::flag("x", "Output data in hexdump format"),
    ],
    arguments_min: 1,
    lists_options: true,
    about: "Prints the data of a znode; `null` when it has none.",
    examples: &[
        "get /app/greeting",
        "get -s /app/greeting",
        "get -w /app/greeting",
        "get --json /app/greeting",
    ],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let has = |name| context.line.has(name);
    let is_old_form = super::is_old_watch_form(
        context,
        "'get path [watch]' has been deprecated. Please use 'get [-s] [-w] path' instead.",
    );
    let (bytes, its_stat) = context
        .keeper
        .data(context.path(), has("w") || is_old_form)?;
    if context.is_json() {
        let mut answer = json!({"path": context.path()});
        if let Some(object) = answer.as_object_mut() {
            data::insert_json(object, bytes.as_deref());
        }
        if has("s") {
            super::insert(&mut answer, "stat", stat::json(&its_stat));
        }
        return context.say_json(&answer);
    }
    // As the original: no data are four letters, also in base64.
    let bytes = bytes.unwrap_or_else(|| b"null".to_vec());
    if has("x") {
        context.say(&hex_dump::lines(&bytes))?;
    } else if has("b") {
        context.say(&data::base64(&bytes))?;
    } else {
        context.console.say_data(&bytes)?;
    }
    if has("s") {
        context.say(&stat::lines(&its_stat))?;
    }
    Ok(())
}
