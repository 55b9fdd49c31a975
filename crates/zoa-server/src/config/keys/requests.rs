//! Requests: their size, how many are under way, containers and TTL nodes.

use crate::config::given::INT_MAX;

/// The longest request that is allowed: the log's longest entry, less what a transaction adds to it.
const REQUEST_LEN_MAX: i64 = 63 << 20;

keys! {
    "jute.maxbuffer" => |draft, given|
        draft.config.requests.len_max = given.number(1..=REQUEST_LEN_MAX, "bytes")?,
    "globalOutstandingLimit" => |draft, given|
        draft.config.requests.outstanding_max = given.number(1..=INT_MAX, "requests")?,
    "request_throttle_max_requests" => |draft, given|
        draft.config.requests.throttle_max = given.limit("requests")?,
    "request_throttle_stall_time" => |draft, given|
        draft.config.requests.throttle_stall_ms = given.number(0..=INT_MAX, "milliseconds")?,
    "throttled_op_wait_time" => |draft, given|
        draft.config.requests.throttled_wait_ms = given.limit("milliseconds")?,
    "largeRequestThreshold" => |draft, given| {
        let threshold: i64 = given.number(-1..=INT_MAX, "bytes")?;
        draft.config.requests.large_threshold_bytes = u32::try_from(threshold).ok();
    },
    "largeRequestMaxBytes" => |draft, given|
        draft.config.requests.large_bytes_max = given.number(1..=INT_MAX, "bytes")?,

    "extendedTypesEnabled" => |draft, given|
        draft.config.containers.extended_types = given.boolean()?,
    "znode.container.checkIntervalMs" => |draft, given|
        draft.config.containers.check_interval_ms = given.number(1..=INT_MAX, "milliseconds")?,
    "znode.container.maxPerMinute" => |draft, given|
        draft.config.containers.deleted_per_minute_max = given.number(1..=INT_MAX, "znodes")?,
    "znode.container.maxNeverUsedIntervalMs" => |draft, given|
        draft.config.containers.never_used_ms_max = given.limit("milliseconds")?,
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_longest_request_fits_into_the_log() {
        let entry_len_max = i64::try_from(zoa_log::limits::ENTRY_LEN_MAX);
        assert_eq!(entry_len_max, Ok(super::REQUEST_LEN_MAX + (1 << 20)));
    }
}
