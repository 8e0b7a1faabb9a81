//! Level 5: sockets, and what the selector tells of them.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::iter;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::alone::open_descriptors;
use crate::check::{holds, same};
use crate::futures::{CountingWake, Gate, LoopThread, Probe, many_turns, poll_with};
use crate::runtime::{Listener, Reader, Runtime, Stream, Task, Writer};
use crate::sockets::{
    client, pair, pair_on_loop, quick_pair, read_exact, read_to_end, reset, set_backlog, std_pair,
};

claims! {
    ($) l5_sockets
    together: [
        what_came_in_one_edge_can_be_read_later,
        what_is_written_to_a_slow_reader_arrives_byte_for_byte,
        a_reader_and_a_writer_share_a_socket,
        a_reader_waits_while_the_writer_goes_on,
        the_last_of_two_readers_wakers_is_woken,
        the_end_in_the_segment_of_the_last_bytes_is_seen,
        the_end_after_a_short_read_is_seen,
        a_peer_that_closes_its_sending_side_can_still_be_written_to,
        a_closed_sending_side_still_reads,
        a_reset_while_reading_is_an_error_of_that_task,
        a_reset_while_writing_is_an_error_of_that_task,
        a_reset_in_the_backlog_does_not_stop_accepting,
        closing_after_a_reset_does_not_panic,
        a_connect_that_is_refused_is_an_error,
        a_connect_that_is_given_up_is_over,
        a_connect_that_succeeds_late_succeeds,
        an_accept_that_is_given_up_loses_no_connection,
        a_write_to_a_closed_peer_is_an_error_and_no_signal,
        a_socket_goes_before_a_timer_of_the_same_turn,
        a_reader_that_waits_is_not_polled,
        a_reader_and_a_writer_that_wait_are_not_polled,
        a_dropped_socket_tells_nobody,
        a_file_cannot_be_waited_for,
        a_socket_that_outlives_its_runtime_gives_an_error,
        a_reader_whose_runtime_goes_is_woken_with_an_error,
        a_cancelled_reader_closes_its_socket,
    ]
    alone: [
        five_hundred_connections_are_accepted_though_one_event_told_of_them,
        a_descriptor_number_used_again_does_not_wake_the_old_owner,
        cancelled_waits_give_their_descriptors_back,
        dropped_sockets_leave_nothing_behind,
    ]
}

/// Bytes that differ from place to place, so that a lost or doubled piece shows.
fn pattern(length: usize) -> Vec<u8> {
    // Copied in large pieces, because a debug build takes seconds to count every byte.
    let mut bytes = (0..251).collect::<Vec<_>>().repeat(length.div_ceil(251));
    bytes.truncate(length);
    bytes
}

/// Boxes a read, to be polled by hand.
pub fn reading<'a>(
    from: &'a mut impl Reader,
    buf: &'a mut [u8],
) -> Pin<Box<impl Future<Output = io::Result<usize>> + 'a>> {
    Box::pin(from.read(buf))
}

/// Polls a future once, with the waker of the task that asks, and tells whether it has to wait.
async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
    poll_fn(|cx: &mut Context<'_>| Poll::Ready(Pin::new(&mut *future).poll(cx).is_pending())).await
}

fn what_came_in_one_edge_can_be_read_later<R: Runtime>(runtime: &R) {
    // Little enough for the buffers of the system.
    const BYTES: usize = 50_000;
    runtime.block_on(async {
        let (mut near, mut far) = pair::<R>();
        let mut all = vec![0; BYTES];
        let mut first = reading(&mut near, &mut all[..100]);
        same("READY-1", "a read of nothing", true, is_pending(&mut first).await);
        far.write_all(&pattern(BYTES)).unwrap();
        drop(far);
        let mut read = first.await.unwrap();
        // All has come and was told of, and no task reads it for a while.
        R::sleep(Duration::from_millis(20)).await;
        while read < BYTES {
            let upto = BYTES.min(read + 10_000);
            match near.read(&mut all[read..upto]).await.unwrap() {
                0 => break,
                bytes => read += bytes,
            }
        }
        same("READY-1", "what was read in many sittings", true, all == pattern(BYTES));
        same("READY-2", "the end", 0, near.read(&mut [0; 10]).await.unwrap());
    });
}

