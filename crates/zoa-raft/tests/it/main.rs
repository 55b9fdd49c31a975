//! Whole raft loops, driven through their public face only.

mod chaos;
mod checked_disk;
mod cluster;
mod elections;
mod hostile;
mod lagging;
mod members;
mod replication;
mod single;
mod transfer;
mod wire;
