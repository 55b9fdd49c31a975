//! What the original does not have: the classes `ZookeeperClient`, which extends `Zookeeper`, and `ZookeeperMulti`.
//!
//! They are classes of their own so that a user's subclass of `Zookeeper` may have methods of the same names.

use std::cell::Cell;
use std::cell::RefCell;
use std::ffi::CStr;
use std::sync::OnceLock;

use zoa_client::Multi;

use crate::engine::Class;
use crate::engine::Function;
use crate::engine::Handlers;
use crate::engine::Native;
use crate::engine::Param;
use crate::engine::Parent;
use crate::engine::optional;
use crate::engine::out;
use crate::engine::required;
use crate::methods;
use crate::zookeeper::ZOOKEEPER;
use crate::zookeeper::method;
use crate::zookeeper::of_class;

/// What stands behind a `ZookeeperMulti` object.
#[derive(Debug, Default)]
pub(crate) struct ZookeeperMulti {
    pub(crate) multi: RefCell<Multi>,
    /// Which operation failed when it was sent last.
    pub(crate) failed_at: Cell<Option<usize>>,
}

impl Native for ZookeeperMulti {
    const CLASS: &'static Class = &ZOOKEEPER_MULTI;

    fn handlers() -> &'static OnceLock<Handlers> {
        static HANDLERS: OnceLock<Handlers> = OnceLock::new();
        &HANDLERS
    }
}

static ZOOKEEPER_CLIENT: Class =
    Class::new(c"ZookeeperClient", Parent::Class(&ZOOKEEPER)).with(METHODS, CONSTANTS);
static ZOOKEEPER_MULTI: Class =
    Class::new(c"ZookeeperMulti", Parent::None).with(MULTI_METHODS, &[]);

/// Registers both; `Zookeeper` comes first.
pub(crate) fn register() {
    // Its objects are made as the parent's.
    ZOOKEEPER_CLIENT.register(None, 0);
    ZookeeperMulti::register();
}

const PATH: Param = required(c"path");
const VALUE: Param = optional(c"value", c"null");
const ACL: Param = optional(c"acl", c"null");
const FLAGS: Param = optional(c"flags", c"0");
const VERSION: Param = optional(c"version", c"-1");
const WATCHER: Param = optional(c"watcher_cb", c"null");
const STAT: Param = out(c"stat");

const METHODS: &[Function] = &[
    method(
        c"create2",
        methods::create2,
        &[PATH, VALUE, ACL, FLAGS, STAT],
    ),
    method(
        c"createTtl",
        methods::create_ttl,
        &[
            PATH,
            required(c"value"),
            required(c"ttl_ms"),
            ACL,
            FLAGS,
            STAT,
        ],
    ),
    method(
        c"createContainer",
        methods::create_container,
        &[PATH, VALUE, ACL, STAT],
    ),
    method(
        c"getChildren2",
        methods::get_children2,
        &[PATH, WATCHER, STAT],
    ),
    method(
        c"getAllChildrenNumber",
        methods::get_all_children_number,
        &[PATH],
    ),
    method(
        c"getEphemerals",
        methods::get_ephemerals,
        &[optional(c"prefix", c"''")],
    ),
    method(c"sync", methods::sync, &[optional(c"path", c"'/'")]),
    method(c"whoAmI", methods::who_am_i, &[]),
    method(
        c"addWatch",
        methods::add_watch,
        &[
            PATH,
            required(c"watcher_cb"),
            optional(c"recursive", c"false"),
        ],
    ),
    method(
        c"removeWatch",
        methods::remove_watch,
        &[PATH, optional(c"type", c"ZookeeperClient::WATCH_ANY")],
    ),
    method(c"multi", methods::multi, &[required(c"multi")]),
    method(c"setLogger", methods::set_logger, &[required(c"logger")]),
    method(
        c"addSessionWatcher",
        methods::add_session_watcher,
        &[required(c"watcher_cb")],
    ),
    method(c"getSurelyAliveFor", methods::get_surely_alive_for, &[]),
    method(c"getServer", methods::get_server, &[]),
    method(c"setHosts", methods::set_hosts, &[required(c"hosts")]),
    of_class(method(
        c"wait",
        methods::wait,
        &[optional(c"timeout", c"null")],
    )),
];

const CONSTANTS: &[(&CStr, i64)] = &[
    (c"CONTAINER", 4),
    (c"READONLY_STATE", crate::session_state::READ_ONLY),
    (c"DOUBTFUL_STATE", crate::session_state::DOUBTFUL),
    (c"DATA_WATCH_REMOVED_EVENT", 5),
    (c"CHILD_WATCH_REMOVED_EVENT", 6),
    (c"PERSISTENT_WATCH_REMOVED_EVENT", 7),
    (c"WATCH_CHILDREN", 1),
    (c"WATCH_DATA", 2),
    (c"WATCH_ANY", 3),
    (c"WATCH_PERSISTENT", 4),
    (c"WATCH_PERSISTENT_RECURSIVE", 5),
    (c"NOTREADONLY", -119),
    (c"EPHEMERALONLOCALSESSION", -120),
    (c"NOWATCHER", -121),
    (c"RECONFIGDISABLED", -123),
    (c"QUOTAEXCEEDED", -125),
    (c"THROTTLEDOP", -127),
];

const MULTI_METHODS: &[Function] = &[
    method(c"create", methods::multi_create, &[PATH, VALUE, ACL, FLAGS]),
    method(
        c"create2",
        methods::multi_create2,
        &[PATH, VALUE, ACL, FLAGS],
    ),
    method(c"delete", methods::multi_delete, &[PATH, VERSION]),
    method(c"set", methods::multi_set, &[PATH, VALUE, VERSION]),
    method(
        c"check",
        methods::multi_check,
        &[PATH, required(c"version")],
    ),
    method(c"count", methods::multi_count, &[]),
    method(c"failedAt", methods::multi_failed_at, &[]),
];
