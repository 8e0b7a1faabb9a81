//! Frames: where one message ends and the next begins.
//!
//! Problem: a stream socket carries bytes. One read may give half a message, or forty of them and the half of
//! another; and a system call for each message costs more than most messages.
//!
//! A frame is sixteen bytes of header, then its body:
//!
//! ```text
//! 0       7 8          15 16
//! | length |k|   extra    | body, `length` bytes
//! ```
//! `k`, the kind, is the highest byte of the first word. What `extra` holds depends on the kind.
//!
//! **Invariants**
//! - `FRAME-1`: however the stream is cut, the same frames come out.
//! - `FRAME-2`: a body above [`LONG_BYTES`] is received where it stays; a shorter one is lent from the buffer.
//! - `FRAME-3`: a frame that no peer of ours would send is an error, before memory is taken for it.
//!
//! **Source**: the Linux man page of read(2), on what a short read means.

use super::message::Unreadable;

/// The length of a header.
pub(super) const HEADER_BYTES: usize = 16;
/// From here on a body gets memory of its own. Taste: half of a socket's usual buffer.
pub(super) const LONG_BYTES: usize = 32 * 1024;
/// How much is asked for in one read.
pub(super) const READ_BYTES: usize = 64 * 1024;
/// How many bits of the first word are the length.
const LENGTH_BITS: u32 = 56;
/// No body is longer. Taste: more than the memory of any machine this runs on.
const MOST_BYTES: u64 = 1 << 40;

/// What a frame says. The first three go to a worker, the others come from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Run the job with this argument; `extra` is its time limit in nanoseconds, or 0.
    Job,
    /// Run it with each of these arguments.
    Chunk,
    /// Jobs that come after this frame are to be run again (`LEDGER-3`).
    Resume,
    /// The job's value. In this and the next three, `extra` is how long the job ran, in nanoseconds.
    Value,
    /// The job panicked: text and place.
    Panicked,
    /// The argument or the value could not be turned into bytes or back.
    Unreadable,
    /// The job's value follows through shared memory; the body is its length.
    Bulk,
    /// So many bytes of it, in `extra`, are there.
    Piece,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    const ALL: [Self; 8] = [
        Self::Job,
        Self::Chunk,
        Self::Resume,
        Self::Value,
        Self::Panicked,
        Self::Unreadable,
        Self::Bulk,
        Self::Piece,
    ];
}

/// What stands before a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// What the frame says.
    pub(super) kind: Kind,
    /// How long the body is.
    pub(super) length: usize,
    /// A number that belongs to the kind.
    pub(super) extra: u64,
}

impl Header {
    /// The header as it is sent.
    pub(super) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let first = (self.kind as u64) << LENGTH_BITS | self.length as u64;
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&first.to_le_bytes());
        bytes[8..].copy_from_slice(&self.extra.to_le_bytes());
        bytes
    }

    /// Reads a header (`FRAME-3`).
    fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, Unreadable> {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(word)
        };
        let (first, extra) = (word(0), word(8));
        let length = first & ((1 << LENGTH_BITS) - 1);
        let kind = Kind::ALL.get(usize::from((first >> LENGTH_BITS) as u8)).copied();
        match (kind, usize::try_from(length)) {
            (Some(kind), Ok(size)) if length <= MOST_BYTES => {
                Ok(Self { kind, length: size, extra })
            }
            _ => Err(Unreadable(format!("no frame begins with {first:#x}"))),
        }
    }
}

/// The body of a frame that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body<'a> {
    /// Lent; it goes with the next read.
    Lent(&'a [u8]),
    /// It has memory of its own.
    Own(Vec<u8>),
}

impl Body<'_> {
    /// The bytes, wherever they are.
    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Lent(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }
}

/// Cuts a stream into frames.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    /// What was received; short frames lie in it whole.
    buffer: Vec<u8>,
    /// How much of the buffer was given out.
    at: usize,
    /// The long frame that is being received.
    long: Option<(Header, Vec<u8>)>,
}

