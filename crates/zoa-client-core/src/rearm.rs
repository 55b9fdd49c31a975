//! Setting the watches again after a reconnect, in pieces that a server accepts.
//!
//! ```text
//! handshake -> auth -> setWatches, setWatches2 ... (all pieces written) -> the user's requests
//! ```
//!
//! The user's requests come behind the last piece, so no reply can show new data before the event that was missed (G-07).
//! Pieces are encoded one at a time, when the one before has left. A piece without persistent watches is a setWatches, which
//! servers before 3.6 know too.
//!
//! Invariant: all pieces, also those of a second try after another loss, carry the zxid up to which the watches were last known
//! to be armed, *not* what a reply in between has shown; else what happened to a path not yet set again would never be told.

use std::collections::VecDeque;
use std::sync::Arc;

use zoa_proto::OpCode;
use zoa_proto::PathList;
use zoa_proto::Request;
use zoa_proto::Xid;
use zoa_proto::Zxid;
use zoa_proto::encode_request;
use zoa_proto::frame::FrameError;
use zoa_proto::request::SetWatches;
use zoa_proto::request::SetWatches2;

use crate::limits::SET_WATCHES_LEN_MAX;
use crate::watches::WatchKind;
use crate::watches::WatchTable;

#[derive(Debug, Default)]
pub(crate) struct Rearm {
    /// Paths not yet sent; the next one is the last.
    paths: Vec<Arc<str>>,
    unanswered: VecDeque<OpCode>,
    relative_zxid: Zxid,
}

impl Rearm {
    /// Everything in the table is to be set again, relative to this zxid.
    pub(crate) fn start(table: &WatchTable, relative_zxid: Zxid) -> Self {
        Self {
            paths: table.paths(),
            unanswered: VecDeque::new(),
            relative_zxid,
        }
    }

    /// Whether every piece was written.
    pub(crate) const fn is_written(&self) -> bool {
        self.paths.is_empty()
    }

    /// Whether every piece was answered too: the watches are armed.
    pub(crate) fn is_done(&self) -> bool {
        self.paths.is_empty() && self.unanswered.is_empty()
    }

    /// Takes the piece whose reply is due.
    pub(crate) fn take_answered(&mut self) -> Option<OpCode> {
        self.unanswered.pop_front()
    }

    /// Whether a piece waits for its reply.
    pub(crate) fn has_unanswered(&self) -> bool {
        !self.unanswered.is_empty()
    }

    /// Encodes the next piece; nothing when none of the paths left is watched any more.
    pub(crate) fn encode_next(
        &mut self,
        table: &WatchTable,
        buf: &mut Vec<u8>,
    ) -> Result<(), FrameError> {
        let lists = self.take_lists(table);
        if lists.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let mut scratch: [Vec<u8>; 5] = Default::default();
        let mut sources = lists.iter().zip(&mut scratch);
        let mut next = || match sources.next() {
            Some((paths, bytes)) => PathList::collect_into(paths.iter().map(AsRef::as_ref), bytes),
            None => PathList::empty(),
        };
        let all = SetWatches2 {
            relative_zxid: self.relative_zxid,
            data_watches: next(),
            exist_watches: next(),
            child_watches: next(),
            persistent_watches: next(),
            persistent_recursive_watches: next(),
        };
        let request = request_for(&all);
        self.unanswered.push_back(request.op());
        encode_request(buf, Xid::SET_WATCHES, &request)
    }

    /// Takes paths up to the limit, each with all its kinds.
    fn take_lists(&mut self, table: &WatchTable) -> [Vec<Arc<str>>; 5] {
        let mut lists: [Vec<Arc<str>>; 5] = Default::default();
        let mut len = 0;
        while let Some(path) = self.paths.last() {
            let kinds = WatchKind::ALL.map(|kind| table.has_kind(path, kind));
            let path_len = path.len() * kinds.iter().filter(|is_there| **is_there).count();
            if len > 0 && len + path_len > SET_WATCHES_LEN_MAX {
                break;
            }
            len += path_len;
            for (list, is_there) in lists.iter_mut().zip(kinds) {
                if is_there {
                    list.push(Arc::clone(path));
                }
            }
            self.paths.pop();
        }
        lists
    }
}

