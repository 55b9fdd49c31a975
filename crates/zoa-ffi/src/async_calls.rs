//! The asynchronous calls: arguments to a request, a function and its data to a tag.
//!
//! Each returns when the request is queued; the function is told how it ended. The synchronous calls stand on the same
//! `ask_*` functions. Invariant: what is refused by a return code is told to no function.
#![allow(
    clippy::too_many_arguments,
    reason = "the signatures are the C interface"
)]

use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;

use zoa_proto::AclList;
use zoa_proto::CreateFlags;
use zoa_proto::Path;
use zoa_proto::Request;
use zoa_proto::Version;
use zoa_proto::request::Create;
use zoa_proto::request::CreateTtl;
use zoa_proto::request::Delete;
use zoa_proto::request::Exists;
use zoa_proto::request::GetAcl;
use zoa_proto::request::GetChildren;
use zoa_proto::request::GetData;
use zoa_proto::request::Reconfig;
use zoa_proto::request::SetAcl;
use zoa_proto::request::SetData;
use zoa_proto::request::Sync;

use crate::abi::AclCompletion;
use crate::abi::AclVector;
use crate::abi::DataCompletion;
use crate::abi::StatCompletion;
use crate::abi::StringCompletion;
use crate::abi::StringStatCompletion;
use crate::abi::StringsCompletion;
use crate::abi::StringsStatCompletion;
use crate::abi::VoidCompletion;
use crate::abi::WatcherFn;
use crate::abi::ZHandle;
use crate::arguments;
use crate::clock;
use crate::codes::ZBADARGUMENTS;
use crate::handle::Handle;
use crate::submit::Ask;
use crate::submit::check_null;
use crate::submit::enter;
use crate::tag::Callback;
use crate::tag::Function;
use crate::tag::Tag;
use crate::watchers::Watcher;

/// The znode that holds the configuration, outside of any chroot.
const CONFIG_NODE: &str = "/zookeeper/config";
/// The longest time to live that a server can keep, in milliseconds.
const TTL_MS_MAX: i64 = 0x00ff_ffff_ffff;

/// What a create is to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Making {
    pub(crate) path: *const c_char,
    pub(crate) value: *const c_char,
    pub(crate) len: c_int,
    pub(crate) acl: *const AclVector,
    pub(crate) mode: c_int,
    /// -1 for none.
    pub(crate) ttl: i64,
    /// Whether the stat is wanted too.
    pub(crate) is_second: bool,
}

/// Whom a watch is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Watch {
    /// The default watcher, if this is not 0.
    Default(c_int),
    /// This function; none for no watch.
    Own(Option<WatcherFn>, *mut c_void),
}

impl Watch {
    fn watcher(self, handle: &Handle) -> Option<Watcher> {
        match self {
            Self::Default(0) => None,
            Self::Default(_) => Some(handle.default_watcher()),
            Self::Own(function, context) => function.map(|function| Watcher { function, context }),
        }
    }
}

impl Handle {
    /// # Safety
    /// The pointers are as the C header says of the call.
    pub(crate) unsafe fn ask_create(&self, making: Making, tag: Tag) -> Result<(), c_int> {
        // SAFETY: the same contract.
        let (path, data, entries) = unsafe {
            (
                arguments::text(making.path)?,
                arguments::data(making.value, making.len)?,
                arguments::acl(making.acl)?,
            )
        };
        let mut scratch = Vec::new();
        let acl = AclList::collect_into(entries, &mut scratch);
        let flags = CreateFlags(making.mode);
        let mode = flags.mode();
        let has_ttl = mode.is_some_and(zoa_proto::CreateMode::is_ttl);
        let is_legal = match (has_ttl, making.ttl) {
            (true, ttl) => (1..=TTL_MS_MAX).contains(&ttl),
            (false, ttl) => ttl < 0,
        };
        if !is_legal {
            return Err(ZBADARGUMENTS);
        }
        let create = Create {
            path,
            data,
            acl,
            flags,
        };
        let request = match mode {
            Some(zoa_proto::CreateMode::Container) => Request::CreateContainer(create),
            _ if has_ttl => Request::CreateTtl(CreateTtl {
                path,
                data,
                acl,
                flags,
                ttl_ms: making.ttl,
            }),
            _ if making.is_second => Request::Create2(create),
            _ => Request::Create(create),
        };
        self.submit(request.into(), tag)
    }

