//! Values on their way to PHP.

use ext_php_rs::boxed::ZBox;
use ext_php_rs::types::ZendHashTable;
use ext_php_rs::types::ZendStr;
use ext_php_rs::types::Zval;

use super::ffi;

/// A value for PHP, owned.
#[derive(Debug)]
pub(crate) struct Value(Zval);

impl Value {
    pub(crate) fn null() -> Self {
        Self(Zval::null())
    }

    pub(crate) fn bool(value: bool) -> Self {
        let mut zval = Zval::new();
        zval.set_bool(value);
        Self(zval)
    }

    pub(crate) fn long(value: impl Into<i64>) -> Self {
        let mut zval = Zval::new();
        zval.set_long(value.into());
        Self(zval)
    }

    pub(crate) fn string(bytes: impl AsRef<[u8]>) -> Self {
        let mut zval = Zval::new();
        zval.set_zend_string(ZendStr::new(bytes.as_ref(), false));
        Self(zval)
    }

    pub(crate) const fn zval(zval: Zval) -> Self {
        Self(zval)
    }

    /// The array, if it is one.
    pub(crate) fn array(&self) -> Option<&ZendHashTable> {
        self.0.array()
    }

    /// It as text, by PHP's rules; `None` when it is none, or no UTF-8. PHP code may run in here, and throw.
    #[expect(unsafe_code, reason = "the engine converts it")]
    pub(crate) fn coerce_to_text(&mut self) -> Option<String> {
        // SAFETY: the value is held here, whatever PHP code does to the variables that have it; the string is taken over, and
        // given back when it is dropped.
        let text = unsafe {
            let text = ffi::zoa_text_of(&raw mut self.0);
            if text.is_null() {
                return None;
            }
            ZBox::from_raw(text.cast::<ZendStr>())
        };
        text.as_str().ok().map(str::to_owned)
    }

    pub(crate) fn into_zval(self) -> Zval {
        self.0
    }
}

/// A list.
pub(crate) fn array_of(values: impl IntoIterator<Item = Value>) -> Value {
    let mut array = ZendHashTable::new();
    for value in values {
        // It fails when the array is full, at 2^31 elements.
        let _ = array.push(value.0);
    }
    of_array(array)
}

/// A map.
pub(crate) fn map_of<'k>(entries: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    let mut array = ZendHashTable::new();
    for (key, value) in entries {
        let _ = array.insert(key, value.0);
    }
    of_array(array)
}

fn of_array(array: ZBox<ZendHashTable>) -> Value {
    let mut zval = Zval::new();
    zval.set_hashtable(array);
    Value(zval)
}
