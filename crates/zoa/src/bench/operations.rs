//! The streams of requests that the workloads offer: which request comes next on a connection.
//!
//! Not how many are in flight or when: that is `closed_loop`. Each works on znodes that exist, so
//! that no request is refused; an error is the server's and ends the run.

use anyhow::Result;
use zoa_proto::AclList;
use zoa_proto::MultiOp;
use zoa_proto::MultiOps;
use zoa_proto::Request;
use zoa_proto::Version;
use zoa_proto::request::Delete;
use zoa_proto::request::GetChildren;
use zoa_proto::request::GetData;
use zoa_proto::request::SetData;

use crate::bench::closed_loop::Operations;
use crate::bench::closed_loop::Outlet;
use crate::bench::grounds::Layout;
use crate::bench::line::Class;
use crate::bench::session::check_multi;
use crate::bench::session::create;
use crate::bench::session::multi_ops;
use crate::bench::session::open_acl;
use crate::bench::swarm::Reply;

/// Chooses keys: fast, and the same at each run. (Marsaglia's xorshift; nothing here must be
/// unpredictable.)
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// One of many, each of which chooses in its own way.
    pub(crate) fn seeded(number: usize) -> Self {
        let number = u64::try_from(number).unwrap_or(0);
        let mut dice = Self(Self::new().0.wrapping_mul(number * 2 + 1));
        // Neighbours are alike at first.
        (0..8).for_each(|_| {
            dice.below(2);
        });
        dice
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }

    fn pick<'a>(&mut self, keys: &'a [String]) -> &'a str {
        keys.get(self.below(keys.len())).map_or("/", String::as_str)
    }
}

fn set_data<'a>(path: &'a str, data: &'a [u8]) -> SetData<'a> {
    SetData {
        path,
        data: Some(data),
        version: Version::ANY,
    }
}

/// getData and setData of random keys, the first in `reads` of a hundred requests.
pub(crate) struct ReadsAndWrites {
    pub(crate) keys: Vec<String>,
    pub(crate) value: Vec<u8>,
    /// Share of reads, percent.
    pub(crate) reads: u8,
    pub(crate) dice: Dice,
}

impl ReadsAndWrites {
    /// The classes of a mixture.
    pub(crate) const CLASSES: &[&str] = &["read", "write"];
}

impl Operations for ReadsAndWrites {
    fn issue(&mut self, outlet: &mut Outlet<'_>) -> Result<bool> {
        let reads = self.dice.below(100) < usize::from(self.reads);
        let path = self.dice.pick(&self.keys);
        if reads {
            outlet.send(Class(0), &Request::GetData(GetData { path, watch: false }))?;
        } else {
            outlet.send(Class(1), &Request::SetData(set_data(path, &self.value)))?;
        }
        Ok(true)
    }
}

/// On each connection in turn: create a znode, delete it.
pub(crate) struct CreatesAndDeletes {
    directory: String,
    value: Vec<u8>,
    acl: Vec<u8>,
    /// For each connection, the requests sent so far: even ones create, odd ones delete.
    sent: Vec<usize>,
    path: String,
}

impl CreatesAndDeletes {
    /// Creates; deletes.
    pub(crate) const CLASSES: &[&str] = &["create", "delete"];

    pub(crate) fn new(directory: &str, value: Vec<u8>, connections: usize) -> Self {
        Self {
            directory: directory.to_owned(),
            value,
            acl: Vec::new(),
            sent: vec![0; connections],
            path: String::new(),
        }
    }
}

impl Operations for CreatesAndDeletes {
    fn issue(&mut self, outlet: &mut Outlet<'_>) -> Result<bool> {
        use std::fmt::Write as _;

        let connection = outlet.connection();
        let Some(sent) = self.sent.get_mut(connection) else {
            return Ok(false);
        };
        self.path.clear();
        write!(self.path, "{}/c{connection}-{}", self.directory, *sent / 2)?;
        if sent.is_multiple_of(2) {
            let acl = open_acl(&mut self.acl);
            outlet.send(
                Class(0),
                &Request::Create(create(&self.path, &self.value, acl)),
            )?;
        } else {
            let delete = Delete {
                path: &self.path,
                version: Version::ANY,
            };
            outlet.send(Class(1), &Request::Delete(delete))?;
        }
        *sent += 1;
        Ok(true)
    }
}

