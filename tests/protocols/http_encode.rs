//! What is written: heads, fields, queries, dates; and that it is read again as the same.

#![expect(clippy::unwrap_used, reason = "what cannot be read again fails the test")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use handloom::http::date::{http_date, log_stamp};
use handloom::http::percent::{self, EscapeError};
use handloom::http::{
    Asked, FieldError, Fields, Framing, HeadLimits, Method, Query, Reply, RequestParser,
    ResponseParser, Sent, Status, Url, Version, encode_chunk, encode_request,
};
use proptest::prelude::*;

fn fields(pairs: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in pairs {
        fields.push(name, value).unwrap();
    }
    fields
}

/// Encodes a reply without fields of its own.
fn reply(status: Status, framing: Framing, asked: Asked) -> (String, Sent) {
    let reply = Reply {
        status,
        content_type: None,
        fields: &Fields::new(),
        framing,
        keep_alive: true,
        date: None,
    };
    let mut out = Vec::new();
    let sent = reply.encode(&mut out, asked);
    (String::from_utf8(out).unwrap().replace("\r\n", "|"), sent)
}

#[test]
fn a_request_is_written_as_it_is_read() {
    let url = Url::parse("http://[::1]:81/a%20b?c#d").unwrap();
    let given = fields(&[("Accept", "*/*"), ("host", "evil"), ("Content-length", "9"), ("X", "y")]);
    let mut out = Vec::new();
    encode_request(&mut out, Method::Post, &url, &given, Framing::Length(3), false);
    let text = "POST /a%20b?c HTTP/1.1\r\nHost: [::1]:81\r\nAccept: */*\r\nX: y\r\nContent-Length: 3\r\nConnection: close\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(&out), text, "ENCODE-2");
    let (head, taken) = RequestParser::default().parse(&out).unwrap().unwrap();
    assert_eq!(taken, out.len(), "ENCODE-1");
    assert_eq!(
        (head.framing, head.keep_alive, head.host()),
        (Framing::Length(3), false, "[::1]:81")
    );
}

const GET: Asked = Asked { method: Method::Get, version: Version::Http11, keep_alive: true };
const LAST: Asked = Asked { keep_alive: false, ..GET };
const OLD: Asked = Asked { version: Version::Http10, ..GET };
const HEAD: Asked = Asked { method: Method::Head, ..GET };

/// Who asked, status and framing of the reply; the fields that are written, and how the body is sent.
const FRAMED: &[(Asked, Status, Framing, &str, Framing)] = {
    use Framing::{Chunked, Close, Length, None};
    &[
        (GET, Status::OK, Length(5), "Content-Length: 5|", Length(5)),
        (GET, Status::NOT_FOUND, None, "Content-Length: 0|", Length(0)),
        (LAST, Status::OK, Length(5), "Content-Length: 5|Connection: close|", Length(5)),
        (GET, Status::OK, Chunked, "Transfer-Encoding: chunked|", Chunked),
        (GET, Status::OK, Close, "Connection: close|", Close),
        (OLD, Status::OK, Chunked, "Connection: close|", Close),
        (OLD, Status::OK, Length(5), "Content-Length: 5|Connection: keep-alive|", Length(5)),
        (HEAD, Status::OK, Length(5), "Content-Length: 5|", None),
        (HEAD, Status::OK, Chunked, "Transfer-Encoding: chunked|", None),
        (HEAD, Status::OK, Close, "", None),
        (GET, Status::NO_CONTENT, None, "", None),
        (GET, Status::NOT_MODIFIED, None, "", None),
        (GET, Status::NOT_MODIFIED, Length(5), "Content-Length: 5|", None),
        (GET, Status::CONTINUE, None, "", None),
    ]
};

#[test]
fn a_reply_is_framed_for_who_asked() {
    for &(asked, status, framing, text, sent) in FRAMED {
        let (came, fate) = reply(status, framing, asked);
        let line = format!("HTTP/1.1 {status} {}|{text}|", status.reason());
        let keep_alive = !text.contains("close");
        let expected = (line, Sent { framing: sent, keep_alive });
        assert_eq!((came, fate), expected, "ENCODE-3: {status} {framing:?} to {asked:?}");
    }
}

