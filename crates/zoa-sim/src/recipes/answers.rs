//! The recipes' requests as operations of the test kit's, and its answers as the recipes'.

use zoa_client_core::Reason;
use zoa_client_core::SubmitError;
use zoa_proto::CreateMode;
use zoa_proto::ErrorCode;
use zoa_proto::SessionId;
use zoa_proto::Stat;
use zoa_proto::Version;
use zoa_proto::Zxid;
use zoa_recipes::Answer;
use zoa_recipes::Ask;
use zoa_recipes::Failure;
use zoa_recipes::Known;
use zoa_recipes::Read;
use zoa_recipes::Step;
use zoa_testkit::op;
use zoa_testkit::op::Blob;
use zoa_testkit::op::Op;
use zoa_testkit::op::SubAnswer;
use zoa_testkit::op::code;
use zoa_testkit::op::flag;

use crate::clients::Verdict;

/// A request as the test kit writes it.
pub(super) fn op_of(request: &Ask) -> Op {
    let watch = false;
    match request {
        Ask::Read(Read::Exists(path)) => Op::Exists {
            path: path.clone(),
            watch,
        },
        Ask::Read(Read::Data(path)) => Op::GetData {
            path: path.clone(),
            watch,
        },
        Ask::Read(Read::Children(path)) => Op::GetChildren {
            path: path.clone(),
            watch,
            with_stat: true,
        },
        Ask::Sync(path) => Op::Sync { path: path.clone() },
        Ask::Change(step) => op_of_step(step),
        Ask::Multi(steps) => Op::Multi(steps.iter().map(op_of_step).collect()),
    }
}

fn op_of_step(step: &Step) -> Op {
    match step {
        Step::Create { path, data, mode } => Op::Create {
            path: path.clone(),
            data: Some(Blob(data.clone())),
            acl: op::Acl::open(),
            flags: flags_of(*mode),
            with_stat: true,
        },
        Step::Delete { path, version } => Op::Delete {
            path: path.clone(),
            version: version.0,
        },
        Step::SetData {
            path,
            data,
            version,
        } => Op::SetData {
            path: path.clone(),
            data: Some(Blob(data.clone())),
            version: version.0,
        },
        Step::Check { path, version } => Op::Check {
            path: path.clone(),
            version: version.0,
        },
    }
}

fn flags_of(mode: CreateMode) -> i32 {
    match mode {
        CreateMode::Persistent => flag::PERSISTENT,
        CreateMode::Ephemeral => flag::EPHEMERAL,
        CreateMode::PersistentSequential => flag::PERSISTENT_SEQUENTIAL,
        CreateMode::EphemeralSequential => flag::EPHEMERAL_SEQUENTIAL,
        CreateMode::Container
        | CreateMode::PersistentWithTtl
        | CreateMode::PersistentSequentialWithTtl => {
            panic!("recipes use the four plain modes, not {mode:?}")
        }
    }
}

/// The same read, with a watch.
pub(super) fn watching(mut read: Op) -> Op {
    match &mut read {
        Op::Exists { watch, .. } | Op::GetData { watch, .. } | Op::GetChildren { watch, .. } => {
            *watch = true;
        }
        other => panic!("{other:?} sets no watch"),
    }
    read
}

/// What the client told, for the recipes.
pub(super) fn answer_of(op: &Op, verdict: &Verdict) -> Result<Answer, Failure> {
    let outcome = match verdict {
        Verdict::Done(_, outcome) => outcome,
        Verdict::NotApplied(reason) => return Err(lost(*reason, Known::NotApplied)),
        Verdict::Unknown(reason) => return Err(lost(*reason, Known::Unknown)),
    };
    let answer = match outcome.clone() {
        Ok(answer) => answer,
        Err(code::NO_NODE) if matches!(op, Op::Exists { .. }) => return Ok(Answer::Exists(None)),
        Err(wire) => return Err(refused(wire, None)),
    };
    Ok(match answer {
        op::Answer::PathStat(path, stat) => Answer::Created {
            path,
            stat: Some(stat_of(stat)),
        },
        op::Answer::Stat(stat) if matches!(op, Op::Exists { .. }) => {
            Answer::Exists(Some(stat_of(stat)))
        }
        op::Answer::Stat(stat) => Answer::Set(stat_of(stat)),
        op::Answer::Data(data, stat) => Answer::Data(bytes_of(data.as_ref()), stat_of(stat)),
        op::Answer::ChildrenStat(names, stat) => Answer::Children(names, stat_of(stat)),
        op::Answer::Multi(subs) => return steps_of(&subs),
        op::Answer::Done
        | op::Answer::Path(_)
        | op::Answer::Acl(..)
        | op::Answer::Children(_)
        | op::Answer::Ephemerals(_)
        | op::Answer::Count(_)
        | op::Answer::Identities(_) => Answer::Done,
    })
}

fn steps_of(subs: &[SubAnswer]) -> Result<Answer, Failure> {
    let failed = subs.iter().enumerate().find_map(|(step, sub)| match sub {
        SubAnswer::Error(wire) if *wire != 0 => Some((step, *wire)),
        _ => None,
    });
    if let Some((step, wire)) = failed {
        return Err(refused(wire, Some(step)));
    }
    let done = subs.iter().map(|sub| match sub {
        SubAnswer::CreatedWithStat(path, stat) => Answer::Created {
            path: path.clone(),
            stat: Some(stat_of(*stat)),
        },
        SubAnswer::DataSet(stat) => Answer::Set(stat_of(*stat)),
        SubAnswer::Created(path) => Answer::Created {
            path: path.clone(),
            stat: None,
        },
        SubAnswer::Deleted
        | SubAnswer::Checked
        | SubAnswer::Data(..)
        | SubAnswer::Children(_)
        | SubAnswer::Error(_) => Answer::Done,
    });
    Ok(Answer::Multi(done.collect()))
}

fn refused(wire: i32, step: Option<usize>) -> Failure {
    Failure {
        code: ErrorCode::from_wire(wire).unwrap_or(ErrorCode::SystemError),
        step,
        known: Known::Refused,
    }
}

/// A request that was not answered.
fn lost(reason: Reason, known: Known) -> Failure {
    let has_ended = matches!(
        reason,
        Reason::SessionExpired | Reason::AuthFailed | Reason::Closed
    );
    Failure {
        code: reason.error_code(),
        step: None,
        known: if has_ended { Known::Ended } else { known },
    }
}

/// A request that the client did not take.
pub(super) fn not_taken(error: &SubmitError) -> Failure {
    match error {
        SubmitError::Ended(reason) => lost(*reason, Known::Ended),
        _ => Failure {
            code: ErrorCode::SystemError,
            step: None,
            known: Known::Rejected,
        },
    }
}

fn bytes_of(data: Option<&Blob>) -> Vec<u8> {
    data.map(|blob| blob.0.clone()).unwrap_or_default()
}

const fn stat_of(stat: op::Stat) -> Stat {
    Stat {
        czxid: Zxid::from_wire(stat.czxid),
        mzxid: Zxid::from_wire(stat.mzxid),
        ctime_ms: stat.ctime,
        mtime_ms: stat.mtime,
        version: Version(stat.version),
        cversion: Version(stat.cversion),
        aversion: Version(stat.aversion),
        ephemeral_owner: SessionId(stat.ephemeral_owner),
        data_length: stat.data_length,
        num_children: stat.num_children,
        pzxid: Zxid::from_wire(stat.pzxid),
    }
}
