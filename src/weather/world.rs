//! The places that the embedded upstream knows, and the weather there, which never changes.
//!
//! **Invariants**
//! - `WORLD-1` The same city has the same weather and the same delay each time, so that runs can be compared.
//! - `WORLD-2` A city is found by its name in any case, by its name in the script of its country, and with the
//!   country's code behind a comma, as in `London,GB`; with another country's code it is not.

use std::time::Duration;

use crate::json::{Json, Number};

/// A city.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Its name.
    pub name: &'static str,
    /// Its name at home; the same where that is written in Latin letters.
    pub local_name: &'static str,
    /// The code of its country.
    pub country: &'static str,
    /// The weather in one word.
    pub main: &'static str,
    /// The weather in some words.
    pub description: &'static str,
    /// The temperature in hundredths of a kelvin.
    pub centikelvins: u64,
    /// How long the upstream takes to find it out.
    pub delay: Duration,
}

/// The cities of the course, and a few more. The longest delay among the twelve is New York's.
pub const PLACES: [Place; 15] = [
    place("Moscow", "Москва", "RU", "Clouds", "broken clouds", 28_115, 210),
    place("St. Petersburg", "Санкт-Петербург", "RU", "Rain", "light rain", 27_990, 180),
    place("Rostov-on-Don", "Ростов-на-Дону", "RU", "Clear", "clear sky", 28_760, 240),
    place("Kaliningrad", "Калининград", "RU", "Drizzle", "drizzle", 28_040, 150),
    place("Vladivostok", "Владивосток", "RU", "Snow", "light snow", 27_055, 330),
    place("Minsk", "Мінск", "BY", "Mist", "mist", 27_930, 170),
    place("Beijing", "北京", "CN", "Haze", "haze", 28_905, 300),
    place("Delhi", "दिल्ली", "IN", "Smoke", "smoke", 30_210, 280),
    place("Istanbul", "İstanbul", "TR", "Clouds", "few clouds", 28_890, 190),
    place("Tokyo", "東京", "JP", "Clear", "clear sky", 29_015, 310),
    place("London", "London", "GB", "Rain", "moderate rain", 28_345, 120),
    place("New York", "New York", "US", "Clouds", "overcast clouds", 28_575, 350),
    place("Paris", "Paris", "FR", "Clouds", "scattered clouds", 28_640, 140),
    place("Reykjavik", "Reykjavík", "IS", "Snow", "shower snow", 27_245, 260),
    place("Sydney", "Sydney", "AU", "Clear", "clear sky", 29_530, 340),
];

/// Writes a line of the table.
const fn place(
    name: &'static str,
    local_name: &'static str,
    country: &'static str,
    main: &'static str,
    description: &'static str,
    centikelvins: u64,
    delay_ms: u64,
) -> Place {
    let delay = Duration::from_millis(delay_ms);
    Place { name, local_name, country, main, description, centikelvins, delay }
}

/// Finds a city (`WORLD-2`).
pub fn find_place(query: &str) -> Option<&'static Place> {
    let (name, country) = match query.split_once(',') {
        Some((name, country)) => (name.trim(), Some(country.trim())),
        None => (query.trim(), None),
    };
    let same = |left: &str, right: &str| left.to_lowercase() == right.to_lowercase();
    PLACES.iter().find(|place| {
        (same(place.name, name) || same(place.local_name, name))
            && country.is_none_or(|country| same(place.country, country))
    })
}

impl Place {
    /// Writes its weather in the form of `OpenWeatherMap`: of its members those that people look at.
    pub fn report(&self) -> Json {
        let weather = Json::object([
            ("main", Json::text(self.main)),
            ("description", Json::text(self.description)),
        ]);
        Json::object([
            ("weather", Json::List(vec![weather])),
            ("base", Json::text("stations")),
            ("main", Json::object([("temp", hundredths(self.centikelvins))])),
            ("sys", Json::object([("country", Json::text(self.country))])),
            ("name", Json::text(self.name)),
            ("cod", Json::whole(200)),
        ])
    }
}

/// Writes hundredths as a number with two decimals.
fn hundredths(number: u64) -> Json {
    let text = format!("{}.{:02}", number / 100, number % 100);
    Number::parse(&text).map_or(Json::Null, Json::Number)
}
