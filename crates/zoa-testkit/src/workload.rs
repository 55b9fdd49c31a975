//! What simulated clients do, drawn from the seed: which operation on which znode, how deep the pipeline, when to come and go.
//!
//! The generator knows only what its client has seen. It is made so that most operations succeed and the rest fail in as many
//! ways as there are: bugs show up where operations meet, so names are few and shared.
//!
//! Invariant: equal seeds and equal answers give equal behaviour. A checker can only find what is generated here: whatever the
//! server serves is to be in `operations`.

mod administrator;
mod glutton;
mod memory;
mod operations;
mod profile;
mod program;
mod scan;

pub use administrator::Administrator;
pub use administrator::Ensemble;
pub use glutton::Appetite;
pub use glutton::Glutton;
pub use memory::Memory;
pub use operations::OpSource;
pub use profile::Profile;
pub use program::Act;
pub use program::Program;
pub use scan::Scan;

/// Directories that the first client makes, so that the others have something to work on.
pub const BASE: [&str; 8] = ["/a", "/a/x", "/b", "/q", "/e", "/locked", "/big", "/pair"];
