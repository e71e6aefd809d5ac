//! What a source says, over the wire and in a file alike.

use std::{collections::BTreeMap, str::FromStr};

use serde::Deserialize;

use crate::{
    domain::{
        national_identity::NationalIdentityNumber,
        protection::{Grades, Protection},
    },
    people_source::{Person, SourceError},
};

/// The word for who is not protected, in the population register.
const UNGRADED: &str = "UGRADERT";

/// The longest surname that is told, in bytes; of a longer one none is.
const SURNAME_MAX_BYTES: usize = 200;

/// People by identity number, with what is said of them.
pub(super) type ByNumber = BTreeMap<String, Person>;

/// What stands there. Fields it does not know are passed by: registers grow.
#[derive(Deserialize)]
struct Answer {
    people: Vec<Said>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    identity_number: String,
    protection: Vec<String>,
    #[serde(default)]
    surname: Option<String>,
}

/// Reads it. A word nobody knows may be a grade that came later, so it is not passed by; and
/// who stands there twice would have two answers.
pub(super) fn read(bytes: &[u8]) -> Result<ByNumber, SourceError> {
    // What the parser says of a value quotes it, and the value may be somebody's number.
    let answer: Answer = serde_json::from_slice(bytes)
        .map_err(|_| SourceError::Malformed("it is not the JSON that docs/protection.md says"))?;
    let mut people = ByNumber::new();
    for Said { identity_number, protection, surname } in answer.people {
        if NationalIdentityNumber::parse(&identity_number).is_err() {
            return Err(SourceError::Malformed("an identityNumber is none"));
        }
        let is_one = |name: &String| !name.trim().is_empty() && name.len() <= SURNAME_MAX_BYTES;
        let person = Person { grades: grades(&protection)?, surname: surname.filter(is_one) };
        if people.insert(identity_number, person).is_some() {
            return Err(SourceError::Malformed("somebody is there twice"));
        }
    }
    Ok(people)
}

fn grades(words: &[String]) -> Result<Grades, SourceError> {
    let protecting = words.iter().filter(|word| *word != UNGRADED);
    let grades: Result<Grades, _> = protecting.map(|word| Protection::from_str(word)).collect();
    grades.map_err(|_| SourceError::Malformed("a word of protection is unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: u32) -> String {
        NationalIdentityNumber::synthetic(n).expose().to_owned()
    }

    #[test]
    fn a_surname_is_told_where_there_is_one() {
        let surname = |said: &str| {
            let number = number(1);
            let answer = format!(
                r#"{{"people":[{{"identityNumber":"{number}","protection":[],"surname":{said}}}]}}"#
            );
            read(answer.as_bytes()).unwrap().remove(&number).unwrap().surname
        };
        assert_eq!(surname(r#""Nordmann""#).as_deref(), Some("Nordmann"));
        for none in ["null".to_owned(), r#"" ""#.to_owned(), format!("\"{}\"", "x".repeat(201))] {
            assert_eq!(surname(&none), None, "{none}");
        }
    }

    #[test]
    fn every_grade_is_read_and_what_is_no_answer_is_refused() {
        let (one, two) = (number(1), number(2));
        let told = |number: &str, protection: &str| {
            format!(r#"{{"identityNumber":"{number}","protection":{protection},"more":1}}"#)
        };
        let answer = |people: &[String]| format!(r#"{{"people":[{}]}}"#, people.join(","));
        let good = answer(&[
            told(&one, r#"["SKJERMET","UGRADERT","FORTROLIG"]"#),
            told(&two, r#"["UGRADERT"]"#),
        ]);
        let read_as = read(good.as_bytes()).unwrap();
        let both = Grades::from([Protection::Confidential, Protection::OwnStaff]);
        let person = |grades| Person { grades, surname: None };
        let expected = [(one.clone(), person(both)), (two, person(Grades::new()))];
        assert!(read_as == ByNumber::from(expected));
        assert!(read(br#"{"people":[]}"#).unwrap().is_empty());
        for bad in [
            String::new(),
            "{}".to_owned(),
            "[]".to_owned(),
            answer(&[told(&one, "null")]),
            answer(&[told(&one, r#"["fortrolig"]"#)]),
            answer(&[told(&one, r#"["KODE_8"]"#)]),
            answer(&[told("01010112345", "[]")]),
            answer(&[told(&one, "[]"), told(&one, "[]")]),
            answer(&[format!(r#"{{"identityNumber":"{one}"}}"#)]),
            format!("{good} {good}"),
        ] {
            let refused = read(bad.as_bytes()).err().unwrap();
            assert!(matches!(refused, SourceError::Malformed(_)), "{bad}: {refused:?}");
            assert!(!refused.to_string().contains(&one), "{refused}");
        }
    }
}
