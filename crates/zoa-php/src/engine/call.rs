//! A call of one of our functions: its frame, its parameters and its return value.
//!
//! Parameters are read by the engine's own `zend_parse_parameters`, so that coercion and the words of every complaint are PHP's.
//!
//! ```text
//! call.parse(&mut [&mut path, &mut value], &mut [&mut acl, &mut flags])?      "ss!|a!l"
//! ```

use std::ffi::c_char;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::ptr;

use ext_php_rs::ffi::zend_execute_data;
use ext_php_rs::ffi::zend_object;
use ext_php_rs::ffi::zval;
use ext_php_rs::types::ZendObject;
use ext_php_rs::types::Zval;

use super::callable::Callable;
use super::exception::Thrown;
use super::exception::throw_error;
use super::ffi;
use super::ffi::CallBuffer;
use super::object::Native;
use super::value::Value;

/// Pointers that all parameters of one function take together, and characters of its specification.
const POINTERS_MAX: usize = 16;
const SPEC_LEN_MAX: usize = 32;

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    frame: *mut zend_execute_data,
    result: *mut zval,
}

/// Declares the functions that the engine calls, each by the Rust function that does the work.
macro_rules! handlers {
    ($($name:ident => $body:path;)*) => {
        $(
            /// Called by the engine.
            pub(crate) extern "C" fn $name(
                frame: *mut ext_php_rs::ffi::zend_execute_data,
                result: *mut ext_php_rs::ffi::zval,
            ) {
                $crate::engine::Call::run(frame, result, $body);
            }
        )*
    };
}
pub(crate) use handlers;

impl Call {
    /// Runs the body of a function. A panic becomes an `Error`; it never unwinds into the engine.
    pub(crate) fn run(
        frame: *mut zend_execute_data,
        result: *mut zval,
        body: fn(&Self) -> Result<Value, Thrown>,
    ) {
        let call = Self { frame, result };
        crate::process::enter();
        match catch_unwind(AssertUnwindSafe(|| body(&call))) {
            Ok(Ok(value)) => call.give_back(value),
            Ok(Err(Thrown)) => {}
            Err(_) => {
                let Thrown = throw_error("zookeeper: internal error, please report it");
            }
        }
    }

    #[expect(unsafe_code, reason = "the engine's slot for the return value")]
    fn give_back(&self, value: Value) {
        // SAFETY: the engine gives an initialised null here for the duration of the call.
        unsafe { ptr::write(self.result.cast::<Zval>(), value.into_zval()) };
    }

    /// How many parameters were given.
    #[expect(unsafe_code, reason = "reads the engine's frame")]
    pub(crate) fn arg_count(&self) -> u32 {
        // SAFETY: the frame is alive for the duration of the call.
        unsafe { ffi::zoa_arg_count(self.frame) }
    }

    #[expect(unsafe_code, reason = "reads the engine's frame")]
    pub(crate) fn this(&self) -> *mut zend_object {
        // SAFETY: the frame is alive for the duration of the call.
        unsafe { ffi::zoa_this(self.frame) }
    }

    /// `$this`, for methods that give it back.
    #[expect(unsafe_code, reason = "the engine's object, counted once more")]
    pub(crate) fn this_value(&self) -> Value {
        let mut zval = Zval::new();
        // SAFETY: the frame holds the object of a method that is not static.
        if let Some(object) = unsafe { self.this().cast::<ZendObject>().as_mut() } {
            zval.set_object(object);
        }
        Value::zval(zval)
    }

    /// The Rust side of `$this`.
    pub(crate) fn native<N: Native>(&self) -> &N {
        N::of_object(self.this()).expect("a method that is not static has an object")
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// When the engine has thrown because they do not fit.
    #[expect(
        unsafe_code,
        reason = "the engine writes through pointers to what is parsed"
    )]
    pub(crate) fn parse(
        &self,
        required: &mut [&mut dyn Slot],
        optional: &mut [&mut dyn Slot],
    ) -> Result<(), Thrown> {
        let mut parser = Parser {
            spec: [0; SPEC_LEN_MAX],
            spec_len: 0,
            pointers: [ptr::null_mut(); POINTERS_MAX],
            count: 0,
        };
        for slot in required {
            slot.declare(&mut parser);
        }
        if !optional.is_empty() {
            parser.write(b"|");
        }
        for slot in optional {
            slot.declare(&mut parser);
        }
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = parser.pointers;
        // SAFETY: each character of the specification came with the pointers that it takes, of the right types; those left over
        // are not looked at.
        let parsed = unsafe {
            ffi::zend_parse_parameters(
                self.arg_count(),
                parser.spec.as_ptr().cast::<c_char>(),
                a,
                b,
                c,
                d,
                e,
                f,
                g,
                h,
                i,
                j,
                k,
                l,
                m,
                n,
                o,
                p,
            )
        };
        if parsed == ffi::SUCCESS {
            Ok(())
        } else {
            Err(Thrown)
        }
    }

    /// Takes no parameters.
    ///
    /// # Errors
    /// When there are some.
    pub(crate) fn parse_none(&self) -> Result<(), Thrown> {
        self.parse(&mut [], &mut [])
    }

    /// Gives a value to the variable behind a parameter that was declared by reference.
    #[expect(unsafe_code, reason = "the engine assigns to the reference")]
    pub(crate) fn assign(&self, out: &OutArg, value: impl FnOnce() -> Value) {
        if out.number > self.arg_count() {
            return;
        }
        let mut value = value().into_zval();
        // SAFETY: the frame is alive; the value is handed over, and must not be dropped here.
        unsafe { ffi::zoa_assign_by_ref(self.frame, out.number, &raw mut value) };
        std::mem::forget(value);
    }
}

