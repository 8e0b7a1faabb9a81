//! An exact decimal number of any size: read from text, added, multiplied, written to text.
//!
//! Binary floating point cannot hold 0.1, so a server that adds `f64` answers `0.30000000000000004`. A big
//! binary integer is exact, but its conversion from decimal text and back costs far more than the sum: for half a
//! million digits, seconds. So digits stay decimal here, in one of two forms:
//!
//! - *small*: a machine word and a scale. `-12.5` is -125 with scale 1. Nearly every number is of this form.
//! - *large*: a row of *limbs*, each of [`LIMB_DIGITS`] digits, the lowest first. The decimal point stands between
//!   two limbs, so two numbers line up by moving whole limbs, and the limbs of the same place are added with a carry:
//!
//! ```text
//!   place         1    0  .  -1        (with limbs of three digits)
//!   1999.5        1  999  . 500
//!   0.75               0  . 750
//!   carry         1    1
//!   2000.25       2  000  . 250
//! ```
//!
//! Reading, adding and writing are linear in the length of text and reply; a product is quadratic, and its caller
//! limits the factors.
//!
//! **Invariants**
//! - `NUMBER-1` What is written is in lowest form: no exponent, no zero that could be left out, no `-0`.
//!
//! **Source**: the grammar is that of Python's `decimal`, less underscores, `nan` and `inf`; the product is in
//! Knuth, *The Art of Computer Programming*, volume 2, section 4.3.1, here column by column.

use std::ops::{Add, Mul};

/// Decimal digits in a limb: the most for which two limbs and a carry fit an `i64`.
const LIMB_DIGITS: usize = 18;

/// One more than the largest limb.
const LIMB_BASE: i64 = 10_i64.pow(18);

/// The largest scale of a small number. With it, a small number covers at most three limbs.
const MAX_SCALE: usize = LIMB_DIGITS;

/// The largest exponent accepted, either way.
///
/// Twelve bytes of message can thus ask for twenty kilobytes of reply, but not for a gigabyte.
pub const MAX_EXPONENT: usize = 10_000;

/// Products of two limbs that are summed before the sum is reduced: each is below 10³⁶, and an `i128` holds
/// 170 times as much.
const REDUCE_EVERY: usize = 128;

/// Why a text is not taken as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// The text does not have the form of a number.
    Malformed,
    /// The form is right, but the exponent is beyond [`MAX_EXPONENT`].
    Exponent,
}

/// An exact decimal number.
///
/// # Examples
/// ```
/// use handloom::calc::Decimal;
///
/// let sum = Decimal::parse(b"0.1")? + Decimal::parse(b"0.2")?;
/// let mut text = Vec::new();
/// sum.write_to(&mut text);
/// assert_eq!(text, b"0.3");
/// # Ok::<(), handloom::calc::NumberError>(())
/// ```
#[derive(Debug)]
pub struct Decimal(Form);

/// The two forms of a number.
#[derive(Debug)]
enum Form {
    /// `digits` divided by ten to the power of `scale`, which is at most [`MAX_SCALE`].
    Small {
        /// The digits, with the sign.
        digits: i64,
        /// How many of them stand after the point.
        scale: usize,
    },
    /// A number that has more digits than that, or an exponent.
    Large(Large),
}

/// A number as a row of limbs.
#[derive(Debug)]
struct Large {
    /// Whether it is below zero.
    negative: bool,
    /// Groups of [`LIMB_DIGITS`] digits, lowest first. The highest is not zero; zero has no limbs and place 0.
    limbs: Vec<i64>,
    /// How many limbs above the decimal point the lowest limb stands; negative below it.
    place: isize,
}

impl Decimal {
    /// Reads a number: an optional sign, digits with an optional point among them, an optional exponent.
    ///
    /// # Errors
    /// [`NumberError`], when the text is anything else.
    ///
    /// # Examples
    /// ```
    /// use handloom::calc::{Decimal, NumberError};
    ///
    /// assert!(Decimal::parse(b"-12.50e1").is_ok());
    /// assert_eq!(Decimal::parse(b"1.2.3").err(), Some(NumberError::Malformed));
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self, NumberError> {
        match Self::parse_front(text)? {
            (number, []) => Ok(number),
            _ => Err(NumberError::Malformed),
        }
    }

    /// Reads the number at the front of a text; returns it with what follows it.
    ///
    /// # Errors
    /// As [`Decimal::parse`], except that anything may follow.
    #[inline]
    pub fn parse_front(text: &[u8]) -> Result<(Self, &[u8]), NumberError> {
        let mut value = 0;
        let (negative, rest) = parse_sign(text);
        let (whole, rest) = parse_digits(rest, &mut value);
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => parse_digits(rest, &mut value),
            _ => (&[][..], rest),
        };
        let (exponent, rest) = match rest {
            [b'e' | b'E', rest @ ..] => parse_exponent(rest)?,
            _ => (0, rest),
        };
        let count = whole.len() + fraction.len();
        if count == 0 {
            return Err(NumberError::Malformed);
        }
        let form = if count <= LIMB_DIGITS && exponent == 0 {
            let digits = if negative { -value } else { value };
            Form::Small { digits, scale: fraction.len() }
        } else {
            Form::Large(Large::pack(negative, whole, fraction, exponent))
        };
        Ok((Self(form), rest))
    }

    /// Appends the number in lowest form (`NUMBER-1`).
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match &self.0 {
            &Form::Small { digits, scale } => write_small(digits, scale, out),
            Form::Large(large) => large.write_to(out),
        }
    }
}

