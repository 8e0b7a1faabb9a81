//! Points in time as text: the `Date` of a response, and the stamp of a line in a log.
//!
//! The calendar is a page of whole-number arithmetic, in UTC. The clock is never read here: the time is an argument.
//!
//! **Invariants**
//! - `DATE-2` Each form has a fixed length, so its order as text is its order in time. Times before 1970 are written
//!   as the first moment of 1970, and times after 9999 as the last second of 9999.
//!
//! **Left out**: leap seconds, which Unix time does not count, and reading dates.
//!
//! **Source**: RFC 9110, section 5.6.7; RFC 3339, section 5.6. The calendar counts from the first of March of the
//! year 0, so that the leap day is the last day of a year.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Days of the week, beginning with the first day of 1970.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Months by their number from 1; the twelfth stands at 0.
const MONTHS: [&str; 12] =
    ["Dec", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov"];

/// Days from the first of March of the year 0 to the first day of 1970: 1969 years and ten months.
const DAYS_TO_1970: u64 = 719_468;
/// Days in 400 years, after which the calendar repeats.
const DAYS_OF_ERA: u64 = 146_097;
/// Seconds of a day.
const DAY_SECONDS: u64 = 86_400;
/// The last second of the year 9999 (`DATE-2`).
const LAST_SECOND: u64 = 253_402_300_799;

/// A time as people write it, in UTC.
struct Civil {
    /// Days since 1970, from which the day of the week follows.
    days: u64,
    /// The year.
    year: u64,
    /// The month, from 1.
    month: u64,
    /// The day of the month, from 1.
    day: u64,
    /// The seconds of the day.
    seconds: u64,
    /// Microseconds of the second.
    micros: u32,
}

impl Civil {
    /// Converts a time.
    fn new(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let since = since.min(Duration::from_secs(LAST_SECOND));
        let days = since.as_secs() / DAY_SECONDS;
        let (era, day_of_era) =
            ((days + DAYS_TO_1970) / DAYS_OF_ERA, (days + DAYS_TO_1970) % DAYS_OF_ERA);
        // A leap day every 4 years, none every 100, one again every 400. Leap days are subtracted before the
        // division, or they would add up to a year.
        let leap_days = day_of_era / 1_460 + day_of_era / (DAYS_OF_ERA - 1);
        let year_of_era = (day_of_era - leap_days + day_of_era / 36_524) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // From March on, any five months in a row have 153 days: 31, 30, 31, 30, 31.
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        // January and February belong to the year that began the March before.
        let year = 400 * era + year_of_era + u64::from(month <= 2);
        let seconds = since.as_secs() % DAY_SECONDS;
        Self { days, year, month, day, seconds, micros: since.subsec_micros() }
    }

    /// Returns hour, minute and second.
    fn clock(&self) -> [u64; 3] {
        [self.seconds / 3_600, self.seconds / 60 % 60, self.seconds % 60]
    }
}

/// Formats a time for the field `Date`.
///
/// # Examples
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use handloom::http::date::http_date;
/// let time = UNIX_EPOCH + Duration::from_secs(784_111_777);
/// assert_eq!(http_date(time), "Sun, 06 Nov 1994 08:49:37 GMT");
/// ```
pub fn http_date(time: SystemTime) -> String {
    let civil = Civil::new(time);
    let weekday = WEEKDAYS[(civil.days % 7) as usize];
    let month = MONTHS[(civil.month % 12) as usize];
    let [hour, minute, second] = civil.clock();
    let Civil { year, day, .. } = civil;
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Formats a time with microseconds, as it stands in a log: `2026-03-01T12:00:00.123456Z`.
pub fn log_stamp(time: SystemTime) -> String {
    let civil = Civil::new(time);
    let [hour, minute, second] = civil.clock();
    let Civil { year, month, day, micros, .. } = civil;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}
