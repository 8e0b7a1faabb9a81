//! One link after another, as a loop around `urllib.request.urlopen` does it.
//!
//! Problem: while a page is on its way the program does nothing at all, and the time for all is the sum of the waits.
//!
//! **Invariants**
//! - `SEQUENTIAL-FETCH-1` A link starts when the one before it has come to its end.

use std::thread;

use super::digest::Digest;
use super::history::{Answer, History};
use super::order::{Order, answer};
use super::shortage::Patience;
use crate::web::client::blocking::Client;
use crate::web::client::{Failure, Options, Request};

/// Fetches all of them.
pub(super) fn fetch(order: &Order, history: &History, progress: &mut dyn FnMut(usize)) {
    let client = Client::new(order.options.clone());
    for number in 0..history.links().len() {
        fetch_one(&client, &order.options, history, number);
        progress(number + 1);
    }
}

/// Fetches one, from its start to its end.
///
/// # Blocking
/// As long as the limits allow.
pub(super) fn fetch_one(client: &Client, options: &Options, history: &History, number: usize) {
    history.start(number);
    let mut patience = Patience::new(options);
    let result = loop {
        let result = attempt(client, &history.links()[number]);
        match patience.next(&result) {
            // SHORTAGE-2
            Some(pause) => thread::sleep(pause),
            None => break result,
        }
    };
    history.end(number, result);
}

/// Tries to fetch one.
fn attempt(client: &Client, link: &str) -> Result<Answer, Failure> {
    let mut digest = Digest::new();
    let response = client.fetch(&Request::get(link)?, &mut digest)?;
    Ok(answer(&response, digest.sum()))
}
