//! The calculator's numbers: what is one, how it is written, and that sums and products are exact.
//!
//! The oracle is `num-bigint`: binary integers, converted and scaled, share no code and no idea with the
//! decimal limbs under test.

use handloom::calc::{Decimal, MAX_EXPONENT, NumberError, Op, Session};
use num_bigint::BigInt;
use proptest::prelude::*;

/// Reads a number and writes it back.
fn rewritten(text: &str) -> String {
    let number =
        Decimal::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let mut out = Vec::new();
    number.write_to(&mut out);
    String::from_utf8(out).expect("digits are text")
}

/// Answers one message.
fn reply(op: Op, message: &str) -> String {
    let mut session = Session::new(op, 1 << 20);
    let mut out = Vec::new();
    session.feed(format!("{message}\n").as_bytes(), &mut out);
    String::from_utf8(out).expect("digits are text").trim_end().to_owned()
}

/// Numbers as a client may write them, and as a reply writes them.
const LOWEST_FORMS: &[(&str, &str)] = &[
    ("0", "0"),
    ("-0", "0"),
    ("+0.000", "0"),
    ("0e10000", "0"),
    ("007", "7"),
    ("+5", "5"),
    ("-5", "-5"),
    (".5", "0.5"),
    ("5.", "5"),
    ("-.50", "-0.5"),
    ("1e3", "1000"),
    ("1E-3", "0.001"),
    ("1e+3", "1000"),
    ("1e0000000000000000000000003", "1000"),
    ("12.34e1", "123.4"),
    ("12.34e2", "1234"),
    ("12.34e-5", "0.0001234"),
    ("100e-2", "1"),
    ("100e-3", "0.1"),
    // Around the edge of a limb, which has 18 digits.
    ("999999999999999999", "999999999999999999"),
    ("1000000000000000000", "1000000000000000000"),
    ("1000000000000000001", "1000000000000000001"),
    ("1e18", "1000000000000000000"),
    ("1e-18", "0.000000000000000001"),
    ("1e-19", "0.0000000000000000001"),
    ("0.1234567890123456789", "0.1234567890123456789"),
    ("123456789012345678901234567890123456.5", "123456789012345678901234567890123456.5"),
];

#[test]
fn every_number_is_written_in_lowest_form() {
    for &(text, expected) in LOWEST_FORMS {
        assert_eq!(rewritten(text), expected, "{text} is not written in lowest form (NUMBER-1)");
    }
    let huge = rewritten("1e10000");
    assert_eq!(huge, format!("1{}", "0".repeat(MAX_EXPONENT)), "the largest exponent is allowed");
    let tiny = rewritten("-1e-10000");
    assert_eq!(
        tiny,
        format!("-0.{}1", "0".repeat(MAX_EXPONENT - 1)),
        "the smallest exponent is allowed"
    );
}

/// What looks a little like a number, and is none.
const MALFORMED: &[&str] = &[
    "",
    "+",
    "-",
    ".",
    "-.",
    "e5",
    ".e5",
    "1e",
    "1e+",
    "1e-",
    "1e5.",
    "1e5e5",
    "--1",
    "+-1",
    "1-",
    "1..2",
    "1.2.3",
    "0x10",
    "1_000",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "infinity",
    "1 ",
    " 1",
    "1\0",
    "\u{661}\u{662}",
    "\u{ff11}",
    "½",
    "1f",
    "é",
];

#[test]
fn what_is_not_a_number_is_refused() {
    for text in MALFORMED {
        let came = Decimal::parse(text.as_bytes()).err();
        assert_eq!(came, Some(NumberError::Malformed), "{text:?} is not a number");
    }
    assert_eq!(
        Decimal::parse(b"\xff1").err(),
        Some(NumberError::Malformed),
        "bytes that are no text are not a number"
    );
    let beyond = [
        "1e10001",
        "1e-10001",
        "0e99999",
        "1e18446744073709551616",
        "1e-99999999999999999999999999999",
    ];
    for text in beyond {
        let came = Decimal::parse(text.as_bytes()).err();
        assert_eq!(
            came,
            Some(NumberError::Exponent),
            "{text} has an exponent beyond {MAX_EXPONENT}, which must not wrap"
        );
    }
}

