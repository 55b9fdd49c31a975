//! The program as a user runs it: its commands as processes, and what they print.

mod bench;
mod farm;
mod serving;
