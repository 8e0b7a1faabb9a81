//! Streams: what a read or a write that is dropped half-way leaves behind.

use std::io::{Read, Write};
use std::net::{self, Ipv4Addr, TcpListener};
use std::pin::pin;
use std::thread;

use crate::support::{poll_once, run_in_real_time};
use handloom::aio::{AsyncRead, AsyncWrite, TcpStream};

/// More than the kernel keeps for one connection, in bytes.
const FLOOD_BYTES: usize = 64 << 20;

/// A stream on the loop, and its peer outside.
async fn pair() -> (TcpStream, net::TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let stream = TcpStream::connect(listener.local_addr().expect("its address")).await;
    (stream.expect("connects"), listener.accept().expect("the connection").0)
}

/// Writes until the kernel takes no more, and drops the write that waits; returns the bytes taken.
async fn fill(stream: &mut TcpStream) -> usize {
    let mut taken = 0;
    loop {
        let mut write = Box::pin(stream.write(&[1; 1 << 14]));
        match poll_once(&mut write).await {
            std::task::Poll::Ready(bytes) => taken += bytes.expect("the peer is there"),
            std::task::Poll::Pending => return taken,
        }
    }
}

/// Reads to the end, on a thread; returns how many bytes came.
fn drain(mut peer: net::TcpStream) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).expect("the stream ends in order")
    })
}

#[test]
fn read_that_is_dropped_half_way_takes_no_byte() {
    run_in_real_time(async {
        let (mut stream, mut peer) = pair().await;
        let mut buf = [0; 16];
        {
            let mut read = pin!(stream.read(&mut buf));
            assert!(poll_once(&mut read).await.is_pending(), "READY-1: nothing has come");
            peer.write_all(b"word").expect("room");
        }
        let bytes = stream.read(&mut buf).await.expect("the peer is there");
        assert_eq!(&buf[..bytes], b"word", "SOURCE-2: what came while the dropped read waited");
    });
}

#[test]
fn readable_that_is_dropped_half_way_loses_no_readiness() {
    run_in_real_time(async {
        let (mut stream, mut peer) = pair().await;
        let mut buf = [0; 16];
        {
            let mut readable = Box::pin(stream.readable());
            assert!(poll_once(&mut readable).await.is_pending(), "READY-1: nothing has come");
            peer.write_all(b"word").expect("room");
        }
        stream.readable().await.expect("the peer is there");
        stream.readable().await.expect("READY-1: it is remembered until a read was short");
        assert_eq!(stream.try_read(&mut buf).expect("READY-1: a read is worth a try"), 4);
    });
}

#[test]
fn write_that_is_dropped_half_way_writes_nothing() {
    run_in_real_time(async {
        let (mut stream, peer) = pair().await;
        let taken = fill(&mut stream).await;
        drop(stream);
        let came = drain(peer).join().expect("no panic");
        assert_eq!(came, taken, "READY-5: bytes of the writes that returned, and no others");
    });
}

#[test]
fn writable_that_is_dropped_half_way_loses_no_readiness() {
    run_in_real_time(async {
        let (mut stream, peer) = pair().await;
        fill(&mut stream).await;
        {
            let mut writable = Box::pin(stream.writable());
            assert!(poll_once(&mut writable).await.is_pending(), "READY-5: there is no room");
        }
        let peer = drain(peer);
        stream.writable().await.expect("READY-5: room is told of, now that it is waited for");
        assert!(stream.try_write(&[1]).is_ok(), "READY-5: a write is worth a try");
        drop(stream);
        peer.join().expect("no panic");
    });
}

#[test]
fn write_all_that_is_dropped_half_way_may_have_written_a_part() {
    run_in_real_time(async {
        let (mut stream, peer) = pair().await;
        let flood = vec![1; FLOOD_BYTES];
        {
            let mut write = pin!(stream.write_all(&flood));
            assert!(poll_once(&mut write).await.is_pending(), "READY-5: nobody reads");
        }
        drop(stream);
        let came = drain(peer).join().expect("no panic");
        assert!(0 < came && came < FLOOD_BYTES, "READY-5: expected a part, came {came} bytes");
    });
}
