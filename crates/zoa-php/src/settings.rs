//! The settings in php.ini.

use std::time::Duration;

use ext_php_rs::flags::IniEntryPermission;
use ext_php_rs::zend::IniEntryDef;
use ext_php_rs::zend::IniEntryDefs;
use zoa_client::TlsOptions;

use crate::engine::ini_long;
use crate::engine::ini_text;
use crate::engine::secret;

static ENTRIES: IniEntryDefs<10> = IniEntryDefs::new([
    IniEntryDef::new(c"zookeeper.recv_timeout", c"10000", IniEntryPermission::All),
    IniEntryDef::new(c"zookeeper.session_lock", c"1", IniEntryPermission::System),
    IniEntryDef::new(
        c"zookeeper.sess_lock_wait",
        c"150000",
        IniEntryPermission::All,
    ),
    IniEntryDef::new(c"zookeeper.persistent", c"-1", IniEntryPermission::System),
    IniEntryDef::new(c"zookeeper.tls_ca", c"", IniEntryPermission::All),
    IniEntryDef::new(c"zookeeper.tls_cert", c"", IniEntryPermission::All),
    IniEntryDef::new(c"zookeeper.tls_key", c"", IniEntryPermission::All),
    IniEntryDef::new(c"zookeeper.tls_verify_name", c"1", IniEntryPermission::All),
    secret(IniEntryDef::new(
        c"zookeeper.session_auth",
        c"",
        IniEntryPermission::System,
    )),
    IniEntryDef::end(),
]);

/// The settings, for the registration.
pub(crate) const fn entries() -> &'static [IniEntryDef] {
    ENTRIES.as_slice()
}

/// The session timeout to ask for unless told otherwise, in milliseconds.
pub(crate) fn recv_timeout_ms() -> i64 {
    ini_long(c"zookeeper.recv_timeout")
}

/// The same, as a duration of at least a millisecond.
pub(crate) fn recv_timeout() -> Duration {
    Duration::from_millis(u64::try_from(recv_timeout_ms()).unwrap_or(1).max(1))
}

/// Whether the save handler locks sessions.
pub(crate) fn locks_sessions() -> bool {
    ini_long(c"zookeeper.session_lock") != 0
}

/// Whether a worker process keeps sessions for its next request: 1 yes, 0 no, otherwise where requests are served.
pub(crate) fn persistent() -> i64 {
    ini_long(c"zookeeper.persistent")
}

/// PHP's own limit for a script, in seconds; 0 is none.
pub(crate) fn max_execution_time_s() -> i64 {
    ini_long(c"max_execution_time")
}

/// PHP's own limit for the age of a session, in seconds.
pub(crate) fn session_age_max_s() -> i64 {
    ini_long(c"session.gc_maxlifetime")
}

/// The identity under which the save handler keeps sessions, so that nobody else can read or change them: scheme and credential.
/// Without one they are open to all, as the original's.
pub(crate) fn session_auth() -> Option<(String, String)> {
    let text = ini_text(c"zookeeper.session_auth");
    let (scheme, cert) = text.split_once(':')?;
    Some((scheme.to_owned(), cert.to_owned()))
}

/// How to speak TLS with the servers; `None` without an authority to trust.
///
/// # Errors
/// When a certificate or a key is named without what belongs to it, in words for whoever wrote php.ini.
pub(crate) fn tls() -> Result<Option<TlsOptions>, &'static str> {
    let (authorities, cert, key) = (
        ini_text(c"zookeeper.tls_ca"),
        ini_text(c"zookeeper.tls_cert"),
        ini_text(c"zookeeper.tls_key"),
    );
    if cert.is_empty() != key.is_empty() {
        return Err("zookeeper.tls_cert and zookeeper.tls_key must be set together");
    }
    if authorities.is_empty() {
        return if cert.is_empty() {
            Ok(None)
        } else {
            Err(
                "zookeeper.tls_cert without zookeeper.tls_ca: name the authority of the servers' certificates",
            )
        };
    }
    let mut options = TlsOptions::new(authorities);
    if !cert.is_empty() {
        options = options.identity(cert, key);
    }
    if ini_long(c"zookeeper.tls_verify_name") == 0 {
        options = options.any_name();
    }
    Ok(Some(options))
}
