//! An answer as the gateway writes it.
//!
//! | answer | what is written |
//! | --- | --- |
//! | known | `{"city": "Moscow", "weather": "Clouds"}` |
//! | unknown | `{"city": "Atlantis", "weather": null, "reason": "…"}` |
//! | failed | `{"city": "Moscow", "weather": null, "reason": "…", "status": 502}` |
//! | timed out | the same, with 504 |
//!
//! **Invariants**
//! - `ENTRY-1` The members, their order and the blanks between them are a contract; what is within a text is escaped
//!   (`JSON-WRITE-1`).
//! - `ENTRY-2` The status of a city that is asked for alone is that of its entry; several are 200 together, and each
//!   entry that went wrong says so itself.

use super::answer::Answer;
use crate::http::Status;
use crate::json::Json;

/// Writes an answer (`ENTRY-1`).
///
/// # Examples
/// ```
/// use handloom::weather::{Answer, Weather, entry};
/// let weather = Weather { main: "Clouds".into(), description: None, kelvins: None };
/// let text = r#"{"city": "Moscow", "weather": "Clouds"}"#;
/// assert_eq!(entry("Moscow", &Answer::Known(weather)), text);
/// ```
pub fn entry(city: &str, answer: &Answer) -> String {
    let city = Json::text(city);
    match answer {
        Answer::Known(weather) => {
            format!(r#"{{"city": {city}, "weather": {}}}"#, Json::text(&*weather.main))
        }
        Answer::Unknown => {
            let reason = Json::text(answer.to_string());
            format!(r#"{{"city": {city}, "weather": null, "reason": {reason}}}"#)
        }
        Answer::Failed(_) | Answer::TimedOut(_) => {
            let (reason, status) = (Json::text(answer.to_string()), entry_status(answer));
            format!(
                r#"{{"city": {city}, "weather": null, "reason": {reason}, "status": {status}}}"#
            )
        }
    }
}

/// Writes a list of answers.
pub fn list(entries: impl IntoIterator<Item = String>) -> String {
    let entries: Vec<String> = entries.into_iter().collect();
    format!("[{}]", entries.join(", "))
}

/// Returns the status of a response that is this answer and no other (`ENTRY-2`).
pub fn entry_status(answer: &Answer) -> Status {
    match answer {
        // The gateway has found out what it was asked, and says it (WEATHER-ANSWER-1).
        Answer::Known(_) | Answer::Unknown => Status::OK,
        Answer::Failed(_) => Status::BAD_GATEWAY,
        Answer::TimedOut(_) => Status::GATEWAY_TIMEOUT,
    }
}