#[test]
fn sums_are_exact_where_binary_floating_point_is_not() {
    let cases = [
        ("5 7", "12"),
        ("0.1 0.2", "0.3"),
        ("-5 5", "0"),
        ("5 -7", "-2"),
        ("-5 -7", "-12"),
        ("0 -0", "0"),
        ("0 7.5", "7.5"),
        ("-7.5 0", "-7.5"),
        ("9007199254740993 0", "9007199254740993"),
        ("999999999999999999 1", "1000000000000000000"),
        ("999999999999999999 999999999999999999", "1999999999999999998"),
        ("9999999999999999999999999999999999999 1", "10000000000000000000000000000000000000"),
        ("1000000000000000000000000000000000000 -1", "999999999999999999999999999999999999"),
        ("0.999999999999999999999 0.000000000000000000001", "1"),
        ("1e20 -1e-20", "99999999999999999999.99999999999999999999"),
        ("1e10000 -1e10000", "0"),
    ];
    for (message, expected) in cases {
        assert_eq!(reply(Op::Sum, message), expected, "the sum of {message} is not exact");
    }
}

#[test]
fn products_are_exact_where_binary_floating_point_is_not() {
    let cases = [
        ("5 7", "35"),
        ("0.1 0.2", "0.02"),
        ("-5 5", "-25"),
        ("-5 -5", "25"),
        ("0 -5", "0"),
        ("-5 0", "0"),
        ("0 123456789012345678901234567890123456789012345678901234567890", "0"),
        ("1.5 2", "3"),
        ("4294967296 4294967296", "18446744073709551616"),
        ("4294967295 4294967297", "18446744073709551615"),
        ("-4294967296 2147483648", "-9223372036854775808"),
        ("-429496729.6 21474.83648", "-9223372036854.775808"),
        ("999999999999999999 999999999999999999", "999999999999999998000000000000000001"),
        ("1e10000 1e-10000", "1"),
        ("25e9999 4e-9999", "100"),
    ];
    for (message, expected) in cases {
        assert_eq!(reply(Op::Product, message), expected, "the product of {message} is not exact");
    }
}

#[test]
fn the_largest_limbs_do_not_overflow_a_column() {
    // All nines make every product of limbs and every carry as large as it can be; the columns are longer than
    // what is summed between two reductions. (10ⁿ - 1)² = 99…98 00…01.
    for limbs in [127, 128, 129, 600] {
        let digits = limbs * 18;
        let nines = "9".repeat(digits);
        let expected = format!("{}8{}1", "9".repeat(digits - 1), "0".repeat(digits - 1));
        let came = reply(Op::Product, &format!("{nines} {nines}"));
        assert!(came == expected, "the square of {digits} nines is wrong: a column overflowed");
    }
}

/// Reads an integer for the oracle.
fn integer(text: &str) -> BigInt {
    text.parse().expect("a sign and digits")
}

/// A number as the oracle sees it: an integer and the power of ten it is to be multiplied by.
#[derive(Clone, Debug)]
struct Scaled {
    text: String,
    digits: BigInt,
    power: i64,
}

/// Makes numbers of every form: signs, leading and trailing zeros, points anywhere, exponents.
fn scaled() -> impl Strategy<Value = Scaled> {
    let digits = prop_oneof![
        "[0-9]{1,6}",
        "[0-9]{17,19}",
        "[09]{1,60}",
        "[0-9]{1,200}",
        "0{0,40}[0-9]{1,3}0{0,40}"
    ];
    let exponent = prop_oneof![3 => Just(None), 2 => (-50_i64..50).prop_map(Some), 1 => (-400_i64..400).prop_map(Some)];
    let sign = prop_oneof![Just(""), Just("-"), Just("+")];
    (digits, any::<prop::sample::Index>(), any::<bool>(), exponent, sign).prop_map(
        |(digits, point, pointed, exponent, sign)| {
            let whole = if pointed { point.index(digits.len() + 1) } else { digits.len() };
            let (before, after) = digits.split_at(whole);
            let point = if pointed { "." } else { "" };
            let tail = exponent.map(|exponent| format!("e{exponent}")).unwrap_or_default();
            Scaled {
                text: format!("{sign}{before}{point}{after}{tail}"),
                digits: integer(&format!("{}{digits}", sign.replace('+', ""))),
                power: exponent.unwrap_or(0) - i64::try_from(after.len()).expect("a short text"),
            }
        },
    )
}