#[test]
fn a_reply_is_read_by_the_client_as_it_was_meant() {
    let given =
        fields(&[("Content-Type", "text/plain"), ("Transfer-Encoding", "chunked"), ("Date", "x")]);
    let date = http_date(UNIX_EPOCH);
    let reply = Reply {
        status: Status::NOT_FOUND,
        content_type: None,
        fields: &given,
        framing: Framing::Length(0),
        keep_alive: true,
        date: Some(&date),
    };
    let mut out = Vec::new();
    let asked = Asked { method: Method::Get, version: Version::Http11, keep_alive: false };
    let sent = reply.encode(&mut out, asked);
    assert!(!sent.keep_alive, "REFUSAL-1");
    let mut parser = ResponseParser::new(Method::Get, HeadLimits::default());
    let (head, taken) = parser.parse(&out).unwrap().unwrap();
    assert!(out.starts_with(b"HTTP/1.1 404 Not Found\r\n"));
    assert_eq!((head.status, taken), (Status::NOT_FOUND, out.len()));
    assert_eq!((head.framing, head.keep_alive), (Framing::Length(0), false), "ENCODE-2");
    assert_eq!(head.fields.get_all("date").collect::<Vec<_>>(), [date.as_bytes()]);
}

#[test]
fn an_empty_chunk_is_not_written() {
    let mut out = Vec::new();
    encode_chunk(&mut out, b"");
    assert_eq!(out, b"", "it would end the body");
    encode_chunk(&mut out, &[b'a'; 26]);
    assert_eq!(&out[..4], b"1a\r\n");
}

