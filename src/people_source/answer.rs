//! What a source says, over the wire and in a file alike.

use std::{collections::BTreeMap, str::FromStr};

use serde::Deserialize;

use crate::{
    domain::{
        national_identity::NationalIdentityNumber,
        protection::{Grades, Protection},
    },
    people_source::SourceError,
};

/// The word for who is not protected, in the population register.
const UNGRADED: &str = "UGRADERT";

/// People by identity number, with why they are protected.
pub(super) type ByNumber = BTreeMap<String, Grades>;

/// What stands there. Fields it does not know are passed by: registers grow.
#[derive(Deserialize)]
struct Answer {
    people: Vec<Person>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    identity_number: String,
    protection: Vec<String>,
}

/// Reads it. A word nobody knows may be a grade that came later, so it is not passed by; and
/// who stands there twice would have two answers.
pub(super) fn read(bytes: &[u8]) -> Result<ByNumber, SourceError> {
    // What the parser says of a value quotes it, and the value may be somebody's number.
    let answer: Answer = serde_json::from_slice(bytes)
        .map_err(|_| SourceError::Malformed("it is not the JSON that docs/protection.md says"))?;
    let mut people = ByNumber::new();
    for Person { identity_number, protection } in answer.people {
        if NationalIdentityNumber::parse(&identity_number).is_err() {
            return Err(SourceError::Malformed("an identityNumber is none"));
        }
        if people.insert(identity_number, grades(&protection)?).is_some() {
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
    fn every_grade_is_read_and_what_is_no_answer_is_refused() {
        let (one, two) = (number(1), number(2));
        let person = |number: &str, protection: &str| {
            format!(r#"{{"identityNumber":"{number}","protection":{protection},"more":1}}"#)
        };
        let answer = |people: &[String]| format!(r#"{{"people":[{}]}}"#, people.join(","));
        let good = answer(&[
            person(&one, r#"["SKJERMET","UGRADERT","FORTROLIG"]"#),
            person(&two, r#"["UGRADERT"]"#),
        ]);
        let read_as = read(good.as_bytes()).unwrap();
        let both = Grades::from([Protection::Confidential, Protection::OwnStaff]);
        assert_eq!(read_as, ByNumber::from([(one.clone(), both), (two, Grades::new())]));
        assert_eq!(read(br#"{"people":[]}"#).unwrap(), ByNumber::new());
        for bad in [
            String::new(),
            "{}".to_owned(),
            "[]".to_owned(),
            answer(&[person(&one, "null")]),
            answer(&[person(&one, r#"["fortrolig"]"#)]),
            answer(&[person(&one, r#"["KODE_8"]"#)]),
            answer(&[person("01010112345", "[]")]),
            answer(&[person(&one, "[]"), person(&one, "[]")]),
            answer(&[format!(r#"{{"identityNumber":"{one}"}}"#)]),
            format!("{good} {good}"),
        ] {
            let refused = read(bad.as_bytes()).unwrap_err();
            assert!(matches!(refused, SourceError::Malformed(_)), "{bad}: {refused:?}");
            assert!(!refused.to_string().contains(&one), "{refused}");
        }
    }
}
