//! `zoa farm results`, `dead` and `cancel`: what has ended, and what shall end.
//!
//! Invariant: something is put away only after it was shown or written.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use anyhow::ensure;
use serde_json::Value;
use serde_json::json;
use zoa_client::Client;
use zoa_client::recipes::Ended;
use zoa_client::recipes::FarmClient;

use super::Place;
use super::people;
use super::submit::close;

/// So many are read at once.
const BATCH: usize = 50;

/// So much of a result is shown on its line.
const SHOWN: usize = 200;

/// Which results, and what becomes of them.
#[derive(Debug, clap::Args)]
pub(super) struct ResultsArgs {
    /// Only of these tasks
    tasks: Vec<String>,
    /// One JSON object a line, with the whole result
    #[arg(long, conflicts_with_all = ["raw", "out"])]
    json: bool,
    /// The bytes of one task's result, and nothing else
    #[arg(long, conflicts_with = "out")]
    raw: bool,
    /// Write each result to a file of the task's name in this folder
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Delete them from the farm afterwards
    #[arg(long)]
    remove: bool,
}

/// Which dead letters, and what becomes of them.
#[derive(Debug, clap::Args)]
pub(super) struct DeadArgs {
    /// Only these tasks
    tasks: Vec<String>,
    /// One JSON object a line, with the whole payload
    #[arg(long)]
    json: bool,
    /// Put them back into the queue, as if they were submitted now
    #[arg(long, conflicts_with = "remove")]
    retry: bool,
    /// Delete them from the farm afterwards
    #[arg(long)]
    remove: bool,
}

pub(super) async fn results(place: &Place, args: &ResultsArgs) -> anyhow::Result<()> {
    let client = place.connect().await?;
    let farm = place.client(&client);
    ensure!(
        !args.raw || args.tasks.len() == 1,
        "--raw takes the name of one task"
    );
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let tasks = chosen(&args.tasks, farm.ended().await?.0);
    let mut found = 0;
    for batch in tasks.chunks(BATCH) {
        for one in farm.results(batch).await? {
            found += 1;
            show_result(args, &one)?;
            put_away(&farm, args.remove, &one.task).await?;
        }
    }
    close(client).await;
    let missing = args.tasks.len().saturating_sub(found);
    ensure!(missing == 0, "no result of {}", people::tasks(missing));
    Ok(())
}

/// Those that were named, or all in the order of their numbers.
fn chosen(named: &[String], all: Vec<String>) -> Vec<String> {
    if !named.is_empty() {
        return named.to_vec();
    }
    let mut all = all;
    let number = |name: &String| name.rsplit('-').next().map(str::to_owned);
    all.sort_by_cached_key(number);
    all
}

async fn put_away(farm: &FarmClient<Client>, is_wanted: bool, task: &str) -> anyhow::Result<()> {
    if is_wanted {
        farm.forget(task).await?;
    }
    Ok(())
}

fn show_result(args: &ResultsArgs, one: &Ended) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if let Some(folder) = &args.out {
        // Names come from whoever writes into the tree, and must not lead elsewhere.
        ensure!(
            !one.task.starts_with('.') && !one.task.contains('/'),
            "{} is no name for a file",
            one.task
        );
        let path = folder.join(&one.task);
        std::fs::write(&path, &one.payload)
            .with_context(|| format!("cannot write {}", path.display()))?;
        return Ok(());
    }
    if args.raw {
        out.write_all(&one.payload)?;
    } else if args.json {
        let mut object = json!({
            "task": one.task, "attempt": one.attempt, "worker": one.worker, "at_ms": one.at_ms,
        });
        insert_bytes(&mut object, "result", &one.payload);
        writeln!(out, "{object}")?;
    } else {
        let (task, result) = (
            people::one_line(one.task.as_bytes(), SHOWN),
            people::one_line(&one.payload, SHOWN),
        );
        writeln!(out, "{task}  {result}")?;
    }
    Ok(())
}

/// Bytes that are text as such, and others in hexadecimal digits.
fn insert_bytes(object: &mut Value, field: &str, bytes: &[u8]) {
    let (field, value) = match std::str::from_utf8(bytes) {
        Ok(text) => (field.to_owned(), json!(text)),
        Err(_) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            (format!("{field}_hex"), json!(digits))
        }
    };
    if let Value::Object(fields) = object {
        fields.insert(field, value);
    }
}

pub(super) async fn dead(place: &Place, args: &DeadArgs) -> anyhow::Result<()> {
    let client = place.connect().await?;
    let mut farm = place.client(&client);
    let tasks = chosen(&args.tasks, farm.ended().await?.1);
    let mut found = 0;
    for batch in tasks.chunks(BATCH) {
        for one in farm.dead_letters(batch).await? {
            found += 1;
            show_dead(args, &one)?;
            put_away(&farm, args.remove, &one.task).await?;
            if args.retry {
                farm.revive(&one.task).await?;
            }
        }
    }
    close(client).await;
    let missing = args.tasks.len().saturating_sub(found);
    ensure!(missing == 0, "no dead letter of {}", people::tasks(missing));
    Ok(())
}

fn show_dead(args: &DeadArgs, one: &Ended) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        let mut object = json!({
            "task": one.task, "attempt": one.attempt, "error": one.error, "at_ms": one.at_ms,
        });
        insert_bytes(&mut object, "payload", &one.payload);
        writeln!(out, "{object}")?;
        return Ok(());
    }
    let [task, error, payload] = [one.task.as_bytes(), one.error.as_bytes(), &one.payload]
        .map(|bytes| people::one_line(bytes, SHOWN));
    writeln!(out, "{task}  {error}  {payload}")?;
    Ok(())
}

pub(super) async fn cancel(place: &Place, tasks: &[String]) -> anyhow::Result<()> {
    let client = place.connect().await?;
    let mut farm = place.client(&client);
    let mut too_late = 0;
    for task in tasks {
        let is_cancelled = farm.cancel(task).await?;
        too_late += usize::from(!is_cancelled);
        let what = if is_cancelled {
            "cancelled"
        } else {
            "not there, or done already"
        };
        let task = people::one_line(task.as_bytes(), SHOWN);
        writeln!(std::io::stdout(), "{task}  {what}")?;
    }
    close(client).await;
    ensure!(
        too_late == 0,
        "{} could not be cancelled",
        people::tasks(too_late)
    );
    Ok(())
}