impl Form {
    /// Returns the number as limbs, from whichever form.
    fn into_large(self) -> Large {
        match self {
            Self::Large(large) => large,
            Self::Small { digits, scale } => {
                // The point moves to the front of the lowest limb, which then holds all digits after it.
                let size = (scale..MAX_SCALE).fold(i128::from(digits).abs(), |size, _| size * 10);
                let base = i128::from(LIMB_BASE);
                let limbs = [size % base, size / base % base, size / base / base];
                Large::new(digits < 0, limbs.map(limb).into(), -1)
            }
        }
    }
}

impl Add for Decimal {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        if let (
            Form::Small { digits: a, scale: a_scale },
            Form::Small { digits: b, scale: b_scale },
        ) = (&self.0, &other.0)
        {
            let scale = *a_scale.max(b_scale);
            if let Some(a) = rescale(*a, scale - a_scale)
                && let Some(b) = rescale(*b, scale - b_scale)
                && let Some(digits) = a.checked_add(b)
            {
                return Self(Form::Small { digits, scale });
            }
        }
        Self(Form::Large(self.0.into_large().plus(&other.0.into_large())))
    }
}

impl Mul for Decimal {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        if let (
            Form::Small { digits: a, scale: a_scale },
            Form::Small { digits: b, scale: b_scale },
        ) = (&self.0, &other.0)
            && let scale = a_scale + b_scale
            && scale <= MAX_SCALE
            && let Some(digits) = a.checked_mul(*b)
        {
            return Self(Form::Small { digits, scale });
        }
        Self(Form::Large(self.0.into_large().times(&other.0.into_large())))
    }
}

impl Large {
    /// Makes a number of its parts; the highest limbs may be zero.
    fn new(negative: bool, mut limbs: Vec<i64>, place: isize) -> Self {
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        if limbs.is_empty() {
            return Self { negative: false, limbs, place: 0 };
        }
        Self { negative, limbs, place }
    }

    /// Groups digits into limbs that line up with the decimal point. The exponent moves the point.
    fn pack(negative: bool, whole: &[u8], fraction: &[u8], exponent: isize) -> Self {
        let width = LIMB_DIGITS.cast_signed();
        // The power of ten of the last digit.
        let lowest = exponent - fraction.len().cast_signed();
        let mut unit = (0..lowest.rem_euclid(width)).fold(1, |unit, _| unit * 10);
        let mut limb = 0;
        let mut limbs = Vec::with_capacity((whole.len() + fraction.len()) / LIMB_DIGITS + 2);
        whole.iter().chain(fraction).rev().for_each(|digit| {
            limb += i64::from(digit - b'0') * unit;
            unit *= 10;
            if unit == LIMB_BASE {
                limbs.push(limb);
                (limb, unit) = (0, 1);
            }
        });
        limbs.push(limb);
        Self::new(negative, limbs, lowest.div_euclid(width))
    }

    /// Returns the place just above the highest limb.
    fn top(&self) -> isize {
        self.place + self.limbs.len().cast_signed()
    }

    /// Returns the limb at a place; zero where the number has none.
    fn limb_at(&self, place: isize) -> i64 {
        let index = usize::try_from(place - self.place).ok();
        index.and_then(|index| self.limbs.get(index)).copied().unwrap_or(0)
    }

    /// Returns the sum.
    fn plus(&self, other: &Self) -> Self {
        // With unlike signs it is a difference, and has the sign of `self` unless `other` is the larger.
        let sign = if self.negative == other.negative { 1 } else { -1 };
        let place = self.place.min(other.place);
        let top = self.top().max(other.top());
        let mut limbs = Vec::with_capacity((top - place).unsigned_abs() + 1);
        let mut carry = 0;
        for place in place..top {
            limbs
                .push(split(self.limb_at(place) + sign * other.limb_at(place) + carry, &mut carry));
        }
        if carry >= 0 {
            limbs.push(carry);
            return Self::new(self.negative, limbs, place);
        }
        // `other` was the larger: the limbs hold what is missing to the next power of LIMB_BASE.
        carry = 0;
        for limb in &mut limbs {
            *limb = split(carry - *limb, &mut carry);
        }
        Self::new(other.negative, limbs, place)
    }

