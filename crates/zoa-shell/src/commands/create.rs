//! `create`: makes a znode of any kind.

use serde_json::json;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::error::keeper_message;
use crate::keeper::Creation;
use crate::options::OptionSpec;

pub(crate) const COMMAND: Command = Command {
    name: "create",
    arguments: "[-s] [-e] [-c] [-t ttl] path [data] [acl]",
    options: &[
        OptionSpec::flag("e", "ephemeral"),
        OptionSpec::flag("s", "sequential"),
        OptionSpec::flag("c", "container"),
        OptionSpec::value("t", "ttl"),
    ],
    arguments_min: 1,
    about: "Makes a znode; its parent must be there.",
    examples: &[
        "create /app",
        "create /app/greeting 'hello world'",
        "create -e -s /app/worker- host1",
        "create /app/secret s3cret digest:ann:hash:cdrwa",
    ],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

/// The longest time to live that fits beside the server's mark for TTL znodes.
const TTL_MS_MAX: i64 = 0xff_ffff_ffff;

fn run(context: &Context<'_>) -> Answer<()> {
    let creation = read_creation(context)?;
    let data = context.line.argument(1).map(str::as_bytes);
    let acl = match context.line.argument(2) {
        Some(text) => super::read_acl(context, text),
        None => vec![zoa_proto::AclRef::OPEN.to_owned()],
    };
    let path = context.path();
    let created = context.keeper.create(path, data, &acl, creation);
    let created = created.inspect_err(|error| match error.code {
        Some(ErrorCode::InvalidAcl) => context.tell(&keeper_message(
            ErrorCode::InvalidAcl,
            error.path.as_deref(),
        )),
        Some(ErrorCode::EphemeralOnLocalSession) => {
            context.tell("Unable to create ephemeral node on a local session")
        }
        Some(_) | None => {}
    })?;
    if context.is_json() {
        return context.say_json(&json!({"created": created}));
    }
    context.tell(&format!("Created {created}"));
    Ok(())
}

fn read_creation(context: &Context<'_>) -> Answer<Creation> {
    let has = |name| context.line.has(name);
    if has("c") && (has("e") || has("s")) {
        return refuse(
            "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.",
        );
    }
    let ttl_ms: Option<i64> = context.number("t", "a long")?;
    if has("t") && has("e") {
        return refuse("TTLs cannot be used with Ephemeral znodes");
    }
    if has("t") && has("c") {
        return refuse("TTLs cannot be used with Container znodes");
    }
    if ttl_ms.is_some_and(|ttl_ms| !(1..=TTL_MS_MAX).contains(&ttl_ms)) {
        return refuse(&format!(
            "ttl must be positive and cannot be larger than: {TTL_MS_MAX}"
        ));
    }
    let mode = match (has("e"), has("s"), has("c"), has("t")) {
        (true, true, _, _) => CreateMode::EphemeralSequential,
        (true, false, _, _) => CreateMode::Ephemeral,
        (false, true, _, true) => CreateMode::PersistentSequentialWithTtl,
        (false, true, _, false) => CreateMode::PersistentSequential,
        (false, false, true, _) => CreateMode::Container,
        (false, false, false, true) => CreateMode::PersistentWithTtl,
        (false, false, false, false) => CreateMode::Persistent,
    };
    Ok(Creation { mode, ttl_ms })
}

fn refuse(message: &str) -> Answer<Creation> {
    Err(ShellError::new(message))
}
