//! One decision, explained in words.

use std::collections::BTreeSet;

use crate::{
    cli::{
        Failure,
        demo::{
            page::say,
            stage::{Stage, ledger, missing, refused},
            vacancies::VTA,
        },
    },
    proto::v1::{
        DecisionOutcome, ExplainDecisionRequest, ExplanationText, Offer,
        explain_decision_request::Decision,
    },
};

/// How many characters of a text go on a line.
const WIDTH: usize = 88;
/// The languages an explanation comes in.
const LANGUAGES: &str = "en, nb, nn";

/// Asks why an offer was made, and shows the answer in each language.
pub(super) async fn explain(stage: &mut Stage, offer: &Offer) -> Result<(), Failure> {
    stage.page.heading("One decision, explained (ExplainDecision)");
    let request = ExplainDecisionRequest {
        ledger: ledger(VTA),
        decision: Some(Decision::OfferId(offer.offer_id.clone())),
        at_least_seq: 0,
    };
    let answer = stage.county.allocation().explain_decision(request).await;
    let answer = answer.map_err(refused("ExplainDecision"))?.into_inner();
    let decision = answer.explanation.ok_or_else(|| missing("the explanation"))?;
    let outcome = named(decision.outcome());
    let (seq, rules) = (decision.seq, decision.rules_version);
    say!(
        "Why was that offer made? {outcome} by change {seq} of the ledger, rules version {rules};"
    );
    say!("made again from the log, it comes out the same (recomputed: {}).", decision.recomputed);
    for text in &answer.texts {
        say!();
        say!("{}:", text.language_code);
        for paragraph in &text.paragraphs {
            for line in wrapped(paragraph, WIDTH) {
                say!("  {line}");
            }
        }
    }
    let has_words = |text: &&ExplanationText| {
        text.paragraphs.iter().any(|paragraph| !paragraph.trim().is_empty())
    };
    let languages: BTreeSet<&str> =
        answer.texts.iter().filter(has_words).map(|text| text.language_code.as_str()).collect();
    let languages: Vec<&str> = languages.into_iter().collect();
    let expected = named(DecisionOutcome::PlaceProposed);
    let page = &mut stage.page;
    page.check("Explained: the decision was recomputed", decision.recomputed, true);
    page.check("Explained: outcome", outcome, expected);
    page.check("Explained: in words", languages.join(", "), LANGUAGES);
    let is_same = decision.entry_id == offer.entry_id;
    page.check("Explained: the entry is the offer's", is_same, true);
    Ok(())
}

fn named(outcome: DecisionOutcome) -> &'static str {
    outcome.as_str_name().trim_start_matches("DECISION_OUTCOME_")
}

/// A paragraph in lines of so many characters at most, unless a word is longer.
fn wrapped(paragraph: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in paragraph.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_long_as_they_may_be() {
        let cases: [(&str, &[&str]); 4] = [
            ("", &[]),
            ("åtte ni", &["åtte ni"]),
            ("åtte ni ti", &["åtte ni", "ti"]),
            ("tiltaksarrangøren er", &["tiltaksarrangøren", "er"]),
        ];
        for (paragraph, expected) in cases {
            assert_eq!(wrapped(paragraph, 7), expected, "{paragraph}");
        }
    }
}
