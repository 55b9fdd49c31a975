//! Frames: a 4-byte length, then that many bytes, in both directions.
//!
//! The first four bytes of a connection may be a four-letter word or the start of a TLS hello
//! instead: see `Opening`, which is asked before the first frame.
//!
//! Invariant: the length is judged as soon as its four bytes are there, before any byte of the
//! body is waited for or kept (G-22).

use crate::jute::Writer;
use crate::limits::FRAME_LEN_CEILING;
use crate::limits::FRAME_LEN_MAX;
use crate::limits::FRAME_PREFIX_LEN;

/// How long a frame from the peer may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameLimits {
    /// The longest body accepted, in bytes; one of exactly this length passes.
    pub frame_len_max: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        Self {
            frame_len_max: FRAME_LEN_MAX,
        }
    }
}

/// Why a frame is refused; the connection is closed without a word, as the reference does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A length below 0.
    #[error("frame of negative length {0}")]
    NegativeLength(i32),
    /// A length above the limit.
    #[error("frame of {len} bytes, at most {len_max} are allowed")]
    TooLong {
        /// The length claimed or reached.
        len: usize,
        /// The limit.
        len_max: usize,
    },
}

/// Finds the first whole frame in `buf`: its body, and how many bytes of `buf` it takes.
///
/// `Ok(None)` means that more bytes are needed; [`frame_len`] tells how many. An empty frame is
/// a frame: its missing header is then refused.
pub fn next_frame(buf: &[u8], limits: FrameLimits) -> Result<Option<(&[u8], usize)>, FrameError> {
    let Some(len) = frame_len(buf, limits)? else {
        return Ok(None);
    };
    let consumed = FRAME_PREFIX_LEN + len;
    Ok(buf
        .get(FRAME_PREFIX_LEN..consumed)
        .map(|frame| (frame, consumed)))
}

/// The length of the first frame's body, as soon as its prefix is there.
pub fn frame_len(buf: &[u8], limits: FrameLimits) -> Result<Option<usize>, FrameError> {
    let Some(prefix) = buf.first_chunk::<FRAME_PREFIX_LEN>() else {
        return Ok(None);
    };
    let wire = i32::from_be_bytes(*prefix);
    let len = usize::try_from(wire).map_err(|_| FrameError::NegativeLength(wire))?;
    let len_max = limits.frame_len_max;
    if len > len_max {
        return Err(FrameError::TooLong { len, len_max });
    }
    Ok(Some(len))
}

/// Appends one frame, its body written by `body`, and patches its length.
///
/// A body beyond 2^31 - 1 bytes cannot be framed: `buf` is then as it was before.
pub fn encode_frame(
    buf: &mut Vec<u8>,
    body: impl FnOnce(&mut Writer<'_>),
) -> Result<(), FrameError> {
    encode_frame_within(buf, FRAME_LEN_CEILING, body)
}

/// As [`encode_frame`], with the limit as an argument so that a test can reach it.
pub(crate) fn encode_frame_within(
    buf: &mut Vec<u8>,
    len_max: usize,
    body: impl FnOnce(&mut Writer<'_>),
) -> Result<(), FrameError> {
    let start = buf.len();
    buf.extend_from_slice(&[0; FRAME_PREFIX_LEN]);
    body(&mut Writer::new(buf));
    let len = buf.len() - start - FRAME_PREFIX_LEN;
    let prefix = i32::try_from(len).ok().filter(|_| len <= len_max);
    let Some(prefix) = prefix else {
        buf.truncate(start);
        return Err(FrameError::TooLong { len, len_max });
    };
    let place = buf
        .get_mut(start..)
        .and_then(<[u8]>::first_chunk_mut::<FRAME_PREFIX_LEN>);
    if let Some(place) = place {
        *place = prefix.to_be_bytes();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::FrameError;
    use super::encode_frame_within;

    #[test]
    fn a_body_too_long_to_be_framed_leaves_the_buffer_as_it_was() {
        let mut buf = b"before".to_vec();
        let framed = encode_frame_within(&mut buf, 3, |writer| writer.raw(b"four"));
        assert_eq!(framed, Err(FrameError::TooLong { len: 4, len_max: 3 }));
        assert_eq!(buf, b"before");
        let framed = encode_frame_within(&mut buf, 4, |writer| writer.raw(b"four"));
        assert_eq!(framed, Ok(()));
        assert_eq!(buf, b"before\0\0\0\x04four");
    }
}
