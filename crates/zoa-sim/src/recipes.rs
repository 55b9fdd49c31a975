//! Recipes in the simulated world: the code of zoa-recipes, on production clients, against the production server.
//!
//! A user of these scenarios has a script: tasks that call recipes and say in a ledger what these gave them. An executor of its own
//! polls them whenever their client was driven; what they ask goes through the same client, wires and judges as in the clients'
//! scenario.
//!
//! It knows nothing of how a recipe works. Invariant: the ledger believes only what a recipe *said*, and the world's clock.
//!
//! ```text
//!   scripts -- recipe --> keeper.rs --> desk.rs (asks) --> world/users.rs --> Client --> server
//!      |  ledger.rs <-- what it said        ^--- answers, events, time ---'
//! ```

mod answers;
mod desk;
mod executor;
mod keeper;
mod ledger;
mod program;
mod scripts;
mod tally;
#[cfg(test)]
mod tests;

pub(crate) use ledger::Ledger;
pub(crate) use program::Program;
pub(crate) use scripts::Subject;
pub use tally::RecipeTally;
