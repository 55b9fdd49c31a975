//! Requests that outlast lost connections: reads are repeated, writes are repeated only when they surely were not applied.
//!
//! Invariant: nothing here is applied twice. A write whose outcome is unknown is looked for first; only one session can write for
//! it, and the server refuses what an older connection of the session sent (G-12), so what is not there will not come.

use std::time::Duration;

use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::Zxid;

use crate::error::Error;
use crate::keeper::Answer;
use crate::keeper::Ask;
use crate::keeper::Failure;
use crate::keeper::Keeper;
use crate::keeper::Known;
use crate::keeper::Read;
use crate::keeper::Standing;
use crate::keeper::Step;

/// Between two attempts of a request that got no answer; the client itself waits for a connection much longer than this.
const PAUSE: Duration = Duration::from_millis(20);

/// Whether a failure tells to try again; else it is the end.
pub(crate) fn is_worth_repeating(failure: &Failure) -> bool {
    match failure.known {
        Known::NotApplied | Known::Unknown => true,
        Known::Refused | Known::Rejected | Known::Ended => false,
    }
}

/// Reads until there is an answer.
async fn read<K: Keeper>(keeper: &K, read: Read) -> Result<Answer, Failure> {
    loop {
        match keeper.ask(Ask::Read(read.clone())).await {
            Err(failure) if is_worth_repeating(&failure) => keeper.sleep(PAUSE).await,
            done => return done,
        }
    }
}

/// Reads until there is an answer, and watches.
async fn read_and_watch<K: Keeper>(keeper: &K, read: Read) -> Result<(Answer, K::Fired), Failure> {
    loop {
        match keeper.ask_and_watch(read.clone()).await {
            Err(failure) if is_worth_repeating(&failure) => keeper.sleep(PAUSE).await,
            done => return done,
        }
    }
}

/// A znode that is not there is an answer, too.
fn if_there<A>(path: &str, answer: Result<A, Failure>) -> Result<Option<A>, Error> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.is(ErrorCode::NoNode) => Ok(None),
        Err(failure) => Err(Error::new(path, &failure)),
    }
}

pub(crate) fn mixed_up() -> ! {
    unreachable!("a keeper answers a request by its kind")
}

/// The names of the children; `None` when the znode is not there.
pub(crate) async fn children<K: Keeper>(
    keeper: &K,
    path: &str,
) -> Result<Option<Vec<String>>, Error> {
    let answer = read(keeper, Read::Children(path.to_owned())).await;
    Ok(if_there(path, answer)?.map(|answer| match answer {
        Answer::Children(names, _) => names,
        _ => mixed_up(),
    }))
}

/// The names of the children, and a watch for more or fewer of them; `None` when the znode is not there.
pub(crate) async fn children_and_watch<K: Keeper>(
    keeper: &K,
    path: &str,
) -> Result<Option<(Vec<String>, K::Fired)>, Error> {
    let answer = read_and_watch(keeper, Read::Children(path.to_owned())).await;
    Ok(if_there(path, answer)?.map(|answer| match answer {
        (Answer::Children(names, _), fired) => (names, fired),
        _ => mixed_up(),
    }))
}

/// Data and stat; `None` when the znode is not there.
pub(crate) async fn data<K: Keeper>(
    keeper: &K,
    path: &str,
) -> Result<Option<(Vec<u8>, Stat)>, Error> {
    let answer = read(keeper, Read::Data(path.to_owned())).await;
    Ok(if_there(path, answer)?.map(|answer| match answer {
        Answer::Data(data, stat) => (data, stat),
        _ => mixed_up(),
    }))
}

/// The same of several znodes, all asked for before the first answer is awaited.
pub(crate) async fn data_of_all<K: Keeper>(
    keeper: &K,
    paths: &[String],
) -> Result<Vec<Option<(Vec<u8>, Stat)>>, Error> {
    let found = data_of_each(keeper, paths).await?;
    found.into_iter().collect()
}

