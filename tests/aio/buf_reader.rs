//! The buffered reader: lines in any fragmentation, limits, cancellation, memory.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::support::{poll_once, run, run_in_real_time};
use handloom::aio::{AsyncRead, BufReader, TcpStream, sleep, timeout};

/// A source that gives one piece a read, and waits for a turn before each.
struct Script {
    pieces: VecDeque<Vec<u8>>,
    waits: bool,
    waited: bool,
}

impl Script {
    fn new<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>, waits: bool) -> Self {
        let pieces = pieces.into_iter().map(|piece| piece.as_ref().to_vec()).collect();
        Self { pieces, waits, waited: false }
    }
}

impl AsyncRead for Script {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.waits && !std::mem::replace(&mut self.waited, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, _: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.waited = false;
        let Some(mut piece) = self.pieces.pop_front() else { return Poll::Ready(Ok(0)) };
        let bytes = piece.len().min(buf.len());
        buf[..bytes].copy_from_slice(&piece[..bytes]);
        if bytes < piece.len() {
            self.pieces.push_front(piece.split_off(bytes));
        }
        Poll::Ready(Ok(bytes))
    }
}

async fn lines<R: AsyncRead>(reader: &mut BufReader<R>, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while let Some(line) = reader.read_line(limit).await.expect("lines") {
        lines.push(line);
    }
    lines
}

#[test]
fn lines_are_the_same_at_every_fragmentation_and_buffer_size() {
    let text = b"one\r\n\ntwo three\n\rfour\r\r\nlast";
    for cut in 0..text.len() {
        for capacity in [1, 2, 3, 7, 8192] {
            for waits in [false, true] {
                let script = Script::new(
                    [&text[..cut], &text[cut..]].into_iter().filter(|p| !p.is_empty()),
                    waits,
                );
                let mut reader = BufReader::with_capacity(capacity, script);
                let came = run(lines(&mut reader, 100));
                let expected = ["one", "", "two three", "\rfour\r", "last"];
                assert_eq!(came, expected, "BUF-1: cut at {cut}, capacity {capacity}");
            }
        }
    }
}

#[test]
fn line_at_the_limit_passes_and_one_byte_more_is_refused_and_kept() {
    run(async {
        let mut reader = BufReader::with_capacity(2, Script::new(["12345\n123456\nrest\n"], true));
        assert_eq!(reader.read_line(5).await.expect("at the limit"), Some("12345".into()));
        let error = reader.read_line(5).await.expect_err("above the limit");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), "a line is longer than 5 bytes");
        assert!(reader.read_line(5).await.is_err(), "the line stays in the buffer");
        assert_eq!(reader.read_line(6).await.expect("a larger limit"), Some("123456".into()));
        assert_eq!(reader.read_line(6).await.expect("and on"), Some("rest".into()));
        assert_eq!(reader.read_line(6).await.expect("the end"), None);
    });
}

#[test]
fn endless_line_is_refused_before_it_fills_the_memory() {
    run(async {
        let mut reader = BufReader::new(Script::new(vec![[b'x'; 4096]; 1000], true));
        assert!(reader.read_line(20_000).await.is_err());
        let bytes = reader.allocated_bytes();
        assert!(bytes <= 40_000, "BUF-5: expected twice the limit at the most, came {bytes}");
    });
}

#[test]
fn smaller_limit_refuses_what_was_searched_under_a_larger_one() {
    run(async {
        let mut reader = BufReader::new(Script::new(["12345", "6\n"], true));
        let mut reading = Box::pin(reader.read_line(10));
        assert!(poll_once(&mut reading).await.is_pending());
        assert!(poll_once(&mut reading).await.is_pending(), "five bytes, and no end");
        drop(reading);
        assert!(reader.read_line(3).await.is_err());
        assert_eq!(reader.read_line(6).await.expect("fits"), Some("123456".into()));
    });
}

#[test]
fn read_line_that_is_dropped_half_way_keeps_what_it_has() {
    run(async {
        let text = "a line in pieces\nanother\n";
        let mut reader = BufReader::new(Script::new(text.as_bytes().chunks(3), true));
        let mut came = Vec::new();
        while came.len() < 2 {
            // Every future is dropped after one poll.
            let reading = &mut Box::pin(reader.read_line(100));
            if let Poll::Ready(line) = poll_once(reading).await {
                came.push(line.expect("a line").expect("not the end"));
            }
        }
        assert_eq!(came, ["a line in pieces", "another"], "BUF-2");
    });
}

