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
use zoa_tree::NodeRef;

use super::Connection;
use super::Phase;
use super::Progress;
use super::SharedTree;
use super::Step;
use crate::core::Core;
use crate::limits::CHILDREN_AT_ONCE_MAX;
use crate::limits::CHILDREN_PER_STEP;
use crate::limits::LIST_AT_ONCE_LEN_MAX;
use crate::limits::NAMES_LEN_PER_STEP;
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
    children_per_step: usize,
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
                .is_some_and(|node| is_long(&ListLen::of(&node)))
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
            Opened::Later => Step::Hold,
            Opened::Refused(refused) => {
                self.lane.lock().reply(Some(op), refused, |_| {});
                Step::Done
            }
            Opened::Walk(listing) => {
                self.lists_len += listing.left_len;
                self.phase = Phase::Listing(self.attachment(), listing);
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
            is_done = tree.cursor_step(cursor, self.children_per_step, &mut step);
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

/// How long a list is, which the tree knows without walking it.
struct ListLen {
    children_count: usize,
    names_len: usize,
}

impl ListLen {
    fn of(node: &NodeRef<'_>) -> Self {
        Self {
            children_count: usize::try_from(node.children_count()).unwrap_or(usize::MAX),
            names_len: usize::try_from(node.children_names_len()).unwrap_or(usize::MAX),
        }
    }

    /// Bytes of a reply's body.
    fn of_body(&self, with_stat: bool) -> usize {
        let stat_len = if with_stat { Stat::LEN } else { 0 };
        // Four bytes in front of each name.
        self.children_count
            .saturating_mul(4)
            .saturating_add(self.names_len)
            .saturating_add(4 + stat_len)
    }

    /// So many names have about the length that one step may have.
    fn per_step(&self) -> usize {
        let one = self.names_len.div_ceil(self.children_count.max(1)).max(1);
        (NAMES_LEN_PER_STEP / one).clamp(1, CHILDREN_PER_STEP)
    }
}

fn is_long(list: &ListLen) -> bool {
    list.children_count > CHILDREN_AT_ONCE_MAX || list.names_len > LIST_AT_ONCE_LEN_MAX
}

/// What became of the wish to walk a list.
enum Opened {
    Walk(Box<Listing>),
    /// There is no room: again when the lane is woken.
    Later,
    Refused(ReplyHeader),
}

/// Opens a walk: permission, cursor, watch and holding back are one step under the exclusive lock. What is refused, or has to wait, leaves
/// neither a watch nor a cursor.
fn open(reader: &Reader<'_>, header: RequestHeader, asked: &Asked<'_>) -> Opened {
    let mut tree = reader.core.tree.write();
    let header = |error| ReplyHeader {
        xid: header.xid,
        zxid: tree.last_zxid(),
        error,
    };
    let too_much = header(Some(ErrorCode::MarshallingError));
    let answered = header(None);
    let list = match tree.read_children(asked.path, &reader.access()) {
        Ok(node) => ListLen::of(&node),
        Err(error) => return Opened::Refused(header(Some(error))),
    };
    let body_len = list.of_body(asked.with_stat);
    let room = &reader.core.list_room;
    if body_len > room.reply_len_max {
        return Opened::Refused(too_much);
    }
    // The count goes out with the header.
    let left_len = body_len - 4;
    if !room.take(reader.lane, left_len) {
        return Opened::Later;
    }
    let watching = &mut Watching::Shared(&reader.core.watches);
    if asked.watch && watching.add(reader.lane, asked.path, Kinds::CHILD).is_err() {
        drop(tree);
        room.give_back(left_len);
        return Opened::Refused(too_much);
    }
    let cursor = tree.open_children_cursor(asked.path);
    let cursor = cursor.expect("the znode was there a moment ago, under the same hold");
    let mut reply = Vec::new();
    let is_sendable = encode_reply_header(&mut reply, answered, body_len);
    assert!(is_sendable, "the longest list fits into a frame");
    Writer::new(&mut reply).count(list.children_count);
    reader.lane.lock().hold_back(reply.len() + left_len);
    let mut listing = Listing {
        stat: asked.with_stat.then_some(*cursor.stat()),
        cursor: Some(cursor),
        reply,
        left_len,
        children_per_step: list.per_step(),
        heard: reader.core.stats.packets_received.value(),
    };
    drop(tree);
    listing.reply.reserve(TURN_LEN.min(listing.left_len));
    Opened::Walk(Box::new(listing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(children_count: usize, names_len: usize) -> ListLen {
        ListLen {
            children_count,
            names_len,
        }
    }

    #[test]
    fn a_list_is_as_long_as_its_names() {
        assert_eq!(list(2, 10).of_body(false), 4 + 2 * 4 + 10);
        assert_eq!(list(2, 10).of_body(true), 4 + 2 * 4 + 10 + Stat::LEN);
        assert_eq!(list(usize::MAX, usize::MAX).of_body(true), usize::MAX);
    }

    #[test]
    fn a_list_goes_in_steps_when_it_is_long() {
        assert!(!is_long(&list(CHILDREN_AT_ONCE_MAX, 0)));
        assert!(is_long(&list(CHILDREN_AT_ONCE_MAX + 1, 0)));
        assert!(!is_long(&list(1, LIST_AT_ONCE_LEN_MAX)));
        assert!(is_long(&list(1, LIST_AT_ONCE_LEN_MAX + 1)));
    }

    #[test]
    fn the_longer_the_names_the_fewer_go_into_a_step() {
        assert_eq!(list(2_000, 20_000).per_step(), CHILDREN_PER_STEP);
        assert_eq!(list(10, NAMES_LEN_PER_STEP).per_step(), 9);
        assert_eq!(list(10, 100 * NAMES_LEN_PER_STEP).per_step(), 1);
        assert_eq!(list(0, 0).per_step(), CHILDREN_PER_STEP);
    }
}