fn request_for<'a>(all: &SetWatches2<'a>) -> Request<'a> {
    if all.persistent_watches.is_empty() && all.persistent_recursive_watches.is_empty() {
        Request::SetWatches(SetWatches {
            relative_zxid: all.relative_zxid,
            data_watches: all.data_watches,
            exist_watches: all.exist_watches,
            child_watches: all.child_watches,
        })
    } else {
        Request::SetWatches2(*all)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Rearm;
    use crate::event::WatcherId;
    use crate::hashing::KeyedHasher;
    use crate::limits::SET_WATCHES_LEN_MAX;
    use crate::watches::WatchKind;
    use crate::watches::WatchTable;
    use zoa_proto::OpCode;
    use zoa_proto::Request;
    use zoa_proto::RequestHeader;
    use zoa_proto::WatcherType;
    use zoa_proto::Zxid;
    use zoa_proto::request::SetWatches2;

    /// All pieces: the opcode, and the number and bytes of the paths.
    fn pieces(table: &WatchTable) -> Vec<(OpCode, usize, usize)> {
        let mut rearm = Rearm::start(table, Zxid(5));
        let mut pieces = Vec::new();
        while !rearm.is_written() {
            let mut buf = Vec::new();
            rearm
                .encode_next(table, &mut buf)
                .expect("it can be framed");
            let (header, body) = RequestHeader::decode(&buf[4..]).expect("a header");
            let op = header.op().expect("an opcode");
            let lists = match Request::decode(op, body).expect("a request") {
                Request::SetWatches2(SetWatches2 {
                    relative_zxid,
                    data_watches: a,
                    exist_watches: b,
                    child_watches: c,
                    persistent_watches: d,
                    persistent_recursive_watches: e,
                }) => {
                    assert_eq!(relative_zxid, Zxid(5));
                    vec![a, b, c, d, e]
                }
                Request::SetWatches(body) => {
                    vec![body.data_watches, body.exist_watches, body.child_watches]
                }
                other => panic!("{other:?} sets no watches"),
            };
            let paths = lists.iter().flatten();
            pieces.push((op, paths.clone().count(), paths.map(str::len).sum()));
        }
        pieces
    }

    fn table_of(paths: &[String], kind: WatchKind) -> WatchTable {
        let mut table = WatchTable::new(KeyedHasher([3, 4]));
        for path in paths {
            table.add(&Arc::from(path.as_str()), kind, WatcherId(1));
        }
        table
    }

    #[test]
    fn a_great_many_watches_go_in_pieces_and_none_is_left_out() {
        let paths: Vec<String> = (0..10_000).map(|number| format!("/{number:063}")).collect();
        let pieces = pieces(&table_of(&paths, WatchKind::Child));
        assert_eq!(pieces.len(), 5);
        assert_eq!(pieces.iter().map(|piece| piece.1).sum::<usize>(), 10_000);
        for (op, _, len) in pieces {
            assert_eq!(op, OpCode::SetWatches);
            assert!(len <= SET_WATCHES_LEN_MAX, "{len}");
        }
    }

    #[test]
    fn a_path_longer_than_a_piece_stands_alone() {
        let long = |letter: char| format!("/{}", String::from(letter).repeat(SET_WATCHES_LEN_MAX));
        let pieces = pieces(&table_of(&[long('a'), long('b')], WatchKind::Data));
        assert_eq!(
            pieces.iter().map(|piece| piece.1).collect::<Vec<_>>(),
            [1, 1]
        );
    }

    #[test]
    fn persistent_watches_take_the_second_form() {
        let paths = ["/a".to_owned(), "/b".to_owned()];
        for kind in [WatchKind::Persistent, WatchKind::Recursive] {
            assert_eq!(
                pieces(&table_of(&paths, kind)),
                [(OpCode::SetWatches2, 2, 4)]
            );
        }
    }

    #[test]
    fn a_watch_that_is_gone_meanwhile_is_not_set_again() {
        let mut table = table_of(&["/a".to_owned()], WatchKind::Data);
        let mut rearm = Rearm::start(&table, Zxid(5));
        table.remove("/a", WatcherType::Any, None);
        let mut buf = Vec::new();
        rearm
            .encode_next(&table, &mut buf)
            .expect("nothing to frame");
        assert!(buf.is_empty() && rearm.is_done());
    }
}
