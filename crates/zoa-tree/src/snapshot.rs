//! The whole state as a stream of records, exact at one zxid, taken while writes go on.
//!
//! ```text
//! begin  ->  step, step, ... (between applies, under the shared lock)  ->  end
//!            header | servers of the ensemble | ACLs, znodes, sessions in any order | end
//! ```
//!
//! It is not a file: name, checksum and sync belong to whoever stores the bytes, which are written
//! down in `docs/formats/snapshot.md`.
//!
//! Invariant: what is written is the tree at the zxid of `begin`, whatever is applied meanwhile:
//! the walk goes over slots by number, and `tree::preserve` keeps the old version of what changes
//! ahead of it (G-16). A fuzzy snapshot would not do, since our log holds requests, and a request
//! may not be applied twice.

pub(crate) mod load;
pub(crate) mod open;
pub(crate) mod record;

use zoa_proto::Zxid;

use crate::acl::table::AclId;
use crate::limits::SNAPSHOT_STEP_LEN;
use crate::members::MemberLines;
use crate::node::NodeId;
use crate::snapshot::open::OpenSnapshot;
use crate::snapshot::open::Taken;
use crate::snapshot::record::Header;
use crate::tree::Tree;

/// How far a snapshot has been taken.
#[derive(Debug)]
pub struct SnapshotCursor {
    number: u32,
    header: Header,
    members: MemberLines,
    is_header_written: bool,
    /// The next slot: first those of znodes, then those of sessions.
    position: u64,
    /// What has been taken of the old versions.
    taken: Taken,
    /// ACLs that the walk has written, by number.
    acls_written: Vec<u64>,
    is_done: bool,
}

impl SnapshotCursor {
    /// The zxid of the state.
    #[must_use]
    pub const fn zxid(&self) -> Zxid {
        self.header.zxid
    }

    /// The digest of the state.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.header.digest
    }

    /// True the first time for each ACL.
    fn is_new_acl(&mut self, id: AclId) -> bool {
        let index = usize::try_from(id.0 / u64::BITS).expect("usize has 32 bits or more");
        if self.acls_written.len() <= index {
            self.acls_written.resize(index + 1, 0);
        }
        let bit = 1u64 << (id.0 % u64::BITS);
        let Some(word) = self.acls_written.get_mut(index) else {
            return false;
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

/// What a step of a snapshot says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotStep {
    /// There is more to come.
    More,
    /// All of it has been written.
    Done,
    /// A later snapshot was begun, or this one was ended: what was written so far is worthless.
    Superseded,
}

impl Tree {
    /// Begins a snapshot of the tree as it is now. Another one that is still open is given up: its
    /// next step says so.
    pub fn begin_snapshot(&mut self) -> SnapshotCursor {
        self.snapshots_begun += 1;
        let number = self.snapshots_begun;
        let node_slots = self.nodes.numbers_end();
        self.snapshot = Some(OpenSnapshot::new(
            number,
            node_slots,
            self.sessions.numbers_end(),
        ));
        SnapshotCursor {
            number,
            header: Header {
                format: self.snapshot_format(),
                semantics: self.semantics,
                zxid: self.last_zxid,
                zxid_term: self.zxid_term,
                node_slots,
                nodes_count: u64::from(self.totals.nodes_count),
                sessions_count: u64::from(self.sessions.len()),
                digest: self.digest(),
            },
            members: self.members.clone(),
            is_header_written: false,
            position: 0,
            taken: Taken::default(),
            acls_written: Vec::new(),
            is_done: false,
        }
    }

    /// Appends more of the snapshot: at most `slots_max` znodes and sessions of the walk, and about
    /// `SNAPSHOT_STEP_LEN` bytes.
    pub fn snapshot_step(
        &self,
        cursor: &mut SnapshotCursor,
        slots_max: usize,
        out: &mut Vec<u8>,
    ) -> SnapshotStep {
        let Some(open) = self
            .snapshot
            .as_ref()
            .filter(|open| open.number() == cursor.number)
        else {
            return SnapshotStep::Superseded;
        };
        if cursor.is_done {
            return SnapshotStep::Done;
        }
        if !cursor.is_header_written {
            cursor.header.encode(out);
            if !cursor.members.is_empty() {
                record::encode_members(out, &cursor.members);
            }
            cursor.is_header_written = true;
        }
        let is_all_taken = open.take_preserved(&mut cursor.taken, out);
        self.walk(open, cursor, slots_max, out);
        if !is_all_taken || cursor.position < open.slots_end() {
            return SnapshotStep::More;
        }
        cursor.header.encode_end(out);
        cursor.is_done = true;
        SnapshotStep::Done
    }

    /// Ends a snapshot, complete or not, and gives back the memory that it held.
    pub fn end_snapshot(&mut self, cursor: SnapshotCursor) {
        if self
            .snapshot
            .as_ref()
            .is_some_and(|open| open.number() == cursor.number)
        {
            self.snapshot = None;
        }
    }

    /// The oldest format that can hold the tree as it is now.
    fn snapshot_format(&self) -> u32 {
        if self.members.is_empty() && self.reaped.is_empty() {
            record::FIRST_FORMAT
        } else {
            record::FORMAT
        }
    }

    fn walk(
        &self,
        open: &OpenSnapshot,
        cursor: &mut SnapshotCursor,
        slots_max: usize,
        out: &mut Vec<u8>,
    ) {
        let len_max = out.len() + SNAPSHOT_STEP_LEN;
        for _ in 0..slots_max {
            if cursor.position >= open.slots_end() || out.len() >= len_max {
                break;
            }
            match open.session_number(cursor.position) {
                Some(number) => self.write_session(cursor, number, out),
                None => self.write_node(cursor, out),
            }
            cursor.position += 1;
        }
        open.set_position(cursor.position);
    }

    fn write_node(&self, cursor: &mut SnapshotCursor, out: &mut Vec<u8>) {
        let number = u32::try_from(cursor.position).expect("slots of znodes have 32 bits");
        let Some(node) = self.nodes.get(number) else {
            return;
        };
        if !node.is_live() || node.snapshot == cursor.number {
            return;
        }
        if cursor.is_new_acl(node.acl) {
            record::encode_acl(out, node.acl, self.acls.handle(node.acl));
        }
        let id = NodeId(number);
        record::encode_node(out, id, node, self.lifetime(id));
    }

    fn write_session(&self, cursor: &SnapshotCursor, number: u32, out: &mut Vec<u8>) {
        if let Some(session) = self.sessions.by_number(number)
            && session.snapshot != cursor.number
        {
            record::encode_session(out, session);
        }
    }
}
