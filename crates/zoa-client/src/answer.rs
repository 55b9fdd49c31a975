//! Replies, owned: what the caller gets instead of bytes in a buffer that is read into again.

use zoa_proto::Acl;
use zoa_proto::ErrorCode;
use zoa_proto::MultiResult;
use zoa_proto::MultiResults;
use zoa_proto::PathList;
use zoa_proto::Reply;
use zoa_proto::Stat;

/// A znode that was created.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Created {
    /// Its path, with its number if sequential.
    pub path: String,
    /// Its stat.
    pub stat: Stat,
}

/// The data of a znode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeData {
    /// The data; null is not empty.
    pub data: Option<Vec<u8>>,
    /// The stat.
    pub stat: Stat,
}

impl NodeData {
    /// The data, null taken as empty.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.data.as_deref().unwrap_or_default()
    }

    /// The data as text, null taken as empty; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.bytes())
    }
}

/// The ACL of a znode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeAcl {
    /// Who may do what; digests are masked for those who may not see them.
    pub acl: Vec<Acl>,
    /// The stat.
    pub stat: Stat,
}

/// The children of a znode.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Children {
    /// Their names, in no order.
    pub names: Vec<String>,
    /// The stat of the znode.
    pub stat: Stat,
}

/// An identity of the connection.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Identity {
    /// The scheme: `ip`, `digest`, ...
    pub scheme: String,
    /// Whom the scheme names; for digest without the hash.
    pub user: String,
}

/// What one operation of a multi did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MultiDone {
    /// It created a znode.
    Created {
        /// Its path, with its number if sequential.
        path: String,
        /// Its stat; `None` from a plain create, and from servers before 3.9, which make one of it in a multi.
        stat: Option<Stat>,
    },
    /// It deleted a znode.
    Deleted,
    /// It set data.
    DataSet(Stat),
    /// It found the version as expected.
    Checked,
}

/// What one read of a multiRead found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MultiFound {
    /// The data of a znode.
    Data(NodeData),
    /// The names of its children, in no order.
    Children(Vec<String>),
}

/// The owned body of a reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Empty,
    Path(String),
    Created(Created),
    Stat(Stat),
    Data(NodeData),
    Acl(NodeAcl),
    Names(Vec<String>),
    Children(Children),
    Count(i32),
    Identities(Vec<Identity>),
    Token(Option<Vec<u8>>),
    Multi(Vec<MultiAnswer>),
}

/// What stands in the place of one operation of a multi or multiRead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum MultiAnswer {
    Done(MultiDone),
    Found(MultiFound),
    /// `None` before the operation that failed.
    Error(Option<ErrorCode>),
}

impl From<Reply<'_>> for Answer {
    fn from(reply: Reply<'_>) -> Self {
        match reply {
            // An error in the body was made the outcome by the core.
            Reply::Empty | Reply::ErrorResponse(_) => Self::Empty,
            Reply::Path(path) => Self::Path(path.to_owned()),
            Reply::PathAndStat { path, stat } => Self::Created(Created {
                path: path.to_owned(),
                stat,
            }),
            Reply::Stat(stat) => Self::Stat(stat),
            Reply::Data { data, stat } => Self::Data(node_data(data, stat)),
            Reply::Acl { acl, stat } => Self::Acl(NodeAcl {
                acl: acl.iter().map(|entry| entry.to_owned()).collect(),
                stat,
            }),
            Reply::Children(children) => Self::Names(names(children)),
            Reply::ChildrenAndStat { children, stat } => Self::Children(Children {
                names: names(children),
                stat,
            }),
            Reply::Count(count) => Self::Count(count),
            Reply::WhoAmI(identities) => {
                let owned = identities.iter().map(|identity| Identity {
                    scheme: identity.scheme.to_owned(),
                    user: identity.user.to_owned(),
                });
                Self::Identities(owned.collect())
            }
            Reply::Sasl(token) => Self::Token(token.map(<[u8]>::to_vec)),
            Reply::Multi(results) => Self::Multi(multi(results)),
        }
    }
}

fn node_data(data: Option<&[u8]>, stat: Stat) -> NodeData {
    NodeData {
        data: data.map(<[u8]>::to_vec),
        stat,
    }
}

fn names(list: PathList<'_>) -> Vec<String> {
    list.iter().map(str::to_owned).collect()
}

fn multi(results: MultiResults<'_>) -> Vec<MultiAnswer> {
    let answers = results.iter().map(|result| match result {
        MultiResult::Created { path, stat } => MultiAnswer::Done(MultiDone::Created {
            path: path.to_owned(),
            stat,
        }),
        MultiResult::Deleted => MultiAnswer::Done(MultiDone::Deleted),
        MultiResult::DataSet(stat) => MultiAnswer::Done(MultiDone::DataSet(stat)),
        MultiResult::Checked => MultiAnswer::Done(MultiDone::Checked),
        MultiResult::Data { data, stat } => {
            MultiAnswer::Found(MultiFound::Data(node_data(data, stat)))
        }
        MultiResult::Children(children) => {
            MultiAnswer::Found(MultiFound::Children(names(children)))
        }
        MultiResult::Error(code) => MultiAnswer::Error(code),
    });
    answers.collect()
}
