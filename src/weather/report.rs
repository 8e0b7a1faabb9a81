//! Reading an upstream's answer: JSON in the form of `OpenWeatherMap`.
//!
//! **Invariants**
//! - `REPORT-1` What is used must be there and be of its type; what is not used may be anything, or missing. An
//!   upstream adds members when it likes, and that must break nobody.
//!
//! | member | it must be |
//! | --- | --- |
//! | `weather` | a list; only its first item, which matters most, is looked at |
//! | `weather[0].main` | a text |
//! | `weather[0].description` | a text, or missing |
//! | `main.temp` | a number, or missing |

use std::error::Error;
use std::fmt;

use super::answer::Weather;
use crate::json::{Json, JsonError, Number};

/// Why an answer cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportError {
    /// It is no JSON.
    Json(JsonError),
    /// A member is missing or of another type; this one.
    Member(&'static str),
}

/// Reads a report.
///
/// # Errors
/// [`ReportError`] (`REPORT-1`).
///
/// # Examples
/// ```
/// use handloom::weather::parse_report;
/// let report = br#"{"weather": [{"main": "Clouds"}], "main": {"temp": 281.15}, "cod": 200}"#;
/// assert_eq!(parse_report(report).unwrap().to_string(), "Clouds, 8.0 °C");
/// ```
pub fn parse_report(text: &[u8]) -> Result<Weather, ReportError> {
    let json = Json::parse(text).map_err(ReportError::Json)?;
    let first = json.get("weather").and_then(|list| list.items().first());
    let first = first.ok_or(ReportError::Member("weather[0]"))?;
    let main = first.get("main").and_then(Json::as_text);
    let main = main.ok_or(ReportError::Member("weather[0].main"))?.to_owned();
    let description = optional(
        first.get("description"),
        |text| text.as_text().map(str::to_owned),
        "weather[0].description",
    )?;
    let temperature = json.get("main").and_then(|main| main.get("temp"));
    // A number that no float can hold is no temperature.
    let kelvin =
        |number: &Json| number.as_number().map(Number::to_f64).filter(|kelvin| kelvin.is_finite());
    let kelvins = optional(temperature, kelvin, "main.temp")?;
    Ok(Weather { main, description, kelvins })
}

/// Reads a member that may be missing, but may not be of another type.
fn optional<T>(
    member: Option<&Json>,
    read: impl FnOnce(&Json) -> Option<T>,
    name: &'static str,
) -> Result<Option<T>, ReportError> {
    member.map(|value| read(value).ok_or(ReportError::Member(name))).transpose()
}

/// Tells whether the body of a 404 says that there is no such city.
///
/// A server that has no such path says 404 too. It is the upstream's own form, with the code within, that tells the two
/// apart; the code is a text there, and a number elsewhere.
pub(super) fn denies_city(text: &[u8]) -> bool {
    let Ok(json) = Json::parse(text) else { return false };
    match json.get("cod") {
        Some(Json::Text(code)) => code == "404",
        Some(Json::Number(code)) => code.to_u64() == Some(404),
        _ => false,
    }
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => error.fmt(f),
            Self::Member(name) => write!(f, "{name} is missing or of another type"),
        }
    }
}

impl Error for ReportError {}
