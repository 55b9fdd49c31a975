//! A bar on the terminal while much is done; nothing where there is no terminal.

use std::fmt::Write;
use std::time::Duration;

use indicatif::ProgressBar;
use indicatif::ProgressState;
use indicatif::ProgressStyle;

/// Fewer tasks than these need no bar.
const WORTH_A_BAR: u64 = 50;

const STYLE: &str = "{prefix:9} {wide_bar} {human_pos} of {human_len}  {rate}  {msg}";
const STYLE_OPEN: &str = "{prefix:9} {human_pos}  {rate}  {msg}";

/// A bar on stderr for so many steps, or for nobody knows how many.
pub(super) fn bar(what: &'static str, len: Option<u64>) -> ProgressBar {
    let bar = match len {
        Some(len) if len < WORTH_A_BAR => return ProgressBar::hidden(),
        Some(len) => ProgressBar::new(len),
        None => ProgressBar::no_length(),
    };
    let style = if len.is_some() { STYLE } else { STYLE_OPEN };
    let style = ProgressStyle::with_template(style).expect("this is a template");
    bar.set_style(style.with_key("rate", rate));
    bar.set_prefix(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn rate(state: &ProgressState, out: &mut dyn Write) {
    // It writes into memory, and there is nobody to tell.
    let _ = write!(out, "{:.0}/s", state.per_sec());
}
