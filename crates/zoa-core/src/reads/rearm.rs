//! setWatches: a client that comes back tells which watches it still wants and how far it has seen.
//!
//! For each path either what it missed is told at once, or the watch stands again; each is decided under one hold of the shared lock,
//! and a long list takes several holds. The catch-up events carry no zxid (-1) and no ACL check, as the original's. Serves G-07.
//!
//! ```text
//!   data        gone -> deleted            changed since -> data changed       else armed
//!   exist       there -> created                                               else armed (data table)
//!   child       gone -> deleted            children changed since -> children  else armed
//!   persistent, recursive                                                      always armed
//! ```

use zoa_proto::ErrorCode;
use zoa_proto::EventKind;
use zoa_proto::OpCode;
use zoa_proto::PathList;
use zoa_proto::ReplyHeader;
use zoa_proto::Request;
use zoa_proto::RequestHeader;
use zoa_proto::WatchedEvent;
use zoa_proto::Zxid;
use zoa_proto::encode_event;
use zoa_tree::Tree;

use crate::connection::SharedTree;
use crate::reads::Reader;
use crate::reads::Watching;
use crate::watches::Kinds;

/// The lists of a setWatches or setWatches2.
struct Rearming<'a> {
    seen: Zxid,
    data: PathList<'a>,
    exist: PathList<'a>,
    child: PathList<'a>,
    persistent: PathList<'a>,
    recursive: PathList<'a>,
}

/// What one path turned out to need.
enum Missed {
    Event(EventKind),
    Nothing,
}

/// Serves one setWatches request, given as its whole frame.
pub(crate) fn serve(
    reader: &Reader<'_>,
    shared: &mut SharedTree<'_>,
    header: RequestHeader,
    op: OpCode,
    frame: &[u8],
) {
    let Ok((_, body)) = RequestHeader::decode(frame) else {
        return;
    };
    let error = match Request::decode(op, body)
        .ok()
        .and_then(|request| rearming(&request))
    {
        None => Some(ErrorCode::MarshallingError),
        Some(rearming) => rearming.rearm(reader, shared).err(),
    };
    let zxid = shared.tree().last_zxid();
    let mut state = reader.lane.lock();
    state.reply(
        Some(op),
        ReplyHeader {
            xid: header.xid,
            zxid,
            error,
        },
        |_| {},
    );
}

fn rearming<'a>(request: &Request<'a>) -> Option<Rearming<'a>> {
    match request {
        Request::SetWatches(set) => Some(Rearming {
            seen: set.relative_zxid,
            data: set.data_watches,
            exist: set.exist_watches,
            child: set.child_watches,
            persistent: PathList::empty(),
            recursive: PathList::empty(),
        }),
        Request::SetWatches2(set) => Some(Rearming {
            seen: set.relative_zxid,
            data: set.data_watches,
            exist: set.exist_watches,
            child: set.child_watches,
            persistent: set.persistent_watches,
            recursive: set.persistent_recursive_watches,
        }),
        _ => None,
    }
}

impl Rearming<'_> {
    fn rearm(&self, reader: &Reader<'_>, shared: &mut SharedTree<'_>) -> Result<(), ErrorCode> {
        let seen = self.seen;
        rearm_list(
            reader,
            shared,
            &self.data,
            Kinds::DATA,
            |tree, path| match tree.find(path) {
                None => Missed::Event(EventKind::NodeDeleted),
                Some(node) if node.stat().mzxid > seen => Missed::Event(EventKind::NodeDataChanged),
                Some(_) => Missed::Nothing,
            },
        )?;
        rearm_list(
            reader,
            shared,
            &self.exist,
            Kinds::DATA,
            |tree, path| match tree.find(path) {
                Some(_) => Missed::Event(EventKind::NodeCreated),
                None => Missed::Nothing,
            },
        )?;
        rearm_list(
            reader,
            shared,
            &self.child,
            Kinds::CHILD,
            |tree, path| match tree.find(path) {
                None => Missed::Event(EventKind::NodeDeleted),
                Some(node) if node.stat().pzxid > seen => {
                    Missed::Event(EventKind::NodeChildrenChanged)
                }
                Some(_) => Missed::Nothing,
            },
        )?;
        rearm_list(
            reader,
            shared,
            &self.persistent,
            Kinds::PERSISTENT,
            |_, _| Missed::Nothing,
        )?;
        rearm_list(reader, shared, &self.recursive, Kinds::RECURSIVE, |_, _| {
            Missed::Nothing
        })
    }
}

fn rearm_list(
    reader: &Reader<'_>,
    shared: &mut SharedTree<'_>,
    paths: &PathList<'_>,
    kinds: Kinds,
    look: impl Fn(&Tree, &str) -> Missed,
) -> Result<(), ErrorCode> {
    let mut event = Vec::new();
    for path in paths.iter() {
        match look(shared.tree(), path) {
            Missed::Nothing => {
                let added = Watching::Shared(&reader.core.watches).add(reader.lane, path, kinds);
                added.map_err(|_| ErrorCode::MarshallingError)?;
            }
            Missed::Event(kind) => {
                event.clear();
                let zxid = Zxid::NONE;
                encode_event(&mut event, &WatchedEvent { kind, path, zxid });
                if !reader.lane.lock().tell(&event) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}