fn what_is_written_to_a_slow_reader_arrives_byte_for_byte<R: Runtime>(runtime: &R) {
    const BYTES: usize = 16 << 20;
    let sent = pattern(BYTES);
    let received = runtime.block_on(async {
        let (mut near, mut far) = pair::<R>();
        let here = LoopThread::here();
        let reads = thread::spawn(move || {
            let (mut all, mut at) = (vec![0; BYTES], 0);
            // The buffers are full by then, and the writer waits.
            here.wait_until_idle();
            // Pieces of many sizes, with a rest now and then: the sender's buffer is full most of the time.
            for round in 0.. {
                let most = (1 + round % 17 * 40_000).min(BYTES - at);
                match far.read(&mut all[at..at + most]).unwrap() {
                    0 => break,
                    bytes => at += bytes,
                }
                if round % 16 == 0 {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            all.truncate(at);
            all
        });
        near.write_all(&sent).await.unwrap();
        near.close_sending().await.unwrap();
        // The reader ends by itself; meanwhile the loop has nothing to do.
        while !reads.is_finished() {
            R::sleep(Duration::from_millis(1)).await;
        }
        reads.join().unwrap()
    });
    same("READY-5", "how many bytes arrived", sent.len(), received.len());
    same("READY-5", "they are the ones that were sent", true, sent == received);
}

fn a_reader_and_a_writer_share_a_socket<R: Runtime>(runtime: &R) {
    // More than the buffers of the system hold.
    const BYTES: usize = 8 << 20;
    // More than any runtime lets a task read in one poll.
    const ONE_BY_ONE: usize = 2000;
    runtime.block_on(async {
        let (near, far) = pair::<R>();
        let here = LoopThread::here();
        let echoes = thread::spawn(move || {
            // The buffers are full by then: the reader and the writer wait.
            here.wait_until_idle();
            let (mut from, mut to) = (&far, &far);
            io::copy(&mut from, &mut to).unwrap();
            far.shutdown(Shutdown::Write).unwrap();
        });
        let (mut reads, mut writes) = near.split();
        let reader = R::spawn(async move {
            let mut first = vec![0; ONE_BY_ONE];
            for byte in &mut first {
                read_exact(&mut reads, std::slice::from_mut(byte)).await.unwrap();
            }
            first.extend(read_to_end(&mut reads).await.unwrap());
            first
        });
        let writer = R::spawn(async move {
            writes.write_all(&pattern(BYTES)).await.unwrap();
            // Dropped, it closes the sending side.
            drop(writes);
        });
        writer.await.value();
        let echoed = reader.await.value();
        same(
            "READY-4",
            "8 MiB that were written and read by two tasks",
            true,
            echoed == pattern(BYTES),
        );
        echoes.join().unwrap();
    });
}

fn a_reader_waits_while_the_writer_goes_on<R: Runtime>(runtime: &R) {
    const BYTES: usize = 8 << 20;
    runtime.block_on(async {
        let (near, mut far) = pair::<R>();
        let (mut reads, mut writes) = near.split();
        let (reader, counts) = Probe::new(async move {
            let mut word = [0; 5];
            read_exact(&mut reads, &mut word).await.unwrap();
            (word, reads)
        });
        let reader = R::spawn(reader);
        let writer =
            R::spawn(async move { writes.write_all(&pattern(BYTES)).await.map(|()| writes) });
        // Long enough for the buffers to be full: the writer waits too, on the same socket.
        R::sleep(Duration::from_millis(50)).await;
        let before = counts.polls.get();
        let drains = thread::spawn(move || {
            let mut all = vec![0; BYTES];
            // In pieces, so that the writer waits many times.
            for piece in all.chunks_mut(BYTES / 64) {
                far.read_exact(piece).unwrap();
                thread::sleep(Duration::from_millis(1));
            }
            far.write_all(b"thank").unwrap();
            (all == pattern(BYTES), far)
        });
        let _writes = writer.await.value().unwrap();
        let (word, _reads) = reader.await.value();
        let polls = counts.polls.get() - before;
        holds("READY-4", "polls of the reader, which got one word", "2 at most", polls, |it| {
            *it <= 2
        });
        same("READY-4", "what the reader got", b"thank", &word);
        same("READY-4", "what the writer wrote arrived", true, drains.join().unwrap().0);
    });
}

fn the_last_of_two_readers_wakers_is_woken<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (mut near, mut far) = pair::<R>();
        let mut buf = [0; 10];
        let mut read = reading(&mut near, &mut buf);
        let (_first, first_waker) = CountingWake::pair();
        let (second, second_waker) = CountingWake::pair();
        same("READY-4", "a read of nothing", true, poll_with(&mut read, &first_waker).is_pending());
        same(
            "READY-4",
            "a read of nothing",
            true,
            poll_with(&mut read, &second_waker).is_pending(),
        );
        far.write_all(b"x").unwrap();
        // It sleeps, so that the loop is idle: what a busy loop does belongs to level 7.
        while second.wakes() == 0 {
            R::sleep(Duration::from_millis(1)).await;
        }
        same("READY-4", "the read", 1, read.await.unwrap());
    });
}

