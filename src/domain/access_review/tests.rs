//! What the rules find, and what they leave alone.

use super::*;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_micros(minutes * 60 * 1_000_000)
}

/// A look by an actor at a person, so many minutes in.
fn look(actor: &str, person: u128, minutes: i64) -> Look {
    Look {
        access_id: Uuid::from_u128(u128::from(minutes.unsigned_abs()) << 32 | person),
        at: at(minutes),
        actor: ("issuer".into(), actor.into()),
        name: String::new(),
        person: Some(PersonId(Uuid::from_u128(person))),
        authority: None,
        says_why: true,
    }
}

fn nothing() -> Known<'static> {
    Known { surname: &|_| None, began: &|_| None }
}

fn found(looks: &[Look], known: Known<'_>, many: usize, rule: Rule) -> (Vec<usize>, usize) {
    let finding = review(looks, known, many).into_iter().find(|one| one.rule == rule).unwrap();
    (finding.found, finding.not_judged)
}

#[test]
fn a_surname_is_the_last_word_whatever_its_case() {
    for (name, surname, same) in [
        ("Kari Nordmann", Some("Nordmann"), Some(true)),
        ("Kari NORDMANN ", Some("nordmann"), Some(true)),
        ("Kari Østby", Some("ØSTBY"), Some(true)),
        ("Kari Nordmann", Some("Ola Nordmann"), Some(true)),
        ("Kari Nordmann", Some("Nordmannsen"), Some(false)),
        ("Nordmann Kari", Some("Nordmann"), Some(false)),
        ("", Some("Nordmann"), None),
        ("Kari Nordmann", None, None),
        ("Kari Nordmann", Some(" "), None),
    ] {
        assert_eq!(same_surname(name, surname), same, "{name} {surname:?}");
    }
    let named = |name: &str, person| Look { name: name.into(), ..look("a", person, 0) };
    let several = Look { person: None, ..named("Kari Nordmann", 1) };
    let looks = [named("Kari Nordmann", 1), named("Kari Nordmann", 2), named("", 1), several];
    let surname = |person: PersonId| (person.0.as_u128() == 1).then(|| "Nordmann".to_owned());
    let known = Known { surname: &surname, ..nothing() };
    assert_eq!(found(&looks, known, 9, Rule::SameSurname), (vec![0], 3));
    assert_eq!(found(&looks, nothing(), 9, Rule::SameSurname), (vec![], 4));
}

#[test]
fn who_says_nothing_of_why_is_found() {
    let silent = Look { says_why: false, ..look("a", 1, 0) };
    let looks = [look("a", 1, 0), silent, look("a", 2, 1)];
    assert_eq!(found(&looks, nothing(), 9, Rule::WithoutACase), (vec![1], 0));
}

#[test]
fn many_are_more_different_people_than_may_be_within_an_hour() {
    // Another's looks, the same person again, and what lies an hour apart do not count.
    let looks =
        [look("a", 1, 0), look("b", 2, 1), look("a", 1, 2), look("a", 3, 59), look("a", 4, 60)];
    assert_eq!(found(&looks, nothing(), 2, Rule::ManyInAnHour), (vec![2, 3, 4], 0));
    assert_eq!(found(&looks, nothing(), 3, Rule::ManyInAnHour), (vec![], 0));
    assert_eq!(found(&looks[..4], nothing(), 2, Rule::ManyInAnHour), (vec![], 0));
    let list = Look { person: None, ..look("a", 9, 60) };
    let with_list = [looks[0].clone(), looks[3].clone(), list];
    assert_eq!(found(&with_list, nothing(), 1, Rule::ManyInAnHour), (vec![0, 1], 1));
}

/// Slow and plain: each hour that ends with a look, by itself.
fn many_plainly(looks: &[Look], many: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for last in looks {
        let within = |other: &&(usize, &Look)| {
            let age = last.at.micros() - other.1.at.micros();
            other.1.actor == last.actor && (0..HOUR_MICROS).contains(&age)
        };
        let all: Vec<(usize, &Look)> = looks.iter().enumerate().collect();
        let hour: Vec<usize> = all.iter().filter(within).map(|(index, _)| *index).collect();
        let people: BTreeSet<_> = hour.iter().filter_map(|index| looks[*index].person).collect();
        if people.len() > many {
            found.extend(hour);
        }
    }
    found
}

#[test]
fn the_moving_hour_finds_what_plain_counting_does() {
    let mut state = 1_u64;
    let mut dice = |sides: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides
    };
    let (mut minutes, mut looks) = (0, Vec::new());
    for _ in 0..400 {
        // No two at once, so that each has the same before it in both.
        minutes += 1 + i64::try_from(dice(12)).unwrap();
        looks.push(look(["a", "b"][usize::from(dice(2) == 0)], u128::from(dice(9)), minutes));
    }
    for many in 1..7 {
        assert_eq!(many_in_an_hour(&looks, many), many_plainly(&looks, many), "{many}");
    }
    assert!(!many_in_an_hour(&looks, 4).is_empty() && many_in_an_hour(&looks, 4).len() < 400);
}

#[test]
fn a_right_is_old_a_year_after_it_began() {
    let (old, unknown) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let year = i64::from(OLD_AFTER_DAYS) * 24 * 60;
    let by = |authority, minutes| Look { authority, ..look("a", 1, minutes) };
    let looks =
        [by(None, year * 9), by(Some(old), year), by(Some(old), year + 1), by(Some(unknown), 1)];
    let began = |id: Uuid| (id == old).then(|| at(0));
    let known = Known { began: &began, ..nothing() };
    assert_eq!(found(&looks, known, 9, Rule::OldRights), (vec![2], 1));
}

#[test]
fn a_sample_is_drawn_again_by_its_seed_alone() {
    let looks: Vec<Look> = (0..200).map(|n| look("a", n, i64::try_from(n).unwrap())).collect();
    let drawn = sample(&looks, "seed", 20);
    assert_eq!((drawn.len(), sample(&looks, "seed", 20)), (20, drawn.clone()));
    assert_ne!(sample(&looks, "another", 20), drawn);
    assert!(drawn.is_sorted());
    assert_eq!(sample(&looks[..5], "seed", 20), [0, 1, 2, 3, 4]);
    // Over many seeds each has its turn: nobody can know to be left out.
    let seen: BTreeSet<usize> =
        (0..200).flat_map(|seed| sample(&looks, &format!("{seed}"), 20)).collect();
    assert_eq!(seen.len(), 200);
}
