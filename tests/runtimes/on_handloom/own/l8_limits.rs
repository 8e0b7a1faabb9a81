//! What `l8_limits` claims of this event loop alone.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use handloom::aio;
use handloom::rt::EventLoop;
use handloom_conformance::check::{holds, same};
use handloom_conformance::futures::{SharedGate, opens_after};
use handloom_conformance::l8_limits::rain_of_signals;
use handloom_conformance::runtime::{Listener, Runtime, Task, Writer};
use handloom_conformance::sockets::{pair_on_loop, read_exact};

use crate::descriptors::{no_more_descriptors, out_of_descriptors, without_descriptors};
use crate::on_handloom::Handloom;
use crate::watch::{Log, Reports, Told};

handloom_conformance::own_claims! {
    Handloom;
    alone: [
        interrupted_waits_neither_hasten_nor_delay_the_report,
        a_loop_without_descriptors_cannot_be_made_and_says_so,
        accept_without_descriptors_waits_and_goes_on_by_itself,
        accept_without_descriptors_does_not_spin,
    ]
}

fn interrupted_waits_neither_hasten_nor_delay_the_report(_: &Handloom) {
    let mut rains = rain_of_signals(Arc::default());
    let (event_loop, reports) = Reports::collected();
    for _ in 0..20 {
        let gate = SharedGate::default();
        let far = opens_after(Duration::from_millis(20), &gate);
        event_loop.block_on(gate.passed());
        far.join().unwrap();
    }
    same("STUCK-1", "reports of short waits", Vec::<String>::new(), reports.take());
    let gate = SharedGate::default();
    let far = opens_after(Duration::from_millis(1500), &gate);
    event_loop.block_on(gate.passed());
    far.join().unwrap();
    same("STUCK-1", "reports of one long wait", 1, reports.take().len());
    rains.kill().unwrap();
    rains.wait().unwrap();
}

fn a_loop_without_descriptors_cannot_be_made_and_says_so(runtime: &Handloom) {
    no_more_descriptors();
    let error = EventLoop::new().map(drop).unwrap_err();
    same("END-1", "the error", Some(out_of_descriptors()), error.raw_os_error());
    same("END-1", "a runtime that was made before", 12, runtime.block_on(async { 12 }));
}

fn accept_without_descriptors_waits_and_goes_on_by_itself(runtime: &Handloom) {
    runtime.block_on(async {
        let (mut near, mut far) = pair_on_loop::<Handloom>();
        let (mut listener, mut clients, mut spare) = without_descriptors::<Handloom>(5).await;
        let serves = Handloom::spawn(async move {
            let mut accepted = Vec::new();
            for _ in 0..5 {
                accepted.push(Listener::accept(&mut listener).await.unwrap());
            }
            accepted
        });
        for _ in 0..5 {
            aio::sleep(Duration::from_millis(30)).await;
            same("ACCEPT-2", "all clients are accepted", false, serves.is_finished());
            // Who has a connection is served meanwhile.
            Writer::write_all(&mut near, b"word").await.unwrap();
            let mut word = [0; 4];
            read_exact(&mut far, &mut word).await.unwrap();
            same("ACCEPT-2", "what a client is told meanwhile", b"word", &word);
            spare.pop();
        }
        // Nothing but its own timer tells the listener that there is room again.
        let mut accepted = serves.await.value();
        for (number, client) in clients.iter_mut().enumerate() {
            io::Write::write_all(client, &[u8::try_from(number).unwrap()]).unwrap();
        }
        for (number, connection) in accepted.iter_mut().enumerate() {
            let mut byte = [0];
            read_exact(connection, &mut byte).await.unwrap();
            same("ACCEPT-3", "the client", number, usize::from(byte[0]));
        }
    });
}

fn accept_without_descriptors_does_not_spin(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async {
        let (mut listener, _clients, mut spare) = without_descriptors::<Handloom>(1).await;
        let before = log.told().len();
        let accepts =
            Handloom::spawn(async move { Listener::accept(&mut listener).await.map(drop) });
        aio::sleep(Duration::from_millis(400)).await;
        let waits =
            log.told().into_iter().skip(before).filter(|told| matches!(told, Told::Waits(_)));
        // The first tries come after 10, 20, 40, 80 and 160 ms, each with two or three waits.
        holds(
            "ACCEPT-2",
            "waits in 400 ms without descriptors",
            "40 at most",
            waits.count(),
            |n| *n <= 40,
        );
        spare.clear();
        accepts.await.value().unwrap();
    });
}
