//! A line for every answer of the gateway.
//!
//! ```text
//! 2026-03-01T12:00:00.123456Z 127.0.0.1:40000 "GET /weather?city=Moscow HTTP/1.1" 200 212.031 ms
//! ```
//!
//! **Invariants**
//! - `ACCESS-1` One answer, one line, one write: lines of two processes that append to one file do not mix.
//! - `ACCESS-2` The gateway's own key is never there, for nobody hands it in here; and the value of an `appid` that a
//!   client sends by mistake is left out, however the name is written.
//!
//! **Left out**: a writer of its own thread. A log that does not take its lines, such as a stopped terminal, holds the
//! loop up.

use std::time::SystemTime;

use crate::http::date::log_stamp;
use crate::http::percent;
use crate::web::server::Answered;

/// What stands where a client's key stood.
const HIDDEN: &str = "…";

/// Writes the line of an answer that was given at `time`, with its end (`ACCESS-1`).
pub fn log_line(answered: &Answered<'_>, time: SystemTime) -> String {
    let stamp = log_stamp(time);
    let (peer, status) = (answered.peer, answered.status);
    let milliseconds = answered.took.as_secs_f64() * 1e3;
    let request = match answered.request {
        Some(request) => {
            let query = request.raw_query().map(hide_keys);
            let query = query.map_or_else(String::new, |query| format!("?{query}"));
            format!("\"{} {}{query} {}\"", request.method(), request.path(), request.version())
        }
        None => "-".to_owned(),
    };
    format!("{stamp} {peer} {request} {status} {milliseconds:.3} ms\n")
}

/// Takes the values of all `appid` out of a query (`ACCESS-2`).
fn hide_keys(query: &str) -> String {
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_key(name) => format!("{name}={HIDDEN}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Tells whether a name in a query is that of a key; `%61ppid` is one too.
fn is_key(name: &str) -> bool {
    percent::decode(name).is_ok_and(|name| name.eq_ignore_ascii_case("appid"))
}

#[cfg(test)]
mod tests {
    use super::hide_keys;

    #[test]
    fn a_key_in_a_query_is_hidden_however_its_name_is_written() {
        let cases = [
            ("city=A&appid=k", "city=A&appid=…"),
            ("APPID=k=k&city=A", "APPID=…&city=A"),
            ("%61pp%49d=k", "%61pp%49d=…"),
            ("city=appid", "city=appid"),
            ("appid", "appid"),
        ];
        for (query, shown) in cases {
            assert_eq!(hide_keys(query), shown, "ACCESS-2: {query}");
        }
    }
}
