//! What a client does with an answer and its certificate, written from the comments of the proto
//! alone: one pass over the areas, in whole numbers.

use std::cmp::Ordering;

use serde_json::{Value, json};
use tiltaksplass::domain::apportionment::{Area, Method};

/// A question as the port is asked it.
pub(super) struct Question<'a> {
    pub(super) method: Method,
    pub(super) seats: u64,
    pub(super) areas: &'a [Area],
}

impl Question<'_> {
    /// In `ProtoJSON`, the areas named so that their order is that of their names.
    pub(super) fn to_json(&self, name: impl Fn(usize) -> String) -> Value {
        let area = |(index, area): (usize, &Area)| {
            let mut json = json!({
                "areaId": name(index), "weight": area.weight, "minSeats": area.min_seats,
            });
            if let Some(most) = area.max_seats {
                json["maxSeats"] = json!(most);
            }
            json
        };
        let areas: Vec<Value> = self.areas.iter().enumerate().map(area).collect();
        json!({ "method": wire_name(self.method), "seats": self.seats, "areas": areas })
    }

    /// Whether the answer is right, and if not why.
    pub(super) fn check(&self, answer: &Value) -> Result<(), String> {
        let seats = seats_of(answer);
        let certificate = &answer["certificate"];
        let weight: u64 = self.areas.iter().map(|area| area.weight).sum();
        ensure(number(&certificate["totalWeight"]) == weight, "the sum of weights")?;
        ensure(seats.len() == self.areas.len(), "an answer for each area")?;
        ensure(seats.iter().sum::<u64>() == self.seats, "the sum of seats")?;
        for (area, &held) in self.areas.iter().zip(&seats) {
            let most = if area.weight == 0 { Some(area.min_seats) } else { area.max_seats };
            let is_within = held >= area.min_seats && most.is_none_or(|most| held <= most);
            ensure(is_within, "the bounds")?;
        }
        if self.method == Method::LargestRemainder {
            self.check_remainders(&seats, certificate)
        } else if self.method == Method::Quota {
            self.check_quotas(&seats, certificate).map(|_| ())
        } else if certificate["divisor"].is_object() {
            self.check_divisors(&seats, &certificate["divisor"])
        } else {
            self.check_first_seats(&seats)
        }
    }

    fn check_divisors(&self, seats: &[u64], divisor: &Value) -> Result<(), String> {
        let squared = divisor["squared"] == true;
        ensure(squared == (self.method == Method::HuntingtonHill), "the square")?;
        let lower = fraction(&divisor["lower"]);
        let upper = divisor["upper"].is_object().then(|| fraction(&divisor["upper"]));
        ensure(upper.is_none_or(|upper| compare(lower, upper).is_le()), "the ends")?;
        for (area, &held) in self.areas.iter().zip(seats) {
            let weight = u128::from(area.weight);
            let value = if squared { weight * weight } else { weight };
            if held > area.min_seats {
                let (top, bottom) = point(self.method, held - 1);
                let is_met = top == 0
                    || upper.is_some_and(|upper| compare((value * bottom, top), upper).is_ge());
                ensure(is_met, "the upper end")?;
            }
            if area.weight > 0 && area.max_seats.is_none_or(|most| held < most) {
                let (top, bottom) = point(self.method, held);
                let is_unmet = top > 0 && compare((value * bottom, top), lower).is_le();
                ensure(is_unmet, "the lower end")?;
            }
        }
        Ok(())
    }

    /// Fewer seats than areas that are owed one.
    fn check_first_seats(&self, seats: &[u64]) -> Result<(), String> {
        ensure(point(self.method, 0).0 == 0, "a divisor")?;
        let areas = || self.areas.iter().zip(seats);
        let has_room = |area: &Area| area.max_seats.is_none_or(|most| most > 0);
        let without = areas().filter(|(area, held)| **held == 0 && has_room(area));
        let heaviest = without.map(|(area, _)| area.weight).max().unwrap_or(0);
        ensure(heaviest > 0, "a divisor")?;
        let mut served = areas().filter(|(area, held)| **held > area.min_seats);
        let is_first = |(area, held): (&Area, &u64)| *held == 1 && area.weight >= heaviest;
        ensure(served.all(is_first), "the first seats")
    }

    fn check_remainders(&self, seats: &[u64], certificate: &Value) -> Result<(), String> {
        let (down, up) = self.check_quotas(seats, certificate)?;
        ensure(down <= up, "the remainders")
    }

    /// All that can be said of the quota method in one pass. Gives the greatest remainder that was
    /// rounded down and the least that was rounded up.
    fn check_quotas(&self, seats: &[u64], certificate: &Value) -> Result<(u128, u128), String> {
        let (top, bottom) = fraction(&certificate["multiplier"]);
        let (mut sum, mut up, mut down) = (0, bottom, 0);
        for (area, &held) in self.areas.iter().zip(seats) {
            let least = u128::from(area.min_seats) * bottom;
            let most = match (area.weight, area.max_seats) {
                (0, _) => least,
                (_, Some(most)) => u128::from(most) * bottom,
                (_, None) => u128::MAX,
            };
            let bounded = (u128::from(area.weight) * top).max(least).min(most);
            sum += bounded;
            let (whole, rest) = (bounded / bottom, bounded % bottom);
            match u128::from(held).checked_sub(whole) {
                Some(0) => down = down.max(rest),
                Some(1) if rest > 0 => up = up.min(rest),
                _ => return Err("the bounded quotas".to_owned()),
            }
        }
        ensure(sum == u128::from(self.seats) * bottom, "the multiplier")?;
        Ok((down, up))
    }
}

