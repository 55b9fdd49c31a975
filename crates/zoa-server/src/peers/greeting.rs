//! The first words on a connection: who is here, and may it stay?
//!
//! ```text
//!   dialing side                      accepting side
//!   hello  ------------------------>  judged
//!          <------------------------  its own hello, and its answer
//!   judged
//!   answer ------------------------>
//! ```
//!
//! What it is not: the judgement, which is `zoa_ensemble`'s. Invariant: before both have accepted, no frame is longer than
//! [`HELLO_LEN_MAX`], none goes further than this file, and all of it is over within [`GREETING_TIME`].

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use zoa_ensemble::Hello;
use zoa_ensemble::HelloRefusal;
use zoa_ensemble::Identity;
use zoa_ensemble::Purpose;
use zoa_ensemble::decode_answer;
use zoa_ensemble::encode_answer;
use zoa_ensemble::judge;
use zoa_ensemble::limits::HELLO_LEN_MAX;
use zoa_proto::PeerId;
use zoa_tls::OtherHost;

use super::framing;
use super::framing::FrameReader;
use super::stream::PeerStream;
use crate::limits::GREETING_TIME;

/// Why a connection did not come to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum GreetingFault {
    /// The socket, or silence.
    #[error("{0}")]
    Broken(String),
    /// TLS: one side has shown no certificate that the other believes, or does not speak TLS at all.
    #[error(
        "{0}; with sslQuorum=true both sides must show a certificate of an authority that is in the other's \
         ssl.quorum.trustStore.location"
    )]
    Unproven(String),
    /// The certificate that was shown is not for who it says it is.
    #[error(
        "server {} is refused: {why}. Give it a certificate for that, or correct its server.{} line here; \
         ssl.quorum.clientHostnameVerification=false gives this up",
        peer.0,
        peer.0
    )]
    Misnamed {
        /// Who it says it is.
        peer: PeerId,
        /// What was expected, and what it has.
        why: OtherHost,
    },
    /// The other server does not want this one.
    #[error("server {} refuses this one: {refusal}", peer.0)]
    RefusedByThem {
        /// Which server.
        peer: PeerId,
        /// Why.
        refusal: HelloRefusal,
    },
    /// This server does not want the other one.
    #[error("server {} is refused: {refusal}", peer.0)]
    RefusedByUs {
        /// Who it says it is; 0 when it did not say.
        peer: PeerId,
        /// Why.
        refusal: HelloRefusal,
    },
}

impl From<std::io::Error> for GreetingFault {
    fn from(error: std::io::Error) -> Self {
        let is_tls = error
            .get_ref()
            .is_some_and(|inner| inner.is::<rustls::Error>());
        let kind = if is_tls { Self::Unproven } else { Self::Broken };
        kind(error.to_string())
    }
}

/// A server that was accepted and has accepted, and where its frames begin.
pub(super) type Greeted = (Hello, FrameReader);

/// The dialing side.
pub(super) async fn call(
    stream: &mut PeerStream,
    identity: &Identity,
    (to, purpose): (PeerId, Purpose),
) -> Result<Greeted, GreetingFault> {
    in_time(async {
        write_frame(stream, &identity.hello(to, purpose).encode()).await?;
        let mut frames = FrameReader::new(HELLO_LEN_MAX);
        let theirs = read_frame(stream, &mut frames).await?;
        let their_answer = read_frame(stream, &mut frames).await?;
        if let Err(refusal) = decode_answer(&their_answer) {
            return Ok(Err(GreetingFault::RefusedByThem { peer: to, refusal }));
        }
        let judged = Hello::decode(&theirs)
            .map_err(|_| HelloRefusal::Malformed)
            .and_then(|hello| judge_answerer(identity, to, hello));
        let answer = judged.as_ref().map(drop).map_err(|refusal| *refusal);
        write_frame(stream, &encode_answer(answer)).await?;
        let peer = to;
        let greeted = judged.map(|hello| (hello, frames));
        Ok(greeted.map_err(|refusal| GreetingFault::RefusedByUs { peer, refusal }))
    })
    .await
}

/// Who answers must be who was called.
fn judge_answerer(identity: &Identity, to: PeerId, hello: Hello) -> Result<Hello, HelloRefusal> {
    if hello.me != to {
        return Err(HelloRefusal::NotMe { me: hello.me });
    }
    judge(identity, &hello).map(|()| hello)
}

/// The accepting side. `check_name` looks at the certificate of whoever says that.
pub(super) async fn answer(
    stream: &mut PeerStream,
    identity: &Identity,
    check_name: impl Fn(&Hello) -> Result<(), OtherHost>,
) -> Result<Greeted, GreetingFault> {
    in_time(async {
        let mut frames = FrameReader::new(HELLO_LEN_MAX);
        let theirs = Hello::decode(&read_frame(stream, &mut frames).await?);
        let (to, purpose) = match &theirs {
            Ok(hello) => (hello.me, hello.purpose),
            Err(_) => (PeerId(0), Purpose::Messages),
        };
        let judged = theirs
            .map_err(|_| HelloRefusal::Malformed)
            .and_then(|hello| judge(identity, &hello).map(|()| hello));
        let named = judged.as_ref().map_or(Ok(()), &check_name);
        let answer = match &named {
            Ok(()) => judged.as_ref().map(drop).map_err(|refusal| *refusal),
            Err(_) => Err(HelloRefusal::OtherHost),
        };
        write_frame(stream, &identity.hello(to, purpose).encode()).await?;
        write_frame(stream, &encode_answer(answer)).await?;
        if let Err(why) = named {
            return Ok(Err(GreetingFault::Misnamed { peer: to, why }));
        }
        let hello = match judged {
            Ok(hello) => hello,
            Err(refusal) => return Ok(Err(GreetingFault::RefusedByUs { peer: to, refusal })),
        };
        let their_answer = read_frame(stream, &mut frames).await?;
        Ok(match decode_answer(&their_answer) {
            Ok(()) => Ok((hello, frames)),
            Err(refusal) => Err(GreetingFault::RefusedByThem { peer: to, refusal }),
        })
    })
    .await
}

async fn in_time(
    greeting: impl Future<Output = std::io::Result<Result<Greeted, GreetingFault>>>,
) -> Result<Greeted, GreetingFault> {
    match tokio::time::timeout(GREETING_TIME, greeting).await {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(GreetingFault::Broken(
            "it did not say who it is in time".to_owned(),
        )),
    }
}

/// Writes one frame and lets it go.
pub(super) async fn write_frame(stream: &mut PeerStream, frame: &[u8]) -> std::io::Result<()> {
    stream.write_all(&framing::head(frame)).await?;
    stream.write_all(frame).await?;
    stream.flush().await
}

/// Waits for the next frame.
pub(super) async fn read_frame(
    stream: &mut PeerStream,
    reader: &mut FrameReader,
) -> std::io::Result<Bytes> {
    loop {
        if let Some(frame) = reader.next().map_err(std::io::Error::other)? {
            return Ok(frame);
        }
        if stream.read_buf(reader.room()).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
