//! The answer to a hello: yes, or why not.

use std::fmt;

use zoa_proto::PeerId;

/// Why a hello is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum HelloRefusal {
    /// It is meant for another server.
    NotMe {
        /// Who this one is.
        me: PeerId,
    },
    /// It says that it is this very server.
    SameId,
    /// It has the data of another cluster.
    OtherCluster,
    /// It was taken out of the ensemble, or another disk has its place.
    NoMember,
    /// One of the two cannot take, or give, a snapshot yet.
    TooEarly,
    /// It does not say what a server says.
    Malformed,
    /// It does not know the rules by which this cluster applies transactions: it is of an earlier version.
    TooOld,
    /// Its certificate is for none of the hosts by which the other knows it.
    OtherHost,
}

impl HelloRefusal {
    const ALL: [Self; 8] = [
        Self::NotMe { me: PeerId(0) },
        Self::SameId,
        Self::OtherCluster,
        Self::NoMember,
        Self::TooEarly,
        Self::Malformed,
        Self::TooOld,
        Self::OtherHost,
    ];

    fn code(self) -> u8 {
        match self {
            Self::NotMe { .. } => 1,
            Self::SameId => 2,
            Self::OtherCluster => 3,
            Self::NoMember => 4,
            Self::TooEarly => 5,
            Self::Malformed => 6,
            Self::TooOld => 7,
            Self::OtherHost => 8,
        }
    }
}

impl fmt::Display for HelloRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMe { me } => write!(
                f,
                "this is server {}: the address in the server.N line, or a myid, is another server's",
                me.0
            ),
            Self::SameId => f.write_str("both have the same myid"),
            Self::OtherCluster => f.write_str(
                "the two have data of different ensembles: one of them has the wrong data directory, or the wrong server.N lines",
            ),
            Self::NoMember => f.write_str(
                "it was taken out of the ensemble, or another disk has its myid: to let it join, start it with an empty data directory",
            ),
            Self::TooEarly => f.write_str("it is not so far yet that a snapshot makes sense"),
            Self::TooOld => f.write_str(
                "its program is of an earlier version than the ensemble goes by since all its servers were upgraded: upgrade this one",
            ),
            Self::OtherHost => f.write_str(
                "its certificate is for none of the hosts in its server.N line as the other server has it, whose log names them: give it \
                 a certificate for one of them, or correct the line",
            ),
            Self::Malformed => f.write_str(
                "what came is not what a server of this version says: its version differs, or it is no server",
            ),
        }
    }
}

/// The bytes of an answer: two.
#[must_use]
pub fn encode_answer(answer: Result<(), HelloRefusal>) -> Vec<u8> {
    match answer {
        Ok(()) => vec![0, 0],
        Err(refusal @ HelloRefusal::NotMe { me }) => vec![refusal.code(), me.0],
        Err(refusal) => vec![refusal.code(), 0],
    }
}

/// Reads an answer from all of these bytes; what is none counts as a refusal.
///
/// # Errors
/// When the hello was not accepted.
pub fn decode_answer(bytes: &[u8]) -> Result<(), HelloRefusal> {
    let (code, me) = match bytes {
        [0, 0] => return Ok(()),
        [code, me] => (*code, PeerId(*me)),
        _ => return Err(HelloRefusal::Malformed),
    };
    let found = HelloRefusal::ALL.into_iter().find(|it| it.code() == code);
    Err(match found {
        Some(HelloRefusal::NotMe { .. }) => HelloRefusal::NotMe { me },
        Some(other) => other,
        None => HelloRefusal::Malformed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::HELLO_ANSWER_LEN_MAX;

    #[test]
    fn answers_come_through_within_hello_answer_len_max() {
        assert_eq!(decode_answer(&encode_answer(Ok(()))), Ok(()));
        for refusal in HelloRefusal::ALL {
            let refusal = match refusal {
                HelloRefusal::NotMe { .. } => HelloRefusal::NotMe { me: PeerId(7) },
                other => other,
            };
            let bytes = encode_answer(Err(refusal));
            assert!(bytes.len() <= HELLO_ANSWER_LEN_MAX);
            assert_eq!(decode_answer(&bytes), Err(refusal));
        }
        for wrong in [&[][..], &[0], &[0, 0, 0], &[99, 0]] {
            assert_eq!(decode_answer(wrong), Err(HelloRefusal::Malformed));
        }
    }
}
