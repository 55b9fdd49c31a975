//! The log, the snapshots, and how long they stay.

use crate::config::given::INT_MAX;
use crate::config::model::Autopurge;
use crate::config::notice::Notice;
use crate::snapshots::LogLenLimit;

keys! {
    "snapCount" => |draft, given|
        draft.config.snapshots.rule.every = Some(given.number(1..=INT_MAX, "transactions")?),
    "snapSizeLimitInKb" => |draft, given| {
        let limit: i64 = given.number(-1..=INT_MAX, "KiB")?;
        draft.config.snapshots.rule.log_len = match u64::try_from(limit) {
            Ok(kb) if kb > 0 => LogLenLimit::Bytes(kb << 10),
            _ => LogLenLimit::None,
        };
    },
    "fsync.warningthresholdms" => |draft, given|
        draft.config.snapshots.sync_warning_ms = given.number(0..=INT_MAX, "milliseconds")?,
    // Whatever is not "yes" turns syncing off in the original.
    "forceSync" => |draft, given| if given.value != "yes" {
        draft.notices.push(Notice::AlwaysSyncs { place: given.place.clone() });
    },
    "autopurge.snapRetainCount" => |draft, given|
        draft.retain = Some((given.number(-1..=INT_MAX, "snapshots")?, given.place.clone())),
    "autopurge.purgeInterval" => |draft, given| {
        let interval = given.interval()?;
        // Who asks for hours wants to keep more than the newest few meanwhile.
        if interval > Some(Autopurge::default().interval) {
            draft.notices.push(Notice::PurgesWithSnapshots { place: given.place.clone() });
        }
        draft.purge_interval = Some(interval);
    },
}
