//! What people set in a farm: how much is queued, and how much is kept for how long.
//!
//! Invariant: what is missing or cannot be read is the default, so that a slip of the pen stops no farm.

use serde_json::Value;

use super::task::Places;
use crate::calls;
use crate::error::Error;
use crate::keeper::Keeper;

/// A farm's settings, which lie in its znode `config` as JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FarmConfig {
    /// So many tasks may be queued.
    pub queue_max: usize,
    /// So many results are kept.
    pub results_max: usize,
    /// So many dead letters are kept.
    pub dead_max: usize,
    /// After how many milliseconds results and dead letters are deleted; 0 for never.
    pub keep_ms: u64,
}

impl Default for FarmConfig {
    fn default() -> Self {
        Self {
            queue_max: 10_000,
            results_max: 10_000,
            dead_max: 10_000,
            keep_ms: 0,
        }
    }
}

impl FarmConfig {
    fn parse(data: &[u8]) -> Self {
        let written = serde_json::from_slice::<Value>(data).unwrap_or_default();
        let number = |field: &str| written.get(field).and_then(Value::as_u64);
        let count = |field: &str, default: usize| {
            number(field).map_or(default, |count| {
                usize::try_from(count).unwrap_or(usize::MAX)
            })
        };
        let default = Self::default();
        Self {
            queue_max: count("queue_max", default.queue_max),
            results_max: count("results_max", default.results_max),
            dead_max: count("dead_max", default.dead_max),
            keep_ms: number("keep_ms").unwrap_or(default.keep_ms),
        }
    }

    pub(super) async fn read<K: Keeper>(keeper: &K, places: &Places) -> Result<Self, Error> {
        let found = calls::data(keeper, &places.of("config")).await?;
        Ok(found.map_or_else(Self::default, |(data, _)| Self::parse(&data)))
    }
}

#[cfg(test)]
mod tests {
    use super::FarmConfig;

    #[test]
    fn what_is_missing_or_no_number_is_the_default() {
        let default = FarmConfig::default();
        for text in ["", "{", "[]", "{\"queue_max\":\"many\",\"keep_ms\":-1}"] {
            assert_eq!(FarmConfig::parse(text.as_bytes()), default, "{text}");
        }
        let some = FarmConfig::parse(b"{\"queue_max\":5,\"keep_ms\":7,\"theirs\":1}");
        let expected = FarmConfig {
            queue_max: 5,
            keep_ms: 7,
            ..default
        };
        assert_eq!(some, expected);
    }
}
