//! What was acknowledged survives (G-19), and after a failure nothing is acknowledged (G-20): shown by enumerating every I/O
//! operation of a set of scenarios, not by sampling.
//!
//! What it is not: a test of what the entries mean.

mod check;
mod crashes;
mod damage;
mod faults;
mod lies;
mod life;
mod model;
mod random;
mod scenarios;