    /// # Safety
    /// `path` is null or a string.
    pub(crate) unsafe fn ask_delete(
        &self,
        path: *const c_char,
        version: c_int,
        tag: Tag,
    ) -> Result<(), c_int> {
        // SAFETY: the same contract.
        let path = unsafe { arguments::text(path) }?;
        let request = Request::Delete(Delete {
            path,
            version: Version(version),
        });
        self.submit(request.into(), tag)
    }

    /// # Safety
    /// `path` is null or a string.
    pub(crate) unsafe fn ask_exists(
        &self,
        path: *const c_char,
        watch: Watch,
        tag: Tag,
    ) -> Result<(), c_int> {
        // SAFETY: the same contract.
        let path = unsafe { arguments::text(path) }?;
        let watcher = watch.watcher(self);
        let request = Request::Exists(Exists {
            path,
            watch: watcher.is_some(),
        });
        self.submit(
            Ask {
                request,
                watcher,
                outside_chroot: false,
            },
            tag,
        )
    }

    /// # Safety
    /// `path` is null or a string.
    pub(crate) unsafe fn ask_get(
        &self,
        path: *const c_char,
        watch: Watch,
        tag: Tag,
    ) -> Result<(), c_int> {
        // SAFETY: the same contract.
        let path = unsafe { arguments::text(path) }?;
        self.ask_data(path, watch, false, tag)
    }

    pub(crate) fn ask_config(&self, watch: Watch, tag: Tag) -> Result<(), c_int> {
        self.ask_data(CONFIG_NODE, watch, true, tag)
    }

    fn ask_data(
        &self,
        path: &str,
        watch: Watch,
        outside_chroot: bool,
        tag: Tag,
    ) -> Result<(), c_int> {
        let watcher = watch.watcher(self);
        let request = Request::GetData(GetData {
            path,
            watch: watcher.is_some(),
        });
        self.submit(
            Ask {
                request,
                watcher,
                outside_chroot,
            },
            tag,
        )
    }

    /// # Safety
    /// The strings are null or strings.
    pub(crate) unsafe fn ask_reconfig(
        &self,
        lists: [*const c_char; 3],
        version: i64,
        tag: Tag,
    ) -> Result<(), c_int> {
        let [joining, leaving, members] = lists;
        // SAFETY: the same contract.
        let request = unsafe {
            Request::Reconfig(Reconfig {
                joining: arguments::optional_text(joining)?,
                leaving: arguments::optional_text(leaving)?,
                new_members: arguments::optional_text(members)?,
                config_id: version,
            })
        };
        self.submit(request.into(), tag)
    }

    /// # Safety
    /// `path` is null or a string, `value` null or `len` bytes.
    pub(crate) unsafe fn ask_set(
        &self,
        path: *const c_char,
        (value, len): (*const c_char, c_int),
        version: c_int,
        tag: Tag,
    ) -> Result<(), c_int> {
        // SAFETY: the same contract.
        let (path, data) = unsafe { (arguments::text(path)?, arguments::data(value, len)?) };
        let request = Request::SetData(SetData {
            path,
            data,
            version: Version(version),
        });
        self.submit(request.into(), tag)
    }

    /// # Safety
    /// `path` is null or a string.
    pub(crate) unsafe fn ask_children(
        &self,
        path: *const c_char,
        watch: Watch,
        is_second: bool,
        tag: Tag,
    ) -> Result<(), c_int> {
        // SAFETY: the same contract.
        let path = unsafe { arguments::text(path) }?;
        let watcher = watch.watcher(self);
        let body = GetChildren {
            path,
            watch: watcher.is_some(),
        };
        let request = if is_second {
            Request::GetChildren2(body)
        } else {
            Request::GetChildren(body)
        };
        self.submit(
            Ask {
                request,
                watcher,
                outside_chroot: false,
            },
            tag,
        )
    }

