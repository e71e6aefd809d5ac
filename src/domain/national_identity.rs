//! The numbers that name people and organisations in Norway, and their check digits.
//!
//! Source for national identity numbers: Skatteetaten, "Nytt fødselsnummer fra 2032"
//! (<https://skatteetaten.github.io/folkeregisteret-api-dokumentasjon/nytt-fodselsnummer-fra-2032/>),
//! which gives the weights of both check digits and the rule for numbers issued from 2032 on. The
//! arithmetic is owned here because the crate that offers it panics on some valid numbers.

use time::Date;

/// Weights of the nine digits under the first check digit, and of that digit itself.
const FIRST_CHECK_WEIGHTS: [u32; 10] = [3, 7, 6, 1, 8, 9, 4, 5, 2, 1];
/// Weights of the ten digits under the second check digit, and of that digit itself.
const SECOND_CHECK_WEIGHTS: [u32; 11] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1];
/// Weights of the eight digits of an organisation number and of its check digit.
const ORGANISATION_WEIGHTS: [u32; 9] = [3, 2, 7, 6, 5, 4, 3, 2, 1];

/// The remainders that the first check digit may leave. Numbers issued before 2032 leave 0, later
/// ones 0 to 3, and the digits do not tell when a number was issued: so both are read side by side,
/// as Skatteetaten asks of every system. A single wrong digit and two swapped neighbours are still
/// always found, because the second check digit finds them alone and its rule stays as it is.
const FIRST_CHECK_REMAINDERS: std::ops::RangeInclusive<u32> = 0..=3;

/// What a D-number adds to the day.
const D_NUMBER_DAY: u32 = 40;
/// What the synthetic series add to the month: NAV's own test people (and the health service's
/// auxiliary numbers), the second series of the population register, and Tenor.
const SYNTHETIC_MONTHS: [u32; 3] = [40, 65, TENOR_MONTH];
const TENOR_MONTH: u32 = 80;

/// The dates of birth that synthetic people are spread over: 28 days, 12 months, 1960 to 1999.
const SYNTHETIC_DATES: u32 = 28 * 12 * 40;
/// How far two consecutive synthetic people's dates lie apart: a prime that does not divide
/// `SYNTHETIC_DATES`, so that every date is met before one comes again.
const SYNTHETIC_STEP: u32 = 5003;
/// The individual numbers 000 to 499 belong to people born in the twentieth century.
const SYNTHETIC_INDIVIDUALS: u32 = 500;

/// Why a text is no national identity number. Never says which text it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityNumberError {
    /// The text is not eleven digits.
    #[error("a national identity number has exactly 11 digits, without spaces or other signs")]
    NotElevenDigits,
    /// The first six digits are the day, month and year of no calendar.
    #[error("the first six digits of the national identity number are no date of birth")]
    ImpossibleDate,
    /// One digit or more was mistyped.
    #[error("the check digits of the national identity number do not fit the rest of it")]
    WrongCheckDigits,
}

/// A valid national identity number: fødselsnummer, D-number, or one of a synthetic series.
///
/// It has no `Debug`, `Display`, `Clone` or serialization, so that it cannot reach a log, an
/// error or an answer by accident; who needs the digits says so with [`expose`](Self::expose).
/// The digits live in one place in memory, whatever happens to the value, and are overwritten
/// when it is dropped.
pub struct NationalIdentityNumber {
    digits: String,
}

impl NationalIdentityNumber {
    /// Reads a number and checks its date of birth and both check digits.
    pub fn parse(text: &str) -> Result<Self, IdentityNumberError> {
        let digits = text.as_bytes();
        if digits.len() != 11 || !digits.iter().all(u8::is_ascii_digit) {
            return Err(IdentityNumberError::NotElevenDigits);
        }
        if !is_date_of_birth(number(&digits[..2]), number(&digits[2..4]), number(&digits[4..6])) {
            return Err(IdentityNumberError::ImpossibleDate);
        }
        let first = remainder(&digits[..10], &FIRST_CHECK_WEIGHTS);
        let second = remainder(digits, &SECOND_CHECK_WEIGHTS);
        if !FIRST_CHECK_REMAINDERS.contains(&first) || second != 0 {
            return Err(IdentityNumberError::WrongCheckDigits);
        }
        Ok(Self { digits: text.to_owned() })
    }

