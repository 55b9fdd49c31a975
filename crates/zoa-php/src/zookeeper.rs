//! The classes `Zookeeper` and `ZookeeperConfig`, and the function `zookeeper_dispatch`: their tables.
//!
//! Names, orders and defaults are the original's. What they do stands in [`crate::methods`].

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;

use crate::engine::Class;
use crate::engine::Function;
use crate::engine::Native;
use crate::engine::Param;
use crate::engine::Parent;
use crate::engine::optional;
use crate::engine::out;
use crate::engine::required;
use crate::methods;
use crate::session::Session;

/// What stands behind a `Zookeeper` object.
#[derive(Debug, Default)]
pub(crate) struct Zookeeper {
    pub(crate) session: Rc<Session>,
}

/// What stands behind a `ZookeeperConfig` object.
#[derive(Debug, Default)]
pub(crate) struct ZookeeperConfig {
    /// The session of the object that made it; none when it was made by `new`.
    pub(crate) session: RefCell<Option<Rc<Session>>>,
}

impl Native for Zookeeper {
    const CLASS: &'static Class = &ZOOKEEPER;

    fn handlers() -> &'static OnceLock<crate::engine::Handlers> {
        static HANDLERS: OnceLock<crate::engine::Handlers> = OnceLock::new();
        &HANDLERS
    }
}

impl Native for ZookeeperConfig {
    const CLASS: &'static Class = &ZOOKEEPER_CONFIG;

    fn handlers() -> &'static OnceLock<crate::engine::Handlers> {
        static HANDLERS: OnceLock<crate::engine::Handlers> = OnceLock::new();
        &HANDLERS
    }
}

pub(crate) static ZOOKEEPER: Class =
    Class::new(c"Zookeeper", Parent::None).with(METHODS, CONSTANTS);
static ZOOKEEPER_CONFIG: Class =
    Class::new(c"ZookeeperConfig", Parent::None).with(CONFIG_METHODS, &[]);

/// The functions outside of classes.
pub(crate) const FUNCTIONS: &[Function] = &[
    method(c"zookeeper_dispatch", methods::dispatch, &[]),
    method(
        c"zookeeper_wait",
        methods::wait,
        &[optional(c"timeout", c"null")],
    ),
];

const PATH: Param = required(c"path");
const WATCHER: Param = optional(c"watcher_cb", c"null");
const VERSION: Param = optional(c"version", c"-1");
const STAT: Param = out(c"stat");

pub(crate) const fn method(
    name: &'static std::ffi::CStr,
    handler: extern "C" fn(*mut ext_php_rs::ffi::zend_execute_data, *mut ext_php_rs::ffi::zval),
    params: &'static [Param],
) -> Function {
    let is_static = false;
    Function {
        name,
        handler,
        params,
        is_static,
    }
}

pub(crate) const fn of_class(function: Function) -> Function {
    Function {
        is_static: true,
        ..function
    }
}

const METHODS: &[Function] = &[
    method(
        c"__construct",
        methods::construct,
        &[
            optional(c"host", c"''"),
            WATCHER,
            optional(c"recv_timeout", c"10000"),
        ],
    ),
    method(
        c"connect",
        methods::connect,
        &[
            required(c"host"),
            WATCHER,
            optional(c"recv_timeout", c"10000"),
        ],
    ),
    method(c"close", methods::close, &[]),
    method(
        c"create",
        methods::create,
        &[
            PATH,
            optional(c"value", c"null"),
            optional(c"acl", c"null"),
            optional(c"flags", c"0"),
        ],
    ),
    method(c"delete", methods::delete, &[PATH, VERSION]),
    method(
        c"get",
        methods::get,
        &[PATH, WATCHER, STAT, optional(c"max_size", c"0")],
    ),
    method(c"getChildren", methods::get_children, &[PATH, WATCHER]),
    method(c"exists", methods::exists, &[PATH, WATCHER]),
    method(
        c"set",
        methods::set,
        &[PATH, optional(c"value", c"null"), VERSION, STAT],
    ),
    method(c"getAcl", methods::get_acl, &[PATH]),
    method(
        c"setAcl",
        methods::set_acl,
        &[PATH, required(c"version"), required(c"acl")],
    ),
    method(c"getClientId", methods::get_client_id, &[]),
    method(c"getState", methods::get_state, &[]),
    method(c"getRecvTimeout", methods::get_recv_timeout, &[]),
    method(c"isRecoverable", methods::is_recoverable, &[]),
    of_class(method(
        c"setDebugLevel",
        methods::set_debug_level,
        &[required(c"level")],
    )),
    of_class(method(
        c"setDeterministicConnOrder",
        methods::set_deterministic_conn_order,
        &[required(c"trueOrFalse")],
    )),
    method(
        c"addAuth",
        methods::add_auth,
        &[
            required(c"scheme"),
            required(c"cert"),
            optional(c"completion_cb", c"null"),
        ],
    ),
    method(
        c"setWatcher",
        methods::set_watcher,
        &[required(c"watcher_cb")],
    ),
    method(
        c"setLogStream",
        methods::set_log_stream,
        &[required(c"stream")],
    ),
    method(c"getConfig", methods::get_config, &[]),
    of_class(method(c"dispatch", methods::dispatch, &[])),
];

