//! Production clients in the simulated world: users with a `Client` of zoa-client-core each, and the judges of what it tells them.
//!
//! The world carries their bytes to the same simulated server that the other clients of a run use; everything on those wires is
//! noted in the history too, so the checkers of the server's promises see these clients as well. Judged here is what a client adds:
//! what it *tells* its user is laid beside what was on the wire and what was committed.
//!
//! It is *not* a driver with sockets; that part is in `world/users.rs`. Invariant: nothing here is drawn from anything but the seed,
//! and a client is only called as a driver may call it.
//!
//! ```text
//!   user.rs -- ask.rs --> Client<u32> -- told.rs --> life.rs (asked, told) --.
//!                            | bytes                                          |
//!                          tap.rs --> history --> checkers, replay --> judge.rs --> violations
//! ```

mod ask;
mod judge;
mod life;
mod places;
mod reading;
mod tally;
mod tap;
mod told;
mod user;

pub(crate) use judge::judge;
pub(crate) use life::Life;
pub(crate) use life::Peer;
pub(crate) use life::Socket;
pub(crate) use places::ENSEMBLE_COUNT;
pub(crate) use places::Place;
pub(crate) use places::fake_words;
pub(crate) use places::place_of;
pub(crate) use places::resolve;
pub use tally::Tally;
pub(crate) use tap::Tap;
pub(crate) use told::Told;
pub(crate) use told::Verdict;
pub(crate) use user::Move;
pub(crate) use user::User;
pub(crate) use user::Way;
pub(crate) use user::user_address;