fn the_end_in_the_segment_of_the_last_bytes_is_seen<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        for _ in 0..50 {
            let (mut near, mut far) = pair::<R>();
            far.write_all(b"0123456789").unwrap();
            far.shutdown(Shutdown::Write).unwrap();
            // The read is short, and the event that told of the bytes told of the end too.
            let mut buf = [0; 100];
            same("READY-2", "the bytes before the end", 10, near.read(&mut buf).await.unwrap());
            same("READY-2", "the end", 0, near.read(&mut buf).await.unwrap());
            same("READY-2", "the end, again", 0, near.read(&mut buf).await.unwrap());
        }
    });
}

fn the_end_after_a_short_read_is_seen<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        for round in 0..50 {
            let (mut near, mut far) = pair::<R>();
            far.write_all(b"0123456789").unwrap();
            let mut buf = [0; 100];
            same("READY-1", "the bytes before the end", 10, near.read(&mut buf).await.unwrap());
            let here = LoopThread::here();
            let shuts = thread::spawn(move || {
                // At any moment; in some rounds, when the reader waits.
                if round % 10 == 0 {
                    here.wait_until_idle();
                }
                if round % 2 == 0 {
                    far.shutdown(Shutdown::Write).unwrap();
                }
            });
            same("READY-2", "the end", 0, near.read(&mut buf).await.unwrap());
            shuts.join().unwrap();
        }
    });
}

fn a_peer_that_closes_its_sending_side_can_still_be_written_to<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (mut near, mut far) = pair::<R>();
        far.shutdown(Shutdown::Write).unwrap();
        same("READY-2", "a read from a closed side", 0, near.read(&mut [0; 10]).await.unwrap());
        many_turns::<R>().await;
        near.write_all(b"hello").await.unwrap();
        near.close_sending().await.unwrap();
        let mut heard = String::new();
        far.read_to_string(&mut heard).unwrap();
        same("READY-2", "what was written after the peer's end", "hello", heard.as_str());
        same("READY-2", "the end, again", 0, near.read(&mut [0; 10]).await.unwrap());
    });
}

fn a_closed_sending_side_still_reads<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (mut near, mut far) = pair::<R>();
        near.close_sending().await.unwrap();
        same("TCP-3", "the peer's read", 0, far.read(&mut [0; 10]).unwrap());
        let reader = R::spawn(async move {
            let mut word = [0; 4];
            read_exact(&mut near, &mut word).await.map(|()| word).map_err(|error| error.kind())
        });
        // By now the reader waits.
        many_turns::<R>().await;
        far.write_all(b"late").unwrap();
        same("TCP-3", "what was read after our end", Ok(*b"late"), reader.await.value());
    });
}

/// Tells whether an error is what a reset connection gives.
fn is_reset(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

fn a_reset_while_reading_is_an_error_of_that_task<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let ((mut near, far), (mut other, mut other_far)) = (pair::<R>(), pair::<R>());
        let broken = R::spawn(async move { near.read(&mut [0; 10]).await.unwrap_err().kind() });
        let whole = R::spawn(async move { read_to_end(&mut other).await.unwrap() });
        many_turns::<R>().await;
        reset(far);
        let kind = broken.await.value();
        holds("READY-1", "a read when the peer resets", "ConnectionReset", kind, |kind| {
            is_reset(*kind)
        });
        other_far.write_all(b"still here").unwrap();
        drop(other_far);
        same("READY-3", "another connection", b"still here".to_vec(), whole.await.value());
    });
}

fn a_reset_while_writing_is_an_error_of_that_task<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (mut near, far) = pair::<R>();
        let writes = R::spawn(async move {
            loop {
                if let Err(error) = near.write_all(&vec![0; 65_536]).await {
                    return error.kind();
                }
            }
        });
        // Long enough for the buffers to be full: the writer waits.
        R::sleep(Duration::from_millis(20)).await;
        reset(far);
        let kind = writes.await.value();
        holds("READY-1", "a write when the peer resets", "ConnectionReset", kind, |kind| {
            is_reset(*kind)
        });
    });
}