const CONFIG_METHODS: &[Function] = &[
    method(c"get", methods::config_get, &[WATCHER, STAT]),
    method(
        c"add",
        methods::config_add,
        &[required(c"members"), VERSION, STAT],
    ),
    method(
        c"remove",
        methods::config_remove,
        &[required(c"id_list"), VERSION, STAT],
    ),
    method(
        c"set",
        methods::config_set,
        &[required(c"members"), VERSION, STAT],
    ),
];

const CONSTANTS: &[(&std::ffi::CStr, i64)] = &[
    (c"PERM_READ", 1),
    (c"PERM_WRITE", 2),
    (c"PERM_CREATE", 4),
    (c"PERM_DELETE", 8),
    (c"PERM_ADMIN", 16),
    (c"PERM_ALL", 31),
    (c"EPHEMERAL", 1),
    (c"SEQUENCE", 2),
    (c"EXPIRED_SESSION_STATE", crate::session_state::EXPIRED),
    (c"AUTH_FAILED_STATE", crate::session_state::AUTH_FAILED),
    (c"CONNECTING_STATE", crate::session_state::CONNECTING),
    (c"ASSOCIATING_STATE", crate::session_state::ASSOCIATING),
    (c"CONNECTED_STATE", crate::session_state::CONNECTED),
    (c"NOTCONNECTED_STATE", crate::session_state::NOT_CONNECTED),
    (c"CREATED_EVENT", 1),
    (c"DELETED_EVENT", 2),
    (c"CHANGED_EVENT", 3),
    (c"CHILD_EVENT", 4),
    (c"SESSION_EVENT", -1),
    (c"NOTWATCHING_EVENT", -2),
    (c"LOG_LEVEL_ERROR", 1),
    (c"LOG_LEVEL_WARN", 2),
    (c"LOG_LEVEL_INFO", 3),
    (c"LOG_LEVEL_DEBUG", 4),
    (c"OK", 0),
    (c"SYSTEMERROR", -1),
    (c"RUNTIMEINCONSISTENCY", -2),
    (c"DATAINCONSISTENCY", -3),
    (c"CONNECTIONLOSS", -4),
    (c"MARSHALLINGERROR", -5),
    (c"UNIMPLEMENTED", -6),
    (c"OPERATIONTIMEOUT", -7),
    (c"BADARGUMENTS", -8),
    (c"INVALIDSTATE", -9),
    (c"NEWCONFIGNOQUORUM", -13),
    (c"RECONFIGINPROGRESS", -14),
    (c"APIERROR", -100),
    (c"NONODE", -101),
    (c"NOAUTH", -102),
    (c"BADVERSION", -103),
    (c"NOCHILDRENFOREPHEMERALS", -108),
    (c"NODEEXISTS", -110),
    (c"NOTEMPTY", -111),
    (c"SESSIONEXPIRED", -112),
    (c"INVALIDCALLBACK", -113),
    (c"INVALIDACL", -114),
    (c"AUTHFAILED", -115),
    (c"CLOSING", -116),
    (c"NOTHING", -117),
    (c"SESSIONMOVED", -118),
];
