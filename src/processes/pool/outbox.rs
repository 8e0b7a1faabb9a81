//! What is on its way to a worker and was not sent yet.
//!
//! Problem: a system call for each short job costs more than the job; but to copy a long argument, so that all lies in
//! one piece, costs more than a call. And a socket that is full takes a part.
//!
//! ```text
//! front: [frame frame frame] [long argument] [frame] [long argument]     tail: [frame frame ...
//!         ^ sent                                                          more may be appended
//! ```
//!
//! **Invariants**
//! - `OUTBOX-1`: bytes leave in the order they came.
//! - `OUTBOX-2`: a payload above [`COPIED_BYTES`] is sent from where it lies.
//!
//! **Source**: writev(2), which this does without: few jobs have a long argument.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::frame::{HEADER_BYTES, Header, READ_BYTES};
use super::payload::Payload;
use crate::os::socket_pair;

/// A payload up to this length is copied behind the others, to be sent with them. Taste.
const COPIED_BYTES: usize = 4 * 1024;
/// From so many bytes on, jobs are sent though their submitter does not wait yet. Measured with
/// `benches/process_pool.rs`: some forty short jobs share a system call then.
const SEND_BYTES: usize = 1024;

/// What was not sent yet.
#[derive(Default)]
pub(super) struct Outbox {
    /// What goes out before `tail`.
    front: VecDeque<Outgoing>,
    /// Frames that go out last; more may be appended.
    tail: Vec<u8>,
    /// How much of the first of these was sent.
    sent: usize,
    /// Set when the socket took less than there was.
    blocked: bool,
}

/// Bytes on their way out.
enum Outgoing {
    /// Frames one behind another.
    Copied(Vec<u8>),
    /// A long payload, which the job has too.
    Shared(Arc<Vec<u8>>),
}

impl Outbox {
    /// Appends a frame.
    pub(super) fn push(&mut self, header: Header, body: &Payload) {
        self.tail.extend_from_slice(&header.to_bytes());
        match body {
            // OUTBOX-2.
            Payload::Long(bytes) if bytes.len() > COPIED_BYTES => {
                self.front.push_back(Outgoing::Copied(mem::take(&mut self.tail)));
                self.front.push_back(Outgoing::Shared(Arc::clone(bytes)));
            }
            body => self.tail.extend_from_slice(body.as_slice()),
        }
    }

    /// Tells whether everything was sent.
    pub(super) fn is_empty(&self) -> bool {
        self.tail.is_empty() && self.front.is_empty()
    }

    /// Tells whether so much has gathered that it should wait no longer for more.
    pub(super) fn is_worth_sending(&self) -> bool {
        self.tail.len() >= SEND_BYTES || !self.front.is_empty()
    }

    /// Tells whether the socket took less than there was.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Sends as much as the socket takes. When the peer is gone, everything is forgotten.
    pub(super) fn send(&mut self, socket: BorrowedFd<'_>) {
        self.blocked = false;
        loop {
            let bytes = match self.front.front() {
                Some(Outgoing::Copied(bytes)) => &bytes[..],
                Some(Outgoing::Shared(bytes)) => &bytes[..],
                None if self.tail.is_empty() => return,
                None => &self.tail[..],
            };
            let rest = &bytes[self.sent..];
            match socket_pair::try_send(socket, rest) {
                Ok(count) if count < rest.len() => self.sent += count,
                Ok(_) => {
                    self.sent = 0;
                    if self.front.pop_front().is_none() {
                        self.tail.clear();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return;
                }
                // What the peer still had to say is read before its end.
                Err(_) => *self = Self::default(),
            }
        }
    }
}

// A header and a short payload must fit into what is read at once.
const _: () = assert!(HEADER_BYTES + COPIED_BYTES < READ_BYTES);
