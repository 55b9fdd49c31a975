//! `zoa version`, and the version that ZooKeeper clients are told.

/// Zoarium's own version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// When it was built; clients read the line but do not need the date.
pub(crate) const BUILT_ON: &str = match option_env!("ZOARIUM_BUILT_ON") {
    Some(date) => date,
    None => "unknown",
};

/// The version of the original whose behaviour is served; clients decide by it what they may ask for.
const BEHAVES_AS: &str = "3.9.5";

/// What srvr, envi and mntr say.
pub(crate) fn for_clients() -> String {
    format!("{BEHAVES_AS}-zoarium-{VERSION}")
}

#[expect(clippy::print_stdout, reason = "this is what the command is for")]
#[expect(clippy::unnecessary_wraps, reason = "every command has the same shape")]
pub(crate) fn run() -> anyhow::Result<()> {
    println!("zoarium {VERSION} (speaks as ZooKeeper {BEHAVES_AS})");
    Ok(())
}