/// Collects what `zend_parse_parameters` is given.
#[derive(Debug)]
pub(crate) struct Parser {
    spec: [u8; SPEC_LEN_MAX],
    spec_len: usize,
    pointers: [*mut c_void; POINTERS_MAX],
    count: usize,
}

impl Parser {
    fn write(&mut self, characters: &[u8]) {
        for character in characters {
            // The last byte stays NUL.
            assert!(self.spec_len < SPEC_LEN_MAX - 1, "a specification is short");
            if let Some(place) = self.spec.get_mut(self.spec_len) {
                *place = *character;
            }
            self.spec_len += 1;
        }
    }

    /// Takes a pointer to what is to be written.
    fn point<T>(&mut self, target: &mut T) {
        self.pass(ptr::from_mut(target).cast());
    }

    /// Takes a pointer as it is.
    fn pass(&mut self, pointer: *mut c_void) {
        let place = self.pointers.get_mut(self.count);
        *place.expect("a function has few parameters") = pointer;
        self.count += 1;
    }
}

/// A parameter to be read.
pub(crate) trait Slot {
    /// Says what it is and where it goes.
    fn declare(&mut self, parser: &mut Parser);
}

/// A string; with `nullable`, or null.
#[derive(Debug)]
pub(crate) struct TextArg {
    bytes: *const c_char,
    len: usize,
    nullable: bool,
    default: &'static str,
}

impl TextArg {
    /// A string.
    pub(crate) const fn new() -> Self {
        Self::or("")
    }

    /// A string that may be left out.
    pub(crate) const fn or(default: &'static str) -> Self {
        let (bytes, len, nullable) = (ptr::null(), 0, false);
        Self {
            bytes,
            len,
            nullable,
            default,
        }
    }

    /// A string or null.
    pub(crate) const fn nullable() -> Self {
        let mut arg = Self::new();
        arg.nullable = true;
        arg
    }

    /// The bytes; `None` for null.
    #[expect(unsafe_code, reason = "the engine's string, kept alive by the frame")]
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        if self.bytes.is_null() {
            return (!self.nullable).then_some(self.default.as_bytes());
        }
        // SAFETY: the engine wrote pointer and length of a string that the frame holds, and the slot lives no longer.
        Some(unsafe { std::slice::from_raw_parts(self.bytes.cast::<u8>(), self.len) })
    }

    /// The text; `None` for null, and for what is no UTF-8.
    pub(crate) fn text(&self) -> Option<&str> {
        self.bytes()
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

impl Slot for TextArg {
    fn declare(&mut self, parser: &mut Parser) {
        parser.write(if self.nullable { b"s!" } else { b"s" });
        parser.point(&mut self.bytes);
        parser.point(&mut self.len);
    }
}

/// An integer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LongArg(pub(crate) i64);

impl Slot for LongArg {
    fn declare(&mut self, parser: &mut Parser) {
        parser.write(b"l");
        parser.point(&mut self.0);
    }
}

/// A number or null.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DoubleArg {
    value: f64,
    is_null: bool,
}

impl DoubleArg {
    pub(crate) const fn nullable() -> Self {
        let (value, is_null) = (0.0, true);
        Self { value, is_null }
    }

    /// The number; `None` for null or none.
    pub(crate) const fn value(&self) -> Option<f64> {
        if self.is_null { None } else { Some(self.value) }
    }
}

impl Slot for DoubleArg {
    fn declare(&mut self, parser: &mut Parser) {
        parser.write(b"d!");
        parser.point(&mut self.value);
        parser.point(&mut self.is_null);
    }
}

/// A truth value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BoolArg(pub(crate) bool);

impl Slot for BoolArg {
    fn declare(&mut self, parser: &mut Parser) {
        parser.write(b"b");
        parser.point(&mut self.0);
    }
}

/// An array; with `nullable`, or null.
#[derive(Debug)]
pub(crate) struct ArrayArg {
    value: *mut zval,
    nullable: bool,
}

impl ArrayArg {
    pub(crate) const fn new() -> Self {
        let (value, nullable) = (ptr::null_mut(), false);
        Self { value, nullable }
    }

    pub(crate) const fn nullable() -> Self {
        let (value, nullable) = (ptr::null_mut(), true);
        Self { value, nullable }
    }