    /// # Safety
    /// `path` is null or a string.
    pub(crate) unsafe fn ask_acl(&self, path: *const c_char, tag: Tag) -> Result<(), c_int> {
        // SAFETY: the same contract.
        let path = unsafe { arguments::text(path) }?;
        self.submit(Request::GetAcl(GetAcl { path }).into(), tag)
    }

    /// # Safety
    /// `path` is null or a string, `acl` null or a vector.
    pub(crate) unsafe fn ask_set_acl(
        &self,
        path: *const c_char,
        version: c_int,
        acl: *const AclVector,
        tag: Tag,
    ) -> Result<(), c_int> {
        // SAFETY: the same contract.
        let (path, entries) = unsafe { (arguments::text(path)?, arguments::acl(acl)?) };
        let mut scratch = Vec::new();
        let acl = AclList::collect_into(entries, &mut scratch);
        let request = Request::SetAcl(SetAcl {
            path,
            acl,
            version: Version(version),
        });
        self.submit(request.into(), tag)
    }
}

const fn then(function: Function, data: *const c_void) -> Tag {
    Tag::of_callback(Callback { function, data })
}

/// create.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_acreate(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    completion: Option<StringCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { zoo_acreate_ttl(zh, path, value, len, acl, mode, -1, completion, data) }
}

/// create, with a time to live for the modes that have one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_acreate_ttl(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    ttl: i64,
    completion: Option<StringCompletion>,
    data: *const c_void,
) -> c_int {
    let making = Making {
        path,
        value,
        len,
        acl,
        mode,
        ttl,
        is_second: false,
    };
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_create(making, then(Function::Text(completion), data))
    })
}

/// create2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_acreate2(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    completion: Option<StringStatCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { zoo_acreate2_ttl(zh, path, value, len, acl, mode, -1, completion, data) }
}

/// create2, with a time to live for the modes that have one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_acreate2_ttl(
    zh: *mut ZHandle,
    path: *const c_char,
    value: *const c_char,
    len: c_int,
    acl: *const AclVector,
    mode: c_int,
    ttl: i64,
    completion: Option<StringStatCompletion>,
    data: *const c_void,
) -> c_int {
    let making = Making {
        path,
        value,
        len,
        acl,
        mode,
        ttl,
        is_second: true,
    };
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_create(making, then(Function::TextStat(completion), data))
    })
}

/// delete.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_adelete(
    zh: *mut ZHandle,
    path: *const c_char,
    version: c_int,
    completion: Option<VoidCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_delete(path, version, then(Function::Void(completion), data))
    })
}

/// exists, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aexists(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    completion: Option<StatCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_exists(
            path,
            Watch::Default(watch),
            then(Function::Stat(completion), data),
        )
    })
}

/// exists, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_awexists(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    completion: Option<StatCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_exists(
            path,
            Watch::Own(watcher, context),
            then(Function::Stat(completion), data),
        )
    })
}

/// getData, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aget(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    completion: Option<DataCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_get(
            path,
            Watch::Default(watch),
            then(Function::Data(completion), data),
        )
    })
}

/// getData, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_awget(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    completion: Option<DataCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_get(
            path,
            Watch::Own(watcher, context),
            then(Function::Data(completion), data),
        )
    })
}

/// The configuration, with the default watcher.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_agetconfig(
    zh: *mut ZHandle,
    watch: c_int,
    completion: Option<DataCompletion>,
    data: *const c_void,
) -> c_int {
    enter(zh, |handle| {
        handle.ask_config(
            Watch::Default(watch),
            then(Function::Data(completion), data),
        )
    })
}

/// The configuration, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub extern "C" fn zoo_awgetconfig(
    zh: *mut ZHandle,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    completion: Option<DataCompletion>,
    data: *const c_void,
) -> c_int {
    enter(zh, |handle| {
        handle.ask_config(
            Watch::Own(watcher, context),
            then(Function::Data(completion), data),
        )
    })
}

