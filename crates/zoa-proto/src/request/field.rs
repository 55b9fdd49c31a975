//! The fields of request records: how each type is read and written, and the macro that makes a
//! record of them.
//!
//! Replies do not use it: their bodies are written field by field, straight from the tree.

use crate::create_mode::CreateFlags;
use crate::decode_error::DecodeError;
use crate::ids::Version;
use crate::jute::Reader;
use crate::jute::Writer;
use crate::vector::Vector;
use crate::vector::VectorItem;
use crate::watch::AddWatchMode;
use crate::watch::WatcherType;
use crate::zxid::Zxid;

/// Declares a request whose record is its fields in this order: the struct, `decode`, `encode`.
macro_rules! record {
    (
        $(#[$doc:meta])*
        $name:ident<'a> {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name<'a> {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl<'a> $name<'a> {
            /// Reads the record; what follows it stays in the reader.
            #[inline]
            pub fn decode(
                reader: &mut $crate::jute::Reader<'a>,
            ) -> Result<Self, $crate::DecodeError> {
                Ok(Self { $($field: $crate::request::field::Field::decode(reader)?,)* })
            }

            /// Writes the record.
            #[inline]
            pub fn encode(&self, writer: &mut $crate::jute::Writer<'_>) {
                $($crate::request::field::Field::encode(&self.$field, writer);)*
            }
        }
    };
}
pub(super) use record;

/// A type that a record can have as a field.
pub(super) trait Field<'a>: Sized {
    /// Reads the field.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;

    /// Writes the field.
    fn encode(&self, writer: &mut Writer<'_>);
}

/// Implements `Field` for one type by a pair of expressions.
macro_rules! field {
    ($type:ty, |$reader:ident| $decode:expr, |$value:ident, $writer:ident| $encode:expr) => {
        impl<'a> Field<'a> for $type {
            #[inline]
            fn decode($reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                $decode
            }

            #[inline]
            fn encode(&self, $writer: &mut Writer<'_>) {
                let $value = self;
                $encode;
            }
        }
    };
}

field!(bool, |reader| reader.boolean(), |value, writer| writer
    .boolean(*value));
field!(i32, |reader| reader.int(), |value, writer| writer
    .int(*value));
field!(i64, |reader| reader.long(), |value, writer| writer
    .long(*value));
field!(
    &'a str,
    |reader| reader.ustring_not_null(),
    |value, writer| writer.ustring(value)
);
field!(
    Option<&'a str>,
    |reader| reader.ustring_or_null(),
    |value, writer| writer.ustring_or_null(*value)
);
field!(
    Option<&'a [u8]>,
    |reader| reader.buffer(),
    |value, writer| writer.buffer(*value)
);
field!(
    Version,
    |reader| reader.int().map(Version),
    |value, writer| writer.int(value.0)
);
field!(
    CreateFlags,
    |reader| reader.int().map(CreateFlags),
    |value, writer| writer.int(value.0)
);
field!(
    WatcherType,
    |reader| WatcherType::from_wire(reader.int()?),
    |value, writer| writer.int(value.to_wire())
);
field!(
    AddWatchMode,
    |reader| AddWatchMode::from_wire(reader.int()?),
    |value, writer| writer.int(value.to_wire())
);
// The only zxid in a request is the one the client has seen.
field!(
    Zxid,
    |reader| reader.long().map(Zxid::from_wire_seen),
    |value, writer| writer.long(value.to_wire())
);

impl<'a, K: VectorItem> Field<'a> for Vector<'a, K> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.vector()
    }

    fn encode(&self, writer: &mut Writer<'_>) {
        writer.vector(self);
    }
}
