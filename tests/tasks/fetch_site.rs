//! The embedded site: its pages, its toys, and its end.

use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use crate::http_client::Client;
use handloom::fetch::site::{MISSING, MOVED, links};
use handloom::fetch::{PAGES, PageFraming, embed};
use handloom::web::server::Config;

#[test]
fn every_page_comes_whole_framed_as_it_says_and_not_too_early() {
    let site = embed(Config::default()).expect("a site");
    let address = site.address();
    // All at once, as the site is meant to be used.
    let readers = PAGES.map(|page| {
        thread::spawn(move || {
            let began = Instant::now();
            let answer = Client::connect(address).get(page.path);
            assert!(
                began.elapsed() >= page.delay,
                "{}: PAGES-2: earlier than its delay",
                page.path
            );
            assert_eq!(
                (answer.status, answer.text()),
                (200, page.text()),
                "PAGES-1: {}",
                page.path
            );
            assert_eq!(answer.body.len(), page.bytes, "{}", page.path);
            let (length, chunked) = (
                answer.field("content-length") == page.bytes.to_string(),
                answer.field("transfer-encoding") == "chunked",
            );
            let framing = match page.framing {
                PageFraming::Length => length && !chunked && answer.keep_alive,
                PageFraming::Chunked | PageFraming::Dripping => chunked && answer.keep_alive,
                PageFraming::Close => !length && !chunked && !answer.keep_alive,
            };
            assert!(framing, "{}: {:?}", page.path, answer.fields);
        })
    });
    for reader in readers {
        reader.join().expect("a page");
    }
    site.stop().expect("stopped");
}

#[test]
fn the_links_are_the_pages_one_that_moved_and_one_that_is_not_there() {
    let site = embed(Config::default()).expect("a site");
    let mut client = Client::connect(site.address());
    let moved = client.get(MOVED);
    let target = moved.field("location");
    assert_eq!(moved.status, 302);
    assert!(PAGES.iter().any(|page| page.path == target), "it moved to {target:?}");
    assert_eq!(client.get(MISSING).status, 404);
    assert_eq!(links().count(), PAGES.len() + 2);
    let index = client.get("/").text();
    for link in links() {
        assert!(index.contains(&format!("href=\"{link}\"")), "{link} is not on the first page");
        assert_eq!(site.url(link), format!("http://{}{link}", site.address()));
    }
}

#[test]
fn the_toys_answer_as_the_contract_says() {
    let site = embed(Config::default()).expect("a site");
    let mut client = Client::connect(site.address());
    assert_eq!(client.get("/hello").text(), "hello\n");
    let table = [
        ("/q?q=a", 200, "a"),
        ("/q?q=a+b%20c%26", 200, "a b c&"),
        ("/q?p=1&q=&q=2", 200, ""),
        ("/q?q=caf%C3%A9", 200, "café"),
    ];
    for (target, status, text) in table {
        let answer = client.get(target);
        assert_eq!((answer.status, answer.text().as_str()), (status, text), "{target}");
    }
    for target in [
        "/q",
        "/q?p=1",
        "/q?q=%",
        "/q?q=%zz",
        "/q?q=%ff",
        "/slow",
        "/slow?ms=x",
        "/slow?ms=-1",
        "/slow?ms=60001",
        "/slow?ms=%3",
    ] {
        assert_eq!(client.get(target).status, 400, "{target}");
    }
    let began = Instant::now();
    assert_eq!(client.get("/slow?ms=20").text(), "20 ms\n");
    assert!(began.elapsed().as_millis() >= 20);
    client.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\0\r\n\xff");
    assert_eq!(client.answer().body, b"\0\r\n\xff");
}

#[test]
fn a_site_that_was_stopped_or_dropped_is_gone() {
    for stop in [true, false] {
        let site = embed(Config::default()).expect("a site");
        let address = site.address();
        let mut idle = Client::connect(address);
        assert_eq!(idle.get("/hello").status, 200);
        if stop {
            site.stop().expect("stopped");
        } else {
            drop(site);
        }
        assert_eq!(idle.rest(), b"", "EMBEDDED-2");
        assert!(TcpStream::connect(address).is_err(), "EMBEDDED-2: somebody still listens");
    }
}
