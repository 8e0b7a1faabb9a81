//! JSON: what is read, what is refused and where, and that what is written is read as the same.
//!
//! The cases are those that the public suites of JSON agree on, put in our own words, and those that the standard
//! leaves open, with what was decided.

use handloom::json::{Json, JsonError, MOST_DEPTH, Number};
use proptest::prelude::*;

fn number(text: &str) -> Json {
    Json::Number(Number::parse(text).unwrap_or_else(|| panic!("{text} is a number")))
}

/// What is given, and how it is written again.
const FAIR: &[(&str, &str)] = &[
    ("null", "null"),
    ("true", "true"),
    (" \t\r\n false \t\r\n ", "false"),
    ("[]", "[]"),
    ("[ ]", "[]"),
    ("[null, 1, \"2\"]", "[null,1,\"2\"]"),
    ("[[[]],{}]", "[[[]],{}]"),
    ("{}", "{}"),
    ("{ }", "{}"),
    ("{\"a\":1,\"b\":[2]}", "{\"a\":1,\"b\":[2]}"),
    ("{\"\":0}", "{\"\":0}"),
    ("{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"),
    // Numbers are exact, and as they came.
    ("0", "0"),
    ("-0", "-0"),
    ("-0.0", "-0.0"),
    ("0.10", "0.10"),
    ("0e1", "0e1"),
    ("1E+2", "1E+2"),
    ("-1.5e-30", "-1.5e-30"),
    ("1e9999", "1e9999"),
    ("9007199254740993", "9007199254740993"),
    ("123456789012345678901234567890", "123456789012345678901234567890"),
    // Texts.
    ("\"\"", "\"\""),
    ("\"a\u{7f}b\"", "\"a\\u007fb\""),
    ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\u0008\\u000c\\n\\u000d\\u0009\""),
    ("\"\\u0041\\u00e9\\u20AC\"", "\"Aé€\""),
    ("\"\\u0000\"", "\"\\u0000\""),
    ("\"\\uD834\\udd1e\"", "\"𝄞\""),
    ("\"\\uDBFF\\uDFFF\"", "\"\u{10ffff}\""),
    ("\"\\uFFFE\u{2028}\"", "\"\u{fffe}\u{2028}\""),
    ("\"é𝄞\"", "\"é𝄞\""),
    ("\"/*a*/\"", "\"/*a*/\""),
];

