//! Messages: values that can cross to another process, as bytes.
//!
//! Problem: two processes share no memory, so a pointer means nothing to the other. A value has to be laid out in
//! bytes, and the reader must believe nothing: bytes may be cut short, or be another type's.
//!
//! **Invariants**
//! - `CODEC-1`: decoding reads what encoding wrote, and leaves the rest: so messages can stand side by side.
//! - `CODEC-2`: decoding takes no memory for a length it has not seen bytes for, and never panics.
//! - `CODEC-3`: a message that is alone in its frame needs no length of its own: a `Vec<u8>` or a `String` is then
//!   the frame's memory itself, and is copied on neither side.
//!
//! **Left out**: names and versions of fields: both processes are the same program, from before the fork.
//!
//! **Source**: the netstrings of D. J. Bernstein; `pickle`, for what a codec that can hold anything costs.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a value could not be turned into bytes, or back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Error for Unreadable {}

/// A value that can cross to another process.
///
/// # Examples
/// ```
/// use handloom::processes::{Message, Unreadable};
///
/// struct Range(u64, u64);
///
/// impl Message for Range {
///     fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
///         (self.0, self.1).encode(out)
///     }
///
///     fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
///         <(u64, u64)>::decode(input).map(|(from, to)| Self(from, to))
///     }
/// }
/// let mut bytes = Vec::new();
/// Range(3, 7).encode(&mut bytes)?;
/// assert_eq!(Range::decode(&mut &bytes[..])?.1, 7);
/// # Ok::<(), Unreadable>(())
/// ```
pub trait Message: Sized {
    /// Whether the value alone in a frame is nothing but bytes that lie in memory (`CODEC-3`). Who sets this
    /// overrides [`as_bytes`](Self::as_bytes), [`into_bytes`](Self::into_bytes) and [`from_bytes`](Self::from_bytes).
    const IS_BYTES: bool = false;

    /// Whether a vector of these is one of bytes (`CODEC-3`). True for `u8` alone.
    const IS_BYTE: bool = false;

    /// Appends the value to `out`.
    ///
    /// # Errors
    /// The value has no form in bytes.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable>;

    /// Takes the value off the front of `input`.
    ///
    /// # Errors
    /// The bytes are not such a value.
    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable>;

    /// Lends the bytes of a frame that has nothing else in it, if they lie in memory.
    fn as_bytes(&self) -> Option<&[u8]> {
        None
    }

    /// Turns the value into the bytes of a frame that has nothing else in it.
    ///
    /// # Errors
    /// As for [`encode`](Self::encode).
    fn into_bytes(self) -> Result<Vec<u8>, Unreadable> {
        let mut out = Vec::new();
        self.encode(&mut out)?;
        Ok(out)
    }

    /// Turns the bytes of a whole frame into the value.
    ///
    /// # Errors
    /// The bytes are not such a value, or something is left of them.
    fn from_bytes(bytes: Vec<u8>) -> Result<Self, Unreadable> {
        let mut rest = &bytes[..];
        let value = Self::decode(&mut rest)?;
        if rest.is_empty() {
            Ok(value)
        } else {
            Err(Unreadable(format!("{} bytes too many", rest.len())))
        }
    }

    /// Lends the bytes of a frame of these, if they lie in memory.
    fn all_as_bytes(_: &[Self]) -> Option<&[u8]> {
        None
    }

    /// Turns a vector of these into the bytes of a frame.
    ///
    /// # Errors
    /// As for [`encode`](Self::encode).
    fn all_into_bytes(items: Vec<Self>) -> Result<Vec<u8>, Unreadable> {
        let mut out = Vec::with_capacity(items.len() * size_of::<Self>());
        encode_all(&items, &mut out)?;
        Ok(out)
    }

    /// Turns the bytes of a whole frame into a vector of these.
    ///
    /// # Errors
    /// The bytes are something else.
    fn all_from_bytes(bytes: Vec<u8>) -> Result<Vec<Self>, Unreadable> {
        let mut rest = &bytes[..];
        let items = decode_all(&mut rest)?;
        if rest.is_empty() { Ok(items) } else { Err(Unreadable("bytes left over".into())) }
    }
}

/// Writes how many there are, and each.
fn encode_all<T: Message>(items: &[T], out: &mut Vec<u8>) -> Result<(), Unreadable> {
    encode_length(items.len(), out);
    items.iter().try_for_each(|item| item.encode(out))
}

/// Reads what [`encode_all`] wrote.
fn decode_all<T: Message>(input: &mut &[u8]) -> Result<Vec<T>, Unreadable> {
    let count = decode_length(input)?;
    // CODEC-2: a count from a stranger may be anything; an item of one byte is the least there is, save `()`.
    let mut items = Vec::with_capacity(count.min(input.len()));
    for _ in 0..count {
        items.push(T::decode(input)?);
    }
    Ok(items)
}

/// Writes a length.
fn encode_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(length as u64).to_le_bytes());
}

/// Reads a length.
fn decode_length(input: &mut &[u8]) -> Result<usize, Unreadable> {
    usize::try_from(u64::decode(input)?).map_err(|error| Unreadable(error.to_string()))
}

/// Takes `count` bytes off the front.
fn take<'a>(input: &mut &'a [u8], count: usize) -> Result<&'a [u8], Unreadable> {
    let Some((front, rest)) = input.split_at_checked(count) else {
        return Err(Unreadable(format!("{count} bytes wanted, {} there", input.len())));
    };
    *input = rest;
    Ok(front)
}

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

impl Message for usize {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        encode_length(*self, out);
        Ok(())
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        decode_length(input)
    }
}

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

impl Message for () {
    fn encode(&self, _: &mut Vec<u8>) -> Result<(), Unreadable> {
        Ok(())
    }

    fn decode(_: &mut &[u8]) -> Result<Self, Unreadable> {
        Ok(())
    }
}

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

impl<T: Message> Message for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        self.is_some().encode(out)?;
        self.iter().try_for_each(|value| value.encode(out))
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Unreadable> {
        if bool::decode(input)? { T::decode(input).map(Some) } else { Ok(None) }
    }
}

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
