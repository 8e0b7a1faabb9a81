//! The values that can cross as they are: numbers, texts, and what std builds of them.
//!
//! Each is laid out in the simplest way that its reader can check:
//!
//! | value | bytes |
//! | --- | --- |
//! | number | its own, lowest first; a `usize` always eight |
//! | `bool`; what an `Option` or `Result` is | one, 0 or 1; then the value inside |
//! | `String`, `Vec` | how many, as eight bytes, then each |
//! | tuple | its parts, one behind another |
//!
//! **Invariants**
//! - `STDCODEC-1`: bytes that no encoding writes (a `bool` of 2, a text that is not UTF-8) are an error.
//!
//! **Source**: the fixed-width format of the `bincode` crate.

use std::sync::Arc;
use std::time::Duration;

use super::message::{
    Message, Unreadable, decode_all, decode_length, encode_all, encode_length, take,
};

/// Numbers are their bytes, lowest first.
macro_rules! number_message {
    ($($number:ty)*) => {$(
        impl Message for $number {
            fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
                out.extend_from_slice(&self.to_le_bytes());
                Ok(())
            }

            fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
                let mut bytes = [0; size_of::<Self>()];
                bytes.copy_from_slice(take(input, size_of::<Self>())?);
                Ok(Self::from_le_bytes(bytes))
            }
        }
    )*};
}

number_message!(u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64);

impl Message for u8 {
    const IS_BYTE: bool = true;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        out.push(*self);
        Ok(())
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        take(input, 1).map(|byte| byte[0])
    }

    fn all_as_bytes(items: &[Self]) -> Option<&[u8]> {
        Some(items)
    }

    fn all_into_bytes(items: Vec<Self>) -> Result<Vec<u8>, Unreadable> {
        Ok(items)
    }

    fn all_from_bytes(bytes: Vec<u8>) -> Result<Vec<Self>, Unreadable> {
        Ok(bytes)
    }
}

/// Eight bytes on every machine, though both processes are on the same one: so a message's length does not depend on it.
impl Message for usize {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        encode_length(*self, out);
        Ok(())
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        decode_length(input)
    }
}

/// One byte, of which two values are believed (`STDCODEC-1`).
impl Message for bool {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        u8::from(*self).encode(out)
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        match u8::decode(input)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Unreadable(format!("{other} is neither false nor true"))),
        }
    }
}

/// Nothing at all; a job without an argument is a header.
impl Message for () {
    fn encode(&self, _: &mut Vec<u8>) -> Result<(), Unreadable> {
        Ok(())
    }

    fn decode(_: &mut &[u8]) -> Result<Self, Unreadable> {
        Ok(())
    }
}

/// Item after item. What can be done quicker for bytes is the item's to know: without specialisation, which Rust does
/// not have yet, a vector cannot ask what its items are.
impl<T: Message> Message for Vec<T> {
    const IS_BYTES: bool = T::IS_BYTE;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        encode_all(self, out)
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        decode_all(input)
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        T::all_as_bytes(self)
    }

    fn into_bytes(self) -> Result<Vec<u8>, Unreadable> {
        T::all_into_bytes(self)
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, Unreadable> {
        T::all_from_bytes(bytes)
    }
}

/// Alone in its frame it is the frame's memory, once that was found to be UTF-8 (`CODEC-3`).
impl Message for String {
    const IS_BYTES: bool = true;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        encode_length(self.len(), out);
        out.extend_from_slice(self.as_bytes());
        Ok(())
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        let length = decode_length(input)?;
        Self::from_bytes(take(input, length)?.to_vec())
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        Some(Self::as_bytes(self))
    }

    fn into_bytes(self) -> Result<Vec<u8>, Unreadable> {
        Ok(Self::into_bytes(self))
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, Unreadable> {
        Self::from_utf8(bytes).map_err(|error| Unreadable(error.to_string()))
    }
}

/// A value that a worker keeps, and sends more than once.
impl<T: Message> Message for Arc<T> {
    const IS_BYTES: bool = T::IS_BYTES;

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        T::encode(self, out)
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        T::decode(input).map(Self::new)
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        T::as_bytes(self)
    }

    fn into_bytes(self) -> Result<Vec<u8>, Unreadable> {
        let shared = match Self::try_unwrap(self) {
            Ok(alone) => return alone.into_bytes(),
            Err(shared) => shared,
        };
        if let Some(bytes) = T::as_bytes(&shared) {
            return Ok(bytes.to_vec());
        }
        let mut out = Vec::new();
        shared.encode(&mut out).map(|()| out)
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, Unreadable> {
        T::from_bytes(bytes).map(Self::new)
    }
}

/// Whether there is a value, then the value.
impl<T: Message> Message for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        self.is_some().encode(out)?;
        self.iter().try_for_each(|value| value.encode(out))
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        if bool::decode(input)? { T::decode(input).map(Some) } else { Ok(None) }
    }
}

/// Whether it is a value, then that or the error. So a job may fail in its own way, which is no [`JobError`].
///
/// [`JobError`]: crate::jobs::JobError
impl<T: Message, E: Message> Message for Result<T, E> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        self.is_ok().encode(out)?;
        match self {
            Ok(value) => value.encode(out),
            Err(error) => error.encode(out),
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        if bool::decode(input)? { T::decode(input).map(Ok) } else { E::decode(input).map(Err) }
    }
}

/// Seconds and nanoseconds apart: their sum needs more than 64 bits.
impl Message for Duration {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        (self.as_secs(), self.subsec_nanos()).encode(out)
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        let (seconds, nanos) = <(u64, u32)>::decode(input)?;
        // `Duration::new` panics where the seconds overflow, which honest nanoseconds cannot do.
        if nanos < 1_000_000_000 {
            Ok(Self::new(seconds, nanos))
        } else {
            Err(Unreadable(format!("{nanos} ns are more than a second")))
        }
    }
}

/// Tuples are their parts, one after another.
macro_rules! tuple_message {
    ($($part:ident $index:tt),+) => {
        impl<$($part: Message),+> Message for ($($part,)+) {
            fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
                $(self.$index.encode(out)?;)+
                Ok(())
            }

            fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
                Ok(($($part::decode(input)?,)+))
            }
        }
    };
}

tuple_message!(A 0);
tuple_message!(A 0, B 1);
tuple_message!(A 0, B 1, C 2);
tuple_message!(A 0, B 1, C 2, D 3);
