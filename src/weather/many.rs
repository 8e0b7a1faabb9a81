//! Asking for many cities: all at once, or one after another for the comparison.
//!
//! One after another takes the sum of all answers' times; all at once takes the longest of them. Between the two lies
//! a single line, for what asks for one city is the same.
//!
//! **Invariants**
//! - `MANY-1` Answers stand in the order asked, whatever the order in which they came (`BOUND-1`).
//! - `MANY-2` What becomes of one city changes nothing for another.

use std::time::Duration;

use super::answer::Answer;
use super::upstream::Upstream;
use crate::aio::bounded;
use crate::rt::now;

/// The cities of the course, in its order.
pub const CITIES: [&str; 12] = [
    "Moscow",
    "St. Petersburg",
    "Rostov-on-Don",
    "Kaliningrad",
    "Vladivostok",
    "Minsk",
    "Beijing",
    "Delhi",
    "Istanbul",
    "Tokyo",
    "London",
    "New York",
];

/// Requests under way at the same time, at most. Taste: each costs a connection.
const MOST_AT_ONCE: usize = 64;

/// In which order an upstream is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// For all cities at once; beyond 64 the rest follow as places come free.
    Together,
    /// For one when the one before it has been answered.
    OneByOne,
}

/// A city, and what came of asking for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The city, as it was asked for.
    pub city: String,
    /// What came of it.
    pub answer: Answer,
    /// How long the upstream took.
    pub took: Duration,
}

/// Asks for cities (`MANY-1`).
///
/// # Panics
/// No event loop runs on this thread.
///
/// # Cancellation
/// The requests under way are given up, and what had come is lost.
pub async fn ask_all(upstream: &Upstream, cities: &[String], order: Order) -> Vec<Asked> {
    let limit = match order {
        Order::Together => MOST_AT_ONCE,
        Order::OneByOne => 1,
    };
    bounded(limit, cities.iter().map(|city| ask_one(upstream, city))).await
}

/// Asks for one city, and looks at the clock.
async fn ask_one(upstream: &Upstream, city: &str) -> Asked {
    let begun = now();
    let answer = upstream.ask(city).await;
    Asked { city: city.to_owned(), answer, took: now().saturating_duration_since(begun) }
}
