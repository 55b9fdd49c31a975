//! The two contenders, where their servers keep their data, and who is measured in which part.

use std::path::PathBuf;

use anyhow::Context as _;
use anyhow::Result;

use crate::bench::cluster::ensemble::Ensemble;
use crate::bench::compare::Named;
use crate::bench::compare::Side;
use crate::bench::compare::tell;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Arena {
    pub(crate) left: Named,
    pub(crate) right: Option<Named>,
    pub(crate) dir: PathBuf,
}

impl Arena {
    /// Both, the yardstick first.
    pub(crate) fn both(&self) -> Vec<(Side, &Named)> {
        let right = self.right.iter().map(|named| (Side::Right, named));
        right.chain([(Side::Left, &self.left)]).collect()
    }

    /// The one under test alone.
    pub(crate) fn left(&self) -> (Side, &Named) {
        (Side::Left, &self.left)
    }

    /// Three empty servers of one contender, serving.
    pub(crate) fn ensemble(&self, named: &Named) -> Result<Ensemble> {
        let mut ensemble = Ensemble::prepare(&named.command, &self.dir.join("ensemble"))?;
        let started = ensemble.start_all();
        started.with_context(|| format!("an ensemble of {}", named.name))?;
        Ok(ensemble)
    }
}

/// Says how a part gets on.
pub(crate) fn progress(part: &str, named: &Named, text: &str) {
    tell(&format!("{part}, {}: {text}", named.name));
}
