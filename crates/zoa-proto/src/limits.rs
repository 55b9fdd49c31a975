//! The bounds of the protocol, each named once.
//!
//! Whoever keeps a queue or a buffer has its own limits file; here stand only those that the
//! bytes themselves have.

/// The longest frame accepted from a peer unless configured otherwise (`jute.maxbuffer`), in
/// bytes: 0xfffff. A frame of exactly this length is accepted.
pub const FRAME_LEN_MAX: usize = 0x000f_ffff;

/// The longest body a frame can carry at all: its length is a signed 32-bit integer.
pub const FRAME_LEN_CEILING: usize = 0x7fff_ffff;

/// Bytes of the length in front of each frame.
pub const FRAME_PREFIX_LEN: usize = 4;

/// Bytes of a session password.
pub const SESSION_PASSWORD_LEN: usize = 16;
