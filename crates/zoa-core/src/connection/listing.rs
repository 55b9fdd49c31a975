//! Lists of children too long for one hold of the lock: walked in steps, and yet equal to the tree at one zxid.
//!
//! ```text
//!   open   exclusive lock, O(1): cursor, zxid, watch; the lane holds back what comes later
//!   step   shared lock: a bounded number of names into the reply      (again and again, others in between)
//!   close  exclusive lock, O(1): cursor given back; reply first, then what was held back
//! ```
//!
//! Without the holding back, an event of a later zxid would overtake the older state that the list shows (G-04, G-07).

use std::sync::Arc;

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
use crate::limits::CHILDREN_AT_ONCE_MAX;
use crate::limits::CHILDREN_PER_STEP;
use crate::limits::LIST_REPLY_LEN_MAX;
use crate::reads;
use crate::reads::Frame;
use crate::reads::Reader;
use crate::reads::Watching;
use crate::watches::Kinds;

/// A list that is being walked.
#[derive(Debug)]
pub(super) struct Listing {
    cursor: ChildCursor,
    reply: Vec<u8>,
    /// getChildren2 ends with it.
    stat: Option<Stat>,
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

    /// One step of the walk; `None` when the list is done and other input may be handled.
    pub(super) fn continue_listing(&mut self) -> Option<Progress> {
        let Phase::Listing(_, listing) = &mut self.phase else {
            return None;
        };
        let Listing { cursor, reply, .. } = &mut **listing;
        let mut writer = Writer::new(reply);
        let is_done = self
            .core
            .tree
            .read()
            .cursor_step(cursor, CHILDREN_PER_STEP, &mut |name| writer.ustring(name));
        if !is_done {
            return Some(Progress::Again);
        }
        if let Some(stat) = &listing.stat {
            stat.encode(&mut Writer::new(&mut listing.reply));
        }
        let reply = std::mem::take(&mut listing.reply);
        self.leave_listing();
        self.lane.lock().release_behind(reply);
        None
    }

    /// Gives the cursor back, also when the connection ends in the middle of a walk.
    pub(super) fn leave_listing(&mut self) {
        if !matches!(self.phase, Phase::Listing(..)) {
            return;
        }
        let attachment = self.attachment();
        if let Phase::Listing(_, listing) =
            std::mem::replace(&mut self.phase, Phase::Established(attachment))
        {
            self.core.tree.write().close_cursor(listing.cursor);
            self.reclaim();
        }
    }

    /// Children deleted during the walk are freed in steps, so that nobody waits long for it.
    fn reclaim(&self) {
        while self.core.tree.write().reclaim(CHILDREN_PER_STEP) {}
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
    reply.reserve(body_len);
    Writer::new(&mut reply).count(children_count);
    reader.lane.lock().hold_back();
    Ok(Listing {
        cursor,
        reply,
        stat: with_stat.then_some(stat),
    })
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