/// What is given, what is wrong with it, and where.
const REFUSED: &[(&str, &str, usize)] = &[
    ("", "expected a value", 0),
    (" ", "expected a value", 1),
    ("\u{feff}1", "expected a value", 0),
    ("nul", "expected a value", 0),
    ("True", "expected a value", 0),
    ("nullx", "something after the value", 4),
    ("1 2", "something after the value", 2),
    ("[]]", "something after the value", 2),
    ("1//", "something after the value", 1),
    ("NaN", "expected a value", 0),
    ("Infinity", "expected a value", 0),
    ("'a'", "expected a value", 0),
    ("a", "expected a value", 0),
    ("\u{a0}1", "expected a value", 0),
    ("\x0c1", "expected a value", 0),
    ("/*a*/1", "expected a value", 0),
    // Lists.
    ("[", "expected a value", 1),
    ("[1", "expected a comma or the end of the list or object", 2),
    ("[1,", "expected a value", 3),
    ("[1,]", "expected a value", 3),
    ("[,1]", "expected a value", 1),
    ("[1,,2]", "expected a value", 3),
    ("[1 2]", "expected a comma or the end of the list or object", 3),
    ("[1}", "expected a comma or the end of the list or object", 2),
    ("[1:2]", "expected a comma or the end of the list or object", 2),
    ("]", "expected a value", 0),
    // Objects.
    ("{", "expected a name in quotes", 1),
    ("{1:2}", "expected a name in quotes", 1),
    ("{a:1}", "expected a name in quotes", 1),
    ("{'a':1}", "expected a name in quotes", 1),
    ("{\"a\"}", "expected a colon", 4),
    ("{\"a\" 1}", "expected a colon", 5),
    ("{\"a\",1}", "expected a colon", 4),
    ("{\"a\":}", "expected a value", 5),
    ("{\"a\":1,}", "expected a name in quotes", 7),
    ("{,\"a\":1}", "expected a name in quotes", 1),
    ("{\"a\":1 \"b\":2}", "expected a comma or the end of the list or object", 7),
    ("{\"a\":1]", "expected a comma or the end of the list or object", 6),
    ("{\"a\"::1}", "expected a value", 5),
    // Numbers.
    ("+1", "expected a value", 0),
    (".5", "expected a value", 0),
    ("-", "malformed number", 0),
    ("--1", "malformed number", 0),
    ("-a", "malformed number", 0),
    ("-.5", "malformed number", 0),
    ("-Infinity", "malformed number", 0),
    ("01", "malformed number", 0),
    ("-01", "malformed number", 0),
    ("00", "malformed number", 0),
    ("1.", "malformed number", 0),
    ("1.e1", "malformed number", 0),
    ("1e", "malformed number", 0),
    ("1e+", "malformed number", 0),
    ("1e1.5", "something after the value", 3),
    ("0x1", "something after the value", 1),
    ("1_000", "something after the value", 1),
    ("1.2.3", "something after the value", 3),
    ("1+1", "something after the value", 1),
    ("\u{ff11}", "expected a value", 0),
    // Texts.
    ("\"", "a text without an end, or with a control character", 1),
    ("\"a", "a text without an end, or with a control character", 2),
    ("\"a\nb\"", "a text without an end, or with a control character", 2),
    ("\"a\tb\"", "a text without an end, or with a control character", 2),
    ("\"\0\"", "a text without an end, or with a control character", 1),
    ("\"\x1f\"", "a text without an end, or with a control character", 1),
    ("\"\\", "malformed escape", 1),
    ("\"\\\"", "a text without an end, or with a control character", 3),
    ("\"\\a\"", "malformed escape", 1),
    ("\"\\'\"", "malformed escape", 1),
    ("\"\\x41\"", "malformed escape", 1),
    ("\"\\U0041\"", "malformed escape", 1),
    ("\"\\\n\"", "malformed escape", 1),
    ("\"\\é\"", "malformed escape", 1),
    ("\"\\u\"", "malformed escape", 1),
    ("\"\\u004\"", "malformed escape", 1),
    ("\"\\u004g\"", "malformed escape", 1),
    ("\"\\u+041\"", "malformed escape", 1),
    ("\"\\u00é\"", "malformed escape", 1),
    // Halves of characters: open in the standard, refused here.
    ("\"\\ud800\"", "malformed escape", 1),
    ("\"\\udc00\"", "malformed escape", 1),
    ("\"\\ud800\\ud800\"", "malformed escape", 1),
    ("\"\\ud800\\u0041\"", "malformed escape", 1),
    ("\"\\ud800a\"", "malformed escape", 1),
    ("\"\\ud800\\n\"", "malformed escape", 1),
    ("\"\\udd1e\\ud834\"", "malformed escape", 1),
];

#[test]
fn fair_texts_are_read_and_written() {
    for (text, written) in FAIR {
        let json = Json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(json.to_string(), *written, "JSON-READ-1, JSON-WRITE-1: {text}");
        assert_eq!(Json::parse(written.as_bytes()), Ok(json), "JSON-1: {text}");
    }
}

#[test]
fn what_is_not_json_is_refused_where_it_goes_wrong() {
    for &(text, fault, at) in REFUSED {
        let came = Json::parse(text.as_bytes());
        assert_eq!(came, Err(JsonError { fault, at }), "JSON-READ-1, JSON-READ-2: {text:?}");
    }
}

#[test]
fn what_is_not_utf8_is_refused() {
    for bytes in [
        &b"\"\xff\""[..],
        b"\"\xc3\"",
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xf4\x90\x80\x80\"",
    ] {
        let came = Json::parse(bytes);
        assert_eq!(came, Err(JsonError { fault: "not UTF-8", at: 1 }), "JSON-READ-1: {bytes:?}");
    }
    let utf16 = Json::parse(b"\xff\xfe1\0");
    assert_eq!(
        utf16,
        Err(JsonError { fault: "not UTF-8", at: 0 }),
        "JSON-READ-1: sixteen bits a character"
    );
}

