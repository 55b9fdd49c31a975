//! Words about connections: `cons`, `crst`, and the list in `stat`.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use zoa_proto::OpCode;

use crate::core::Core;
use crate::lane::Attachment;
use crate::lane::Lane;
use crate::lane::LaneStats;

pub(super) fn brief(core: &Core, text: &mut String) {
    for lane in lanes(core) {
        line_start(&lane, text);
        text.push_str(")\n");
    }
}

pub(super) fn cons(core: &Core, text: &mut String) {
    for lane in lanes(core) {
        line_start(&lane, text);
        session_part(&lane, text);
        text.push_str(")\n");
    }
    text.push('\n');
}

pub(super) fn crst(core: &Core, text: &mut String) {
    for lane in lanes(core) {
        let mut state = lane.lock();
        let established_wall_ms = state.stats.established_wall_ms;
        state.stats = LaneStats {
            established_wall_ms,
            ..LaneStats::default()
        };
    }
    text.push_str("Connection stats reset.\n");
}

fn lanes(core: &Core) -> Vec<Arc<Lane>> {
    let mut lanes: Vec<_> = core
        .lanes
        .lock()
        .by_number
        .values()
        .map(Arc::clone)
        .collect();
    lanes.sort_unstable_by_key(|lane| lane.number());
    lanes
}

/// `[1]`: the original prints which readiness it waits for; 1 is reading.
fn line_start(lane: &Lane, text: &mut String) {
    let state = lane.lock();
    let queued = state.pipeline.len();
    let received = state.stats.answered + u64::try_from(queued).unwrap_or(0);
    write!(
        text,
        " /{}[1](queued={queued},recved={received},sent={}",
        lane.peer(),
        state.stats.sent
    )
    .ok();
}

fn session_part(lane: &Lane, text: &mut String) {
    let state = lane.lock();
    let Attachment::Session {
        session,
        timeout_ms,
        pulse,
    } = &state.attachment
    else {
        return;
    };
    let stats = &state.stats;
    let average = stats
        .latency_ms_sum
        .checked_div(stats.answered)
        .unwrap_or(0);
    write!(
        text,
        ",sid={session},lop={},est={},to={timeout_ms}",
        stats.last_op.map_or("NA", short_name),
        stats.established_wall_ms,
    )
    .ok();
    // The original leaves the xids of pings and the like out.
    if stats.last_xid.0 >= 0 {
        write!(text, ",lcxid={:#x}", stats.last_xid.0).ok();
    }
    // Of a read the time is that of its packet; a write is answered later.
    let last_response_ms = stats.last_response_ms.max(pulse.load(Ordering::Relaxed));
    write!(
        text,
        ",lzxid={},lresp={last_response_ms},llat={},minlat=0,avglat={average},maxlat={}",
        stats.last_zxid, stats.last_latency_ms, stats.latency_ms_max,
    )
    .ok();
}

/// The original's four letters for an operation.
fn short_name(op: OpCode) -> &'static str {
    match op {
        OpCode::Notification => "NOTI",
        OpCode::Create | OpCode::Create2 | OpCode::CreateContainer | OpCode::CreateTtl => "CREA",
        OpCode::Delete | OpCode::DeleteContainer => "DELE",
        OpCode::Exists => "EXIS",
        OpCode::GetData => "GETD",
        OpCode::SetData => "SETD",
        OpCode::GetAcl => "GETA",
        OpCode::SetAcl => "SETA",
        OpCode::GetChildren | OpCode::GetChildren2 => "GETC",
        OpCode::Sync => "SYNC",
        OpCode::Ping => "PING",
        OpCode::Check => "CHEC",
        OpCode::Multi => "MULT",
        OpCode::MultiRead => "MLTR",
        OpCode::Reconfig => "RECO",
        OpCode::CheckWatches => "CHKW",
        OpCode::RemoveWatches => "REMW",
        OpCode::Auth => "AUTH",
        OpCode::SetWatches => "SETW",
        OpCode::SetWatches2 => "STW2",
        OpCode::Sasl => "SASL",
        OpCode::GetEphemerals => "GETE",
        OpCode::GetAllChildrenNumber => "GACN",
        OpCode::AddWatch => "ADDW",
        OpCode::WhoAmI => "HOMI",
        OpCode::CreateSession => "SESS",
        OpCode::CloseSession => "CLOS",
        OpCode::Error => "ERRO",
    }
}