#[test]
fn fields_that_would_be_more_than_one_are_refused() {
    let mut list = Fields::new();
    for name in ["", "a b", "a:", "a\r\n", "é", "a\0"] {
        assert_eq!(list.push(name, "v"), Err(FieldError::Name), "FIELDS-1: {name:?}");
    }
    for value in ["a\r\nb: c", "a\n", "a\r", "\0", "\u{7f}"] {
        assert_eq!(list.push("a", value), Err(FieldError::Value), "FIELDS-1: {value:?}");
    }
    assert!(list.is_empty());
    list.push("A", " \tb, c\t ").unwrap();
    list.push("a", "é,").unwrap();
    let members: Vec<_> = list.members("A").collect();
    assert_eq!(members, [b"b", b"c", "é".as_bytes(), b""]);
    assert_eq!(format!("{list:?}"), r#"{"A": "b, c", "a": "\\xc3\\xa9,"}"#);
    assert_eq!((list.len(), list.get("b")), (2, None));
}

#[test]
fn queries_are_decoded_or_refused() {
    for (text, pairs) in [
        ("", &[][..]),
        ("a", &[("a", "")]),
        ("a=", &[("a", "")]),
        ("=b", &[("", "b")]),
        ("a=b=c", &[("a", "b=c")]),
        ("a=b&&c=d&", &[("a", "b"), ("c", "d")]),
        ("a+b=c+d%2Be", &[("a b", "c d+e")]),
        ("city=%D0%9C%d0%be&city=New%20York", &[("city", "Мо"), ("city", "New York")]),
        ("a=%00%26%3d", &[("a", "\0&=")]),
        ("a=b;c=d", &[("a", "b;c=d")]),
    ] {
        let query = Query::parse(text).unwrap();
        assert_eq!(query.pairs().collect::<Vec<_>>(), pairs, "QUERY-1: {text}");
    }
    for text in ["a=%", "a=%4", "%4=b", "a=%4g", "a=%%41", "a=%+1", "a=%-1", "a=b&%"] {
        assert_eq!(Query::parse(text), Err(EscapeError::Escape), "QUERY-2: {text}");
    }
    for text in ["a=%ff", "a=%C3", "a=%ED%A0%80", "a=%C0%80"] {
        assert_eq!(Query::parse(text), Err(EscapeError::Utf8), "PERCENT-1: {text}");
    }
    let query = Query::parse("a=1&b=2&a=3").unwrap();
    assert_eq!((query.get("a"), query.get("c")), (Some("1"), None));
    assert_eq!(query.get_all("a").collect::<Vec<_>>(), ["1", "3"]);
}

#[test]
fn dates_are_those_of_the_calendar() {
    for (seconds, http, stamp) in [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00.000000Z"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT", "2000-02-28T23:59:59.000000Z"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT", "2000-02-29T00:00:00.000000Z"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT", "2000-03-01T00:00:00.000000Z"),
        (1_772_366_400, "Sun, 01 Mar 2026 12:00:00 GMT", "2026-03-01T12:00:00.000000Z"),
        (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT", "2100-02-28T23:59:59.000000Z"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT", "2100-03-01T00:00:00.000000Z"),
        (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59.000000Z"),
        (253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59.000000Z"),
    ] {
        let time = UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!((http_date(time).as_str(), log_stamp(time).as_str()), (http, stamp), "DATE-2");
    }
    let before = UNIX_EPOCH.checked_sub(Duration::from_secs(1)).unwrap();
    assert_eq!(log_stamp(before), "1970-01-01T00:00:00.000000Z", "DATE-2");
    let late = UNIX_EPOCH + Duration::new(1, 999_999_999);
    assert_eq!(log_stamp(late), "1970-01-01T00:00:01.999999Z");
}

#[test]
fn every_day_of_four_centuries_follows_the_one_before() {
    // Counted as a child does: day by day, with the rule of leap years.
    let (mut year, mut month, mut day) = (1970, 1, 1);
    for count in 0..146_097_u64 {
        let time: SystemTime = UNIX_EPOCH + Duration::from_secs(count * 86_400);
        let expected = format!("{year:04}-{month:02}-{day:02}T00:00:00.000000Z");
        assert_eq!(log_stamp(time), expected, "day {count}");
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            2 => 28 + u64::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        day += 1;
        if day > days {
            (day, month) = (1, month + 1);
        }
        if month > 12 {
            (month, year) = (1, year + 1);
        }
    }
}

#[test]
fn statuses_are_from_100_to_599() {
    assert_eq!((Status::new(99), Status::new(600)), (None, None), "STATUS-1");
    for code in 100..=599 {
        assert_eq!(Status::new(code).unwrap().code(), code);
    }
    assert_eq!(Status::new(599).unwrap().reason(), "");
}

proptest! {
    #[test]
    fn escapes_come_back_as_the_text(text in any::<String>()) {
        let escaped = percent::encode(&text);
        prop_assert!(escaped.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        prop_assert_eq!(percent::decode(&escaped).unwrap(), text.clone(), "PERCENT-2");
        let query = format!("q={escaped}");
        let query = Query::parse(&query).unwrap();
        prop_assert_eq!(query.get("q"), Some(text.as_str()));
    }

    #[test]
    fn fields_are_read_as_they_were_written(
        pairs in prop::collection::vec(("[!-9;-~]{1,9}", prop::collection::vec(any::<u8>(), 0..12)), 0..30),
    ) {
        let mut given = Fields::new();
        for (name, value) in &pairs {
            // What is refused is not there to be written; the rest must survive.
            let is_fair = value.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\t');
            let taken = given.push(&format!("X{name}"), value);
            let has_delimiter = name.contains(|c| "(),/;<=>?@[\\]{}\"".contains(c));
            prop_assert_eq!(taken.is_ok(), is_fair && !has_delimiter, "FIELDS-1");
        }
        let mut out = Vec::new();
        let url = Url::parse("http://h/").unwrap();
        encode_request(&mut out, Method::Get, &url, &given, Framing::None, true);
        let (head, taken) = RequestParser::default().parse(&out).unwrap().unwrap();
        prop_assert_eq!(taken, out.len(), "ENCODE-1");
        let read: Vec<_> = head.fields.iter().skip(1).collect();
        prop_assert_eq!(read, given.iter().collect::<Vec<_>>(), "ENCODE-1, FIELDS-1");
    }
}
