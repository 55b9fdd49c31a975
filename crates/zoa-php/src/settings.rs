//! The settings in php.ini.

use ext_php_rs::flags::IniEntryPermission;
use ext_php_rs::zend::IniEntryDef;
use ext_php_rs::zend::IniEntryDefs;

use crate::engine::ini_long;

static ENTRIES: IniEntryDefs<4> = IniEntryDefs::new([
    IniEntryDef::new(c"zookeeper.recv_timeout", c"10000", IniEntryPermission::All),
    IniEntryDef::new(c"zookeeper.session_lock", c"1", IniEntryPermission::System),
    IniEntryDef::new(
        c"zookeeper.sess_lock_wait",
        c"150000",
        IniEntryPermission::All,
    ),
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
