//! Lists of children too long for one hold of the lock: walked in steps, and yet equal to the tree at one zxid.
//!
//! ```text
//!   open   exclusive lock, O(1): cursor, zxid, watch; the lane holds back what comes later
//!   step   shared lock: a bounded number of names                     (again and again, others in between)
//!   turn   some steps; what they gave is sent at once, as far as the client takes it
//!   close  exclusive lock, O(1): cursor given back; then what was held back
//! ```
//!
//! The walk never waits for the client: what is not taken is kept, so that a slow one holds no cursor, which would make the tree keep
//! what is deleted. How long the reply is has to be known before its first byte is sent, and is: the tree counts its names.
//!
//! Without the holding back, an event of a later zxid would overtake the older state that the list shows (G-04, G-07).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use zoa_proto::ErrorCode;
use zoa_proto::OpCode;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::Stat;
use zoa_proto::jute::Writer;
use zoa_proto::reply::encode_reply_header;
use zoa_tree::ChildCursor;

use super::Connection;
use super::Phase;
use super::Progress;
use super::SharedTree;
use super::Step;
use crate::core::Core;
use crate::limits::CHILDREN_AT_ONCE_MAX;
use crate::limits::CHILDREN_PER_STEP;
use crate::limits::LIST_REPLY_LEN_MAX;
use crate::limits::OTHERS_REMEMBERED_MS;
use crate::limits::STEPS_PER_TURN;
use crate::moment::Moment;
use crate::reads;
use crate::reads::Frame;
use crate::reads::Reader;
use crate::reads::Watching;
use crate::watches::Kinds;

/// About as many bytes as one turn of a walk gives where names are short.
const TURN_LEN: usize = STEPS_PER_TURN * CHILDREN_PER_STEP * 16;

/// A list that is being walked, or has been and is not handed over yet.
#[derive(Debug)]
pub(super) struct Listing {
    /// `None` when all names have been read.
    cursor: Option<ChildCursor>,
    /// What of the reply has not been handed over.
    reply: Vec<u8>,
    /// Bytes of the reply that are still to come into `reply`.
    left_len: usize,
    /// getChildren2 ends with it.
    stat: Option<Stat>,
    /// Requests heard by the server, as of the last turn.
    heard: u64,
}

/// What a list request asks for.
struct Asked<'a> {
    path: &'a str,
    watch: bool,
    with_stat: bool,
}

impl Connection {
    /// Serves a list: at once when it is short, else by the first step of a walk.
    pub(super) fn handle_list(
        &mut self,
        header: RequestHeader,
        op: OpCode,
        frame: &[u8],
        shared: &mut SharedTree<'_>,
    ) -> Step {
        let core = Arc::clone(&self.core);
        let reader = Reader {
            core: &core,
            ..self.reader()
        };
        let Ok((_, body)) = RequestHeader::decode(frame) else {
            return Step::Close;
        };
        let asked = match Request::decode(op, body) {
            Ok(Request::GetChildren(get)) => Some((get.path, get.watch)),
            Ok(Request::GetChildren2(get)) => Some((get.path, get.watch)),
            _ => None,
        };
        let tree = shared.tree();
        let long = asked.filter(|(path, _)| {
            tree.find(path)
                .is_some_and(|node| is_long(node.children_count()))
        });
        let Some((path, watch)) = long else {
            let watching = &mut Watching::Shared(&core.watches);
            reads::serve(&reader, tree, watching, Frame::at_once(frame));
            return Step::Done;
        };
        shared.release();
        let asked = Asked {
            path,
            watch,
            with_stat: op == OpCode::GetChildren2,
        };
        match open(&reader, header, &asked) {
            Err(refused) => {
                self.lane.lock().reply(Some(op), refused, |_| {});
                Step::Done
            }
            Ok(listing) => {
                self.phase = Phase::Listing(self.attachment(), Box::new(listing));
                Step::DoneAndWait
            }
        }
    }

    /// One turn of the walk; `None` when the list is done and other input may be handled.
    pub(super) fn continue_listing(&mut self) -> Option<Progress> {
        let Phase::Listing(_, listing) = &mut self.phase else {
            return None;
        };
        let is_done = listing.walk(&self.core);
        if is_done && let Some(cursor) = listing.cursor.take() {
            self.core.close_cursor(cursor);
        }
        let mut lane = self.lane.lock();
        let is_taken = lane.pass_on(&mut listing.reply);
        if !is_done {
            drop(lane);
            listing.make_room();
            return Some(Progress::Again);
        }
        if !is_taken {
            return Some(Progress::Blocked);
        }
        lane.release_behind_list();
        drop(lane);
        self.leave_listing();
        None
    }

    /// Whether others were at work a moment ago: then a list, which can keep a processor busy for long, is to rest between its turns.
    pub fn others_are_at_work(&mut self, now: Moment) -> bool {
        let Phase::Listing(_, listing) = &mut self.phase else {
            return false;
        };
        let heard = self.core.stats.packets_received.value();
        let is_asked = std::mem::replace(&mut listing.heard, heard) != heard;
        if is_asked || self.core.outstanding() > 0 {
            self.core
                .others_seen_ms
                .store(now.mono_ms, Ordering::Relaxed);
        }
        // Longer than a moment, since others may be silent just because this list keeps all processors busy.
        let seen_ms = self.core.others_seen_ms.load(Ordering::Relaxed);
        now.mono_ms < seen_ms.saturating_add(OTHERS_REMEMBERED_MS)
    }