fn a_reset_in_the_backlog_does_not_stop_accepting<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut listener = R::listen();
        for _ in 0..10 {
            reset(TcpStream::connect(listener.address()).unwrap());
        }
        let mut good = TcpStream::connect(listener.address()).unwrap();
        good.write_all(b"good").unwrap();
        // The dead ones may be accepted, and then cannot be read from; the living one is among them.
        for _ in 0..11 {
            let mut accepted = listener.accept().await.unwrap();
            let mut word = [0; 4];
            if read_exact(&mut accepted, &mut word).await.is_ok() {
                same("ACCEPT-1", "what the living connection sent", b"good", &word);
                return;
            }
        }
        panic!("ACCEPT-1 is broken: expected a connection after ten dead ones, came none");
    });
}

fn closing_after_a_reset_does_not_panic<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (mut near, far) = pair::<R>();
        reset(far);
        let error = near.read(&mut [0; 10]).await.unwrap_err();
        holds("READY-1", "a read after a reset", "ConnectionReset", error.kind(), |kind| {
            is_reset(*kind)
        });
        // It may fail, and may not panic; nor may the halves when they are dropped.
        drop(near.close_sending().await);
        drop(near.split());
    });
}

/// An address where nobody listens.
pub fn deaf_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn a_connect_that_is_refused_is_an_error<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        for _ in 0..100 {
            let kind = R::connect(deaf_address()).await.err().map(|error| error.kind());
            same(
                "TCP-2",
                "a connect where nobody listens",
                Some(ErrorKind::ConnectionRefused),
                kind,
            );
        }
        let mut listener = R::listen();
        let mut near = R::connect(listener.address()).await.unwrap();
        let mut far = listener.accept().await.unwrap();
        near.write_all(b"hello").await.unwrap();
        near.close_sending().await.unwrap();
        same("TCP-2", "what came through", b"hello".to_vec(), read_to_end(&mut far).await.unwrap());
    });
}

/// A listener whose backlog is full, so that a further connect is left waiting; and who fills it.
fn full_listener() -> (TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    set_backlog(&listener, 0);
    let to = listener.local_addr().unwrap();
    let patience = Duration::from_millis(50);
    let connects = || TcpStream::connect_timeout(&to, patience).ok();
    let filled = iter::from_fn(connects).take(16).collect();
    (listener, filled)
}

fn a_connect_that_is_given_up_is_over<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (listener, filled) = full_listener();
        holds(
            "TCP-2",
            "connections that fill a backlog of 0",
            "fewer than 16",
            filled.len(),
            |n| *n < 16,
        );
        let to = listener.local_addr().unwrap();
        let given_up = R::timeout(Duration::from_millis(20), R::connect(to)).await;
        same("TCP-2", "a connect to a full backlog has ended", true, given_up.is_none());
        many_turns::<R>().await;
    });
}

fn a_connect_that_succeeds_late_succeeds<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (listener, filled) = full_listener();
        let to = listener.local_addr().unwrap();
        let late = R::spawn(R::connect(to));
        R::sleep(Duration::from_millis(20)).await;
        same("TCP-2", "a connect to a full backlog has ended", false, late.is_finished());
        // Room is made; the kernel tries again within a second or so.
        for _ in &filled {
            drop(listener.accept().unwrap());
        }
        let mut near = late.await.value().unwrap();
        let (mut far, _) = listener.accept().unwrap();
        far.write_all(b"late").unwrap();
        drop(far);
        same("TCP-2", "what came through", b"late".to_vec(), read_to_end(&mut near).await.unwrap());
    });
}

fn an_accept_that_is_given_up_loses_no_connection<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut listener = R::listen();
        for round in 0..50_u8 {
            let given_up = R::timeout(Duration::ZERO, listener.accept()).await;
            same("ACCEPT-3", "an accept when nobody connects", true, given_up.is_none());
            let mut client = TcpStream::connect(listener.address()).unwrap();
            client.write_all(&[round]).unwrap();
            let mut accepted = listener.accept().await.unwrap();
            let mut byte = [0];
            read_exact(&mut accepted, &mut byte).await.unwrap();
            same("ACCEPT-3", "which connection was accepted", [round], byte);
        }
    });
}

