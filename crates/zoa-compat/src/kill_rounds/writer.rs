//! One writing connection: writes until the server dies, then looks at what was left.

use super::ledger::Directory;
use super::ledger::Ledger;
use super::ledger::Write;
use crate::link::Incoming;
use crate::link::Link;
use crate::random::Random;
use crate::wire::Acl;
use crate::wire::Body;
use crate::wire::ConnectRequest;
use crate::wire::ConnectResponse;
use crate::wire::Cursor;
use crate::wire::ReplyHeader;
use crate::wire::op;
use anyhow::Context;
use anyhow::bail;
use std::time::Duration;

/// Where all directories lie.
pub(crate) const ROOT: &str = "/kill";
const IN_FLIGHT_MAX: usize = 4;
/// More children than this are deleted again.
const CHILDREN_MANY: usize = 40;
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Long enough for a session to outlive a restart.
const TIMEOUT_MS: i32 = 60_000;
/// The data of a write that must be refused.
const REFUSED: u64 = u64::MAX;

/// A connection's session and its ledger, kept over all rounds.
pub(crate) struct Writer {
    place: usize,
    random: Random,
    session: Option<ConnectResponse>,
    ledger: Ledger,
    last_zxid: i64,
    next: u64,
    /// Acknowledged and refused writes so far.
    pub(crate) acknowledged: usize,
    pub(crate) refused: usize,
}

fn new_child(path: &str, data: u64) -> Vec<u8> {
    Body::new()
        .text(path)
        .bytes(Some(&data.to_be_bytes()))
        .acl(&Acl::open())
        .int(0)
        .done()
}

fn set(path: &str, data: u64, version: i32) -> Vec<u8> {
    Body::new()
        .text(path)
        .bytes(Some(&data.to_be_bytes()))
        .int(version)
        .done()
}

impl Writer {
    pub(crate) fn new(place: usize, seed: u64) -> Self {
        let stream = seed
            .wrapping_mul(1_000_003)
            .wrapping_add(u64::try_from(place).unwrap_or(0));
        Self {
            place,
            random: Random::new(stream),
            session: None,
            ledger: Ledger::default(),
            last_zxid: 0,
            next: 0,
            acknowledged: 0,
            refused: 0,
        }
    }

    fn directory(&self) -> String {
        format!("{ROOT}/c{}", self.place)
    }

    fn child(&self, number: u64) -> String {
        format!("{}/n{number}", self.directory())
    }

    /// Attaches the session, or opens it the first time. A session that was given must be known again.
    pub(crate) fn connect(&mut self, address: &str) -> anyhow::Result<Link> {
        let mut link = Link::open(address).context("connecting")?;
        let mut request = ConnectRequest::new(TIMEOUT_MS);
        if let Some(session) = &self.session {
            request.session = session.session;
            request.password.clone_from(&session.password);
            request.last_zxid = self.last_zxid;
        }
        let response = link
            .open_session(&request, ANSWER_WITHIN)
            .with_context(|| {
                format!(
                    "session {:#x} with last zxid {:#x} after the restart",
                    request.session, request.last_zxid
                )
            })?;
        self.session = Some(response);
        Ok(link)
    }

    /// Makes the directory, once.
    pub(crate) fn set_up(&mut self, address: &str) -> anyhow::Result<()> {
        let mut link = self.connect(address)?;
        link.send(1, op::CREATE, &new_child(&self.directory(), 0))?;
        match self.reply(&mut link)? {
            Some((0, _)) => Ok(()),
            other => bail!("creating {}: {other:?}", self.directory()),
        }
    }

    /// The next reply's error and body; `None` when the connection ended.
    fn reply(&mut self, link: &mut Link) -> anyhow::Result<Option<(i32, Vec<u8>)>> {
        match link.read(ANSWER_WITHIN) {
            Incoming::Frame(frame) => {
                let (header, body) =
                    ReplyHeader::read(&frame).context("a frame without a header")?;
                self.last_zxid = self.last_zxid.max(header.zxid);
                Ok(Some((header.error, body.to_vec())))
            }
            Incoming::Closed => Ok(None),
            Incoming::Silent => bail!("no answer within {ANSWER_WITHIN:?}"),
        }
    }

