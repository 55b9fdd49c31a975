//! The one integration binary of xtask: tidy against planted violations, the scripts against stand-ins.

mod fixture;
mod tidy;