fn a_write_to_a_closed_peer_is_an_error_and_no_signal<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (mut near, far) = pair::<R>();
        drop(far);
        // The first may go out, and is answered with a reset.
        let mut kinds = Vec::new();
        for _ in 0..100 {
            match near.write_all(b"hello?").await {
                Err(error) => kinds.push(error.kind()),
                Ok(()) => R::sleep(Duration::from_millis(1)).await,
            }
        }
        holds("READY-1", "errors of writes to a peer that is gone", "resets", kinds, |kinds| {
            !kinds.is_empty() && kinds.iter().copied().all(is_reset)
        });
    });
}

fn a_dropped_socket_tells_nobody<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        for _ in 0..100 {
            let (near, mut far) = quick_pair();
            let mut near = R::adopt(near).unwrap();
            let (wakes, waker) = CountingWake::pair();
            let mut buf = [0; 10];
            let mut read = reading(&mut near, &mut buf);
            same("SOURCE-1", "a read of nothing", true, poll_with(&mut read, &waker).is_pending());
            drop(read);
            // The event is with the selector, and then nobody is there any more.
            far.write_all(b"x").unwrap();
            drop(near);
            many_turns::<R>().await;
            same("SOURCE-1", "wakes for a socket that was dropped", 0, wakes.wakes());
        }
    });
}

fn a_file_cannot_be_waited_for<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        for path in ["/proc/self/exe", "/dev/null", "/"] {
            let outcome = R::watch(File::open(path).unwrap().into()).map_err(|error| error.kind());
            same("SOURCE-1", path, Err(ErrorKind::PermissionDenied), outcome);
        }
        let (socket, _far) = std_pair();
        socket.set_nonblocking(true).unwrap();
        same("SOURCE-1", "a socket can be watched", true, R::watch(socket.into()).is_ok());
    });
}

fn a_socket_that_outlives_its_runtime_gives_an_error<R: Runtime>(runtime: &R) {
    let other = R::new();
    let (mut near, _far) = other.block_on(async { pair::<R>() });
    drop(other);
    runtime.block_on(async {
        let outcome = near.read(&mut [0; 10]).await;
        same("END-2", "a read on a socket whose runtime is gone fails", true, outcome.is_err());
    });
}

fn a_reader_whose_runtime_goes_is_woken_with_an_error<R: Runtime>(_: &R) {
    let other = R::new();
    let (wakes, waker) = CountingWake::pair();
    let (mut near, _far) = other.block_on(async { pair::<R>() });
    let mut buf = [0; 10];
    let mut read = reading(&mut near, &mut buf);
    other.block_on(async {
        same("SOURCE-3", "a read of nothing", true, poll_with(&mut read, &waker).is_pending());
    });
    drop(other);
    same("END-2", "wakes when the runtime went", 1, wakes.wakes());
    let failed = match poll_with(&mut read, Waker::noop()) {
        Poll::Ready(outcome) => outcome.is_err(),
        Poll::Pending => false,
    };
    same("END-2", "the read has failed", true, failed);
}

fn a_cancelled_reader_closes_its_socket<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (mut near, mut far) = pair_on_loop::<R>();
        let reads = R::spawn(async move { near.read(&mut [0; 10]).await });
        many_turns::<R>().await;
        reads.cancel();
        same(
            "SOURCE-1",
            "what the peer of a cancelled reader reads",
            0,
            far.read(&mut [0; 10]).await.unwrap(),
        );
        same("JOIN-1", "the reader's end", "cancelled", reads.await.word());
    });
}

fn five_hundred_connections_are_accepted_though_one_event_told_of_them<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        set_backlog(&listener, 1024);
        let mut listener = R::adopt_listener(listener);
        let to = listener.address();
        let mut clients: Vec<_> = (0..500).map(|_| client(to)).collect();
        let mut accepted = Vec::new();
        for _ in 0..500 {
            accepted.push(listener.accept().await.unwrap());
        }
        for (number, client) in clients.iter_mut().enumerate() {
            client.write_all(&u32::try_from(number).unwrap().to_ne_bytes()).unwrap();
        }
        let mut sum = 0;
        for connection in &mut accepted {
            let mut number = [0; 4];
            read_exact(connection, &mut number).await.unwrap();
            sum += u32::from_ne_bytes(number);
        }
        same("ACCEPT-3", "the sum of 500 clients' numbers", 499 * 500 / 2, sum);
    });
}

