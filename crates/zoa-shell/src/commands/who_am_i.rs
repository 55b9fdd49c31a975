//! `whoami`: the identities that the server knows of this session.

use serde_json::Value;
use serde_json::json;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;

pub(crate) const COMMAND: Command = Command {
    name: "whoami",
    about: "Prints the identities of the session.",
    examples: &["whoami"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let users = context.keeper.who_am_i()?;
    if context.is_json() {
        let user = |(scheme, user): &(String, String)| json!({"scheme": scheme, "user": user});
        return context.say_json(&users.iter().map(user).collect::<Value>());
    }
    context.say("Auth scheme: User")?;
    users
        .iter()
        .try_for_each(|(scheme, user)| context.say(&format!("{scheme}: {user}")))
}
