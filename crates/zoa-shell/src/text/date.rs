//! A point in time as Java's `Date.toString` writes it: `Sun Nov 22 12:23:53 UTC 2026`, in the local time zone.
//!
//! The zone is that of `TZ` or of the machine; where neither can be read it is UTC. Invariant: every number of milliseconds has a
//! text, also those that no calendar knows.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Milliseconds since 1970 as Java writes them.
pub(crate) fn of_java(time_ms: i64) -> String {
    in_zone(time_ms, TimeZone::system())
}

fn in_zone(time_ms: i64, zone: TimeZone) -> String {
    match Timestamp::from_millisecond(time_ms) {
        Ok(time) => time
            .to_zoned(zone)
            .strftime("%a %b %d %H:%M:%S %Z %Y")
            .to_string(),
        Err(_) => format!("{time_ms} ms since 1970"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::in_zone;

    #[test]
    fn a_time_is_written_as_java_writes_it() {
        assert_eq!(in_zone(0, TimeZone::UTC), "Thu Jan 01 00:00:00 UTC 1970");
        assert_eq!(
            in_zone(1_795_350_233_000, TimeZone::UTC),
            "Sun Nov 22 12:23:53 UTC 2026"
        );
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        assert_eq!(
            in_zone(1_795_350_233_000, berlin),
            "Sun Nov 22 13:23:53 CET 2026"
        );
    }

    #[test]
    fn no_number_is_too_large() {
        assert_eq!(
            in_zone(i64::MAX, TimeZone::UTC),
            format!("{} ms since 1970", i64::MAX)
        );
    }
}
