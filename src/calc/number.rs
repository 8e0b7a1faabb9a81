//! An exact decimal number of any size: read from text, added, multiplied, written to text.
//!
//! Binary floating point cannot hold 0.1: a server that adds `f64` answers `0.30000000000000004`. A big binary
//! integer is exact, but its conversion from decimal and back takes quadratic time. So digits stay decimal:
//!
//! - *small*: a machine word and a scale. `-12.5` is -125 with scale 1. Nearly every number is of this form.
//! - *large*: limbs of [`LIMB_DIGITS`] digits, the lowest first. The decimal point stands between two limbs, so
//!   numbers line up by whole limbs, and limbs of the same place are added with a carry (here of three digits):
//!
//! ```text
//!   place         1    0  .  -1
//!   1999.5        1  999  . 500
//!   0.75               0  . 750
//!   carry         1    1
//!   2000.25       2  000  . 250
//! ```
//!
//! Reading, adding and writing are linear. A product is quadratic, and its caller limits the factors.
//!
//! **Invariants**
//! - `NUMBER-1` What is written is in lowest form: no exponent, no zero that could be left out, no `-0`.
//!
//! **Source**: Python's `decimal` for the grammar; Knuth, volume 2, section 4.3.1, for the product.

/// Decimal digits in a limb: the most for which two limbs and a carry fit an `i64`.
const LIMB_DIGITS: usize = 18;

/// One more than the largest limb.
const LIMB_BASE: i64 = 10_i64.pow(18);

/// The largest exponent accepted, either way: twelve bytes of message cannot ask for a gigabyte of reply.
pub const MAX_EXPONENT: usize = 10_000;

/// A sum of products of two limbs is reduced by this, a multiple of [`LIMB_BASE`], before it exceeds an `i128`.
const REDUCE_BY: i128 = 10_i128.pow(37);

/// The two digits of each number below a hundred.
const PAIRS: &[u8; 200] = b"00010203040506070809101112131415161718192021222324\
    25262728293031323334353637383940414243444546474849\
    50515253545556575859606162636465666768697071727374\
    75767778798081828384858687888990919293949596979899";

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
/// let mut text = Vec::new();
/// Decimal::parse(b"0.1")?.plus(Decimal::parse(b"20e-2")?).write_to(&mut text);
/// assert_eq!(text, b"0.3");
/// # Ok::<(), handloom::calc::NumberError>(())
/// ```
#[derive(Debug)]
pub struct Decimal(Form);

/// The two forms of a number.
#[derive(Debug)]
enum Form {
    /// `digits` divided by ten to the power of `scale`.
    Small {
        /// All digits, with the sign.
        digits: i64,
        /// How many of the digits stand after the point, at most [`LIMB_DIGITS`].
        scale: usize,
    },
    /// Limbs, for a number that has more digits, or an exponent.
    Large(Box<Large>),
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
    /// The text is anything else.
    pub fn parse(text: &[u8]) -> Result<Self, NumberError> {
        match Self::parse_front(text)? {
            (number, []) => Ok(number),
            _ => Err(NumberError::Malformed),
        }
    }

    /// Reads the number at the front of a text; returns it with what follows it, which may be anything.
    ///
    /// # Errors
    /// As [`Decimal::parse`].
    #[inline]
    pub fn parse_front(text: &[u8]) -> Result<(Self, &[u8]), NumberError> {
        let mut digits = 0;
        let (negative, rest) = parse_sign(text);
        let (whole, rest) = parse_digits(rest, &mut digits);
        if whole.is_empty() || whole.len() > LIMB_DIGITS || matches!(rest, [b'.' | b'e' | b'E', ..])
        {
            return Self::parse_further(negative, whole, digits, rest);
        }
        let digits = if negative { -digits } else { digits };
        Ok((Self(Form::Small { digits, scale: 0 }), rest))
    }

    /// Goes on after the whole digits. Apart from `parse_front`, which stays small enough to be inlined.
    #[inline(never)]
    fn parse_further<'a>(
        negative: bool,
        whole: &[u8],
        mut digits: i64,
        mut rest: &'a [u8],
    ) -> Result<(Self, &'a [u8]), NumberError> {
        let mut fraction = &[][..];
        if let [b'.', tail @ ..] = rest {
            (fraction, rest) = parse_digits(tail, &mut digits);
        }
        let count = whole.len() + fraction.len();
        if count == 0 {
            return Err(NumberError::Malformed);
        }
        let (exponent, rest) = parse_exponent(rest)?;
        if count > LIMB_DIGITS || exponent != 0 {
            let large = Large::pack(negative, whole, fraction, exponent);
            return Ok((Self(Form::Large(Box::new(large))), rest));
        }
        let digits = if negative { -digits } else { digits };
        Ok((Self(Form::Small { digits, scale: fraction.len() }), rest))
    }

    /// Returns the sum.
    #[must_use]
    #[inline]
    pub fn plus(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Form::Small { digits: a, scale }, Form::Small { digits: b, scale: b_scale })
                if scale == b_scale
                    && let Some(digits) = a.checked_add(b) =>
            {
                Self(Form::Small { digits, scale })
            }
            (a, b) => Self::with_limbs(a, b, Large::plus),
        }
    }

    /// Returns the product.
    #[must_use]
    #[inline]
    pub fn times(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Form::Small { digits: a, scale }, Form::Small { digits: b, scale: b_scale })
                if scale + b_scale <= LIMB_DIGITS
                    && let Some(digits) = a.checked_mul(b) =>
            {
                Self(Form::Small { digits, scale: scale + b_scale })
            }
            (a, b) => Self::with_limbs(a, b, Large::times),
        }
    }

    /// Computes with limbs. Never inlined: the registers that it needs would cost every small number time.
    #[inline(never)]
    fn with_limbs(a: Form, b: Form, compute: fn(&Large, &Large) -> Large) -> Self {
        Self(Form::Large(Box::new(compute(&a.into_large(), &b.into_large()))))
    }

    /// Appends the number in lowest form (`NUMBER-1`).
    #[inline]
    pub fn write_to(self, out: &mut Vec<u8>) {
        match self.0 {
            Form::Small { digits, scale: 0 } => write_integer(digits, out),
            form => form.into_large().write_to(out),
        }
    }
}

