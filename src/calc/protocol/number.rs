//! An exact decimal number of any size, read from text and written back to text.
//!
//! Binary floating point cannot hold 0.1, so a server that adds `f64` answers `0.30000000000000004`. And a
//! big binary integer must be converted from decimal and back, which costs more than the sum itself. Here
//! both are avoided: a number is kept in decimal groups, so that reading, adding and writing are linear.
//!
//! A number is a row of *limbs*, each [`LIMB_DIGITS`] decimal digits, and `place` says how many limbs the
//! lowest one stands above the decimal point (below it when negative). With limbs of three digits, 12345.6
//! would be:
//!
//! ```text
//!   place     1     0  .  -1
//!   limb    012   345  .  600
//! ```
//!
//! **Invariants**
//! - `NUMBER-1` Every limb is below [`LIMB_BASE`], so two of them and a carry fit a `u64`, and 256 products of
//!   two fit a `u128`.
//! - `NUMBER-2` The first and the last limb are not zero; zero itself has no limbs, place 0 and no sign. Each
//!   value therefore has one form, and `1e10000` takes one limb, not 556.
//! - `NUMBER-3` The decimal point stands between two limbs, so numbers line up by moving whole limbs.
//! - `NUMBER-4` Reading is linear in the text, and writing is linear in what is written.
//!
//! **Left out**: rounding and precision, which a production decimal has and an exact sum does not need.

use std::iter;

/// Decimal digits in a limb: the most for which two limbs and a carry still fit an `i64`.
pub(super) const LIMB_DIGITS: usize = 18;

/// One more than the largest limb.
pub(super) const LIMB_BASE: u64 = 10_u64.pow(18);

/// The largest exponent accepted, either way; the wire's contract names it.
///
/// Twelve bytes of message may thus ask for twenty kilobytes of reply, but not for a gigabyte.
pub const MAX_EXPONENT: usize = 10_000;

/// Why a piece of text is not taken as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// The text does not have the form of a number.
    Malformed,
    /// The form is right, but the exponent is beyond [`MAX_EXPONENT`].
    Exponent,
}

/// An exact decimal number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decimal {
    /// Whether it is below zero; never set on zero (`NUMBER-2`).
    pub(super) negative: bool,
    /// The groups of digits, lowest first (`NUMBER-1`).
    pub(super) limbs: Vec<u64>,
    /// How many limbs above the decimal point the lowest limb stands.
    pub(super) place: isize,
}

impl Decimal {
    /// Reads a number: an optional sign, digits with an optional point among them, an optional exponent.
    ///
    /// # Errors
    /// [`NumberError`], when the text is anything else.
    ///
    /// # Examples
    /// ```
    /// use handloom::calc::protocol::Decimal;
    /// let mut text = Vec::new();
    /// Decimal::parse(b"-12.50e1").unwrap().write_to(&mut text);
    /// assert_eq!(text, b"-125");
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self, NumberError> {
        let (negative, text) = take_sign(text);
        let (whole, text) = take_digits(text);
        let (fraction, text) = match text {
            [b'.', rest @ ..] => take_digits(rest),
            _ => (&[][..], text),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(NumberError::Malformed);
        }
        // What stands here is the end, an exponent, or not part of a number.
        let exponent = match text {
            [] => 0,
            [b'e' | b'E', rest @ ..] => parse_exponent(rest)?,
            _ => return Err(NumberError::Malformed),
        };
        let (limbs, place) = pack(whole, fraction, exponent);
        Ok(Self::from_parts(negative, limbs, place))
    }

    /// Makes the number of these parts, which need not be in lowest form yet, bringing them to the one form of `NUMBER-2`.
    pub(super) fn from_parts(negative: bool, mut limbs: Vec<u64>, mut place: isize) -> Self {
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        // Low zero limbs go all at once: removed one by one, each would move all the others.
        let zeros = limbs.iter().take_while(|&&limb| limb == 0).count();
        if zeros > 0 {
            limbs.drain(..zeros);
            place += zeros.cast_signed();
        }
        if limbs.is_empty() {
            return Self::default();
        }
        Self { negative, limbs, place }
    }