fn a_descriptor_number_used_again_does_not_wake_the_old_owner<R: Runtime>(runtime: &R) {
    const ROUNDS: usize = 2000;
    let reused = Rc::new(Cell::new(0));
    runtime.block_on(async {
        let (first, mut first_far) = quick_pair();
        let mut first = R::adopt(first).unwrap();
        for _ in 0..ROUNDS {
            let (old, mut old_far) = quick_pair();
            let (spare, mut new_far) = quick_pair();
            let old_number = old.as_raw_fd();
            let mut old = Some(R::adopt(old).unwrap());
            let (old_wakes, old_waker) = CountingWake::pair();
            let mut buf = [0; 10];
            if let Some(old) = &mut old {
                let pending = poll_with(&mut reading(old, &mut buf), &old_waker).is_pending();
                same("READY-3", "a read of nothing", true, pending);
            }
            // This task waits for the first socket while both become readable, so one call of the selector tells of both.
            let mut byte = [0];
            let mut read = reading(&mut first, &mut byte);
            same("READY-3", "a read of nothing", true, is_pending(&mut read).await);
            old_far.write_all(b"old").unwrap();
            first_far.write_all(b"x").unwrap();
            same("READY-3", "what the first socket reads", 1, read.await.unwrap());
            // The old number goes to a new socket, which has nothing to read.
            drop(old.take());
            let new = spare.try_clone().unwrap();
            reused.set(reused.get() + usize::from(new.as_raw_fd() == old_number));
            let mut new = R::adopt(new).unwrap();
            let (new_wakes, new_waker) = CountingWake::pair();
            let mut read = reading(&mut new, &mut buf);
            same(
                "READY-3",
                "a read of nothing",
                true,
                poll_with(&mut read, &new_waker).is_pending(),
            );
            for _ in 0..70 {
                R::yield_now().await;
            }
            let old_woken = old_wakes.wakes();
            same("READY-3", "wakes of the new owner by the old one's event", 0, new_wakes.wakes());
            new_far.write_all(b"new").unwrap();
            same("READY-3", "what the new owner reads", 3, read.await.unwrap());
            same("READY-3", "wakes of the old owner meanwhile", old_woken, old_wakes.wakes());
        }
    });
    // In most of them: the judge, too, opens files now and then.
    holds("READY-3", "rounds in which the number was used again", "most", reused.get(), |rounds| {
        *rounds > ROUNDS / 2
    });
}

fn cancelled_waits_give_their_descriptors_back<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        // Whatever a runtime opens for itself, it has opened by now.
        drop(pair_on_loop::<R>());
        R::sleep(Duration::from_millis(1)).await;
        let baseline = open_descriptors();
        let (full, filled) = full_listener();
        let with_listener = open_descriptors();
        let to = full.local_addr().unwrap();
        let (mut tasks, mut peers) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let (near, far) = quick_pair();
            let (mut near, mut listener) = (R::adopt(near).unwrap(), R::listen());
            peers.push(far);
            tasks.push(R::spawn(async move { drop(near.read(&mut [0; 10]).await) }));
            tasks.push(R::spawn(async move { drop(listener.accept().await) }));
            tasks.push(R::spawn(async move { drop(R::connect(to).await) }));
            tasks.push(R::spawn(R::sleep(Duration::from_hours(1))));
        }
        many_turns::<R>().await;
        same("SOURCE-1", "descriptors of tasks that wait", with_listener + 400, open_descriptors());
        for task in tasks {
            task.cancel();
            same("JOIN-1", "the end", "cancelled", task.await.word());
        }
        for mut peer in peers {
            same("SOURCE-1", "what a peer reads", 0, peer.read(&mut [0; 10]).unwrap());
        }
        same("SOURCE-1", "descriptors after the cancels", with_listener, open_descriptors());
        drop((full, filled));
        same("SOURCE-1", "descriptors in the end", baseline, open_descriptors());
    });
}

