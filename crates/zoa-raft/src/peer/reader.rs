//! Reads fields from received bytes. Every read is checked, every length is bounded by what is there.

use bytes::Buf;
use bytes::Bytes;

use super::PeerFault;
use crate::limits::MEMBERS_MAX;
use crate::limits::TERM_OR_INDEX_MAX;

/// See the module.
pub(crate) struct Reader(Bytes);

impl Reader {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// All that is left.
    pub(crate) fn rest(self) -> Bytes {
        self.0
    }

    pub(crate) fn check_end(&self) -> Result<(), PeerFault> {
        if self.0.has_remaining() {
            return Err(PeerFault::TrailingBytes);
        }
        Ok(())
    }

    pub(crate) fn read_u8(&mut self) -> Result<u8, PeerFault> {
        self.0.try_get_u8().map_err(|_| PeerFault::Truncated)
    }

    pub(crate) fn read_u32(&mut self) -> Result<u32, PeerFault> {
        self.0.try_get_u32().map_err(|_| PeerFault::Truncated)
    }

    /// A term, an index or an id.
    pub(crate) fn read_number(&mut self) -> Result<u64, PeerFault> {
        let number = self.0.try_get_u64().map_err(|_| PeerFault::Truncated)?;
        if number > TERM_OR_INDEX_MAX {
            return Err(PeerFault::NumberOutOfRange);
        }
        Ok(number)
    }

    pub(crate) fn read_bool(&mut self) -> Result<bool, PeerFault> {
        match self.read_u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(PeerFault::NotABool(other)),
        }
    }

    pub(crate) fn read_bytes(&mut self) -> Result<Bytes, PeerFault> {
        let len = usize::try_from(self.read_u32()?).map_err(|_| PeerFault::Truncated)?;
        if len > self.0.remaining() {
            return Err(PeerFault::Truncated);
        }
        Ok(self.0.split_to(len))
    }

    pub(crate) fn read_ids(&mut self) -> Result<Vec<u64>, PeerFault> {
        let count = usize::try_from(self.read_u32()?).map_err(|_| PeerFault::BadMembers)?;
        if count > MEMBERS_MAX {
            return Err(PeerFault::BadMembers);
        }
        let mut ids = Vec::new();
        for _ in 0..count {
            let id = self.read_number()?;
            if id == 0 || ids.contains(&id) {
                return Err(PeerFault::BadMembers);
            }
            ids.push(id);
        }
        Ok(ids)
    }
}