    /// The eleven digits. Every use of this is a place where a person can be named.
    pub fn expose(&self) -> &str {
        &self.digits
    }

    /// Whether the number belongs to a series that is given to no real person (an auxiliary number
    /// of the health service looks the same as one of them).
    pub fn is_synthetic(&self) -> bool {
        number(&self.digits.as_bytes()[2..4]) > SYNTHETIC_MONTHS[0]
    }

    /// The age on a day, in whole years. No digit tells the century from 2032 on, so the latest
    /// date of birth is meant that is not after the day: whoever is 100 counts as newly born.
    pub fn age_on(&self, day: Date) -> u32 {
        let digits = self.digits.as_bytes();
        let born = day_and_month(number(&digits[..2]), number(&digits[2..4]));
        let is = (u32::from(day.day()), u32::from(u8::from(day.month())));
        let before_birthday = (is.1, is.0) < (born.1, born.0);
        let years = u32::try_from(day.year()).unwrap_or(0) % 100 + 100 - number(&digits[4..6]);
        match years % 100 {
            0 if before_birthday => 99,
            years => years - u32::from(before_birthday),
        }
    }

    /// The n-th synthetic person's number, of Tenor's series: for demonstrations and tests. Numbers
    /// of different n below 4,000,000 are different; the same n always gives the same number.
    pub fn synthetic(n: u32) -> Self {
        let date = (n % SYNTHETIC_DATES) * SYNTHETIC_STEP % SYNTHETIC_DATES;
        let (day, month, year) = (date % 28 + 1, date / 28 % 12 + 1, date / (28 * 12) + 60);
        let mut to_skip = n / SYNTHETIC_DATES % 300;
        let mut individual = 0;
        loop {
            // About one individual number in six has no check digits and is issued to nobody.
            let stem = format!("{day:02}{:02}{year:02}{individual:03}", month + TENOR_MONTH);
            match with_check_digits(stem) {
                Some(digits) if to_skip == 0 => return Self { digits },
                Some(_) => to_skip -= 1,
                None => {}
            }
            individual = (individual + 1) % SYNTHETIC_INDIVIDUALS;
        }
    }
}

impl Drop for NationalIdentityNumber {
    /// Overwrites the digits. `black_box` keeps the compiler from leaving out a write that nobody
    /// reads; the domain uses the standard library alone, so this is as far as it can promise.
    fn drop(&mut self) {
        let mut digits = std::mem::take(&mut self.digits).into_bytes();
        digits.fill(0);
        std::hint::black_box(&mut digits);
    }
}

/// Whether a text is an organisation number: nine digits, the first 8 or 9, and a fitting check
/// digit. Test systems have fictional organisations that begin with 1 to 7; those count only where
/// the caller allows them.
pub fn organisation_number_is_valid(text: &str, fictional_allowed: bool) -> bool {
    let digits = text.as_bytes();
    digits.len() == ORGANISATION_WEIGHTS.len()
        && digits.iter().all(u8::is_ascii_digit)
        && match digits[0] {
            b'8' | b'9' => true,
            b'1'..=b'7' => fictional_allowed,
            _ => false,
        }
        && remainder(digits, &ORGANISATION_WEIGHTS) == 0
}

