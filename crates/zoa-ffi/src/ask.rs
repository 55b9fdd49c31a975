//! What each call asks for: C's arguments judged and made a request, which goes on to the core with its tag.
//!
//! The asynchronous calls and the synchronous ones stand on these; they differ in the tag only. Invariant: every pointer is used within
//! the call that gave it, and what is refused here was not asked.

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

use crate::abi::AclVector;
use crate::abi::WatcherFn;
use crate::arguments;
use crate::clock;
use crate::codes::ZBADARGUMENTS;
use crate::handle::Handle;
use crate::submit::Ask;
use crate::submit::check_null;
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
    /// `path` is null or a string.
    pub(crate) unsafe fn ask_sync(&self, path: *const c_char, tag: Tag) -> Result<(), c_int> {
        // SAFETY: the same contract.
        let path = unsafe { arguments::text(path) }?;
        self.submit(Request::Sync(Sync { path }).into(), tag)
    }

    /// # Safety
    /// `scheme` is null or a string, `cert` null or `len` bytes.
    pub(crate) unsafe fn ask_auth(
        &self,
        scheme: *const c_char,
        (cert, len): (*const c_char, c_int),
        tag: Tag,
    ) -> Result<(), c_int> {
        check_null(scheme)?;
        let len = if cert.is_null() { 0 } else { len };
        // SAFETY: the same contract.
        let (scheme, cert) = unsafe { (arguments::text(scheme)?, arguments::data(cert, len)?) };
        self.take(tag, |state, tag| {
            state
                .core
                .add_auth(clock::now_ms(), scheme, cert.unwrap_or_default(), tag)
        })
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

/// Whether a path is one that the interface takes; the core judges the rest.
pub(crate) fn is_path(path: &str, flags: CreateFlags) -> bool {
    match flags.mode() {
        Some(mode) if mode.is_sequential() => Path::parse_sequential(path).is_ok(),
        Some(_) | None => Path::parse(path).is_ok(),
    }
}
