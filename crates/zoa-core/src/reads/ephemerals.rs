//! getEphemerals: a session may have 100,000, and each takes a walk up to the root. So they are listed in steps, and the lock is given up
//! in between.
//!
//! Invariant: the reply is the list at its zxid. Who changes the session's ephemerals between two steps makes the walk begin anew; when
//! that has happened often, all of it is one step (G-05).

use zoa_proto::ErrorCode;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::jute::Writer;
use zoa_tree::EphemeralsStep;

use crate::connection::SharedTree;
use crate::limits::EPHEMERALS_PER_STEP;
use crate::reads::Reader;

/// How often a walk begins anew before it is made in one step.
const ATTEMPTS: usize = 4;

/// Serves one getEphemerals request, given as its whole frame.
pub(crate) fn serve(
    reader: &Reader<'_>,
    shared: &mut SharedTree<'_>,
    header: RequestHeader,
    frame: &[u8],
) {
    let prefix = RequestHeader::decode(frame).ok().and_then(|(_, body)| {
        match Request::decode(zoa_proto::OpCode::GetEphemerals, body) {
            Ok(Request::GetEphemerals(get)) => Some(get.prefix),
            _ => None,
        }
    });
    let listed = prefix.map(|prefix| list(reader, shared, prefix));
    // Under the hold of the last step.
    let reply = ReplyHeader {
        xid: header.xid,
        zxid: shared.tree().last_zxid(),
        error: listed.is_none().then_some(ErrorCode::MarshallingError),
    };
    let (count, paths) = listed.unwrap_or_default();
    let mut state = reader.lane.lock();
    state.reply(header.op(), reply, |writer| {
        writer.count(count);
        writer.raw(&paths);
    });
    drop(state);
    shared.release();
    reader.core.stats.read_latency.record(0, 1);
}

/// How many there are, and the paths as the reply has them; the shared lock is held when this returns.
fn list(reader: &Reader<'_>, shared: &mut SharedTree<'_>, prefix: &str) -> (usize, Vec<u8>) {
    for _ in 0..ATTEMPTS {
        if let Some(listed) = try_list(reader, shared, (prefix, EPHEMERALS_PER_STEP)) {
            return listed;
        }
    }
    let listed = try_list(reader, shared, (prefix, usize::MAX));
    listed.expect("nobody changes anything within one step")
}

/// Nothing if the ephemerals changed between two steps.
fn try_list(
    reader: &Reader<'_>,
    shared: &mut SharedTree<'_>,
    (prefix, step_len): (&str, usize),
) -> Option<(usize, Vec<u8>)> {
    let (mut count, mut paths) = (0, Vec::new());
    let (mut from, mut version) = (0, None);
    loop {
        shared.release();
        let step = shared.tree().read_ephemerals_step(
            (reader.session, prefix),
            (from, step_len),
            &mut |path| {
                count += 1;
                Writer::new(&mut paths).ustring(path);
            },
        );
        let EphemeralsStep { changes, next } = step;
        if *version.get_or_insert(changes) != changes {
            return None;
        }
        let Some(next) = next else {
            return Some((count, paths));
        };
        from = next;
    }
}
