//! What people write and read: durations, counts, and bytes of strangers that a terminal must not take for commands.

use std::time::Duration;

/// A duration as `250ms`, `30s`, `10m`, `2h` or `1d`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit_ms = match text.get(digits.len()..).unwrap_or_default() {
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 60e3,
        "h" => 3_600e3,
        "d" => 86_400e3,
        _ => return Err("a number and one of ms, s, m, h, d: 30s".to_owned()),
    };
    let number: f64 = digits
        .parse()
        .map_err(|_| format!("`{digits}` is no number"))?;
    let seconds = number * unit_ms / 1e3;
    let duration = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if duration < Duration::from_millis(1) {
        return Err("it must be longer than nothing".to_owned());
    }
    Ok(duration)
}

/// The milliseconds of what was set; 0 for nothing.
pub(super) fn millis(duration: Option<Duration>) -> u64 {
    duration.map_or(0, |duration| {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
    })
}

/// 1234567 as `1,234,567`.
pub(super) fn count(number: usize) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// The first of these bytes on one line, harmless to a terminal.
pub(super) fn one_line(bytes: &[u8], len_max: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::new();
    for (at, letter) in text.chars().enumerate() {
        if at == len_max {
            shown.push_str("...");
            break;
        }
        match letter {
            '\n' | '\t' | '\r' => shown.extend(letter.escape_default()),
            letter if letter.is_control() => shown.extend(letter.escape_unicode()),
            letter => shown.push(letter),
        }
    }
    shown
}

/// `1 task`, `2 tasks`.
pub(super) fn tasks(number: usize) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} task{plural}", count(number))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::count;
    use super::one_line;
    use super::parse_duration;

    #[test]
    fn durations_need_a_number_and_a_unit() {
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["", "s", "30", "-1s", "5 parsecs", "0s", "1e400d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn large_counts_are_grouped() {
        let shown = [0, 999, 1_000, 1_234_567].map(count);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn what_strangers_wrote_stays_on_its_line_and_commands_no_terminal() {
        assert_eq!(one_line(b"a\nb\x1b[2J\xff", 99), "a\\nb\\u{1b}[2J\u{fffd}");
        assert_eq!(one_line(b"abcdef", 3), "abc...");
    }
}