/// The same, where some of them may not be read: what of each is an error by itself, unless the session has ended.
pub(crate) async fn data_of_each<K: Keeper>(
    keeper: &K,
    paths: &[String],
) -> Result<Vec<Result<Option<(Vec<u8>, Stat)>, Error>>, Error> {
    let ask = |path: &String| keeper.ask(Ask::Read(Read::Data(path.clone())));
    let asked: Vec<_> = paths.iter().map(ask).collect();
    let mut found = Vec::new();
    for (path, answer) in paths.iter().zip(asked) {
        found.push(match answer.await {
            Ok(Answer::Data(data, stat)) => Ok(Some((data, stat))),
            Err(failure) if failure.is(ErrorCode::NoNode) => Ok(None),
            // Not answered: asked again, one by one.
            Ok(_) | Err(_) => match data(keeper, path).await {
                Err(Error::SessionEnded) => return Err(Error::SessionEnded),
                found => found,
            },
        });
    }
    Ok(found)
}

/// The stats of several znodes, all asked for before the first answer is awaited.
pub(crate) async fn stats_of_all<K: Keeper>(
    keeper: &K,
    paths: &[String],
) -> Result<Vec<Option<Stat>>, Error> {
    let ask = |path: &String| keeper.ask(Ask::Read(Read::Exists(path.clone())));
    let asked: Vec<_> = paths.iter().map(ask).collect();
    let mut found = Vec::new();
    for (path, answer) in paths.iter().zip(asked) {
        found.push(match answer.await {
            Ok(Answer::Exists(stat)) => stat,
            Ok(_) | Err(_) => exists(keeper, path).await?,
        });
    }
    Ok(found)
}

/// The names of the children of several znodes, each with a watch, all asked for before the first answer is awaited. No list is
/// older than those before it. What of them may not be read is an error by itself, unless the session has ended.
pub(crate) async fn children_of_each_and_watch<K: Keeper>(
    keeper: &K,
    paths: &[String],
) -> Result<Vec<Result<Option<(Vec<String>, K::Fired)>, Error>>, Error> {
    let ask = |path: &String| keeper.ask_and_watch(Read::Children(path.clone()));
    let asked: Vec<_> = paths.iter().map(ask).collect();
    let mut found = Vec::new();
    let mut is_unbroken = true;
    for (path, answer) in paths.iter().zip(asked) {
        let answer = if is_unbroken {
            Some(answer.await)
        } else {
            None
        };
        found.push(match answer {
            Some(Ok((Answer::Children(names, _), fired))) => Ok(Some((names, fired))),
            Some(Err(failure)) if failure.is(ErrorCode::NoNode) => Ok(None),
            // One that is asked again is newer than those that were answered behind it: they are asked again, too.
            _ => {
                is_unbroken = false;
                match children_and_watch(keeper, path).await {
                    Err(Error::SessionEnded) => return Err(Error::SessionEnded),
                    found => found,
                }
            }
        });
    }
    Ok(found)
}

/// Data, stat, and a watch for their change; `None`, and no watch, when the znode is not there.
pub(crate) async fn data_and_watch<K: Keeper>(
    keeper: &K,
    path: &str,
) -> Result<Option<(Vec<u8>, Stat, K::Fired)>, Error> {
    let answer = read_and_watch(keeper, Read::Data(path.to_owned())).await;
    Ok(if_there(path, answer)?.map(|answer| match answer {
        (Answer::Data(data, stat), fired) => (data, stat, fired),
        _ => mixed_up(),
    }))
}

/// The stat if it is there.
pub(crate) async fn exists<K: Keeper>(keeper: &K, path: &str) -> Result<Option<Stat>, Error> {
    let answer = read(keeper, Read::Exists(path.to_owned())).await;
    match answer.map_err(|failure| Error::new(path, &failure))? {
        Answer::Exists(stat) => Ok(stat),
        _ => mixed_up(),
    }
}