    /// The array; `None` for null or none.
    #[expect(unsafe_code, reason = "the engine's array, kept alive by the frame")]
    pub(crate) fn array(&self) -> Option<&ext_php_rs::types::ZendHashTable> {
        // SAFETY: null, or a value that the frame holds; the slot lives no longer.
        let value = unsafe { self.value.cast::<Zval>().as_ref() };
        value.and_then(Zval::array)
    }
}

impl Slot for ArrayArg {
    fn declare(&mut self, parser: &mut Parser) {
        parser.write(if self.nullable { b"a!" } else { b"a" });
        parser.point(&mut self.value);
    }
}

/// Any value.
#[derive(Debug)]
pub(crate) struct ValueArg(*mut zval);

impl ValueArg {
    pub(crate) const fn new() -> Self {
        Self(ptr::null_mut())
    }

    /// The value; `None` when it was left out.
    #[expect(unsafe_code, reason = "the engine's value, kept alive by the frame")]
    pub(crate) fn value(&self) -> Option<&Zval> {
        // SAFETY: null, or a value that the frame holds; the slot lives no longer.
        unsafe { self.0.cast::<Zval>().as_ref() }
    }
}

impl Slot for ValueArg {
    fn declare(&mut self, parser: &mut Parser) {
        parser.write(b"z");
        parser.point(&mut self.0);
    }
}

/// An object of one of our classes.
#[derive(Debug)]
pub(crate) struct ObjectArg<N> {
    value: *mut zval,
    class: PhantomData<N>,
}

impl<N: Native> ObjectArg<N> {
    pub(crate) const fn new() -> Self {
        let (value, class) = (ptr::null_mut(), PhantomData);
        Self { value, class }
    }

    /// Its Rust side.
    #[expect(unsafe_code, reason = "the engine's object, kept alive by the frame")]
    pub(crate) fn native(&self) -> Option<&N> {
        // SAFETY: null, or a value that the frame holds and whose class the engine has checked.
        let value = unsafe { self.value.cast::<Zval>().as_ref() };
        let object = value.and_then(Zval::object)?;
        N::of_object(ptr::from_ref(object).cast_mut())
    }
}

impl<N: Native> Slot for ObjectArg<N> {
    fn declare(&mut self, parser: &mut Parser) {
        parser.write(b"O");
        parser.point(&mut self.value);
        parser.pass(N::CLASS.entry().cast());
    }
}

/// A variable by reference, to be assigned to with [`Call::assign`].
#[derive(Debug)]
pub(crate) struct OutArg {
    value: *mut zval,
    number: u32,
}

impl OutArg {
    /// The parameter with this number, from 1.
    pub(crate) const fn number(number: u32) -> Self {
        let value = ptr::null_mut();
        Self { value, number }
    }
}

impl Slot for OutArg {
    fn declare(&mut self, parser: &mut Parser) {
        parser.write(b"z");
        parser.point(&mut self.value);
    }
}

/// A callable; with `nullable`, or null.
pub(crate) struct CallbackArg {
    fci: CallBuffer,
    fcc: CallBuffer,
    nullable: bool,
}

impl CallbackArg {
    pub(crate) const fn new() -> Self {
        let (fci, fcc, nullable) = (CallBuffer::new(), CallBuffer::new(), false);
        Self { fci, fcc, nullable }
    }

    pub(crate) const fn nullable() -> Self {
        let mut arg = Self::new();
        arg.nullable = true;
        arg
    }

    /// Keeps the callable; `None` for null or none.
    #[expect(unsafe_code, reason = "reads what the engine wrote")]
    pub(crate) fn keep(&self) -> Option<Callable> {
        let (fci, fcc) = (
            ptr::from_ref(&self.fci).cast(),
            ptr::from_ref(&self.fcc).cast(),
        );
        // SAFETY: zeroes, or what the engine wrote into them; the value is held by the frame until it is kept.
        unsafe { ffi::zoa_callable_is_given(fci) }.then(|| Callable::keep(fci, fcc))
    }

    /// Whether there is one.
    #[expect(unsafe_code, reason = "reads what the engine wrote")]
    pub(crate) fn is_given(&self) -> bool {
        // SAFETY: zeroes, or what the engine wrote.
        unsafe { ffi::zoa_callable_is_given(ptr::from_ref(&self.fci).cast()) }
    }

    /// Whether it was given and is the same as one that is kept.
    #[expect(unsafe_code, reason = "reads what the engine wrote")]
    pub(crate) fn is(&self, callable: &Callable) -> bool {
        let fci = ptr::from_ref(&self.fci).cast();
        // SAFETY: as above.
        unsafe { ffi::zoa_callable_is_given(fci) && callable.is_same(fci) }
    }
}

impl Slot for CallbackArg {
    fn declare(&mut self, parser: &mut Parser) {
        parser.write(if self.nullable { b"f!" } else { b"f" });
        parser.point(&mut self.fci);
        parser.point(&mut self.fcc);
    }
}