    /// Returns the product.
    ///
    /// Column `k` sums all `self[i] * other[k - i]`. Its lowest limb is a limb of the product, and the rest is
    /// carried into the next column.
    fn times(&self, other: &Self) -> Self {
        let (a, b) = (&self.limbs, &other.limbs);
        let base = i128::from(LIMB_BASE);
        let mut limbs = Vec::with_capacity(a.len() + b.len());
        let mut carry = 0;
        for k in 0..(a.len() + b.len()).saturating_sub(1) {
            // Those `i` for which both `a[i]` and `b[k - i]` exist.
            let first = (k + 1).saturating_sub(b.len());
            let end = a.len().min(k + 1);
            let forward = a[first..end].chunks(REDUCE_EVERY);
            let backward = b[k + 1 - end..k + 1 - first].rchunks(REDUCE_EVERY);
            let mut low = carry % base;
            carry /= base;
            for (a, b) in forward.zip(backward) {
                let pairs = a.iter().zip(b.iter().rev());
                low += pairs.map(|(&a, &b)| i128::from(a) * i128::from(b)).sum::<i128>();
                carry += low / base;
                low %= base;
            }
            limbs.push(limb(low));
        }
        limbs.push(limb(carry));
        Self::new(self.negative != other.negative, limbs, self.place + other.place)
    }

    /// Appends the number in lowest form.
    fn write_to(&self, out: &mut Vec<u8>) {
        // From the highest place that shows to the lowest: the units are written in any case.
        let highest = (self.top() - 1).max(0);
        let lowest = self.place.min(0);
        out.reserve((highest - lowest + 1).unsigned_abs() * LIMB_DIGITS + 3);
        if self.negative {
            out.push(b'-');
        }
        let digits = digits_of(self.limb_at(highest));
        let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
        out.extend_from_slice(&digits[zeros.min(LIMB_DIGITS - 1)..]);
        // Every further limb keeps its zeros. `limb_at` fills places without a limb, as in `1e20`.
        for place in (lowest..highest).rev() {
            if place == -1 {
                out.push(b'.');
            }
            out.extend_from_slice(&digits_of(self.limb_at(place)));
        }
        if lowest < 0 {
            while out.last() == Some(&b'0') {
                out.pop();
            }
            if out.last() == Some(&b'.') {
                out.pop();
            }
        }
    }
}

/// Appends a small number in lowest form.
#[inline]
fn write_small(digits: i64, mut scale: usize, out: &mut Vec<u8>) {
    let mut size = digits.unsigned_abs();
    while scale > 0 && size.is_multiple_of(10) {
        size /= 10;
        scale -= 1;
    }
    // A division by ten yields the last digit first, so the text is filled from its end.
    let mut text = [b'0'; 20];
    let mut count = 0;
    for digit in text.iter_mut().rev() {
        *digit += (size % 10) as u8;
        size /= 10;
        count += 1;
        // At least one digit stands before the point.
        if size == 0 && count > scale {
            break;
        }
    }
    if digits < 0 {
        out.push(b'-');
    }
    let (whole, fraction) = text[text.len() - count..].split_at(count - scale);
    out.extend_from_slice(whole);
    if scale > 0 {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

/// Returns the digits for a scale that is larger by so much, unless they are too many.
fn rescale(digits: i64, by: usize) -> Option<i64> {
    (0..by).try_fold(digits, |digits, _| digits.checked_mul(10))
}

/// Splits a sum of limbs into the limb that is left in its place and the carry to the next.
fn split(sum: i64, carry: &mut i64) -> i64 {
    *carry = sum.div_euclid(LIMB_BASE);
    sum.rem_euclid(LIMB_BASE)
}

/// Narrows a number that has been reduced to a limb.
fn limb(reduced: i128) -> i64 {
    i64::try_from(reduced).expect("holds because it is below LIMB_BASE")
}

/// Returns the digits of a limb, with leading zeros.
fn digits_of(limb: i64) -> [u8; LIMB_DIGITS] {
    let mut limb = limb.unsigned_abs();
    let mut digits = [b'0'; LIMB_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit += (limb % 10) as u8;
        limb /= 10;
    }
    digits
}

/// Takes a sign, if there is one; returns whether it is a minus, and what follows.
#[inline]
fn parse_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// Splits the digits off the front of the text, and appends them to a value, which wraps if they are too many.
#[inline]
fn parse_digits<'a>(text: &'a [u8], value: &mut i64) -> (&'a [u8], &'a [u8]) {
    let mut count = 0;
    while let Some(digit @ b'0'..=b'9') = text.get(count) {
        *value = value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        count += 1;
    }
    text.split_at(count)
}

/// Reads what follows the `e`; returns the exponent, and what follows it.
fn parse_exponent(text: &[u8]) -> Result<(isize, &[u8]), NumberError> {
    let (negative, text) = parse_sign(text);
    let (digits, rest) = parse_digits(text, &mut 0);
    if digits.is_empty() {
        return Err(NumberError::Malformed);
    }
    // Saturating: an exponent of a thousand digits must not wrap into the range that is allowed.
    let size = digits.iter().fold(0_usize, |size, &digit| {
        size.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
    });
    if size > MAX_EXPONENT {
        return Err(NumberError::Exponent);
    }
    let size = size.cast_signed();
    Ok((if negative { -size } else { size }, rest))
}
