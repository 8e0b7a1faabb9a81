//! A message's bytes while they wait, on their way in or out.
//!
//! Problem: most arguments and values are a number or two, and memory from the allocator for each costs more than
//! the number. A long one, on the other hand, must not be copied because a worker died and another gets it.
//!
//! **Invariants**
//! - `PAYLOAD-1`: up to [`SHORT_BYTES`] lie in the payload itself; more are shared, and never copied to be kept.

use std::sync::Arc;

use super::frame::Body;
use super::message::{Message, Unreadable};

/// How many bytes need no memory of their own: so that the whole payload has 32.
const SHORT_BYTES: usize = 30;

/// A message's bytes.
#[derive(Clone, Debug)]
pub(super) enum Payload {
    /// The first so many of these.
    Short(u8, [u8; SHORT_BYTES]),
    /// All of these.
    Long(Arc<Vec<u8>>),
}

impl Payload {
    /// That of a frame without a body.
    pub(super) const EMPTY: Self = Self::Short(0, [0; SHORT_BYTES]);

    /// Turns a message into bytes.
    pub(super) fn of<M: Message>(message: M) -> Result<Self, Unreadable> {
        message.into_bytes().map(Self::from_vec)
    }

    /// Takes a frame's body over.
    pub(super) fn from_body(body: Body<'_>) -> Self {
        match body {
            Body::Lent(bytes) => {
                Self::short(bytes).unwrap_or_else(|| Self::Long(Arc::new(bytes.to_vec())))
            }
            Body::Own(bytes) => Self::from_vec(bytes),
        }
    }

    /// Takes bytes over.
    pub(super) fn from_vec(bytes: Vec<u8>) -> Self {
        Self::short(&bytes).unwrap_or_else(|| Self::Long(Arc::new(bytes)))
    }

    /// Copies bytes that are few.
    fn short(bytes: &[u8]) -> Option<Self> {
        let mut room = [0; SHORT_BYTES];
        room.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self::Short(u8::try_from(bytes.len()).ok()?, room))
    }

    /// The bytes.
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Short(length, room) => &room[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }

    /// Turns the bytes into a message.
    pub(super) fn read<M: Message>(self) -> Result<M, Unreadable> {
        match self {
            Self::Long(bytes) => M::from_bytes(Arc::unwrap_or_clone(bytes)),
            Self::Short(..) => read_lent(self.as_slice()),
        }
    }
}

/// Turns the bytes of a whole frame, which are only lent, into a message.
pub(super) fn read_lent<M: Message>(bytes: &[u8]) -> Result<M, Unreadable> {
    if M::IS_BYTES {
        return M::from_bytes(bytes.to_vec());
    }
    let mut rest = bytes;
    let message = M::decode(&mut rest)?;
    if rest.is_empty() {
        Ok(message)
    } else {
        Err(Unreadable(format!("{} bytes too many", rest.len())))
    }
}
