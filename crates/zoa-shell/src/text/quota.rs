//! The text of a quota: `count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=-1`, kept in znodes under /zookeeper/quota.
//!
//! The odd `=` behind the bytes makes parsers of ZooKeeper 3.4 stop there. Invariant: what the original writes is read, and read
//! again after it was written here; fields that are not known stay.

use std::collections::BTreeMap;

/// Where quotas live.
pub(crate) const ROOT: &str = "/zookeeper/quota";
/// The znode with the limits of a path.
pub(crate) const LIMITS: &str = "zookeeper_limits";
/// The znode with what is used under a path.
pub(crate) const STATS: &str = "zookeeper_stats";

/// A limit or a use, by the option that sets it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Field {
    /// `-n`: how many znodes, told in the log when exceeded.
    Count,
    /// `-b`: how many bytes of data, told in the log when exceeded.
    Bytes,
    /// `-N`: how many znodes, refused when exceeded.
    CountHard,
    /// `-B`: how many bytes of data, refused when exceeded.
    BytesHard,
}

impl Field {
    /// All, with the options that mean them.
    pub(crate) const ALL: [(&'static str, Self); 4] = [
        ("n", Self::Count),
        ("b", Self::Bytes),
        ("N", Self::CountHard),
        ("B", Self::BytesHard),
    ];

    const fn key(self) -> &'static str {
        match self {
            Self::Count => COUNT,
            Self::Bytes => BYTES,
            Self::CountHard => "countHardLimit",
            Self::BytesHard => "byteHardLimit",
        }
    }
}

const COUNT: &str = "count";
const BYTES: &str = "bytes";

/// Limits, or what is used of them; -1 for a limit that is not set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Quota(BTreeMap<String, i64>);

impl Quota {
    /// No limit at all.
    pub(crate) fn unlimited() -> Self {
        Field::ALL
            .into_iter()
            .fold(Self::default(), |quota, (_, field)| quota.with(field, -1))
    }

    /// Nothing used.
    pub(crate) fn nothing_used() -> Self {
        Self::default().with(Field::Count, 0).with(Field::Bytes, 0)
    }

    #[must_use]
    pub(crate) fn with(mut self, field: Field, value: i64) -> Self {
        self.0.insert(field.key().to_owned(), value);
        self
    }

    pub(crate) fn value(&self, field: Field) -> i64 {
        self.0.get(field.key()).copied().unwrap_or(-1)
    }

    /// Reads the data of a znode; `None` when they are no quota.
    pub(crate) fn parse(data: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(data).ok()?;
        let pairs = text.split([',', ';']).filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let mut parts = pair.split('=');
            let (key, value) = (parts.next()?, parts.next()?);
            let value = if value.is_empty() {
                -1
            } else {
                value.parse().ok()?
            };
            Some((key.to_owned(), value))
        };
        pairs.map(pair).collect::<Option<_>>().map(Self)
    }

    /// As it is kept in a znode, and as `listquota` shows it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{COUNT}={},{BYTES}={}",
            self.value(Field::Count),
            self.value(Field::Bytes)
        );
        let others = self
            .0
            .iter()
            .filter(|(key, _)| key.as_str() != COUNT && key.as_str() != BYTES);
        for (at, (key, value)) in others.enumerate() {
            let odd = if at == 0 { "=" } else { "" };
            text += &format!("{odd};{key}={value}");
        }
        text
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        self.0
            .iter()
            .map(|(key, value)| (key.clone(), serde_json::Value::from(*value)))
            .collect()
    }
}

/// The znode for the quota of a path; its limits and stats are below it.
pub(crate) fn quota_path(path: &str) -> String {
    format!("{ROOT}{path}")
}

pub(crate) fn limits_path(path: &str) -> String {
    format!("{ROOT}{path}/{LIMITS}")
}

pub(crate) fn stats_path(path: &str) -> String {
    format!("{ROOT}{path}/{STATS}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Field;
    use super::Quota;

    #[test]
    fn the_text_is_that_of_the_original() {
        let quota = Quota::unlimited().with(Field::Count, 5);
        let text = "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=-1";
        assert_eq!(quota.text(), text);
        assert_eq!(Quota::parse(text.as_bytes()), Some(quota));
        assert_eq!(Quota::nothing_used().text(), "count=0,bytes=0");
        let old = Quota::parse(b"count=3,bytes=-1").expect("of ZooKeeper 3.4");
        assert_eq!(old.value(Field::CountHard), -1);
    }

    #[test]
    fn what_is_no_quota_is_not_taken_for_one() {
        assert_eq!(Quota::parse(b"count"), None);
        assert_eq!(Quota::parse(b"count=x"), None);
        assert_eq!(Quota::parse(b"\xff"), None);
    }

    proptest! {
        #[test]
        fn no_data_panic(data in "[a-z=,;0-9-]{0,20}") {
            if let Some(quota) = Quota::parse(data.as_bytes()) {
                let again = Quota::parse(quota.text().as_bytes());
                prop_assert_eq!(again.map(|again| again.text()), Some(quota.text()));
            }
        }
    }
}
