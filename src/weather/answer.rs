//! The answer about one city.
//!
//! **Invariants**
//! - `WEATHER-ANSWER-1` "The city is unknown" is an answer and not a failure: the upstream was asked and said so.
//! - `WEATHER-ANSWER-2` A reason contains no text from the upstream and no address. The address contains the key, and
//!   an upstream may echo it.

use std::fmt;
use std::time::Duration;

/// The weather of a city.
#[derive(Clone, Debug, PartialEq)]
pub struct Weather {
    /// One word, such as `Clouds`.
    pub main: String,
    /// Some words, such as `broken clouds`, if the upstream sent them.
    pub description: Option<String>,
    /// The temperature in kelvins, if the upstream sent it.
    pub kelvins: Option<f64>,
}

/// 0 °C in kelvins.
const FREEZING_KELVINS: f64 = 273.15;

impl Weather {
    /// Returns the temperature in degrees Celsius, rounded to a tenth.
    pub fn celsius(&self) -> Option<f64> {
        // Adding 0.0 turns -0.0 into 0.0.
        self.kelvins.map(|kelvins| ((kelvins - FREEZING_KELVINS) * 10.0).round() / 10.0 + 0.0)
    }
}

impl fmt::Display for Weather {
    /// Writes `Clouds (broken clouds), 8.0 °C`; unknown parts are left out.
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

/// The result of asking for one city. All clients that share a call get a clone.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The weather there.
    Known(Weather),
    /// The upstream does not know the city (`WEATHER-ANSWER-1`).
    Unknown,
    /// The upstream could not be reached, or its response cannot be used; the reason.
    Failed(String),
    /// The upstream did not answer within this time.
    TimedOut(Duration),
}

impl Answer {
    /// Tells whether the question stays open: the upstream failed or was too slow.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::TimedOut(_))
    }
}

impl fmt::Display for Answer {
    /// Writes the weather, or the reason why there is none, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(weather) => weather.fmt(f),
            Self::Unknown => f.write_str("the upstream does not know this city"),
            Self::Failed(why) => write!(f, "upstream failed: {why}"),
            Self::TimedOut(span) => write!(f, "upstream timed out: no answer within {span:?}"),
        }
    }
}
