//! The requests about the session and the connection itself.
//!
//! Tokens are secrets: Debug output leaves them out (G-25).

use std::fmt;

use super::field::record;
use crate::decode_error::DecodeError;
use crate::jute::Reader;
use crate::jute::Writer;

record! {
    /// An auth packet.
    Auth<'a> {
        /// Without meaning; clients send 0.
        auth_type: i32,
        /// How to authenticate: `digest`, ...
        scheme: &'a str,
        /// The proof, e.g. `user:password`.
        auth: Option<&'a [u8]>,
    }
}

impl fmt::Debug for Auth<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("auth_type", &self.auth_type)
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

record! {
    /// A step of a SASL exchange.
    Sasl<'a> {
        /// The client's token.
        token: Option<&'a [u8]>,
    }
}

impl fmt::Debug for Sasl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl").finish_non_exhaustive()
    }
}

/// The body of getEphemerals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetEphemerals<'a> {
    /// What the paths must start with, as plain text; empty for all, and null reads as empty.
    pub prefix: &'a str,
}

impl<'a> GetEphemerals<'a> {
    /// Reads the record; what follows it stays in the reader.
    pub fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            prefix: reader.ustring()?,
        })
    }

    /// Writes the record.
    pub fn encode(&self, writer: &mut Writer<'_>) {
        writer.ustring(self.prefix);
    }
}
