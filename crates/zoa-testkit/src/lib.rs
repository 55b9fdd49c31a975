//! The simulated world and the judges in it: time, network, disk, clients, an independent model, and a checker a guarantee.
//!
//! Development only: nothing that ships depends on it. It holds no loop of the server's; `zoa-sim` puts the production loops
//! into this world.
//!
//! Invariant: everything here is a function of the seed; no clock, no random source, no thread.
//!
//! ```text
//!   rng, clock --> workload, faults --> client (bytes) <==> the production code <==> disk
//!                                          |                      |
//!                                      history                 applied
//!                                          `------ replay ------'
//!                                         (model)    |
//!                                                checkers --> violations
//! ```

pub mod applied;
pub mod checkers;
pub mod client;
pub mod clock;
pub mod disk;
pub mod faults;
pub mod history;
pub mod model;
pub mod net;
pub mod observed;
pub mod op;
pub mod people;
pub mod replay;
pub mod rng;
pub mod wire;
pub mod workload;
