//! PHP objects with a Rust side.
//!
//! ```text
//! [ Option<Box<N>> | zend_object, properties ]
//!                    ^ what PHP holds
//! ```
//!
//! The Rust side is made with the object, so that a subclass that skips the constructor has one too. Such objects cannot be
//! cloned or serialised.

use std::mem::ManuallyDrop;
use std::mem::MaybeUninit;
use std::mem::offset_of;
use std::ptr;
use std::sync::OnceLock;

use ext_php_rs::ffi::ext_php_rs_zend_object_alloc;
use ext_php_rs::ffi::object_properties_init;
use ext_php_rs::ffi::std_object_handlers;
use ext_php_rs::ffi::zend_class_entry;
use ext_php_rs::ffi::zend_object;
use ext_php_rs::ffi::zend_object_handlers;
use ext_php_rs::ffi::zend_object_std_dtor;
use ext_php_rs::ffi::zend_object_std_init;

use ext_php_rs::types::ZendObject;
use ext_php_rs::types::Zval;

use super::class::Class;
use super::value::Value;

#[repr(C)]
struct Slot<N> {
    native: ManuallyDrop<Option<Box<N>>>,
    object: zend_object,
}

/// The handlers of one class.
#[derive(Debug)]
pub(crate) struct Handlers(zend_object_handlers);

#[expect(unsafe_code, reason = "a table of functions, written once")]
// SAFETY: it is filled before it is shared, and only read then.
unsafe impl Sync for Handlers {}
#[expect(unsafe_code, reason = "a table of functions, written once")]
// SAFETY: it holds no state of any thread.
unsafe impl Send for Handlers {}

/// The Rust side of a PHP object.
pub(crate) trait Native: Default + 'static {
    /// Its class.
    const CLASS: &'static Class;

    /// Where its handlers are kept.
    fn handlers() -> &'static OnceLock<Handlers>;

    /// Registers its class.
    fn register() {
        Self::CLASS.register(
            Some(create::<Self>),
            ext_php_rs::ffi::ZEND_ACC_NOT_SERIALIZABLE,
        );
    }

    /// The Rust side of this object, which must be of its class; `None` for null.
    #[expect(unsafe_code, reason = "the engine guarantees the class of $this")]
    fn of_object<'o>(object: *mut zend_object) -> Option<&'o Self> {
        if object.is_null() {
            return None;
        }
        // SAFETY: objects of the class and its subclasses are made by `create` only, and the engine calls our methods with no
        // others. It holds the object while the method runs.
        unsafe { (*slot_of::<Self>(object)).native.as_deref() }
    }
}

#[expect(unsafe_code, reason = "pointer arithmetic inside one allocation")]
const unsafe fn slot_of<N>(object: *mut zend_object) -> *mut Slot<N> {
    // SAFETY: the caller has an object made by `create`.
    unsafe { object.byte_sub(offset_of!(Slot<N>, object)).cast() }
}

#[expect(unsafe_code, reason = "called by the engine")]
unsafe extern "C" fn create<N: Native>(class: *mut zend_class_entry) -> *mut zend_object {
    // SAFETY: what the engine's documentation asks of a create_object: room for the properties behind the object, then its own
    // initialisation.
    unsafe {
        let slot: *mut Slot<N> = ext_php_rs_zend_object_alloc(size_of::<Slot<N>>(), class).cast();
        ptr::write(
            &raw mut (*slot).native,
            ManuallyDrop::new(Some(Box::default())),
        );
        let object = &raw mut (*slot).object;
        zend_object_std_init(object, class);
        object_properties_init(object, class);
        (*object).handlers = &raw const N::handlers().get_or_init(make_handlers::<N>).0;
        object
    }
}

/// A new object of the class, made without its constructor, and its Rust side filled by `fill`.
#[expect(unsafe_code, reason = "makes an object as the engine does")]
pub(crate) fn new_object<N: Native>(fill: impl FnOnce(&N)) -> Value {
    let mut zval = Zval::new();
    // SAFETY: the class is registered; the object's one reference goes into the value.
    unsafe {
        let object = create::<N>(N::CLASS.entry());
        if let Some(native) = N::of_object(object) {
            fill(native);
        }
        zval.set_object(&mut *object.cast::<ZendObject>());
        // The value has counted itself a second time.
        (*object).gc.refcount -= 1;
    }
    Value::zval(zval)
}

#[expect(unsafe_code, reason = "copies the engine's table")]
fn make_handlers<N: Native>() -> Handlers {
    // SAFETY: the engine's own table, complete before any module starts.
    let mut handlers = unsafe {
        let mut copy = MaybeUninit::<zend_object_handlers>::uninit();
        ptr::copy_nonoverlapping(&raw const std_object_handlers, copy.as_mut_ptr(), 1);
        copy.assume_init()
    };
    handlers.offset = i32::try_from(offset_of!(Slot<N>, object)).expect("a small offset");
    handlers.free_obj = Some(free::<N>);
    handlers.clone_obj = None;
    Handlers(handlers)
}

#[expect(unsafe_code, reason = "called by the engine")]
unsafe extern "C" fn free<N: Native>(object: *mut zend_object) {
    crate::process::enter();
    // SAFETY: the engine frees an object once; what is taken here is not dropped again.
    let native = unsafe { (*slot_of::<N>(object)).native.take() };
    // A panic must not unwind into the engine.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || drop(native)));
    // SAFETY: as the engine expects of a free_obj.
    unsafe { zend_object_std_dtor(object) };
}
