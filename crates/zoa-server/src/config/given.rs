//! One setting as it was given, and the readings of its value.
//!
//! Every reading names what can stand there, in words that go into the error.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::error::ConfigError;
use crate::config::error::Place;
use crate::config::error::Problem;
use crate::config::secret::Secret;

/// The highest number most keys of the original can have: a Java int.
pub(super) const INT_MAX: i64 = 2_147_483_647;

/// See the module. Key and value come without blanks around them, as the original takes them.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) value: String,
    /// The value must not be shown.
    pub(super) hidden: bool,
}

impl Given {
    pub(super) fn bad(&self, expected: impl Into<String>) -> ConfigError {
        let value = (!self.hidden).then(|| self.value.clone());
        let key = self.key.clone();
        let problem = Problem::BadValue {
            key,
            value,
            expected: expected.into(),
        };
        ConfigError {
            place: self.place.clone(),
            problem,
        }
    }

    /// A whole number of `unit`, decimal or with `0x` before hexadecimal digits.
    pub(super) fn number<T: TryFrom<i64>>(
        &self,
        range: RangeInclusive<i64>,
        unit: &str,
    ) -> Result<T, ConfigError> {
        let number = whole_number(&self.value).filter(|number| range.contains(number));
        number
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| {
                let (low, high) = (range.start(), range.end());
                self.bad(format!("a whole number of {unit} from {low} to {high}"))
            })
    }

    /// A count of which the original takes 0 and -1 for "no limit"; 0 stands for that here.
    pub(super) fn limit(&self, unit: &str) -> Result<u32, ConfigError> {
        let number: i64 = self.number(-1..=INT_MAX, unit)?;
        Ok(u32::try_from(number).unwrap_or(0))
    }

    /// A port; 0 is "not set".
    pub(super) fn port(&self) -> Result<Option<u16>, ConfigError> {
        let port = whole_number(&self.value).and_then(|number| u16::try_from(number).ok());
        let port = port.ok_or_else(|| self.bad("a port from 1 to 65535"))?;
        Ok(Some(port).filter(|port| *port != 0))
    }

    /// `true` or `false`, in any case.
    pub(super) fn boolean(&self) -> Result<bool, ConfigError> {
        self.one_of(&[("true", true), ("false", false)])
    }

    /// `yes` or `no`, for the few keys where the original has it so.
    pub(super) fn yes_or_no(&self) -> Result<bool, ConfigError> {
        self.one_of(&[("yes", true), ("no", false)])
    }

    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, ConfigError> {
        let found = words
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(&self.value));
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.bad(words.join(" or "))
        })
    }

    pub(super) fn text(&self, expected: &str) -> Result<String, ConfigError> {
        if self.value.is_empty() {
            return Err(self.bad(expected));
        }
        Ok(self.value.clone())
    }

    pub(super) fn directory(&self) -> Result<PathBuf, ConfigError> {
        self.text("a directory").map(PathBuf::from)
    }

    /// Hours, or a number with its unit. Zero or less is "never".
    pub(super) fn interval(&self) -> Result<Option<Duration>, ConfigError> {
        let digits_end = self.value.find(|c: char| c.is_ascii_alphabetic());
        let (number, unit) = self.value.split_at(digits_end.unwrap_or(self.value.len()));
        let millis = match unit {
            "ms" => Some(1),
            "s" => Some(1_000),
            "m" => Some(60_000),
            "" | "h" => Some(3_600_000),
            "d" => Some(86_400_000),
            _ => None,
        };
        let number = whole_number(number).filter(|number| *number <= INT_MAX);
        let (Some(number), Some(millis)) = (number, millis) else {
            return Err(self.bad("a whole number of hours, or one with ms, s, m, h or d behind it"));
        };
        let duration = u64::try_from(number)
            .ok()
            .and_then(|number| number.checked_mul(millis));
        Ok(duration
            .filter(|millis| *millis > 0)
            .map(Duration::from_millis))
    }

    pub(super) fn secret(&self, expected: &str) -> Result<Secret, ConfigError> {
        self.text(expected).map(Secret::new)
    }

    /// What stands between commas, without the blanks around it.
    pub(super) fn list(&self) -> Vec<String> {
        let words = self
            .value
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    }
}

/// Whether the value of a key must not be shown. Paths of files with passwords may.
pub(super) fn is_hidden(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.ends_with("superdigest") || (key.contains("password") && !key.ends_with("path"))
}

