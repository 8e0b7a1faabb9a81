//! What a conversation asks of its socket, call by call: a socket with a script counts them.

use std::io::{ErrorKind, Read, Write};

use super::*;

/// A socket whose reads and writes are written down beforehand; each call takes the next line.
#[derive(Default)]
struct Script {
    /// What each read gives; `None` is `WouldBlock`.
    reads: VecDeque<Option<&'static [u8]>>,
    /// What was written.
    sent: Vec<u8>,
    /// Calls made so far.
    calls: usize,
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.calls += 1;
        let bytes = self.reads.pop_front().expect("a read that was not foreseen");
        let bytes = bytes.ok_or(ErrorKind::WouldBlock)?;
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        self.sent.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket for Script {
    fn shut_down(&self, _how: Shutdown) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_request_costs_one_read_and_one_write() {
    let mut socket = Script { reads: [Some(&b"5 7\n"[..])].into(), ..Script::default() };
    let mut conversation = Conversation::new(&Config::default());
    conversation.note_readable(false);
    let want = conversation.drive(&mut socket, &mut Buffers::new()).unwrap();
    let came = (want, socket.calls, &socket.sent[..]);
    assert_eq!(came, (Want::Read, 2, &b"12\n"[..]), "DRIVE-5: no read that must fail");
}

#[test]
fn an_end_announced_with_the_last_bytes_is_read_without_a_further_event() {
    let mut socket = Script { reads: [Some(&b"5 7"[..]), Some(b"")].into(), ..Script::default() };
    let (mut conversation, mut buffers) = (Conversation::new(&Config::default()), Buffers::new());
    conversation.note_readable(true);
    let first = conversation.drive(&mut socket, &mut buffers).unwrap();
    let second = conversation.drive(&mut socket, &mut buffers).unwrap();
    assert_eq!((first, second), (Want::Turn, Want::Close), "DRIVE-5: read to the end");
    assert_eq!(socket.sent, b"12\n", "the end completes the message");
}