/// The stat if it is there, and a watch for its coming, changing or going.
pub(crate) async fn exists_and_watch<K: Keeper>(
    keeper: &K,
    path: &str,
) -> Result<(Option<Stat>, K::Fired), Error> {
    let answer = read_and_watch(keeper, Read::Exists(path.to_owned())).await;
    match answer.map_err(|failure| Error::new(path, &failure))? {
        (Answer::Exists(stat), fired) => Ok((stat, fired)),
        _ => mixed_up(),
    }
}

/// Has the server see all that was written before by anybody.
pub(crate) async fn sync<K: Keeper>(keeper: &K, path: &str) -> Result<(), Error> {
    loop {
        match keeper.ask(Ask::Sync(path.to_owned())).await {
            Ok(_) => return Ok(()),
            Err(failure) if is_worth_repeating(&failure) => keeper.sleep(PAUSE).await,
            Err(failure) => return Err(Error::new(path, &failure)),
        }
    }
}

/// Makes a persistent znode and those above it, where they are missing; but not the client's chroot, which may be a slip of the pen.
pub(crate) async fn ensure<K: Keeper>(keeper: &K, path: &str) -> Result<(), Error> {
    let mut missing = vec![path];
    while let Some(next) = missing.last().copied() {
        if next.is_empty() {
            check_chroot(keeper, path).await?;
            missing.pop();
            continue;
        }
        let create = create_step(next, b"", CreateMode::Persistent);
        match keeper.ask(Ask::Change(create)).await {
            Ok(_) => drop(missing.pop()),
            Err(failure) if failure.is(ErrorCode::NodeExists) => drop(missing.pop()),
            Err(failure) if failure.is(ErrorCode::NoNode) => missing.push(parent_of(next)),
            Err(failure) if is_worth_repeating(&failure) => keeper.sleep(PAUSE).await,
            Err(failure) => return Err(Error::new(next, &failure)),
        }
    }
    Ok(())
}

/// Whether there is a root, below which this is to be made.
async fn check_chroot<K: Keeper>(keeper: &K, path: &str) -> Result<(), Error> {
    const ROOT: &str = "/";
    // The server that is asked may be behind the one that was told to make it.
    sync(keeper, ROOT).await?;
    if exists(keeper, ROOT).await?.is_none() {
        let path = if path.is_empty() { ROOT } else { path }.to_owned();
        return Err(Error::NoChroot { path });
    }
    Ok(())
}

/// The path of the parent; empty for the root.
pub(crate) fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

pub(crate) fn create_step(path: &str, data: &[u8], mode: CreateMode) -> Step {
    Step::Create {
        path: path.to_owned(),
        data: data.to_vec(),
        mode,
    }
}

/// Creates a znode under a name that only this caller uses, so that finding it there means that it was created before.
pub(crate) async fn create_own<K: Keeper>(
    keeper: &K,
    (path, data, mode): (&str, &[u8], CreateMode),
) -> Result<Zxid, Error> {
    loop {
        let create = create_step(path, data, mode);
        match keeper.ask(Ask::Change(create)).await {
            Ok(Answer::Created {
                stat: Some(stat), ..
            }) => return Ok(stat.czxid),
            Ok(_) => mixed_up(),
            Err(failure) if failure.is(ErrorCode::NodeExists) => {
                if let Some(stat) = exists(keeper, path).await? {
                    return Ok(stat.czxid);
                }
            }
            Err(failure) if failure.is(ErrorCode::NoNode) => {
                ensure(keeper, parent_of(path)).await?;
            }
            Err(failure) if is_worth_repeating(&failure) => keeper.sleep(PAUSE).await,
            Err(failure) => return Err(Error::new(path, &failure)),
        }
    }
}