    /// Returns the place just above the highest limb.
    pub(super) fn top(&self) -> isize {
        self.place + self.limbs.len().cast_signed()
    }

    /// Returns the limb at a place; zero where the number has none.
    pub(super) fn limb_at(&self, place: isize) -> u64 {
        usize::try_from(place - self.place)
            .ok()
            .and_then(|index| self.limbs.get(index))
            .copied()
            .unwrap_or(0)
    }

    /// Appends the number in lowest form: no exponent, no needless zero, no `-0`.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        // From the highest place that shows to the lowest. At least the units are written, also for a number that is all fraction.
        let highest = (self.top() - 1).max(0);
        let lowest = self.place.min(0);
        out.reserve((highest - lowest + 1).unsigned_abs() * LIMB_DIGITS + 2);
        if self.negative {
            out.push(b'-');
        }
        let digits = digits_of(self.limb_at(highest));
        let zeros = digits.iter().take_while(|&&digit| digit == b'0').count();
        out.extend_from_slice(&digits[zeros.min(LIMB_DIGITS - 1)..]);
        // Every further limb keeps its zeros. Between the number and the point there may be places without one:
        // `limb_at` fills them, as in `1e20` and `1e-20`.
        for place in (lowest..highest).rev() {
            if place == -1 {
                out.push(b'.');
            }
            out.extend_from_slice(&digits_of(self.limb_at(place)));
        }
        if lowest < 0 {
            // The lowest limb is not zero (`NUMBER-2`), so this ends within it.
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
    }
}

/// Takes a sign, if there is one, and tells whether it is a minus.
fn take_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

/// Splits the digits off the front of the text; ASCII only, other scripts' digits stay behind.
fn take_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let count = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(count)
}

/// Reads what follows the `e`.
fn parse_exponent(text: &[u8]) -> Result<isize, NumberError> {
    let (negative, text) = take_sign(text);
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return Err(NumberError::Malformed);
    }
    // Saturating: an exponent of a thousand digits is as wrong as one of five, and must not wrap into range.
    let size = text.iter().fold(0_usize, |size, &digit| {
        size.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
    });
    if size > MAX_EXPONENT {
        return Err(NumberError::Exponent);
    }
    Ok(if negative { -size.cast_signed() } else { size.cast_signed() })
}

/// Groups the digits into limbs that line up with the decimal point (`NUMBER-3`); lowest first, with its place.
///
/// The exponent moves the point, not the digits: whether the first limb takes one digit or all of its digits
/// follows from the power of the first digit, and from there on every limb is full.
fn pack(whole: &[u8], fraction: &[u8], exponent: isize) -> (Vec<u64>, isize) {
    let width = LIMB_DIGITS.cast_signed();
    let count = whole.len() + fraction.len();
    // The power of ten just above the first digit, and the one of the last digit.
    let above = whole.len().cast_signed() + exponent;
    let lowest = above - count.cast_signed();
    let mut limbs = Vec::with_capacity(count / LIMB_DIGITS + 2);
    // Digits still missing in the limb that is being filled: the first limb may be a short one.
    let mut missing = (above - 1).rem_euclid(width) + 1;
    let mut limb = 0;
    for part in [whole, fraction] {
        let mut part = part;
        while !part.is_empty() {
            let (now, later) = part.split_at(part.len().min(missing.unsigned_abs()));
            limb = now.iter().fold(limb, |limb, &digit| limb * 10 + u64::from(digit - b'0'));
            missing -= now.len().cast_signed();
            if missing == 0 {
                limbs.push(limb);
                (limb, missing) = (0, width);
            }
            part = later;
        }
    }
    if missing < width {
        // The last limb ends in zeros that nobody wrote.
        limbs.push(
            iter::repeat_n(10, missing.unsigned_abs()).fold(limb, |limb, ten: u64| limb * ten),
        );
    }
    limbs.reverse();
    (limbs, lowest.div_euclid(width))
}

/// Returns the digits of a limb, with leading zeros.
///
/// Filled from the end, since a division by ten yields the last digit first.
fn digits_of(mut limb: u64) -> [u8; LIMB_DIGITS] {
    let mut digits = [b'0'; LIMB_DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit += (limb % 10) as u8;
        limb /= 10;
    }
    digits
}
