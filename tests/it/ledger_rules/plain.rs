//! What a text for people may not have: long sentences, codes, and what another language
//! does not say.

use tiltaksplass::domain::explanation::{Language, SENTENCE_WORDS_MAX};

/// The sentences of a paragraph. One ends where the next begins with a capital, a figure or
/// a quotation, but not behind the short form of a Norwegian clock.
fn sentences(paragraph: &str) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for word in paragraph.split(' ') {
        let begins =
            word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || "«“".contains(c));
        match sentences.last_mut() {
            Some(last) if !(begins && last.ends_with('.')) || last.ends_with(" kl.") => {
                last.push(' ');
                last.push_str(word);
            }
            _ => sentences.push(word.to_owned()),
        }
    }
    sentences
}

/// What is wrong with a paragraph for people.
fn faults(paragraph: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for sentence in sentences(paragraph) {
        let words = sentence.split(' ').count();
        if words > SENTENCE_WORDS_MAX {
            faults.push(format!("{words} words: {sentence}"));
        }
        if !sentence.ends_with('.') || sentence.contains(" .") {
            faults.push(format!("not a sentence: {sentence}"));
        }
    }
    if paragraph.contains("  ") {
        faults.push(format!("two spaces: {paragraph}"));
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    for word in paragraph.split(|c: char| !is_part(c)).filter(|word| !word.is_empty()) {
        if is_code(word) {
            faults.push(format!("a code: {word}"));
        }
    }
    faults
}

/// Ids, hashes, numbers of municipalities and organisations, words of enums. Years are
/// those of the tests; `NAV` and `AS` are names.
fn is_code(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    let is_year = ["2010", "2011"].contains(&word);
    let shouts = letters > 2 && word.chars().all(|c| !c.is_lowercase()) && word != "NAV";
    word.contains('_') || shouts || (digits > 0 && letters > 0) || (digits > 3 && !is_year)
}

#[test]
fn long_sentences_and_codes_are_found() {
    let long = "Ord ".repeat(SENTENCE_WORDS_MAX) + "til.";
    let wrong = [
        long.as_str(),
        "Kort. Plassen er på 0198f2aa-0000-7000-8000-000000000001.",
        "Andelen til 1601 er brukt opp.",
        "Grunnen er NO_QUOTA.",
        "Dette gjelder VTA i Trøndelag.",
        "Området er NO-50.",
        "Ved 974760673.",
        "Linje deadbeef0123 i loggen.",
        "Ingen punktum",
        "To  mellomrom.",
    ];
    for text in wrong {
        assert!(!faults(text).is_empty(), "{text}");
    }
    let right = "Ord ".repeat(SENTENCE_WORDS_MAX - 1)
        + "slutt. Ledige plasser ble fordelt 1. mars 2011 kl. 12.00. 5 andre fikk plass hos «A» i NAV \
           Heimdal AS.";
    assert_eq!(faults(&right), Vec::<String>::new());
    assert_eq!(sentences(&right).len(), 3);
    assert_eq!(sentences("En. «To» er to. 3 er tre."), ["En.", "«To» er to.", "3 er tre."]);
}

/// The numbers of a text, sorted: languages may order them differently. Few is a number too.
fn numbers(text: &str) -> Vec<u64> {
    let digits = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let mut numbers: Vec<u64> = digits.map(|digits| digits.parse().unwrap()).collect();
    let few = ["Færre enn fem", "Fewer than five"].map(|few| text.matches(few).count());
    numbers.extend(few.iter().flat_map(|n| vec![u64::MAX; *n]));
    numbers.sort_unstable();
    numbers
}

/// Whatever there is to be said is said in each language, in short sentences, without codes.
pub(super) fn reads_well(paragraphs: impl Fn(Language) -> Vec<String>) {
    let [bokmal, nynorsk, english] = Language::ALL.map(paragraphs);
    assert_eq!([nynorsk.len(), english.len()], [bokmal.len(); 2]);
    for ((nb, nn), en) in bokmal.iter().zip(&nynorsk).zip(&english) {
        let (told, [nn_told, en_told]) = (numbers(nb), [nn, en].map(|text| numbers(text)));
        assert!(told == nn_told && told == en_told, "{nb}\n{nn}\n{en}");
        let lengths = [nb, nn, en].map(|text| sentences(text).len());
        assert_eq!(lengths, [lengths[0]; 3], "{nb}\n{nn}\n{en}");
        for text in [nb, nn, en] {
            assert_eq!(faults(text), Vec::<String>::new(), "{text}");
        }
    }
}
