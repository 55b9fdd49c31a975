//! Recipes: locks, elections, queues and the rest of what applications build on ZooKeeper.
//!
//! Each recipe stands in a file of its own, whose head states its guarantee and its limits. They are asynchronous code over the
//! trait [`Keeper`], which clients implement; nothing else is awaited. So the simulator runs the same code against the server
//! that ships, with crashes, lost connections and expired sessions (`zoa-sim --scenario recipes`).
//!
//! It is *not* a client, and starts no task, reads no clock and draws no random number by itself.
//!
//! Invariants of all recipes: a lost connection is no error, they go on when there is one again. What belongs to a session ends
//! with it, and a recipe then says [`Error::SessionEnded`]: make a new client and begin again. A write whose outcome is unknown is
//! looked for before it is repeated (G-02). A future that is dropped leaves nothing behind that others wait for.
//!
//! ```text
//! Lock ... Queue            one file each
//!   line, calls             a place in line; requests that outlast lost connections
//!   Keeper                  zoa_client::Client, or the simulator
//! ```

mod calls;
mod error;
mod hold;
mod keeper;
mod line;
mod lock;
mod race;

pub use error::Error;
pub use hold::FencingToken;
pub use hold::Hold;
pub use hold::HoldState;
pub use keeper::Answer;
pub use keeper::Ask;
pub use keeper::Failure;
pub use keeper::Keeper;
pub use keeper::Known;
pub use keeper::Read;
pub use keeper::Standing;
pub use keeper::Step;
pub use lock::Lock;