/// reconfig.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_areconfig(
    zh: *mut ZHandle,
    joining: *const c_char,
    leaving: *const c_char,
    members: *const c_char,
    version: i64,
    completion: Option<DataCompletion>,
    data: *const c_void,
) -> c_int {
    let lists = [joining, leaving, members];
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_reconfig(lists, version, then(Function::Data(completion), data))
    })
}

/// setData.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aset(
    zh: *mut ZHandle,
    path: *const c_char,
    buffer: *const c_char,
    len: c_int,
    version: c_int,
    completion: Option<StatCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_set(
            path,
            (buffer, len),
            version,
            then(Function::Stat(completion), data),
        )
    })
}

/// getChildren, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aget_children(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    completion: Option<StringsCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_children(
            path,
            Watch::Default(watch),
            false,
            then(Function::Strings(completion), data),
        )
    })
}

/// getChildren, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_awget_children(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    completion: Option<StringsCompletion>,
    data: *const c_void,
) -> c_int {
    let watch = Watch::Own(watcher, context);
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_children(
            path,
            watch,
            false,
            then(Function::Strings(completion), data),
        )
    })
}

/// getChildren2, with the default watcher.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aget_children2(
    zh: *mut ZHandle,
    path: *const c_char,
    watch: c_int,
    completion: Option<StringsStatCompletion>,
    data: *const c_void,
) -> c_int {
    let watch = Watch::Default(watch);
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_children(
            path,
            watch,
            true,
            then(Function::StringsStat(completion), data),
        )
    })
}

/// getChildren2, with a watcher of the caller's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_awget_children2(
    zh: *mut ZHandle,
    path: *const c_char,
    watcher: Option<WatcherFn>,
    context: *mut c_void,
    completion: Option<StringsStatCompletion>,
    data: *const c_void,
) -> c_int {
    let watch = Watch::Own(watcher, context);
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_children(
            path,
            watch,
            true,
            then(Function::StringsStat(completion), data),
        )
    })
}

/// sync.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_async(
    zh: *mut ZHandle,
    path: *const c_char,
    completion: Option<StringCompletion>,
    data: *const c_void,
) -> c_int {
    enter(zh, |handle| {
        // SAFETY: the same contract.
        let path = unsafe { arguments::text(path) }?;
        handle.submit(
            Request::Sync(Sync { path }).into(),
            then(Function::Text(completion), data),
        )
    })
}

/// getACL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aget_acl(
    zh: *mut ZHandle,
    path: *const c_char,
    completion: Option<AclCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_acl(path, then(Function::Acl(completion), data))
    })
}

/// setACL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_aset_acl(
    zh: *mut ZHandle,
    path: *const c_char,
    version: c_int,
    acl: *mut AclVector,
    completion: Option<VoidCompletion>,
    data: *const c_void,
) -> c_int {
    // SAFETY: the same contract.
    enter(zh, |handle| unsafe {
        handle.ask_set_acl(path, version, acl, then(Function::Void(completion), data))
    })
}

/// Adds an identity.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zoo_add_auth(
    zh: *mut ZHandle,
    scheme: *const c_char,
    cert: *const c_char,
    len: c_int,
    completion: Option<VoidCompletion>,
    data: *const c_void,
) -> c_int {
    enter(zh, |handle| {
        check_null(scheme)?;
        let len = if cert.is_null() { 0 } else { len };
        // SAFETY: the same contract.
        let (scheme, cert) = unsafe { (arguments::text(scheme)?, arguments::data(cert, len)?) };
        let tag = then(Function::Void(completion), data);
        handle.take(tag, |state, tag| {
            state
                .core
                .add_auth(clock::now_ms(), scheme, cert.unwrap_or_default(), tag)
        })
    })
}

/// Whether a path is one that the interface takes; the core judges the rest.
pub(crate) fn is_path(path: &str, flags: CreateFlags) -> bool {
    match flags.mode() {
        Some(mode) if mode.is_sequential() => Path::parse_sequential(path).is_ok(),
        Some(_) | None => Path::parse(path).is_ok(),
    }
}
