//! The client core from outside: scripts rule by rule, and a seeded simulation of everything at once.
//!
//! In a script the test plays the server and the driver by hand; in the simulation a small model of a server does, over a
//! network that delays, cuts and resets.

#![allow(clippy::indexing_slicing, reason = "a test may panic")]

mod closing;
mod connecting;
mod hostile;
mod limits;
mod read_only;
mod requests;
mod script;
mod simulation;
mod watching;
