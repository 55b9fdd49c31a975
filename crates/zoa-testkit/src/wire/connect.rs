//! The first frame of a connection and its answer (reference: section 1.2).

use super::unreadable;
use crate::history::ConnectAnswer;
use crate::history::ConnectAsk;
use zoa_proto::frame::encode_frame;
use zoa_proto::jute::Reader;

/// The frame of a ConnectRequest, with the read-only byte that today's clients send.
pub fn encode(asked: &ConnectAsk) -> Vec<u8> {
    let mut bytes = Vec::new();
    let framed = encode_frame(&mut bytes, |writer| {
        writer.int(0);
        writer.long(asked.last_zxid_seen);
        writer.int(asked.timeout_ms);
        writer.long(asked.session);
        writer.buffer(Some(&asked.password));
        writer.boolean(false);
    });
    assert!(framed.is_ok(), "a connect request is short");
    bytes
}

/// Reads the body of a ConnectResponse.
///
/// # Errors
/// Says what is wrong with the bytes.
pub fn decode(frame: &[u8]) -> Result<ConnectAnswer, String> {
    let mut reader = Reader::new(frame);
    let mut read = || {
        reader.int()?;
        let answer = ConnectAnswer {
            timeout_ms: reader.int()?,
            session: reader.long()?,
            password: reader.buffer()?.unwrap_or_default().to_vec(),
        };
        reader.boolean()?;
        Ok(answer)
    };
    let answer = read().map_err(unreadable)?;
    if reader.remaining() == 0 {
        Ok(answer)
    } else {
        Err("bytes behind a connect response".to_owned())
    }
}
