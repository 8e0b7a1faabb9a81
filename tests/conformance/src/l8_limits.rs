//! Level 8: when descriptors run out, when signals rain, and when there is much of everything.
//!
//! Every claim runs in a process of its own: limits and signals belong to the whole of it.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::SIGUSR1;
use signal_hook::flag;

use crate::alone::{descriptor_limit, no_more_descriptors, open_descriptors, threads};
use crate::check::{holds, same};
use crate::futures::{CpuClock, Probe, many_turns};
use crate::runtime::{Listener, Reader, Runtime, Writer};
use crate::sockets::{client, quick_pair, read_exact, read_to_end};

claims! {
    ($) l8_limits
    alone: [
        a_rain_of_signals_disturbs_nothing,
        a_process_that_was_stopped_goes_on,
        a_thousand_sockets_are_served,
        a_runtime_gives_every_descriptor_back,
        a_listener_without_descriptors_waits_and_goes_on,
    ]
}

/// Does a little of all that can be interrupted, again and again; every sleep is checked.
async fn everything<R: Runtime>(rounds: usize) {
    for round in 0..rounds {
        let mut listener = R::listen();
        let to = listener.address();
        let accepts = R::spawn(async move { listener.accept().await.unwrap() });
        let mut client = R::connect(to).await.unwrap();
        let mut served = accepts.await.value();
        let span = Duration::from_micros(1500 + round as u64 * 100);
        let begun = Instant::now();
        R::sleep(span).await;
        holds("SLEEP-1", "a sleep under signals", "its span at least", begun.elapsed(), |slept| {
            *slept >= span
        });
        let writes = R::spawn(async move {
            client.write_all(&vec![7; 1 << 20]).await.unwrap();
        });
        let all = read_to_end(&mut served).await.unwrap();
        same("OS-2", "bytes that came through", 1 << 20, all.len());
        writes.await.value();
    }
}

/// Sends this thread a signal a thousand times a second, until it is killed; each sets `signalled`.
pub fn rain_of_signals(signalled: Arc<AtomicBool>) -> Child {
    flag::register(SIGUSR1, signalled).unwrap();
    // kill(2) with a thread's number prefers that thread, and this is the one that waits in the selector.
    let here = fs::read_link("/proc/thread-self").unwrap();
    let here = here.file_name().unwrap().to_str().unwrap();
    let script = format!("while kill -USR1 {here}; do sleep 0.001; done");
    shell(&script)
}

