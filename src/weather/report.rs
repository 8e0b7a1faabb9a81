//! Reads the body of an upstream's response: JSON in the form of `OpenWeatherMap`.
//!
//! **Invariants**
//! - `REPORT-1` A member that is used must exist and have its type; other members are ignored. The upstream can add
//!   members without breaking its clients. `null` is the same as missing, and a byte order mark is skipped.
//!
//! | member | requirement |
//! | --- | --- |
//! | `weather` | a list; only the first item is read |
//! | `weather[0].main` | a string |
//! | `weather[0].description` | a string, or missing |
//! | `main.temp` | a number, or missing |

use std::error::Error;
use std::fmt;

use super::answer::Weather;
use crate::json::{Json, JsonError, Number};

/// Why a report cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportError {
    /// It is not JSON.
    Json(JsonError),
    /// This member is missing or has another type.
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
    let json = parse(text).map_err(ReportError::Json)?;
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
    // A number that is too large for an `f64` is not a temperature.
    let kelvin =
        |number: &Json| number.as_number().map(Number::to_f64).filter(|kelvin| kelvin.is_finite());
    let kelvins = optional(temperature, kelvin, "main.temp")?;
    Ok(Weather { main, description, kelvins })
}

/// Reads JSON, as some servers write it: with a byte order mark (RFC 8259, section 8.1, allows to skip it).
fn parse(text: &[u8]) -> Result<Json, JsonError> {
    Json::parse(text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text))
}

/// Reads a member that may be missing, but must not have another type.
fn optional<T>(
    member: Option<&Json>,
    read: impl FnOnce(&Json) -> Option<T>,
    name: &'static str,
) -> Result<Option<T>, ReportError> {
    let member = member.filter(|value| **value != Json::Null);
    member.map(|value| read(value).ok_or(ReportError::Member(name))).transpose()
}

/// Tells whether the body of a 404 response says that there is no such city.
///
/// A server without the path `/data/2.5/weather` answers 404 too. Only the upstream's own error has a member `cod`,
/// which is a string in some of its versions and a number in others.
pub(super) fn denies_city(text: &[u8]) -> bool {
    let Ok(json) = parse(text) else { return false };
    match json.get("cod") {
        Some(Json::Text(code)) => code == "404",
        Some(Json::Number(code)) => code.as_str() == "404",
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
