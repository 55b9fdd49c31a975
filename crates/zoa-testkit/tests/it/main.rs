//! The simulated world under test, and what it shows about the durable code.

mod disk_conformance;
mod durability;
