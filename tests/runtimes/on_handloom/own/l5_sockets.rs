//! What `l5_sockets` claims of this event loop alone.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::time::Duration;

use handloom::aio;
use handloom_conformance::check::{holds, same, says};
use handloom_conformance::l5_sockets::deaf_address;
use handloom_conformance::runtime::{Reader, Runtime};
use handloom_conformance::sockets::{pair, std_pair};

use crate::on_handloom::Handloom;
use crate::watch::{Log, Told};

handloom_conformance::own_claims! {
    Handloom;
    watched: [
        a_half_closed_socket_does_not_spin,
        a_refused_connect_names_the_address,
        a_descriptor_registered_twice_is_an_error,
        a_socket_used_on_another_loop_is_an_error,
    ]
}

fn a_half_closed_socket_does_not_spin(_: &Handloom) {
    let (event_loop, log) = Log::watching();
    event_loop.block_on(async {
        let (mut near, far) = pair::<Handloom>();
        far.shutdown(Shutdown::Write).unwrap();
        same("READY-2", "the end", 0, Reader::read(&mut near, &mut [0; 10]).await.unwrap());
        let before = log.told().len();
        aio::sleep(Duration::from_millis(100)).await;
        let waits =
            log.told().into_iter().skip(before).filter(|told| matches!(told, Told::Waits(_)));
        holds(
            "LOOP-2",
            "waits of 100 ms beside a half-closed socket",
            "10 at most",
            waits.count(),
            |n| *n <= 10,
        );
    });
}

fn a_refused_connect_names_the_address(runtime: &Handloom) {
    let to = deaf_address();
    let error = runtime.block_on(aio::TcpStream::connect(to)).unwrap_err();
    says("TCP-2", "the error of a refused connect", &format!("connect {to}: "), &error.to_string());
}

fn a_descriptor_registered_twice_is_an_error(runtime: &Handloom) {
    runtime.block_on(async {
        let (near, mut far) = std_pair();
        let mut first = aio::Descriptor::new(&near).unwrap();
        let second = aio::Descriptor::new(&near).map_err(|error| error.kind()).err();
        same("SOURCE-1", "a second registration", Some(ErrorKind::AlreadyExists), second);
        far.write_all(b"x").unwrap();
        first.readable().await.unwrap();
        drop(first);
        aio::Descriptor::new(&near).unwrap().readable().await.unwrap();
    });
}

fn a_socket_used_on_another_loop_is_an_error(runtime: &Handloom) {
    let other = Handloom::new();
    let (mut near, _far) = other.block_on(async { pair::<Handloom>() });
    let error =
        runtime.block_on(async { Reader::read(&mut near, &mut [0; 10]).await.unwrap_err() });
    says("SOURCE-3", "the error", "the event loop of this socket does not run", &error.to_string());
}