/// Starts a script of the shell, without streams: a judge that reads what this process says would wait for the script too.
fn shell(script: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn a_rain_of_signals_disturbs_nothing<R: Runtime>(runtime: &R) {
    // OS-2 is broken when this does not end.
    let signalled = Arc::new(AtomicBool::new(false));
    let mut rains = rain_of_signals(signalled.clone());
    runtime.block_on(async {
        let mut disturbed = 0;
        while disturbed < 50 {
            everything::<R>(1).await;
            disturbed += u32::from(signalled.swap(false, Ordering::SeqCst));
        }
    });
    rains.kill().unwrap();
    rains.wait().unwrap();
}

fn a_process_that_was_stopped_goes_on<R: Runtime>(runtime: &R) {
    // OS-2 is broken when this does not end.
    // Each stop meets a thread that sleeps, as the loop does in the selector, however busy the machine is.
    let here = fs::read_link("/proc/thread-self").unwrap();
    let script = format!(
        "for i in 1 2 3 4 5; do
            until grep -q '^State:.S' /proc/{here}/status; do sleep 0.01; kill -0 {id} || exit; done
            kill -STOP {id} || exit; sleep 0.05; kill -CONT {id}; sleep 0.03
        done",
        here = here.display(),
        id = std::process::id()
    );
    let mut stops = shell(&script);
    runtime.block_on(async {
        // Once at least, however late this thread runs.
        loop {
            R::sleep(Duration::from_millis(200)).await;
            everything::<R>(1).await;
            if stops.try_wait().unwrap().is_some() {
                break;
            }
        }
    });
}

fn a_thousand_sockets_are_served<R: Runtime>(runtime: &R) {
    let limit = descriptor_limit();
    // Two descriptors a connection, and some for the rest.
    let sockets = 1000.min((limit - 64) / 2);
    runtime.block_on(async {
        let mut listener = R::listen();
        let to = listener.address();
        drop(R::spawn(async move {
            loop {
                let mut accepted = listener.accept().await.unwrap();
                drop(R::spawn(async move {
                    let mut word = [0; 4];
                    while read_exact(&mut accepted, &mut word).await.is_ok() {
                        accepted.write_all(&word).await.unwrap();
                    }
                }));
            }
        }));
        let mut clients = Vec::new();
        for number in 0..sockets {
            let mut client = R::adopt(client(to)).unwrap();
            // The server accepts meanwhile: its backlog is shorter than a thousand.
            R::yield_now().await;
            clients.push(R::spawn(async move {
                let word = u32::try_from(number).unwrap().to_ne_bytes();
                for _ in 0..5 {
                    client.write_all(&word).await.unwrap();
                    let mut echo = [0; 4];
                    read_exact(&mut client, &mut echo).await.unwrap();
                    same("READY-3", "the echo of one of a thousand", word, echo);
                }
                client
            }));
        }
        let mut living = Vec::new();
        for client in clients {
            living.push(client.await.value());
        }
        same("READY-3", "clients that were served", sockets, living.len());
    });
}

fn a_runtime_gives_every_descriptor_back<R: Runtime>(_: &R) {
    let run = || {
        let runtime = R::new();
        runtime.block_on(async {
            for _ in 0..50 {
                let (near, far) = quick_pair();
                let (mut near, mut listener) = (R::adopt(near).unwrap(), R::listen());
                drop(R::spawn(async move { drop((near.read(&mut [0; 1]).await, far)) }));
                drop(R::spawn(async move { drop(listener.accept().await) }));
            }
            many_turns::<R>().await;
        });
    };
    run();
    let baseline = (open_descriptors(), threads());
    run();
    same(
        "SOURCE-1",
        "descriptors and threads in the end",
        baseline,
        (open_descriptors(), threads()),
    );
}

fn a_listener_without_descriptors_waits_and_goes_on<R: Runtime>(runtime: &R) {
    runtime.block_on(async {
        let mut listener = R::listen();
        let _client = client(listener.address());
        // Whatever a runtime opens for itself, it has opened by now.
        R::sleep(Duration::from_millis(1)).await;
        let (spare, cpu) = (File::open("/dev/null").unwrap(), CpuClock::of_this_thread());
        no_more_descriptors();
        let (probe, counts) = Probe::new(async move { listener.accept().await.map(drop) });
        let accepts = R::spawn(probe);
        let (begun, before) = (Instant::now(), cpu.read());
        // An idle loop first, then one with a task that is always ready.
        R::sleep(Duration::from_millis(400)).await;
        for _ in 0..2000 {
            R::yield_now().await;
        }
        let most = 4 + usize::try_from(begun.elapsed().as_millis()).unwrap() / 5;
        holds(
            "ACCEPT-2",
            "polls of accept without descriptors",
            &format!("{most} at most, one in 5 ms"),
            counts.polls.get(),
            |polls| *polls <= most,
        );
        if let (Some(before), Some(after)) = (before, cpu.read()) {
            let used = after.saturating_sub(before);
            holds(
                "ACCEPT-2",
                "CPU time of 400 ms and 2,000 turns without descriptors",
                "100 ms at most",
                used,
                |used| *used <= Duration::from_millis(100),
            );
        }
        drop(spare);
        let outcome = accepts.await.value().map_err(|error| error.to_string());
        same("ACCEPT-2", "the accept, when a descriptor was free", Ok(()), outcome);
    });
}
