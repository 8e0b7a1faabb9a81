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

/// How many items without a byte a vector may have. Taste.
const MOST_EMPTY: usize = 1 << 24;

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
pub(super) fn encode_all<T: Message>(items: &[T], out: &mut Vec<u8>) -> Result<(), Unreadable> {
    encode_length(items.len(), out);
    items.iter().try_for_each(|item| item.encode(out))
}

/// Reads what [`encode_all`] wrote.
pub(super) fn decode_all<T: Message>(input: &mut &[u8]) -> Result<Vec<T>, Unreadable> {
    let count = decode_length(input)?;
    // CODEC-2: a count from a stranger may be anything; an item of one byte is the least there is, save `()`, which
    // would keep this loop busy for ever.
    let mut items = Vec::with_capacity(count.min(input.len()));
    for _ in 0..count {
        if input.is_empty() && items.len() >= MOST_EMPTY {
            return Err(Unreadable(format!("{count} items, and no bytes for them")));
        }
        items.push(T::decode(input)?);
    }
    Ok(items)
}

/// Writes a length.
pub(super) fn encode_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(length as u64).to_le_bytes());
}

/// Reads a length.
pub(super) fn decode_length(input: &mut &[u8]) -> Result<usize, Unreadable> {
    usize::try_from(u64::decode(input)?).map_err(|error| Unreadable(error.to_string()))
}

/// Takes `count` bytes off the front.
pub(super) fn take<'a>(input: &mut &'a [u8], count: usize) -> Result<&'a [u8], Unreadable> {
    let Some((front, rest)) = input.split_at_checked(count) else {
        return Err(Unreadable(format!("{count} bytes wanted, {} there", input.len())));
    };
    *input = rest;
    Ok(front)
}