fn dropped_sockets_leave_nothing_behind<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        drop(pair_on_loop::<R>());
        let baseline = open_descriptors();
        let gate = Gate::default();
        let kept = Rc::new(RefCell::new(Vec::new()));
        for round in 0..2000 {
            let (mut near, far) = pair_on_loop::<R>();
            // Some with a reader, some with an event, some at once.
            if round % 3 == 0 {
                let mut buf = [0; 10];
                let pending = is_pending(&mut reading(&mut near, &mut buf)).await;
                same("SOURCE-1", "a read of nothing", true, pending);
            }
            if round % 3 == 1 {
                drop(far);
                R::yield_now().await;
            }
            if round % 100 == 0 {
                kept.borrow_mut().push(near);
            }
        }
        gate.open();
        kept.borrow_mut().clear();
        many_turns::<R>().await;
        same("SOURCE-1", "descriptors in the end", baseline, open_descriptors());
    });
}

fn a_socket_goes_before_a_timer_of_the_same_turn<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut rounds = 0;
        while rounds < 10 {
            let journal = Rc::new(RefCell::new(Vec::new()));
            let (mut near, mut far) = pair::<R>();
            let (sleeps, reads) = (journal.clone(), journal.clone());
            let deadline = Instant::now() + Duration::from_millis(30);
            let sleeper = R::spawn(async move {
                R::sleep_until(deadline).await;
                sleeps.borrow_mut().push("timer");
            });
            let reader = R::spawn(async move {
                near.read(&mut [0; 10]).await.unwrap();
                reads.borrow_mut().push("socket");
            });
            many_turns::<R>().await;
            // Both happen while this task holds the loop, so the loop learns of both in one turn. If the machine was
            // so busy that the deadline is past already, the round says nothing.
            let is_in_time = Instant::now() < deadline;
            far.write_all(b"x").unwrap();
            thread::sleep(Duration::from_millis(40));
            reader.await.value();
            sleeper.await.value();
            if is_in_time {
                same("LOOP-3", "who went first", vec!["socket", "timer"], journal.take());
                rounds += 1;
            }
        }
    });
}

/// The most polls of a task that waits while other tasks have 200 turns: one of its own, and one for a wake that had
/// nothing to tell.
const POLLS_OF_A_WAIT: usize = 3;

fn a_reader_that_waits_is_not_polled<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (mut near, mut far) = pair::<R>();
        // It was ready once, and is not any more.
        far.write_all(b"x").unwrap();
        let (probe, counts) = Probe::new(async move {
            near.read(&mut [0; 10]).await.unwrap();
            near.read(&mut [0; 10]).await.unwrap()
        });
        let reader = R::spawn(probe);
        R::sleep(Duration::from_millis(5)).await;
        let before = counts.polls.get();
        many_turns::<R>().await;
        holds(
            "READY-1",
            "polls of a reader in 200 turns without a byte",
            "1 at most",
            counts.polls.get() - before,
            |polls| *polls <= 1,
        );
        holds(
            "READY-1",
            "polls of a reader that got one byte and waits",
            "3 at most",
            counts.polls.get(),
            |polls| *polls <= POLLS_OF_A_WAIT,
        );
        far.write_all(b"yz").unwrap();
        same("READY-1", "bytes of the second read", 2, reader.await.value());
    });
}

fn a_reader_and_a_writer_that_wait_are_not_polled<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let (near, mut far) = pair::<R>();
        let (mut reads, mut writes) = near.split();
        let (writer, writer_counts) =
            Probe::new(async move { writes.write_all(&pattern(8 << 20)).await.map(|()| writes) });
        let (reader, reader_counts) = Probe::new(async move {
            let mut word = [0; 5];
            read_exact(&mut reads, &mut word).await.unwrap();
            (word, reads)
        });
        let (writer, reader) = (R::spawn(writer), R::spawn(reader));
        // Long enough for the buffers to be full: both wait, on one socket.
        R::sleep(Duration::from_millis(50)).await;
        let before = (writer_counts.polls.get(), reader_counts.polls.get());
        many_turns::<R>().await;
        let polls = (writer_counts.polls.get() - before.0, reader_counts.polls.get() - before.1);
        holds(
            "READY-4",
            "polls of a writer and a reader in 200 turns of waiting",
            "2 each at most",
            polls,
            |polls| polls.0 <= 2 && polls.1 <= 2,
        );
        // The reader goes on while the writer waits, and the writer when there is nothing to read.
        far.write_all(b"thank").unwrap();
        same("READY-4", "what the reader got", b"thank", &reader.await.value().0);
        let drains = thread::spawn(move || far.read_exact(&mut vec![0; 8 << 20]));
        writer.await.value().unwrap();
        drains.join().unwrap().unwrap();
    });
}