impl FrameReader {
    /// Where the next bytes of the stream are to be appended, and how many at most.
    pub(super) fn space(&mut self) -> (&mut Vec<u8>, usize) {
        if let Some((header, body)) = &mut self.long {
            let rest = header.length - body.len();
            return (body, rest);
        }
        // Less than one short frame is left over, so this moves little.
        self.buffer.drain(..self.at);
        self.at = 0;
        (&mut self.buffer, READ_BYTES)
    }

    /// Takes the next frame, if it is there as a whole.
    ///
    /// # Errors
    /// The stream is not one of frames; it is of no use any more.
    pub(super) fn next(&mut self) -> Result<Option<(Header, Body<'_>)>, Unreadable> {
        if self.long.is_none() {
            let rest = &self.buffer[self.at..];
            let Some((head, after)) = rest.split_first_chunk::<HEADER_BYTES>() else {
                return Ok(None);
            };
            let header = Header::from_bytes(head)?;
            let whole = header.length <= after.len();
            if header.length <= LONG_BYTES {
                if !whole {
                    return Ok(None);
                }
                let from = self.at + HEADER_BYTES;
                self.at = from + header.length;
                return Ok(Some((header, Body::Lent(&self.buffer[from..self.at]))));
            }
            self.begin_long(header)?;
        }
        let complete = |(header, body): &mut (Header, Vec<u8>)| body.len() == header.length;
        Ok(self.long.take_if(complete).map(|(header, body)| (header, Body::Own(body))))
    }

    /// Takes memory for a long body, and moves there what has come of it (`FRAME-2`).
    fn begin_long(&mut self, header: Header) -> Result<(), Unreadable> {
        let mut body = Vec::new();
        body.try_reserve_exact(header.length).map_err(|error| Unreadable(error.to_string()))?;
        let from = self.at + HEADER_BYTES;
        let to = self.buffer.len().min(from + header.length);
        body.extend_from_slice(&self.buffer[from..to]);
        self.at = to;
        self.long = Some((header, body));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of all sorts of lengths, and the stream they make.
    fn frames() -> (Vec<(Header, Vec<u8>)>, Vec<u8>) {
        let (mut frames, mut stream) = (Vec::new(), Vec::new());
        for (extra, length) in
            [0, 1, 7, LONG_BYTES, LONG_BYTES + 1, 0, 90_000, 3].into_iter().enumerate()
        {
            let header = Header { kind: Kind::Value, length, extra: extra as u64 };
            let body: Vec<u8> = (0..length).map(|at| (at * 31 + extra).to_le_bytes()[0]).collect();
            stream.extend_from_slice(&header.to_bytes());
            stream.extend_from_slice(&body);
            frames.push((header, body));
        }
        (frames, stream)
    }

    #[test]
    fn the_same_frames_come_out_however_the_stream_is_cut() {
        let (want, stream) = frames();
        for cut in [1, 2, 15, 16, 17, 4096, 65_536, stream.len()] {
            let (mut reader, mut rest, mut came) =
                (FrameReader::default(), &stream[..], Vec::new());
            while !rest.is_empty() {
                let (into, most) = reader.space();
                let (now, later) = rest.split_at(cut.min(most).min(rest.len()));
                into.extend_from_slice(now);
                rest = later;
                while let Some((header, body)) = reader.next().unwrap() {
                    came.push((header, body.as_slice().to_vec()));
                }
            }
            assert!(came == want, "FRAME-1: cut into {cut} bytes, other frames came");
        }
    }

    #[test]
    fn a_frame_nobody_would_send_is_an_error() {
        for first in [99_u64 << LENGTH_BITS, MOST_BYTES + 1] {
            let mut reader = FrameReader::default();
            reader.space().0.extend_from_slice(&first.to_le_bytes());
            reader.space().0.extend_from_slice(&[0; 8]);
            assert!(reader.next().is_err(), "FRAME-3: {first:#x} was taken for a header");
        }
    }
}
