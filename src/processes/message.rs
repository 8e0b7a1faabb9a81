//! Messages: values that can cross to another process, as bytes.
//!
//! Problem: two processes share no memory, so a pointer means nothing to the other. A value must be laid out in bytes. The
//! reader must not trust them: they may be cut short, or belong to another type.
//!
//! | value | bytes |
//! | --- | --- |
//! | number | its own, lowest first; a `usize` always eight |
//! | `bool`; the case of an `Option` or `Result` | one, 0 or 1; then the value inside |
//! | `String`, `Vec` | how many items, as eight bytes, then each |
//! | tuple | its parts, one after another |
//!
//! **Invariants**
//! - `CODEC-1`: decoding reads what encoding wrote, and leaves the rest, so messages can stand side by side.
//! - `CODEC-2`: decoding allocates no memory for a length that it has not seen bytes for, and never panics. Bytes that no
//!   encoding writes (a `bool` of 2, a text that is not UTF-8) are an error.
//! - `CODEC-3`: a `Vec<u8>` that is alone is its own bytes, without a length and without a copy.
//!
//! **Source**: the netstrings of D. J. Bernstein; the fixed-width format of the `bincode` crate.

use std::any::Any;

/// The most items without bytes that a vector may have; without a limit, eight bytes could keep the reader busy forever.
const MOST_EMPTY: usize = 1 << 24;

/// A value that can cross to another process. One of several parts is encoded as the tuple of them. An error is a sentence.
pub trait Message: Sized + 'static {
    /// Appends the value to `out`.
    ///
    /// # Errors
    /// The value has no form in bytes.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String>;

    /// Takes the value off the front of `input`.
    ///
    /// # Errors
    /// The bytes are not such a value.
    fn decode(input: &mut &[u8]) -> Result<Self, String>;

    /// Encodes a message that is alone (`CODEC-3`).
    ///
    /// # Errors
    /// The value has no form in bytes.
    fn into_bytes(self) -> Result<Vec<u8>, String> {
        if_same(self).or_else(|value: Self| {
            let mut out = Vec::new();
            value.encode(&mut out).map(|()| out)
        })
    }

    /// Decodes a message that is alone.
    ///
    /// # Errors
    /// The bytes are not such a value, or some are left over.
    fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        if_same(bytes).or_else(|bytes| {
            let mut rest = &bytes[..];
            let value = Self::decode(&mut rest)?;
            match rest.len() {
                0 => Ok(value),
                left => Err(format!("{left} bytes too many")),
            }
        })
    }
}

/// Returns the value as a `U` if that is its own type, else as it is: so a `Vec<u8>` is not copied (`CODEC-3`).
fn if_same<T: 'static, U: 'static>(value: T) -> Result<U, T> {
    let mut value = Some(value);
    let same = (&mut value as &mut dyn Any).downcast_mut::<Option<U>>().and_then(Option::take);
    same.ok_or_else(|| value.expect("holds because another type was not taken"))
}

/// Takes `count` bytes off the front.
fn take<'a>(input: &mut &'a [u8], count: usize) -> Result<&'a [u8], String> {
    let Some((front, rest)) = input.split_at_checked(count) else {
        return Err(format!("{count} bytes wanted, {} there", input.len()));
    };
    *input = rest;
    Ok(front)
}

/// Values that are sent as the bytes of a number. Not every `u8` is a `bool`, so the way back can fail.
macro_rules! number_message {
    ($($value:ty => $number:ty),*) => {$(
        impl Message for $value {
            fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
                out.extend_from_slice(&(*self as $number).to_le_bytes());
                Ok(())
            }

            fn decode(input: &mut &[u8]) -> Result<Self, String> {
                let mut bytes = [0; size_of::<$number>()];
                bytes.copy_from_slice(take(input, size_of::<$number>())?);
                let number = <$number>::from_le_bytes(bytes);
                Self::try_from(number).map_err(|why| why.to_string())
            }
        }
    )*};
}

number_message!(u8 => u8, u16 => u16, u32 => u32, u64 => u64, u128 => u128, usize => u64, bool => u8);
number_message!(i8 => i8, i16 => i16, i32 => i32, i64 => i64, i128 => i128, f32 => f32, f64 => f64);

impl<T: Message> Message for Vec<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        self.len().encode(out)?;
        self.iter().try_for_each(|item| item.encode(out))
    }

    fn decode(input: &mut &[u8]) -> Result<Self, String> {
        let count = usize::decode(input)?;
        // CODEC-2: most items have at least a byte.
        if count.saturating_sub(input.len()) > MOST_EMPTY {
            return Err(format!("{count} items, and no bytes for them"));
        }
        (0..count).map(|_| T::decode(input)).collect()
    }
}

impl Message for String {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        self.len().encode(out)?;
        out.extend_from_slice(self.as_bytes());
        Ok(())
    }

    fn decode(input: &mut &[u8]) -> Result<Self, String> {
        let length = usize::decode(input)?;
        let bytes = take(input, length)?.to_vec();
        Self::from_utf8(bytes).map_err(|error| error.to_string())
    }
}

impl<T: Message> Message for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        self.is_some().encode(out)?;
        self.iter().try_for_each(|value| value.encode(out))
    }

    fn decode(input: &mut &[u8]) -> Result<Self, String> {
        if bool::decode(input)? { T::decode(input).map(Some) } else { Ok(None) }
    }
}

/// So a job may fail in its own way, which is no [`JobError`](crate::jobs::JobError).
impl<T: Message, E: Message> Message for Result<T, E> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), String> {
        self.is_ok().encode(out)?;
        match self {
            Ok(value) => value.encode(out),
            Err(error) => error.encode(out),
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, String> {
        if bool::decode(input)? { T::decode(input).map(Ok) } else { E::decode(input).map(Err) }
    }
}

/// Tuples are their parts, one after another.
macro_rules! tuple_message {
    ($($part:ident $index:tt),*) => {
        impl<$($part: Message),*> Message for ($($part,)*) {
            fn encode(&self, _out: &mut Vec<u8>) -> Result<(), String> {
                $(self.$index.encode(_out)?;)*
                Ok(())
            }

            fn decode(_input: &mut &[u8]) -> Result<Self, String> {
                Ok(($($part::decode(_input)?,)*))
            }
        }
    };
}

tuple_message!();
tuple_message!(A 0, B 1);
tuple_message!(A 0, B 1, C 2);
tuple_message!(A 0, B 1, C 2, D 3);
