//! `setquota`: limits what may live under a znode.
//!
//! Quotas are znodes under /zookeeper/quota that every client may write; the rules between them are the client's.

use zoa_proto::AclRef;
use zoa_proto::ErrorCode;
use zoa_proto::Version;

use crate::command::Command;
use crate::command::Context;
use crate::command::Run;
use crate::error::Answer;
use crate::error::ShellError;
use crate::keeper::Creation;
use crate::keeper::Keeper;
use crate::options::Choice;
use crate::options::OptionSpec;
use crate::text::quota;
use crate::text::quota::Field;
use crate::text::quota::Quota;
use crate::walk::or_gone;
use crate::walk::visit_subtree;

pub(crate) const COMMAND: Command = Command {
    name: "setquota",
    arguments: "-n|-b|-N|-B val path",
    options: &[
        OptionSpec::value("n", "num soft quota"),
        OptionSpec::value("b", "bytes soft quota"),
        OptionSpec::value("N", "num hard quota"),
        OptionSpec::value("B", "bytes hard quota"),
    ],
    choice: Choice::One,
    arguments_min: 1,
    about: "Limits how many znodes or bytes may live under a path; soft limits are logged, hard ones enforced.",
    examples: &["setquota -n 1000 /app", "setquota -B 1048576 /app"],
    run: Run::Keeper(run),
    ..Command::PLAIN
};

fn run(context: &Context<'_>) -> Answer<()> {
    let path = context.path();
    if path.starts_with(quota::ROOT) {
        return Err(ShellError::new(format!(
            "cannot set a quota under the path: {}",
            quota::ROOT
        )));
    }
    let (field, limit) = read_limit(context)?;
    let keeper = context.keeper;
    if keeper.exists(path, false)?.is_none() {
        return Err(ShellError::new(format!("{path} does not exist.")));
    }
    check_no_quota_below(keeper, path)?;
    check_no_quota_above(keeper, path)?;
    let limits_path = quota::limits_path(path);
    if keeper.exists(&limits_path, false)?.is_none() {
        let limits = Quota::unlimited().with(field, limit);
        make_znodes(keeper, path, &limits)?;
        return warn_if_exceeded(context, &limits);
    }
    let limits = read_quota(keeper, &limits_path)?.with(field, limit);
    warn_if_exceeded(context, &limits)?;
    keeper.set_data(&limits_path, limits.text().as_bytes(), Version::ANY)?;
    Ok(())
}

fn read_limit(context: &Context<'_>) -> Answer<(Field, i64)> {
    let given = Field::ALL
        .into_iter()
        .find_map(|(name, field)| Some((field, context.line.value(name)?)));
    let (field, text) = given.ok_or_else(|| COMMAND.usage_error())?;
    let counts = matches!(field, Field::Count | Field::CountHard);
    let number = if counts {
        text.parse::<i32>().map(i64::from)
    } else {
        text.parse::<i64>()
    };
    match number {
        Err(_) => Err(ShellError::new(
            "NumberFormatException happens when parsing the option value",
        )),
        Ok(number) if counts && number <= 0 => {
            Err(ShellError::new("the num quota must be greater than zero"))
        }
        Ok(number) if number < 0 => Err(ShellError::new(
            "the bytes quota must be greater than or equal to zero",
        )),
        Ok(number) => Ok((field, number)),
    }
}

/// A path with a quota of its own may not have a quota above it.
fn check_no_quota_below(keeper: &Keeper, path: &str) -> Answer<()> {
    let own = quota::quota_path(path);
    crate::path_text::check_path(&own).map_err(ShellError::bad_path)?;
    visit_subtree(keeper, &own, |visit| {
        let limits = format!("{}/{}", visit.path, quota::LIMITS);
        if visit.path != own && keeper.exists(&limits, false)?.is_some() {
            let below = visit.path.strip_prefix(quota::ROOT).unwrap_or(&visit.path);
            return Err(ShellError::new(format!(
                "{path} has a child {below} which has a quota"
            )));
        }
        Ok(true)
    })
}

fn check_no_quota_above(keeper: &Keeper, path: &str) -> Answer<()> {
    let above = path
        .match_indices('/')
        .skip(1)
        .filter_map(|(at, _)| path.get(..at));
    for parent in above {
        if or_gone(keeper.exists(&quota::limits_path(parent), false))?
            .flatten()
            .is_some()
        {
            return Err(ShellError::new(format!(
                "{path} has a parent {parent} which has a quota"
            )));
        }
    }
    Ok(())
}

/// The znodes of a quota and their parents.
fn make_znodes(keeper: &Keeper, path: &str, limits: &Quota) -> Answer<()> {
    for (at, _) in path.match_indices('/').skip(1) {
        let parent = path.get(..at).unwrap_or_default();
        make_unless_there(keeper, &quota::quota_path(parent), None)?;
    }
    make_unless_there(keeper, &quota::quota_path(path), None)?;
    make_unless_there(keeper, &quota::limits_path(path), Some(&limits.text()))?;
    make_unless_there(
        keeper,
        &quota::stats_path(path),
        Some(&Quota::nothing_used().text()),
    )
}

fn make_unless_there(keeper: &Keeper, path: &str, data: Option<&str>) -> Answer<()> {
    if keeper.exists(path, false)?.is_some() {
        return Ok(());
    }
    let acl = [AclRef::OPEN.to_owned()];
    match keeper.create(path, data.map(str::as_bytes), &acl, Creation::PERSISTENT) {
        Err(error) if !error.is(ErrorCode::NodeExists) => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

pub(crate) fn read_quota(keeper: &Keeper, path: &str) -> Answer<Quota> {
    let (data, _) = keeper.data(path, false)?;
    let parsed = Quota::parse(data.as_deref().unwrap_or_default());
    parsed.ok_or_else(|| ShellError::new(format!("{path} holds no quota")))
}

fn warn_if_exceeded(context: &Context<'_>, limits: &Quota) -> Answer<()> {
    let used = read_quota(context.keeper, &quota::stats_path(context.path()))?;
    let exceeds = |soft, hard, used| {
        [soft, hard]
            .into_iter()
            .any(|field| (0..used).contains(&limits.value(field)))
    };
    let count = used.value(Field::Count);
    if exceeds(Field::Count, Field::CountHard, count) {
        context.say(&format!(
            "[Warning]: the count quota you create is less than the existing count:{count}"
        ))?;
    }
    let bytes = used.value(Field::Bytes);
    if exceeds(Field::Bytes, Field::BytesHard, bytes) {
        context.say(&format!(
            "[Warning]: the bytes quota you create is less than the existing bytes:{bytes}"
        ))?;
    }
    Ok(())
}
