//! Whole raft loops, driven through their public face only.

mod checked_disk;
mod cluster;
mod single;
mod wire;