    /// Ends the walk, also when the connection ends in the middle of it.
    pub(super) fn leave_listing(&mut self) {
        if !matches!(self.phase, Phase::Listing(..)) {
            return;
        }
        let attachment = self.attachment();
        if let Phase::Listing(_, listing) =
            std::mem::replace(&mut self.phase, Phase::Established(attachment))
            && let Some(cursor) = listing.cursor
        {
            self.core.close_cursor(cursor);
        }
    }
}

impl Core {
    /// Gives a cursor back. Children deleted during the walk are freed in steps, so that nobody waits long for it.
    fn close_cursor(&self, cursor: ChildCursor) {
        self.tree.write().close_cursor(cursor);
        while self.tree.write().reclaim(CHILDREN_PER_STEP) {}
    }
}

impl Listing {
    /// Some steps of the walk; whether it is done.
    fn walk(&mut self, core: &Core) -> bool {
        let Some(cursor) = &mut self.cursor else {
            return true;
        };
        let len_before = self.reply.len();
        let mut is_done = false;
        for _ in 0..STEPS_PER_TURN {
            let mut writer = Writer::new(&mut self.reply);
            let mut step = |name: &str| writer.ustring(name);
            let tree = core.tree.read();
            is_done = tree.cursor_step(cursor, CHILDREN_PER_STEP, &mut step);
            if is_done {
                break;
            }
        }
        if is_done && let Some(stat) = &self.stat {
            stat.encode(&mut Writer::new(&mut self.reply));
        }
        let len = self.reply.len() - len_before;
        assert!(len <= self.left_len, "a list is as long as was said");
        self.left_len -= len;
        assert!(
            !is_done || self.left_len == 0,
            "a list is as long as was said"
        );
        is_done
    }

    /// Room for the next turn; for all that is to come when the client does not keep pace, since growing copies.
    fn make_room(&mut self) {
        let room = if self.reply.is_empty() {
            TURN_LEN.min(self.left_len)
        } else {
            self.left_len
        };
        self.reply.reserve(room);
    }
}
fn is_long(children_count: u32) -> bool {
    usize::try_from(children_count).is_ok_and(|count| count > CHILDREN_AT_ONCE_MAX)
}

/// Length of a reply's body; `None` when it would be too long.
fn body_len(children_count: usize, names_len: usize, with_stat: bool) -> Option<usize> {
    let stat_len = if with_stat { Stat::LEN } else { 0 };
    // Four bytes in front of each name.
    let body_len = children_count
        .saturating_mul(4)
        .saturating_add(names_len)
        .saturating_add(4 + stat_len);
    (body_len <= LIST_REPLY_LEN_MAX).then_some(body_len)
}

/// Opens a walk: permission, cursor, watch and holding back are one step under the exclusive lock; or the reply that refuses it.
fn open(
    reader: &Reader<'_>,
    header: RequestHeader,
    asked: &Asked<'_>,
) -> Result<Listing, ReplyHeader> {
    let Asked {
        path,
        watch,
        with_stat,
    } = *asked;
    let mut tree = reader.core.tree.write();
    let header = |error| ReplyHeader {
        xid: header.xid,
        zxid: tree.last_zxid(),
        error,
    };
    let found = tree.read_exists(path, &reader.access());
    let stat = found.map_err(|error| header(Some(error)))?;
    let too_much = header(Some(ErrorCode::MarshallingError));
    let answered = header(None);
    let cursor = tree.open_children_cursor(path).ok_or(too_much)?;
    let children_count = usize::try_from(cursor.children_count()).unwrap_or(usize::MAX);
    let names_len = usize::try_from(cursor.names_len()).unwrap_or(usize::MAX);
    let body_len = body_len(children_count, names_len, with_stat);
    let added = if watch {
        Watching::Shared(&reader.core.watches).add(reader.lane, path, Kinds::CHILD)
    } else {
        Ok(())
    };
    let mut reply = Vec::new();
    let (Some(body_len), Ok(())) = (body_len, added) else {
        tree.close_cursor(cursor);
        return Err(too_much);
    };
    if !encode_reply_header(&mut reply, answered, body_len) {
        tree.close_cursor(cursor);
        return Err(too_much);
    }
    Writer::new(&mut reply).count(children_count);
    reader.lane.lock().hold_back();
    let mut listing = Listing {
        cursor: Some(cursor),
        reply,
        left_len: body_len - 4,
        stat: with_stat.then_some(stat),
        heard: reader.core.stats.packets_received.value(),
    };
    drop(tree);
    listing.reply.reserve(TURN_LEN.min(listing.left_len));
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_as_long_as_its_names_and_refused_when_too_long() {
        assert_eq!(body_len(2, 10, false), Some(4 + 2 * 4 + 10));
        assert_eq!(body_len(2, 10, true), Some(4 + 2 * 4 + 10 + Stat::LEN));
        let longest = LIST_REPLY_LEN_MAX - 8;
        assert_eq!(body_len(1, longest, false), Some(LIST_REPLY_LEN_MAX));
        assert_eq!(body_len(1, longest + 1, false), None);
        assert_eq!(body_len(1, longest, true), None);
        assert_eq!(body_len(usize::MAX, usize::MAX, true), None);
    }

    #[test]
    fn a_list_goes_in_steps_when_it_is_long() {
        let most = u32::try_from(CHILDREN_AT_ONCE_MAX).expect("small");
        assert!(!is_long(most));
        assert!(is_long(most + 1));
    }
}
