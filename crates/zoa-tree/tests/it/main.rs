//! What the tree promises, tried through its public face only.

mod world;

mod create;
