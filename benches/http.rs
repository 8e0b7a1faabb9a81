//! What HTTP on byte slices costs: heads a second, bytes a second.
//!
//! `cargo bench -p handloom-benches --bench http` runs all; add a group's name for one. No socket and no event loop is in it.
//!
//! | group | operation | metric |
//! | --- | --- | --- |
//! | `head/request` | read one request's head into a head that was used before | wall time |
//! | `head/request_browser` | the same, with a browser's dozen of fields | wall time |
//! | `head/response` | read one response's head | wall time |
//! | `head/httparse` | `httparse` alone on the same request | wall time |
//! | `head/reply` | write a reply's head | wall time |
//! | `body/chunks_N` | read a body of 1 MiB in chunks of N bytes | bytes a second |
//! | `json/read` | read an array of a hundred objects | bytes a second |
//!
//! `head/httparse` is what the strictness is measured against: it takes the same head, and checks less.
//! What would change the conclusions: much larger heads, where the search for their end has more weight.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use handloom::http::{
    Body, Fields, Framing, HeadLimits, LAST_CHUNK, Method, Piece, Reply, RequestHead,
    RequestParser, ResponseParser, Status, encode_chunk,
};
use handloom::json::Json;

/// What a load generator sends.
const SMALL: &[u8] = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";

/// What a browser sends, or near enough.
const BROWSER: &[u8] = b"GET /weather?city=Moscow&city=London HTTP/1.1\r\n\
    Host: 127.0.0.1:8000\r\nConnection: keep-alive\r\nCache-Control: max-age=0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\nUpgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n\
    Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\nSec-Fetch-Dest: document\r\n\
    Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en-GB,en;q=0.9\r\n\r\n";

/// What a small server answers.
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 5\r\n\r\n";

/// Bytes of a body.
const BODY_BYTES: usize = 1 << 20;

/// Reading and writing heads.
fn heads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("head");
    for (name, text) in [("request", SMALL), ("request_browser", BROWSER)] {
        let (mut parser, mut head) = (RequestParser::default(), RequestHead::default());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let taken = parser.parse_into(black_box(text), &mut head);
                assert_eq!(taken, Ok(Some(text.len())));
                black_box(&head);
            });
        });
    }
    group.bench_function("response", |bencher| {
        bencher.iter(|| {
            let mut parser = ResponseParser::new(Method::Get, HeadLimits::default());
            black_box(parser.parse(black_box(RESPONSE)).expect("it is fair"));
        });
    });
    for (name, text) in [("httparse", SMALL), ("httparse_browser", BROWSER)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut room = [httparse::EMPTY_HEADER; 16];
                let mut request = httparse::Request::new(&mut room);
                let taken = request.parse(black_box(text));
                assert_eq!(taken, Ok(httparse::Status::Complete(text.len())));
                black_box(&request);
            });
        });
    }
    let mut fields = Fields::new();
    fields.push("Content-Type", "text/plain").expect("it is fair");
    let (head, _) =
        RequestParser::default().parse(SMALL).expect("it is fair").expect("it is whole");
    let (mut out, asked) = (Vec::new(), head.asked());
    group.bench_function("reply", |bencher| {
        bencher.iter(|| {
            out.clear();
            let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
            let framing = Framing::Length(5);
            let reply = Reply {
                status: Status::OK,
                content_type: None,
                fields: &fields,
                framing,
                keep_alive: true,
                date,
            };
            black_box(reply.encode(&mut out, black_box(asked)));
        });
    });
    group.finish();
}

/// Reading chunked bodies.
fn bodies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("body");
    group.throughput(Throughput::Bytes(BODY_BYTES as u64));
    for chunk_bytes in [1, 16, 1_024, 65_536] {
        let mut wire = Vec::new();
        for chunk in vec![b'a'; BODY_BYTES].chunks(chunk_bytes) {
            encode_chunk(&mut wire, chunk);
        }
        wire.extend_from_slice(LAST_CHUNK);
        group.bench_function(format!("chunks_{chunk_bytes}"), |bencher| {
            bencher.iter(|| {
                let mut body = Body::new(Framing::Chunked, u64::MAX).expect("there is no limit");
                let (mut input, mut bytes) = (black_box(&wire[..]), 0);
                while let Piece::Data(piece) = body.next(&mut input).expect("it is fair") {
                    bytes += piece.len();
                }
                assert_eq!(bytes, BODY_BYTES);
            });
        });
    }
    group.finish();
}

/// Reading JSON.
fn json(criterion: &mut Criterion) {
    let entry = r#"{"city": "Nizhny Novgorod", "weather": "Clouds", "main": {"temp": 281.52, "humidity": 87}}"#;
    let text = format!("[{}]", vec![entry; 100].join(", "));
    let mut group = criterion.benchmark_group("json");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("read", |bencher| {
        bencher.iter(|| black_box(Json::parse(black_box(text.as_bytes())).expect("it is fair")));
    });
    group.finish();
}

criterion_group!(benches, heads, bodies, json);
criterion_main!(benches);