/// The seats of an answer in `ProtoJSON`.
pub(super) fn seats_of(answer: &Value) -> Vec<u64> {
    let areas = answer["areas"].as_array().map(Vec::as_slice).unwrap_or_default();
    areas.iter().map(|area| number(&area["seats"])).collect()
}

/// Whose claims were equal.
pub(super) fn tied(answer: &Value) -> Vec<Vec<String>> {
    let ties = answer["ties"].as_array().map(Vec::as_slice).unwrap_or_default();
    ties.iter().map(|tie| serde_json::from_value(tie["areaIds"].clone()).unwrap()).collect()
}

/// A number of 64 bits; one that is 0 may be left out.
pub(super) fn number(value: &Value) -> u64 {
    value.as_str().map_or(0, |text| text.parse().unwrap())
}

fn wire_name(method: Method) -> &'static str {
    match method {
        Method::SainteLague => "APPORTIONMENT_METHOD_SAINTE_LAGUE",
        Method::ModifiedSainteLague => "APPORTIONMENT_METHOD_MODIFIED_SAINTE_LAGUE",
        Method::DHondt => "APPORTIONMENT_METHOD_DHONDT",
        Method::Adams => "APPORTIONMENT_METHOD_ADAMS",
        Method::HuntingtonHill => "APPORTIONMENT_METHOD_HUNTINGTON_HILL",
        Method::Dean => "APPORTIONMENT_METHOD_DEAN",
        Method::LargestRemainder => "APPORTIONMENT_METHOD_LARGEST_REMAINDER",
        Method::Quota => "APPORTIONMENT_METHOD_QUOTA",
    }
}

/// d(a) as the proto has it, squared for Huntington-Hill.
fn point(method: Method, seats: u64) -> (u128, u128) {
    let a = u128::from(seats);
    match method {
        Method::ModifiedSainteLague if a == 0 => (7, 10),
        Method::SainteLague | Method::ModifiedSainteLague => (2 * a + 1, 2),
        Method::DHondt => (a + 1, 1),
        Method::Adams => (a, 1),
        Method::HuntingtonHill => (a * (a + 1), 1),
        Method::Dean => (2 * a * (a + 1), 2 * a + 1),
        Method::LargestRemainder | Method::Quota => panic!("not a divisor method"),
    }
}

fn fraction(value: &Value) -> (u128, u128) {
    let part = |name: &str| value[name].as_str().unwrap().parse().unwrap();
    (part("numerator"), part("denominator"))
}

fn compare(one: (u128, u128), other: (u128, u128)) -> Ordering {
    (one.0 * other.1).cmp(&(other.0 * one.1))
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}