    /// Writes until the server is gone.
    pub(crate) fn write_until_killed(&mut self, link: &mut Link) -> anyhow::Result<()> {
        loop {
            while self.ledger.waiting() < IN_FLIGHT_MAX {
                let (write, op, body) = self.choose();
                // Asked before it is sent: what was sent in part may have arrived whole.
                self.ledger.ask(write);
                if link.send(2, op, &body).is_err() {
                    return Ok(());
                }
            }
            let Some((error, body)) = self.reply(link)? else {
                return Ok(());
            };
            self.answered(error, &body)?;
        }
    }

    fn answered(&mut self, error: i32, body: &[u8]) -> anyhow::Result<()> {
        let write = self
            .ledger
            .next_waiting()
            .context("an answer that nothing asked for")?;
        let refused = error != 0 || body.get(..4) == Some(&[0xff; 4]);
        let must_refuse = *write == Write::Refused;
        if refused != must_refuse {
            bail!("{write:?} was answered with error {error}");
        }
        self.ledger.acknowledge();
        self.acknowledged += usize::from(!refused);
        self.refused += usize::from(refused);
        Ok(())
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn choose(&mut self) -> (Write, i32, Vec<u8>) {
        let expected = self.ledger.expected();
        let number = self.number();
        match self.random.below(10) {
            0 => self.refused_write(&expected),
            1 | 2 => (
                Write::Set(number),
                op::SET_DATA,
                set(&self.directory(), number, -1),
            ),
            3 => {
                let second = self.number();
                let parts = [
                    (op::CREATE, new_child(&self.child(number), number)),
                    (op::CREATE, new_child(&self.child(second), second)),
                    (op::SET_DATA, set(&self.directory(), second, -1)),
                ];
                (
                    Write::Multi {
                        first: number,
                        second,
                        set: second,
                    },
                    op::MULTI,
                    multi(&parts),
                )
            }
            _ if expected.children.len() > CHILDREN_MANY => {
                let old = expected.children.first().copied().unwrap_or(0);
                (
                    Write::Delete(old),
                    op::DELETE,
                    Body::new().text(&self.child(old)).int(-1).done(),
                )
            }
            _ => (
                Write::Create(number),
                op::CREATE,
                new_child(&self.child(number), number),
            ),
        }
    }

    fn refused_write(&mut self, expected: &Directory) -> (Write, i32, Vec<u8>) {
        let (op, body) = match (self.random.below(3), expected.children.first()) {
            (0, Some(child)) => (op::CREATE, new_child(&self.child(*child), REFUSED)),
            (1, _) => {
                let parts = [
                    (op::CREATE, new_child(&self.child(REFUSED), REFUSED)),
                    (op::SET_DATA, set(&self.directory(), REFUSED, i32::MAX)),
                ];
                (op::MULTI, multi(&parts))
            }
            _ => (op::SET_DATA, set(&self.directory(), REFUSED, i32::MAX)),
        };
        (Write::Refused, op, body)
    }

    /// Reads the directory after the restart and holds it against the ledger.
    pub(crate) fn verify(&mut self, link: &mut Link) -> anyhow::Result<()> {
        link.send(
            3,
            op::GET_CHILDREN,
            &Body::new().text(&self.directory()).flag(false).done(),
        )?;
        let (error, body) = self.reply(link)?.context("closed while listing")?;
        let names = Cursor::new(&body)
            .texts()
            .filter(|_| error == 0)
            .with_context(|| format!("listing: error {error}"))?;
        link.send(
            4,
            op::GET_DATA,
            &Body::new().text(&self.directory()).flag(false).done(),
        )?;
        let (error, body) = self.reply(link)?.context("closed while reading")?;
        let data = Cursor::new(&body)
            .bytes()
            .flatten()
            .filter(|_| error == 0)
            .and_then(|data| data.try_into().ok());
        let data = u64::from_be_bytes(data.with_context(|| format!("reading: error {error}"))?);
        let children = names
            .iter()
            .map(|name| name.strip_prefix('n')?.parse().ok())
            .collect::<Option<_>>()
            .with_context(|| format!("names that nobody gave: {names:?}"))?;
        self.ledger
            .settle(&Directory { children, data })
            .map_err(|wrong| anyhow::anyhow!("{}: {wrong}", self.directory()))
    }
}

fn multi(parts: &[(i32, Vec<u8>)]) -> Vec<u8> {
    let body = parts.iter().fold(Body::new(), |body, (op, part)| {
        body.int(*op).flag(false).int(-1).raw(part)
    });
    body.int(-1).flag(true).int(-1).done()
}
