//! What the generator believes the tree to be: enough to choose operations that succeed.
//!
//! Not a model that judges: the left server does. It learns from the left server's replies only, so that a
//! seed makes the same operations whatever the right server does.

use super::step::Effect;
use super::step::Slot;
use crate::random::Random;
use std::collections::BTreeMap;

/// A znode as far as choosing goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) version: i32,
    pub(crate) aversion: i32,
    pub(crate) owner: Option<Slot>,
    /// Not open to everyone.
    pub(crate) restricted: bool,
    pub(crate) children: usize,
}

/// The tree below the working root.
#[derive(Default)]
pub(crate) struct Knowledge {
    nodes: BTreeMap<String, Known>,
}

/// The znode below which random operations work.
pub(crate) const WORK: &str = "/w";

fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(at) => path.get(..at).unwrap_or_default(),
        None => "",
    }
}

impl Knowledge {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn known(&self, path: &str) -> Option<&Known> {
        self.nodes.get(path)
    }

    /// A znode that `wanted` accepts; `None` when there is none.
    pub(crate) fn choose(
        &self,
        random: &mut Random,
        wanted: impl Fn(&Known) -> bool,
    ) -> Option<String> {
        let fitting: Vec<&String> = self
            .nodes
            .iter()
            .filter(|(_, known)| wanted(known))
            .map(|(path, _)| path)
            .collect();
        random.pick(&fitting).map(|path| (*path).clone())
    }

    /// Any znode open to everyone; the working root when there is none.
    pub(crate) fn any(&self, random: &mut Random) -> String {
        self.choose(random, |known| !known.restricted)
            .unwrap_or_else(|| WORK.to_owned())
    }

    /// A znode that may have children.
    pub(crate) fn any_parent(&self, random: &mut Random) -> String {
        if random.chance(40) {
            return WORK.to_owned();
        }
        self.choose(random, |known| !known.restricted && known.owner.is_none())
            .filter(|path| path.matches('/').count() < 5)
            .unwrap_or_else(|| WORK.to_owned())
    }

    /// Learns that a request succeeded. `created` is the name the server gave.
    pub(crate) fn learn(&mut self, slot: Slot, effect: &Effect, created: Option<&str>) {
        match effect {
            Effect::Nothing | Effect::Multi(_) => {}
            Effect::Create {
                path,
                ephemeral,
                restricted,
            } => {
                let path = created.unwrap_or(path).to_owned();
                let above = parent(&path).to_owned();
                let owner = ephemeral.then_some(slot);
                self.nodes.insert(
                    path,
                    Known {
                        owner,
                        restricted: *restricted,
                        ..Known::default()
                    },
                );
                if let Some(known) = self.nodes.get_mut(&above) {
                    known.children += 1;
                }
            }
            Effect::Delete { path } => self.forget(path),
            Effect::SetData { path } => {
                if let Some(known) = self.nodes.get_mut(path) {
                    known.version += 1;
                }
            }
            Effect::SetAcl { path, restricted } => {
                if let Some(known) = self.nodes.get_mut(path) {
                    known.aversion += 1;
                    known.restricted = *restricted;
                }
            }
        }
    }

    fn forget(&mut self, path: &str) {
        if self.nodes.remove(path).is_some()
            && let Some(known) = self.nodes.get_mut(parent(path))
        {
            known.children = known.children.saturating_sub(1);
        }
    }

    /// The ephemerals of a closed session go.
    pub(crate) fn session_closed(&mut self, slot: Slot) {
        let gone: Vec<String> = self
            .nodes
            .iter()
            .filter(|(_, known)| known.owner == Some(slot))
            .map(|(path, _)| path.clone())
            .collect();
        for path in gone {
            self.forget(&path);
        }
    }
}