/// Whether the six first digits are a date, after what D-numbers and synthetic series add is taken
/// off. The century is not known (from 2032 on no digit tells it), so every fourth year has a
/// 29 February, 2000 among them.
fn is_date_of_birth(day: u32, month: u32, year: u32) -> bool {
    let (day, month) = day_and_month(day, month);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Day and month without what D-numbers and synthetic series add.
fn day_and_month(day: u32, month: u32) -> (u32, u32) {
    let day = if day > D_NUMBER_DAY { day - D_NUMBER_DAY } else { day };
    let month = SYNTHETIC_MONTHS
        .iter()
        .filter_map(|added| month.checked_sub(*added))
        .find(|month| (1..=12).contains(month))
        .unwrap_or(month);
    (day, month)
}

/// The number with both check digits after its nine first digits, by the rule that holds before and
/// after 2032; none where a check digit would have to be 10.
fn with_check_digits(mut stem: String) -> Option<String> {
    for weights in [&FIRST_CHECK_WEIGHTS[..9], &SECOND_CHECK_WEIGHTS[..10]] {
        let check = (11 - remainder(stem.as_bytes(), weights)) % 11;
        stem.push(char::from_digit(check, 10)?);
    }
    Some(stem)
}

/// The weighted sum of the digits modulo 11.
fn remainder(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum::<u32>()
        % 11
}

/// The value of a few digits.
fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<NationalIdentityNumber, IdentityNumberError> {
        NationalIdentityNumber::parse(text)
    }

    /// Both check digits, in the form in which Skatteetaten writes the rule: the first is one of
    /// {11, 12, 13, 14} less the sum modulo 11, the second is 11 less the sum modulo 11.
    fn fits(digits: &str) -> bool {
        let d: Vec<u32> = digits.chars().filter_map(|c| c.to_digit(10)).collect();
        let sum = |weights: &[u32]| weights.iter().zip(&d).map(|(w, d)| w * d).sum::<u32>() % 11;
        let first = sum(&[3, 7, 6, 1, 8, 9, 4, 5, 2]);
        let second = sum(&[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
        (11..=14).any(|k| (k - first) % 11 == d[9]) && (11 - second) % 11 == d[10]
    }

    #[test]
    fn age_counts_from_the_latest_date_of_birth() {
        use time::macros::date;
        // Born on 13 September (19)72, and as a D-number of the same date.
        let number =
            |stem: &str| (0..500).find_map(|n| with_check_digits(format!("{stem}{n:03}"))).unwrap();
        let cases = [
            ("130972", date!(2026 - 09 - 12), 53),
            ("130972", date!(2026 - 09 - 13), 54),
            ("530972", date!(2026 - 09 - 13), 54),
            ("138972", date!(2026 - 09 - 13), 54),
            ("130908", date!(2026 - 09 - 12), 17),
            ("130908", date!(2026 - 09 - 13), 18),
            ("130926", date!(2026 - 09 - 12), 99),
            ("130926", date!(2026 - 09 - 13), 0),
            ("290208", date!(2026 - 02 - 28), 17),
            ("290208", date!(2026 - 03 - 01), 18),
            ("010199", date!(2100 - 01 - 01), 1),
        ];
        for (stem, day, age) in cases {
            assert_eq!(parse(&number(stem)).unwrap().age_on(day), age, "{stem} on {day}");
        }
    }

    #[test]
    fn known_numbers_are_valid_and_mistakes_have_names() {
        let valid = [
            ("13097248022", false), // fødselsnummer
            ("29029648784", false), // leap day
            ("29020075838", false), // leap day of 2000
            ("15021951940", false), // a check digit computed as 11
            ("53097248016", false), // D-number
            ("13527248013", true),  // month + 40
            ("10915596784", true),  // month + 80
            ("68467038838", true),  // D-number, month + 40
            ("50846202355", true),  // D-number, month + 80
            ("02013299997", false), // Skatteetaten's examples of the rule from 2032 on
            ("30108299920", false),
            ("30108299939", false),
            ("70108299914", false),
        ];
        for (text, synthetic) in valid {
            let number = parse(text).expect(text);
            assert_eq!((number.expose(), number.is_synthetic()), (text, synthetic));
        }
        let invalid = [
            ("", IdentityNumberError::NotElevenDigits),
            ("1309724802", IdentityNumberError::NotElevenDigits),
            ("130972480222", IdentityNumberError::NotElevenDigits),
            ("130972 48022", IdentityNumberError::NotElevenDigits),
            ("1309724802٢", IdentityNumberError::NotElevenDigits),
            ("00000000000", IdentityNumberError::ImpossibleDate),
            ("32127248022", IdentityNumberError::ImpossibleDate),
            ("13137248022", IdentityNumberError::ImpossibleDate),
            ("40097248022", IdentityNumberError::ImpossibleDate),
            ("72097248022", IdentityNumberError::ImpossibleDate),
            ("29020112345", IdentityNumberError::ImpossibleDate),
            ("31047248022", IdentityNumberError::ImpossibleDate),
            ("13097248032", IdentityNumberError::WrongCheckDigits),
            ("13097248023", IdentityNumberError::WrongCheckDigits),
            ("02013299987", IdentityNumberError::WrongCheckDigits),
        ];
        for (text, reason) in invalid {
            let refused = parse(text).err().expect(text);
            assert_eq!(refused, reason, "{text}");
            assert!(text.is_empty() || !refused.to_string().contains(text));
        }
    }

    #[test]
    fn synthetic_numbers_are_valid_distinct_and_repeatable() {
        let mut seen = HashSet::new();
        for n in (0..50_000).chain(3_990_000..4_000_000) {
            let number = NationalIdentityNumber::synthetic(n);
            let read = parse(number.expose()).expect("a synthetic number is valid");
            assert!(read.is_synthetic());
            assert!(seen.insert(read.expose().to_owned()), "number {n} came before");
        }
        let again = NationalIdentityNumber::synthetic(17);
        assert_eq!(again.expose(), NationalIdentityNumber::synthetic(17).expose());
        assert_eq!(NationalIdentityNumber::synthetic(u32::MAX).expose().len(), 11);
    }

    #[test]
    fn organisation_numbers_have_a_check_digit_and_a_first_digit() {
        for real in ["889640782", "974760673", "974761076"] {
            assert!(organisation_number_is_valid(real, false), "{real}");
            for wrong in 0..10 {
                let changed = format!("{}{wrong}", &real[..8]);
                assert_eq!(organisation_number_is_valid(&changed, true), changed == real);
            }
        }
        let fictional = "123456785";
        assert!(organisation_number_is_valid(fictional, true));
        assert!(!organisation_number_is_valid(fictional, false));
        for text in ["", "000000000", "97476067", "9747606731", "97476067x", "974 760 673"] {
            assert!(!organisation_number_is_valid(text, true), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,16}", digits in "[0-9]{11}") {
            prop_assert!(parse(&text).is_err() || text.len() == 11);
            prop_assert!(parse(&digits).is_err() || fits(&digits));
        }

        #[test]
        fn check_digits_are_those_of_the_source(
            (day, month, year) in (1..=28_u32, 1..=12_u32, 0..100_u32),
            (added_day, added_month) in (0..2_u32, 0..4_usize), individual in 0..1000_u32,
        ) {
            let month = month + [0, 40, 65, 80][added_month];
            let stem = format!("{:02}{month:02}{year:02}{individual:03}", day + 40 * added_day);
            for check in 0..100 {
                let digits = format!("{stem}{check:02}");
                prop_assert_eq!(parse(&digits).is_ok(), fits(&digits), "{}", digits);
            }
        }

        #[test]
        fn one_wrong_digit_or_a_swap_is_always_found(
            n in 0_u32..4_000_000, at in 0_usize..11, other in b'0'..=b'9',
        ) {
            let number = NationalIdentityNumber::synthetic(n);
            let mut digits = number.expose().as_bytes().to_vec();
            let original = digits[at];
            digits[at] = other;
            let text = String::from_utf8(digits.clone()).expect("digits");
            prop_assert_eq!(parse(&text).is_ok(), other == original);
            digits[at] = original;
            let next = (at + 1) % 11;
            digits.swap(at, next);
            let swapped = String::from_utf8(digits).expect("digits");
            // Only neighbours are promised: the last and the first digit weigh 1 and 5.
            prop_assert!(next == 0 || parse(&swapped).is_ok() == (swapped == number.expose()));
        }
    }
}