impl Form {
    /// Returns the number as limbs.
    fn into_large(self) -> Large {
        match self {
            Self::Large(large) => *large,
            Self::Small { digits, scale } => {
                // The lowest limb holds what stands after the point.
                let (unit, base) = (power_of_ten(scale).cast_unsigned(), LIMB_BASE.cast_unsigned());
                let size = digits.unsigned_abs();
                let limbs = [size % unit * (base / unit), size / unit % base, size / unit / base];
                Large::new(digits < 0, limbs.map(u64::cast_signed).into(), -1)
            }
        }
    }
}

impl Large {
    /// Makes a number of its parts; the highest limbs may be zero.
    fn new(negative: bool, mut limbs: Vec<i64>, place: isize) -> Self {
        while limbs.pop_if(|limb| *limb == 0).is_some() {}
        let is_zero = limbs.is_empty();
        Self { negative: negative && !is_zero, limbs, place: if is_zero { 0 } else { place } }
    }

    /// Groups digits into limbs that line up with the decimal point. The exponent moves the point.
    fn pack(negative: bool, whole: &[u8], fraction: &[u8], exponent: isize) -> Self {
        let width = LIMB_DIGITS.cast_signed();
        // The power of ten of the last digit.
        let lowest = exponent - fraction.len().cast_signed();
        let mut unit = power_of_ten(lowest.rem_euclid(width).unsigned_abs());
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
            let sum = self.limb_at(place) + sign * other.limb_at(place) + carry;
            limbs.push(split(sum, &mut carry));
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

    /// Returns the product. Column `k` sums all `self[i] * other[k - i]`: its lowest limb stays, the rest is carried.
    fn times(&self, other: &Self) -> Self {
        let (a, b) = (&self.limbs, &other.limbs);
        let base = i128::from(LIMB_BASE);
        let mut limbs = Vec::with_capacity(a.len() + b.len());
        let mut carry = 0;
        for k in 0..a.len() + b.len() {
            // Those `i` for which both `a[i]` and `b[k - i]` exist.
            let first = (k + 1).saturating_sub(b.len());
            let end = a.len().min(k + 1);
            let (mut sum, mut reduced) = (carry, 0);
            for product in (first..end).map(|i| i128::from(a[i]) * i128::from(b[k - i])) {
                sum += product;
                if sum >= REDUCE_BY {
                    (sum, reduced) = (sum - REDUCE_BY, reduced + REDUCE_BY / base);
                }
            }
            limbs.push(i64::try_from(sum % base).expect("holds because it is below LIMB_BASE"));
            carry = sum / base + reduced;
        }
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
            while out.pop_if(|digit| *digit == b'0').is_some() {}
            out.pop_if(|last| *last == b'.');
        }
    }
}

/// Appends an integer.
#[inline]
fn write_integer(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    // A division yields the last digits first, so the text is filled from the end of its first half, by pairs of digits.
    let mut text = [0; 40];
    let mut size = value.unsigned_abs();
    let mut start = 20;
    while size >= 10 && start > 1 {
        let pair = 2 * (size % 100) as usize;
        size /= 100;
        start -= 2;
        text[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if size > 0 || start == 20 {
        start -= 1;
        text[start] = b'0' + size.to_le_bytes()[0];
    }
    // A copy of a fixed length is two instructions, one of as many bytes as needed a call.
    out.extend_from_slice(&text[start..start + 20]);
    out.truncate(out.len() - start);
}

/// Returns ten to the power of an exponent of at most [`LIMB_DIGITS`].
fn power_of_ten(exponent: usize) -> i64 {
    (0..exponent).fold(1, |power, _| power * 10)
}

/// Splits a sum of limbs into the limb that is left in its place and the carry to the next.
fn split(sum: i64, carry: &mut i64) -> i64 {
    *carry = sum.div_euclid(LIMB_BASE);
    sum.rem_euclid(LIMB_BASE)
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
    let mut rest = text;
    while let [byte, tail @ ..] = rest
        && let digit = u64::from(*byte).wrapping_sub(u64::from(b'0'))
        && digit < 10
    {
        *value = value.wrapping_mul(10).wrapping_add(digit.cast_signed());
        rest = tail;
    }
    (&text[..text.len() - rest.len()], rest)
}

/// Reads an exponent, if there is one; returns it, and what follows it.
fn parse_exponent(text: &[u8]) -> Result<(isize, &[u8]), NumberError> {
    let [b'e' | b'E', text @ ..] = text else { return Ok((0, text)) };
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
        let is_word = rest.first().is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b',');
        return Err(if is_word { NumberError::Exponent } else { NumberError::Malformed });
    }
    let size = size.cast_signed();
    Ok((if negative { -size } else { size }, rest))
}