/// Multis of setData on random keys.
pub(crate) struct Multis {
    pub(crate) keys: Vec<String>,
    pub(crate) value: Vec<u8>,
    /// Operations in each multi.
    pub(crate) ops: usize,
    pub(crate) dice: Dice,
    pub(crate) scratch: Vec<u8>,
}

impl Multis {
    /// All are alike.
    pub(crate) const CLASSES: &[&str] = &["multi"];
}

impl Operations for Multis {
    fn issue(&mut self, outlet: &mut Outlet<'_>) -> Result<bool> {
        let Self {
            keys,
            value,
            ops,
            dice,
            scratch,
        } = self;
        let sets = (0..*ops).map(|_| MultiOp::SetData(set_data(dice.pick(keys), value)));
        outlet.send(
            Class(0),
            &Request::Multi(MultiOps::collect_into(sets, scratch)),
        )?;
        Ok(true)
    }

    fn check(&mut self, reply: &Reply<'_>) -> Result<()> {
        check_multi(reply.body)
    }
}

/// Creates so many znodes, in multis; ends when all are there. The directories for them are there.
pub(crate) struct Fill {
    layout: Layout,
    value: Vec<u8>,
    nodes: usize,
    created: usize,
    paths: Vec<String>,
    acl: Vec<u8>,
    scratch: Vec<u8>,
}

impl Fill {
    /// All are alike.
    pub(crate) const CLASSES: &[&str] = &["multi"];

    pub(crate) fn new(layout: Layout, value: Vec<u8>, nodes: usize) -> Self {
        Self {
            layout,
            value,
            nodes,
            created: 0,
            paths: Vec::new(),
            acl: Vec::new(),
            scratch: Vec::new(),
        }
    }
}

impl Operations for Fill {
    fn issue(&mut self, outlet: &mut Outlet<'_>) -> Result<bool> {
        let end = self.nodes.min(self.created + multi_ops(self.value.len()));
        if end == self.created {
            return Ok(false);
        }
        self.paths.clear();
        self.paths
            .extend((self.created..end).map(|number| self.layout.path(number)));
        self.created = end;
        let Self {
            paths,
            value,
            acl,
            scratch,
            ..
        } = self;
        let acl: AclList<'_> = open_acl(acl);
        let creates = paths
            .iter()
            .map(|path| MultiOp::Create(create(path, value, acl)));
        outlet.send(
            Class(0),
            &Request::Multi(MultiOps::collect_into(creates, scratch)),
        )?;
        Ok(true)
    }

    fn check(&mut self, reply: &Reply<'_>) -> Result<()> {
        check_multi(reply.body)
    }
}

/// setData on the first connections, getChildren of one large directory on the last.
pub(crate) struct WritesBesideLists {
    pub(crate) keys: Vec<String>,
    pub(crate) value: Vec<u8>,
    pub(crate) dice: Dice,
    /// The large directory.
    pub(crate) directory: String,
    /// How many connections write.
    pub(crate) writers: usize,
    /// Whether the last connection lists; otherwise it keeps still.
    pub(crate) listing: bool,
}

impl WritesBesideLists {
    /// Writes; lists.
    pub(crate) const CLASSES: &[&str] = &["write", "list"];
}

impl Operations for WritesBesideLists {
    fn issue(&mut self, outlet: &mut Outlet<'_>) -> Result<bool> {
        if outlet.connection() < self.writers {
            let path = self.dice.pick(&self.keys);
            outlet.send(Class(0), &Request::SetData(set_data(path, &self.value)))?;
        } else if self.listing {
            let list = GetChildren {
                path: &self.directory,
                watch: false,
            };
            outlet.send(Class(1), &Request::GetChildren(list))?;
        }
        Ok(outlet.connection() < self.writers || self.listing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_reach_every_key_about_equally_often() {
        let mut dice = Dice::new();
        let mut seen = [0_u32; 10];
        for _ in 0..10_000 {
            seen[dice.below(10)] += 1;
        }
        assert!(
            seen.iter().all(|&count| (800..1200).contains(&count)),
            "{seen:?}"
        );
    }
}