fn whole_number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let (digits, radix) = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        // from_str_radix would take another sign.
        return None;
    }
    let number = i64::from_str_radix(digits, radix).ok()?;
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(key: &str, value: &str) -> Given {
        Given {
            place: Place::Line {
                file: "conf/zoo.cfg".to_owned(),
                line: 3,
            },
            key: key.to_owned(),
            value: value.to_owned(),
            hidden: is_hidden(key),
        }
    }

    #[test]
    fn numbers_are_read_within_their_range_only() {
        let check = |value: &str, expected: Option<u32>| {
            let found = given("tickTime", value).number(1..=INT_MAX, "milliseconds");
            assert_eq!(found.ok(), expected, "{value}");
        };
        check("1", Some(1));
        check("+5", Some(5));
        check("007", Some(7));
        check("0x10", Some(16));
        check("2147483647", Some(2_147_483_647));
        for wrong in [
            "0",
            "-5",
            "2147483648",
            "abc",
            "",
            "1 # x",
            "1.5",
            "+-1",
            "0x",
            "5ms",
            "99999999999999999999",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn an_error_names_file_line_key_value_and_what_is_allowed() {
        let error = given("tickTime", "abc").number::<u32>(1..=INT_MAX, "milliseconds");
        assert_eq!(
            error.map_err(|error| error.to_string()),
            Err("conf/zoo.cfg:3: tickTime=abc: expected a whole number of milliseconds from 1 to 2147483647".to_owned())
        );
    }

    #[test]
    fn long_and_odd_values_are_shown_tamely() {
        let error = given("a", &"x".repeat(200)).bad("less").to_string();
        assert_eq!(
            error,
            format!("conf/zoo.cfg:3: a={}...: expected less", "x".repeat(80))
        );
        let error = given("a", "\u{1b}[2J\n").bad("less").to_string();
        assert_eq!(error, "conf/zoo.cfg:3: a=\\u{1b}[2J\\n: expected less");
    }

    #[test]
    fn secrets_are_not_shown() {
        for key in [
            "DigestAuthenticationProvider.superDigest",
            "ssl.keyStore.password",
            "x.Password",
        ] {
            let error = given(key, "hunter2").bad("another").to_string();
            assert_eq!(
                error,
                format!("conf/zoo.cfg:3: {key}=(not shown): expected another")
            );
        }
        assert!(
            !is_hidden("ssl.keyStore.passwordPath"),
            "a path is no secret"
        );
    }

    #[test]
    fn truth_has_two_words_in_any_case() {
        for (value, expected) in [
            ("true", Some(true)),
            ("FALSE", Some(false)),
            ("yes", None),
            ("", None),
        ] {
            assert_eq!(given("a", value).boolean().ok(), expected, "{value}");
        }
        for (value, expected) in [("yes", Some(true)), ("No", Some(false)), ("true", None)] {
            assert_eq!(given("a", value).yes_or_no().ok(), expected, "{value}");
        }
    }

    #[test]
    fn ports_are_16_bits_and_0_is_none() {
        let check = |value: &str, expected: Option<Option<u16>>| {
            assert_eq!(given("clientPort", value).port().ok(), expected, "{value}");
        };
        check("2181", Some(Some(2181)));
        check("0", Some(None));
        for wrong in ["70000", "-1", "", "x"] {
            check(wrong, None);
        }
    }

    #[test]
    fn intervals_are_hours_unless_they_say_otherwise() {
        let check = |value: &str, expected: Option<Option<u64>>| {
            let found = given("autopurge.purgeInterval", value).interval();
            let found = found
                .ok()
                .map(|interval| interval.map(|interval| interval.as_millis()));
            assert_eq!(
                found,
                expected.map(|millis| millis.map(u128::from)),
                "{value}"
            );
        };
        check("1", Some(Some(3_600_000)));
        check("2h", Some(Some(7_200_000)));
        check("5ms", Some(Some(5)));
        check("5s", Some(Some(5_000)));
        check("5m", Some(Some(300_000)));
        check("1d", Some(Some(86_400_000)));
        check("0", Some(None));
        check("-1", Some(None));
        for wrong in ["", "h", "1w", "1 h", "1hh", "2147483648"] {
            check(wrong, None);
        }
    }
}
