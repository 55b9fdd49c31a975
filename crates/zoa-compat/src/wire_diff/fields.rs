//! A reply taken apart into named fields, so that two replies can be compared one field at a time.
//!
//! Invariant: every byte of a reply is in some field; what the layout does not explain is in `rest`.

use crate::wire::Cursor;
use crate::wire::ReplyHeader;
use crate::wire::Stat;
use crate::wire::op;

/// A value, with the rule by which two servers' values are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Number(i64),
    /// Compared by the moment it means.
    Zxid(i64),
    /// Not compared, but must be the same for all that the txn `zxid` touched.
    Time {
        zxid: i64,
        ms: i64,
    },
    /// A session id, compared by the session it means.
    Owner(i64),
    Bytes(Option<Vec<u8>>),
    Text(String),
    List(Vec<String>),
    /// Compared without order.
    Set(Vec<String>),
}

/// One named value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// Fields under construction.
#[derive(Default)]
struct Fields {
    list: Vec<Field>,
    prefix: String,
}

impl Fields {
    fn put(&mut self, name: &str, value: Value) {
        self.list.push(Field {
            name: format!("{}{name}", self.prefix),
            value,
        });
    }

    fn number(&mut self, name: &str, value: impl Into<i64>) {
        self.put(name, Value::Number(value.into()));
    }

    fn stat(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let stat = Stat::read(cursor)?;
        self.put("stat.czxid", Value::Zxid(stat.czxid));
        self.put("stat.mzxid", Value::Zxid(stat.mzxid));
        self.put("stat.pzxid", Value::Zxid(stat.pzxid));
        self.put(
            "stat.ctime",
            Value::Time {
                zxid: stat.czxid,
                ms: stat.ctime,
            },
        );
        self.put(
            "stat.mtime",
            Value::Time {
                zxid: stat.mzxid,
                ms: stat.mtime,
            },
        );
        self.number("stat.version", stat.version);
        self.number("stat.cversion", stat.cversion);
        self.number("stat.aversion", stat.aversion);
        self.put("stat.ephemeralOwner", Value::Owner(stat.ephemeral_owner));
        self.number("stat.dataLength", stat.data_length);
        self.number("stat.numChildren", stat.num_children);
        Some(())
    }

    fn text(&mut self, name: &str, cursor: &mut Cursor<'_>) -> Option<()> {
        let text = cursor.text()?;
        self.put(name, Value::Text(text));
        Some(())
    }

    fn data(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let data = cursor.bytes()?.map(<[u8]>::to_vec);
        self.put("data", Value::Bytes(data));
        Some(())
    }

    fn names(&mut self, name: &str, cursor: &mut Cursor<'_>) -> Option<()> {
        let mut names = cursor.texts()?;
        names.sort();
        self.put(name, Value::Set(names));
        Some(())
    }

    fn acl(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let count = cursor.int()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(format!(
                "{}:{}:{}",
                cursor.int()?,
                cursor.text()?,
                cursor.text()?
            ));
        }
        self.put("acl", Value::List(entries));
        Some(())
    }

    fn who(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let count = cursor.int()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            entries.push(format!("{}:{}", cursor.text()?, cursor.text()?));
        }
        entries.sort();
        self.put("clientInfo", Value::Set(entries));
        Some(())
    }

    /// The body of a reply without error.
    fn body(&mut self, op: i32, cursor: &mut Cursor<'_>) -> Option<()> {
        match op {
            op::CREATE | op::SYNC => self.text("path", cursor),
            op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => {
                self.text("path", cursor)?;
                self.stat(cursor)
            }
            op::EXISTS | op::SET_DATA | op::SET_ACL => self.stat(cursor),
            op::GET_DATA | op::RECONFIG => {
                self.data(cursor)?;
                self.stat(cursor)
            }
            op::GET_ACL => {
                self.acl(cursor)?;
                self.stat(cursor)
            }
            op::GET_CHILDREN => self.names("children", cursor),
            op::GET_CHILDREN2 => {
                self.names("children", cursor)?;
                self.stat(cursor)
            }
            op::GET_EPHEMERALS => self.names("ephemerals", cursor),
            op::GET_ALL_CHILDREN_NUMBER => {
                let count = cursor.int()?;
                self.number("count", count);
                Some(())
            }
            op::ADD_WATCH => {
                let error = cursor.int()?;
                self.number("body.err", error);
                Some(())
            }
            op::WHO_AM_I => self.who(cursor),
            op::MULTI | op::MULTI_READ => self.results(cursor),
            _ => Some(()),
        }
    }

    fn results(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        for at in 0.. {
            let (kind, done, error) = (cursor.int()?, cursor.byte()?, cursor.int()?);
            self.prefix = format!("[{at}].");
            self.number("type", kind);
            self.number("err", error);
            if done != 0 {
                break;
            }
            match kind {
                -1 => {
                    let error = cursor.int()?;
                    self.number("body.err", error);
                }
                kind => self.body(kind, cursor)?,
            }
        }
        self.prefix.clear();
        Some(())
    }
}

/// A reply's fields. `op` is the operation it answers.
pub(crate) fn reply_fields(op: i32, frame: &[u8]) -> Vec<Field> {
    let mut fields = Fields::default();
    let Some((header, body)) = ReplyHeader::read(frame) else {
        fields.put("rest", Value::Bytes(Some(frame.to_vec())));
        return fields.list;
    };
    fields.number("xid", header.xid);
    fields.number("err", header.error);
    fields.put("zxid", Value::Zxid(header.zxid));
    let mut cursor = Cursor::new(body);
    if header.error == 0 && fields.body(op, &mut cursor).is_none() {
        fields.put("cut", Value::Bytes(Some(body.to_vec())));
    }
    fields.put("rest", Value::Bytes(Some(cursor.rest().to_vec())));
    fields.list
}

/// An event's fields.
pub(crate) fn event_fields(frame: &[u8]) -> Vec<Field> {
    let mut fields = Fields::default();
    let mut read = || {
        let (header, body) = ReplyHeader::read(frame)?;
        let mut cursor = Cursor::new(body);
        fields.number("type", cursor.int()?);
        fields.number("state", cursor.int()?);
        fields.text("path", &mut cursor)?;
        fields.number("err", header.error);
        fields.put("zxid", Value::Zxid(header.zxid));
        fields.put("rest", Value::Bytes(Some(cursor.rest().to_vec())));
        Some(())
    };
    if read().is_none() {
        fields.put("cut", Value::Bytes(Some(frame.to_vec())));
    }
    fields.list
}

/// Steps over the body of one result of a multi.
pub(crate) fn skip_result(kind: i32, cursor: &mut Cursor<'_>) -> Option<()> {
    match kind {
        -1 => cursor.int().map(|_| ()),
        kind => Fields::default().body(kind, cursor),
    }
}