/// Creates a sequential ephemeral whose name begins with something unique; its name and czxid. When the outcome is unknown it is
/// looked for by that beginning, as Curator's protection does.
pub(crate) async fn create_in_line<K: Keeper>(
    keeper: &K,
    (parent, beginning, data): (&str, &str, &[u8]),
) -> Result<(String, Zxid), Error> {
    loop {
        let path = format!("{parent}/{beginning}");
        let create = create_step(&path, data, CreateMode::EphemeralSequential);
        match keeper.ask(Ask::Change(create)).await {
            Ok(Answer::Created {
                path,
                stat: Some(stat),
            }) => {
                let name = path.rsplit('/').next().unwrap_or_default();
                return Ok((name.to_owned(), stat.czxid));
            }
            Ok(_) => mixed_up(),
            Err(failure) if failure.is(ErrorCode::NoNode) => ensure(keeper, parent).await?,
            Err(failure) if failure.known == Known::NotApplied => keeper.sleep(PAUSE).await,
            Err(failure) if failure.known == Known::Unknown => {
                keeper.sleep(PAUSE).await;
                if let Some(found) = find(keeper, parent, beginning).await? {
                    return Ok(found);
                }
            }
            Err(failure) => return Err(Error::new(&path, &failure)),
        }
    }
}

/// A child whose name begins so, and its czxid; for when it is not known whether it was made. The server that is asked may be another
/// one than the one that was told to make it, and be behind it.
pub(crate) async fn find<K: Keeper>(
    keeper: &K,
    parent: &str,
    beginning: &str,
) -> Result<Option<(String, Zxid)>, Error> {
    sync(keeper, parent).await?;
    let names = children(keeper, parent).await?.unwrap_or_default();
    let Some(name) = names.into_iter().find(|name| name.starts_with(beginning)) else {
        return Ok(None);
    };
    let stat = exists(keeper, &format!("{parent}/{name}")).await?;
    Ok(stat.map(|stat| (name, stat.czxid)))
}

/// Deletes a znode, whatever its version, until it is gone; whether it was there when this began. If an answer was lost before it was found
/// gone, it is taken for one that was there, though it may not have been.
pub(crate) async fn delete<K: Keeper>(keeper: &K, path: &str) -> Result<bool, Error> {
    let mut may_be_done = false;
    loop {
        let delete = Step::Delete {
            path: path.to_owned(),
            version: Version::ANY,
        };
        match keeper.ask(Ask::Change(delete)).await {
            Ok(_) => return Ok(true),
            Err(failure) if failure.is(ErrorCode::NoNode) => return Ok(may_be_done),
            Err(failure) if is_worth_repeating(&failure) => {
                may_be_done |= failure.known == Known::Unknown;
                keeper.sleep(PAUSE).await;
            }
            Err(failure) => return Err(Error::new(path, &failure)),
        }
    }
}

/// Asks once for a change.
pub(crate) async fn change<K: Keeper>(keeper: &K, step: Step) -> Result<Answer, Failure> {
    keeper.ask(Ask::Change(step)).await
}

/// Waits a little before something is tried again.
pub(crate) async fn pause<K: Keeper>(keeper: &K) {
    keeper.sleep(PAUSE).await;
}

/// Waits until the session is surely alive and connected.
///
/// # Errors
/// When it has ended.
pub(crate) async fn be_sure<K: Keeper>(keeper: &K) -> Result<(), Error> {
    loop {
        // Taken before the look, so that no change is missed.
        let change = keeper.standing_change();
        match keeper.standing() {
            Standing::Sure => return Ok(()),
            Standing::Ended => return Err(Error::SessionEnded),
            Standing::Connecting | Standing::Suspended | Standing::Doubtful => change.await,
        }
    }
}

/// A name that nobody else makes: 32 hexadecimal digits, as kazoo's and Curator's.
pub(crate) fn guid<K: Keeper>(keeper: &K) -> String {
    let bytes = keeper.random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