/// Writes `digits` times ten to the `power` in lowest form.
fn lowest_form(digits: &BigInt, power: i64) -> String {
    let negative = *digits < BigInt::ZERO;
    let mut text = digits.magnitude().to_string();
    if power >= 0 {
        text.push_str(&"0".repeat(usize::try_from(power).expect("not negative here")));
    } else {
        let places = usize::try_from(-power).expect("negative here");
        let padded = format!("{text:0>width$}", width = places + 1);
        let (whole, fraction) = padded.split_at(padded.len() - places);
        let fraction = fraction.trim_end_matches('0');
        text = format!("{whole}.{fraction}");
    }
    let text = text.trim_start_matches('0').trim_end_matches('.');
    let text =
        if text.is_empty() || text.starts_with('.') { format!("0{text}") } else { text.to_owned() };
    if negative { format!("-{text}") } else { text }
}

/// Multiplies by a power of ten.
fn raised(digits: &BigInt, power: i64) -> BigInt {
    digits * BigInt::from(10).pow(u32::try_from(power).expect("a small power"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_number_is_written_as_the_oracle_writes_it(a in scaled()) {
        prop_assert_eq!(rewritten(&a.text), lowest_form(&a.digits, a.power), "{} came back different", a.text);
    }

    #[test]
    fn any_sum_is_the_oracle_s(a in scaled(), b in scaled()) {
        let power = a.power.min(b.power);
        let expected = raised(&a.digits, a.power - power) + raised(&b.digits, b.power - power);
        let message = format!("{} {}", a.text, b.text);
        prop_assert_eq!(reply(Op::Sum, &message), lowest_form(&expected, power), "the sum of {} is wrong", message);
    }

    #[test]
    fn any_product_is_the_oracle_s(a in scaled(), b in scaled()) {
        let message = format!("{},{}", a.text, b.text);
        let expected = lowest_form(&(a.digits * b.digits), a.power + b.power);
        prop_assert_eq!(reply(Op::Product, &message), expected, "the product of {} is wrong", message);
    }

    #[test]
    fn any_bytes_are_a_number_or_refused(text in prop::collection::vec(any::<u8>(), 0..30)) {
        if let Ok(number) = Decimal::parse(&text) {
            let mut out = Vec::new();
            number.write_to(&mut out);
            let text = String::from_utf8(out).expect("digits are text");
            prop_assert_eq!(rewritten(&text), text, "what was written reads back as another number (NUMBER-1)");
        }
    }

    #[test]
    fn text_that_looks_like_a_number_never_panics(text in "[-+]{0,2}[0-9.]{0,30}[eE]{0,1}[-+]{0,1}[0-9]{0,6}") {
        if let Ok(number) = Decimal::parse(text.as_bytes()) {
            let mut out = Vec::new();
            number.write_to(&mut out);
            let written = String::from_utf8(out).expect("digits are text");
            prop_assert_eq!(rewritten(&written), written, "{} reads back as another number (NUMBER-1)", text);
        }
    }
}

proptest! {
    // Few, because each takes many times as long as those above.
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_long_product_is_the_oracle_s(a in "[1-9][0-9]{2000,6000}", b in "[1-9][0-9]{2000,6000}") {
        let expected = integer(&a) * integer(&b);
        prop_assert!(reply(Op::Product, &format!("{a} {b}")) == expected.to_string(), "the product is wrong");
    }
}
