//! The connections that watch one path. Mostly one; thousands for a configuration everybody follows.

use std::ops::BitOr;
use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::lane::ConnectionNumber;
use crate::lane::Lane;

/// A set of watch kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const DATA: Self = Self(1);
    pub(crate) const CHILD: Self = Self(2);
    pub(crate) const PERSISTENT: Self = Self(4);
    pub(crate) const RECURSIVE: Self = Self(8);
    pub(crate) const ALL: Self = Self(15);

    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0 && !other.is_none()
    }

    pub(crate) fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// In how many of the original's two tables it stands: one for data, which has the recursive ones, too, and one for children.
    pub(crate) fn tables_count(self) -> usize {
        let in_data = self.intersects(Self::DATA | Self::PERSISTENT | Self::RECURSIVE);
        let in_child = self.intersects(Self::CHILD | Self::PERSISTENT);
        usize::from(in_data) + usize::from(in_child)
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Above this many the connections of a path are found by hash.
const FEW: usize = 8;

/// The connections of one path, each with the kinds it holds (never none of them).
#[derive(Debug)]
pub(crate) enum Watchers {
    Few(SmallVec<[(Arc<Lane>, Kinds); 1]>),
    /// Connection numbers are our own, so an ordinary hash would do; the order decides nothing.
    Many(HashMap<ConnectionNumber, (Arc<Lane>, Kinds), crate::hashing::KeyedHasher>),
}

impl Default for Watchers {
    fn default() -> Self {
        Self::Few(SmallVec::new())
    }
}

impl Watchers {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many(many) => many.is_empty(),
        }
    }

    pub(crate) fn held(&self, connection: ConnectionNumber) -> Kinds {
        match self {
            Self::Few(few) => few
                .iter()
                .find(|(lane, _)| lane.number() == connection)
                .map_or(Kinds::NONE, |it| it.1),
            Self::Many(many) => many.get(&connection).map_or(Kinds::NONE, |it| it.1),
        }
    }

    /// Adds kinds; returns those held before.
    pub(crate) fn add(&mut self, lane: &Arc<Lane>, kinds: Kinds) -> Kinds {
        if let Some(held) = self.find_mut(lane.number()) {
            let before = *held;
            *held = before | kinds;
            return before;
        }
        self.insert(lane, kinds);
        Kinds::NONE
    }

    /// Removes kinds; returns those of them that were held.
    pub(crate) fn remove(&mut self, connection: ConnectionNumber, kinds: Kinds) -> Kinds {
        let Some(held) = self.find_mut(connection) else {
            return Kinds::NONE;
        };
        let removed = held.and(kinds);
        *held = held.without(kinds);
        if held.is_none() {
            match self {
                Self::Few(few) => few.retain(|(lane, _)| lane.number() != connection),
                Self::Many(many) => {
                    many.remove(&connection);
                }
            }
        }
        removed
    }

    /// Tells everyone who holds one of `heard`, and takes `consumed` from them; `tell` also learns whether nothing is left. Returns how
    /// many places in the original's tables became free.
    pub(crate) fn fire(
        &mut self,
        heard: Kinds,
        consumed: Kinds,
        mut tell: impl FnMut(&Arc<Lane>, bool),
    ) -> usize {
        let mut freed = 0;
        let mut keep = |lane: &Arc<Lane>, kinds: &mut Kinds| {
            if !kinds.intersects(heard) {
                return true;
            }
            let before = kinds.tables_count();
            *kinds = kinds.without(consumed);
            freed += before - kinds.tables_count();
            tell(lane, kinds.is_none());
            !kinds.is_none()
        };
        match self {
            Self::Few(few) => few.retain(|(lane, kinds)| keep(lane, kinds)),
            Self::Many(many) => many.retain(|_, (lane, kinds)| keep(lane, kinds)),
        }
        freed
    }

    /// The lanes that hold one of `kinds`.
    pub(crate) fn with(&self, kinds: Kinds) -> impl Iterator<Item = &Arc<Lane>> {
        let (few, many) = match self {
            Self::Few(few) => (Some(few.iter()), None),
            Self::Many(many) => (None, Some(many.values())),
        };
        let few = few.into_iter().flatten().map(|(lane, held)| (lane, *held));
        let many = many.into_iter().flatten().map(|(lane, held)| (lane, *held));
        few.chain(many)
            .filter(move |(_, held)| held.intersects(kinds))
            .map(|(lane, _)| lane)
    }

    fn find_mut(&mut self, connection: ConnectionNumber) -> Option<&mut Kinds> {
        match self {
            Self::Few(few) => few
                .iter_mut()
                .find(|(lane, _)| lane.number() == connection)
                .map(|it| &mut it.1),
            Self::Many(many) => many.get_mut(&connection).map(|it| &mut it.1),
        }
    }

    fn insert(&mut self, lane: &Arc<Lane>, kinds: Kinds) {
        match self {
            Self::Few(few) if few.len() < FEW => few.push((Arc::clone(lane), kinds)),
            Self::Few(few) => {
                let mut many: HashMap<_, _, _> =
                    few.drain(..).map(|it| (it.0.number(), it)).collect();
                many.insert(lane.number(), (Arc::clone(lane), kinds));
                *self = Self::Many(many);
            }
            Self::Many(many) => {
                many.insert(lane.number(), (Arc::clone(lane), kinds));
            }
        }
    }
}
