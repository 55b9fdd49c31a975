//! placeholder header, replaced by its owner