#[test]
fn no_depth_overflows_the_stack() {
    for (open, close) in [("[", "]"), ("{\"\":", "}")] {
        let nested = |depth| format!("{}0{}", open.repeat(depth), close.repeat(depth));
        assert!(Json::parse(nested(MOST_DEPTH).as_bytes()).is_ok(), "JSON-READ-3");
        let error = Json::parse(nested(MOST_DEPTH + 1).as_bytes()).unwrap_err();
        assert_eq!(error, JsonError { fault: "nested too deep", at: MOST_DEPTH * open.len() });
        let error = Json::parse(open.repeat(1_000_000).as_bytes()).unwrap_err();
        assert_eq!(error.fault, "nested too deep", "JSON-READ-3: and never closed");
    }
    let wide = format!("[{}0]", "[],".repeat(10_000));
    assert!(Json::parse(wide.as_bytes()).is_ok(), "JSON-READ-3: wide is not deep");
}

#[test]
fn numbers_are_exact() {
    let big = number("9007199254740993");
    let big = big.as_number().expect("it is one");
    assert_eq!(big.as_str(), "9007199254740993");
    assert_eq!(number("1e9999").as_number().map(Number::to_f64), Some(f64::INFINITY));
    assert_eq!(number("-2.5e1").as_number().map(Number::to_f64), Some(-25.0));
    for text in ["", "1 ", " 1", "+1", "01", "1.", "0x1", "NaN"] {
        assert_eq!(Number::parse(text), None, "JSON-NUMBER-1: {text:?}");
    }
}

#[test]
fn values_are_made_and_asked() {
    let json = Json::object([
        ("text", Json::text("a \"b\" \\ \n")),
        ("list", Json::List(vec![Json::whole(1), Json::real(0.5), Json::real(f64::NAN)])),
        ("text", Json::real(None)),
    ]);
    let expected = r#"{"text":"a \"b\" \\ \n","list":[1,0.5,null],"text":null}"#;
    assert_eq!(json.to_string(), expected, "JSON-1");
    assert_eq!(json.get("text"), Some(&Json::Null), "JSON-2: the last one counts");
    assert_eq!(json.get("list").map(|list| list.items().len()), Some(3));
    assert_eq!((json.get("none"), Json::Null.get("a"), json.items().len()), (None, None, 0));
    assert_eq!((Json::text("a").as_text(), Json::Null.as_text()), (Some("a"), None));
    assert_eq!(Json::real(f64::INFINITY), Json::Null);
    let error = Json::parse(b"[1,]").unwrap_err().to_string();
    assert_eq!(error, "JSON, byte 3: expected a value");
}

/// Any value, not too deep.
fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<u64>().prop_map(Json::whole),
        any::<f64>().prop_map(Json::real),
        any::<String>().prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::List),
            prop::collection::vec((any::<String>(), inner), 0..5).prop_map(Json::Object),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(json in any_json()) {
        let text = json.to_string();
        prop_assert!(!text.contains(|c: char| c.is_ascii_control()), "JSON-WRITE-1: {text:?}");
        prop_assert_eq!(Json::parse(text.as_bytes()), Ok(json), "JSON-1: {}", text);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        soup in "[\\[\\]{}:,\"\\\\u0-9a-f.eE+ tn-]{0,40}",
    ) {
        drop(Json::parse(&bytes));
        if let Ok(json) = Json::parse(soup.as_bytes()) {
            prop_assert_eq!(Json::parse(json.to_string().as_bytes()), Ok(json), "JSON-1: {}", soup);
        }
    }

    #[test]
    fn floats_come_back_bit_by_bit(float in any::<f64>()) {
        if let Some(number) = Json::real(float).as_number() {
            prop_assert_eq!(number.to_f64().to_bits(), float.to_bits(), "{}", number.as_str());
            prop_assert!(Number::parse(number.as_str()).is_some(), "JSON-NUMBER-1: {}", number.as_str());
        }
    }
}
