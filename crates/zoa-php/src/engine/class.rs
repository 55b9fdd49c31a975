//! Classes and functions as tables, and their registration with the engine.
//!
//! Signatures stay without types, so that users' subclasses of the original's classes compile.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering;

use ext_php_rs::ffi::_ZEND_SEND_MODE_SHIFT;
use ext_php_rs::ffi::zend_class_entry;
use ext_php_rs::ffi::zend_execute_data;
use ext_php_rs::ffi::zend_function_entry;
use ext_php_rs::ffi::zend_internal_arg_info;
use ext_php_rs::ffi::zend_object;
use ext_php_rs::ffi::zend_register_internal_class_ex;
use ext_php_rs::ffi::zend_string_init_interned;
use ext_php_rs::ffi::zval;

use super::ffi;

/// The native function behind a PHP function.
pub(crate) type Handler = extern "C" fn(*mut zend_execute_data, *mut zval);

/// A parameter, as reflection shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    name: &'static CStr,
    default: Option<&'static CStr>,
    by_reference: bool,
}

/// A parameter that must be given.
pub(crate) const fn required(name: &'static CStr) -> Param {
    let (default, by_reference) = (None, false);
    Param {
        name,
        default,
        by_reference,
    }
}

/// A parameter with a default, in PHP's words.
pub(crate) const fn optional(name: &'static CStr, default: &'static CStr) -> Param {
    let (default, by_reference) = (Some(default), false);
    Param {
        name,
        default,
        by_reference,
    }
}

/// An optional variable that is assigned to.
pub(crate) const fn out(name: &'static CStr) -> Param {
    let (default, by_reference) = (Some(c"null"), true);
    Param {
        name,
        default,
        by_reference,
    }
}

/// A function or method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static CStr,
    pub(crate) handler: Handler,
    pub(crate) params: &'static [Param],
    pub(crate) is_static: bool,
}

/// The class that a class extends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parent {
    None,
    /// PHP's `Exception`.
    Exception,
    Class(&'static Class),
}

/// A class.
#[derive(Debug)]
pub(crate) struct Class {
    pub(crate) name: &'static CStr,
    pub(crate) parent: Parent,
    pub(crate) functions: &'static [Function],
    pub(crate) constants: &'static [(&'static CStr, i64)],
    entry: AtomicPtr<zend_class_entry>,
}

impl Class {
    pub(crate) const fn new(name: &'static CStr, parent: Parent) -> Self {
        let entry = AtomicPtr::new(ptr::null_mut());
        let (functions, constants): (&[_], &[_]) = (&[], &[]);
        Self {
            name,
            parent,
            functions,
            constants,
            entry,
        }
    }

    pub(crate) const fn with(
        mut self,
        functions: &'static [Function],
        constants: &'static [(&'static CStr, i64)],
    ) -> Self {
        self.functions = functions;
        self.constants = constants;
        self
    }

    /// The engine's entry; null before the registration.
    pub(crate) fn entry(&self) -> *mut zend_class_entry {
        self.entry.load(Ordering::Acquire)
    }

    /// Keeps a parameter of a method, from 0, out of stack traces. The name of the method is in lower case.
    #[expect(unsafe_code, reason = "the shim marks the parameter")]
    pub(crate) fn hide_parameter(&self, method: &CStr, number: u32) {
        let (name, len) = (method.as_ptr(), method.count_bytes());
        // SAFETY: called while the module starts, when the class is registered.
        unsafe { ffi::zoa_hide_parameter(self.entry(), name, len, number) };
    }

    /// Registers it. `create` makes its objects; without it they are as the parent's.
    #[expect(unsafe_code, reason = "the engine's registration")]
    pub(crate) fn register(
        &self,
        create: Option<unsafe extern "C" fn(*mut zend_class_entry) -> *mut zend_object>,
        flags: u32,
    ) {
        let parent = match self.parent {
            Parent::None => ptr::null_mut(),
            // SAFETY: the engine registers its own classes before any module starts.
            Parent::Exception => unsafe { ext_php_rs::ffi::zend_ce_exception },
            Parent::Class(class) => class.entry(),
        };
        // SAFETY: what INIT_CLASS_ENTRY does: all zero but for the name and the functions, which live as long as the process.
        // The engine copies the template. It runs on the main thread while the module starts.
        unsafe {
            let mut template: zend_class_entry = MaybeUninit::zeroed().assume_init();
            let intern = zend_string_init_interned.expect("the engine is up");
            template.name = intern(self.name.as_ptr(), self.name.count_bytes(), true);
            template.info.internal.builtin_functions = function_table(self.functions).as_ptr();
            let entry = zend_register_internal_class_ex(&raw mut template, parent);
            if create.is_some() {
                (*entry).__bindgen_anon_2.create_object = create;
            }
            (*entry).ce_flags |= flags;
            for (name, value) in self.constants {
                let (name, len) = (name.as_ptr(), name.count_bytes());
                ffi::zend_declare_class_constant_long(entry, name, len, *value);
            }
            self.entry.store(entry, Ordering::Release);
        }
    }
}

/// The engine's table of these functions. It is never freed.
#[expect(unsafe_code, reason = "tables of the engine's types")]
pub(crate) fn function_table(functions: &[Function]) -> &'static [zend_function_entry] {
    let mut table = Vec::with_capacity(functions.len() + 1);
    for function in functions {
        let arg_info = arg_infos(function.params);
        // SAFETY: all-zero is a valid entry, the one that ends a table.
        let mut entry: zend_function_entry = unsafe { MaybeUninit::zeroed().assume_init() };
        entry.fname = function.name.as_ptr();
        // SAFETY: the same function; the bindings have it as unsafe, with pointers to the same types.
        entry.handler = Some(unsafe {
            std::mem::transmute::<Handler, unsafe extern "C" fn(*mut zend_execute_data, *mut zval)>(
                function.handler,
            )
        });
        entry.arg_info = arg_info.as_ptr();
        entry.num_args = u32::try_from(function.params.len()).expect("there are few parameters");
        entry.flags = ext_php_rs::ffi::ZEND_ACC_PUBLIC;
        if function.is_static {
            entry.flags |= ext_php_rs::ffi::ZEND_ACC_STATIC;
        }
        table.push(entry);
    }
    // SAFETY: as above.
    table.push(unsafe { MaybeUninit::zeroed().assume_init() });
    table.leak()
}

/// The engine's table of these parameters: first how many are required, then each.
#[expect(unsafe_code, reason = "tables of the engine's types")]
fn arg_infos(params: &[Param]) -> &'static [zend_internal_arg_info] {
    let required = params
        .iter()
        .filter(|param| param.default.is_none())
        .count();
    let mut infos = Vec::with_capacity(params.len() + 1);
    // SAFETY: all-zero says: no type, no default, not by reference.
    let mut first: zend_internal_arg_info = unsafe { MaybeUninit::zeroed().assume_init() };
    // The engine reads a number where the others have a name.
    first.name = ptr::without_provenance(required);
    infos.push(first);
    for param in params {
        // SAFETY: as above.
        let mut info: zend_internal_arg_info = unsafe { MaybeUninit::zeroed().assume_init() };
        info.name = param.name.as_ptr();
        info.default_value = param.default.map_or(ptr::null(), CStr::as_ptr);
        info.type_.type_mask = u32::from(param.by_reference) << _ZEND_SEND_MODE_SHIFT;
        infos.push(info);
    }
    infos.leak()
}
