//! A value of JSON.
//!
//! **Invariants**
//! - `JSON-1` Whatever can be made can be written as valid JSON, and reading that gives the same value.
//! - `JSON-2` An object keeps its names in order, and a name that came twice twice; asked for it, the last one
//!   counts, as in most programs.

use super::number::Number;

/// A JSON value; displayed, it is its text in one line.
///
/// # Examples
/// ```
/// use handloom::json::Json;
/// let json = Json::parse(br#"{"city": "Moscow", "weather": ["Clouds", 0.10]}"#).unwrap();
/// assert_eq!(json.get("city").and_then(Json::as_text), Some("Moscow"));
/// assert_eq!(json.to_string(), r#"{"city":"Moscow","weather":["Clouds",0.10]}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Json {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Json>),
    /// An object: names and values (`JSON-2`).
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Makes a number without a fraction.
    pub fn whole(number: u64) -> Self {
        Self::Number(number.into())
    }

    /// Makes a number that may have a fraction; null for one that is not known, or that JSON does not know, such
    /// as an infinity.
    pub fn real(number: impl Into<Option<f64>>) -> Self {
        number.into().and_then(Number::from_f64).map_or(Self::Null, Self::Number)
    }

    /// Makes a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Makes an object, with its names in this order.
    pub fn object<N: Into<String>>(members: impl IntoIterator<Item = (N, Self)>) -> Self {
        Self::Object(members.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// Returns the member of an object with this name; nothing from anything else.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        // JSON-2
        members.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Returns the text, if this is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the number, if this is one.
    pub fn as_number(&self) -> Option<&Number> {
        if let Self::Number(number) = self { Some(number) } else { None }
    }

    /// Returns the values of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }
}