#[test]
fn fill_buf_that_is_dropped_half_way_loses_nothing() {
    run(async {
        let mut reader = BufReader::new(Script::new(["abc"], true));
        {
            let mut filling = Box::pin(reader.fill_buf());
            assert!(poll_once(&mut filling).await.is_pending());
        }
        assert_eq!(reader.fill_buf().await.expect("bytes"), b"abc");
        reader.consume(1);
        assert_eq!(reader.fill_buf().await.expect("bytes"), b"bc", "what was not consumed");
        reader.consume(2);
        assert_eq!(reader.fill_buf().await.expect("the end"), b"");
    });
}

#[test]
fn read_exact_that_is_dropped_half_way_has_taken_what_came() {
    run(async {
        let mut reader = BufReader::new(Script::new(["abc", "def"], true));
        let mut into = [0; 6];
        {
            let mut reading = Box::pin(reader.read_exact(&mut into));
            assert!(poll_once(&mut reading).await.is_pending());
            assert!(poll_once(&mut reading).await.is_pending(), "three of six bytes");
        }
        assert_eq!(&into[..3], b"abc", "the bytes that had come are in the caller's hands");
        assert_eq!(reader.fill_buf().await.expect("bytes"), b"def", "and lost to the reader");
    });
}

#[test]
fn read_exact_fills_across_pieces_and_fails_at_the_end() {
    run(async {
        let mut reader = BufReader::with_capacity(4, Script::new(["ab", "cdefghij", "kl"], true));
        let mut into = [0; 11];
        reader.read_exact(&mut into).await.expect("enough");
        assert_eq!(&into, b"abcdefghijk");
        let error = reader.read_exact(&mut into).await.expect_err("one byte is left");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn line_that_is_no_utf8_is_an_error_and_the_next_one_is_read() {
    run(async {
        let mut reader = BufReader::new(Script::new([&b"\xff\xfe\nfine\n"[..]], false));
        let error = reader.read_line(10).await.expect_err("no UTF-8");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(reader.read_line(10).await.expect("the next"), Some("fine".into()));
    });
}

#[test]
#[should_panic(expected = "more bytes are consumed")]
fn consuming_more_than_there_is_is_refused() {
    BufReader::new(Script::new(["abc"], false)).consume(1);
}

#[test]
fn thousand_lines_in_one_buffer_do_not_starve_other_tasks() {
    run(async {
        let other = handloom::rt::spawn(async {});
        let text = "x\n".repeat(4000);
        let mut reader = BufReader::new(Script::new([text], false));
        let mut read = 0;
        while !other.is_finished() {
            reader.read_line(10).await.expect("a line");
            read += 1;
        }
        assert!(read < 1000, "scenario 51: another task within 1000 lines, came {read}");
    });
}

#[test]
fn reader_that_waits_on_a_socket_has_no_buffer() {
    run_in_real_time(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address: SocketAddr = listener.local_addr().expect("its address");
        let stream = TcpStream::connect(address).await.expect("connects");
        let (mut peer, _) = listener.accept().expect("the connection");
        let (read_half, _write_half) = stream.into_split();
        let mut reader = BufReader::new(read_half);
        peer.write_all(b"first\nsec").expect("room");
        assert_eq!(reader.read_line(100).await.expect("a line"), Some("first".into()));
        assert!(timeout(Duration::from_millis(5), reader.read_line(100)).await.is_err());
        assert_eq!(reader.buffer(), b"sec", "BUF-2");
        peer.write_all(b"ond\n").expect("room");
        assert_eq!(reader.read_line(100).await.expect("a line"), Some("second".into()));
        assert!(timeout(Duration::from_millis(5), reader.read_line(100)).await.is_err());
        assert_eq!(reader.allocated_bytes(), 0, "BUF-4: idle and empty");
        drop(peer);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(reader.read_line(100).await.expect("the end"), None);
    });
}
