//! What came of asking for one city.
//!
//! **Invariants**
//! - `WEATHER-ANSWER-1` That a city is unknown is an answer, and no failure: the upstream was asked, and said so.
//! - `WEATHER-ANSWER-2` No text of the upstream, and no address, gets into a reason. The key stands in the address,
//!   and an upstream may echo it; so reasons are written here, of words that are known.

use std::fmt;
use std::time::Duration;

/// The weather of a city.
#[derive(Clone, Debug, PartialEq)]
pub struct Weather {
    /// In one word, such as `Clouds`.
    pub main: String,
    /// In some words, such as `broken clouds`, if the upstream says so much.
    pub description: Option<String>,
    /// The temperature in kelvins, if the upstream says so much.
    pub kelvins: Option<f64>,
}

/// What 0 °C is in kelvins.
const FREEZING_KELVINS: f64 = 273.15;

impl Weather {
    /// Returns the temperature in degrees Celsius, to a tenth.
    pub fn celsius(&self) -> Option<f64> {
        // Twice minus zero is zero to a reader: the addition takes the sign away.
        self.kelvins.map(|kelvins| ((kelvins - FREEZING_KELVINS) * 10.0).round() / 10.0 + 0.0)
    }
}

impl fmt::Display for Weather {
    /// Writes `Clouds (broken clouds), 8.0 °C`, as much of it as is known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.main)?;
        if let Some(description) = &self.description {
            write!(f, " ({description})")?;
        }
        match self.celsius() {
            Some(celsius) => write!(f, ", {celsius:.1} °C"),
            None => Ok(()),
        }
    }
}

/// What came of asking for one city; a clone is the same answer, for all who share a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The weather there.
    Known(Weather),
    /// The upstream does not know the city (`WEATHER-ANSWER-1`).
    Unknown,
    /// The upstream could not be reached, or said something else; in words.
    Failed(String),
    /// It did not answer within this span.
    TimedOut(Duration),
}

impl Answer {
    /// Tells whether there is no answer to the question.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::TimedOut(_))
    }
}

impl fmt::Display for Answer {
    /// Writes the weather, or why there is none, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(weather) => weather.fmt(f),
            Self::Unknown => f.write_str("the upstream does not know this city"),
            Self::Failed(why) => write!(f, "upstream failed: {why}"),
            Self::TimedOut(span) => write!(f, "upstream timed out: no answer within {span:?}"),
        }
    }
}
