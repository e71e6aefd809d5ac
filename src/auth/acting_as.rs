//! As whom somebody calls who may be several: an adviser in two offices says in which.

use http::HeaderMap;

use super::grant::Granted;
use super::token::CLAIM_MAX_BYTES;
use crate::domain::access::Role;

/// The header that says it, as `office:5701`.
pub const ACTING_AS: &str = "x-acting-as";
/// Of how many it is told that they can be chosen.
const TOLD_MAX: usize = 20;

/// Why a call whose token is genuine does not get past the layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAdmitted {
    /// The token gives nothing here, or not what was chosen.
    NoRight,
    /// It must be said as whom the call is made, in words that end a sentence.
    ActingAs(String),
}

/// The one that the call is made as. Of several none is chosen silently: what somebody sees and
/// does as one must not depend on the order of groups in a token.
pub(super) fn chosen(all: Vec<Granted>, headers: &HeaderMap) -> Result<Granted, NotAdmitted> {
    let wanted = wanted(headers)?;
    let fits = |one: &&Granted| wanted.is_none_or(|wanted| wanted == name(one));
    if all.iter().filter(fits).count() > 1 {
        let names = all.iter().map(name).take(TOLD_MAX).collect::<Vec<_>>().join(", ");
        return Err(NotAdmitted::ActingAs(format!("must name one of {names}")));
    }
    all.into_iter().find(|one| fits(&one)).ok_or(NotAdmitted::NoRight)
}

fn name(granted: &Granted) -> String {
    format!("{}:{}", granted.role.as_str(), granted.organisation)
}

/// What the header says, if it is there.
fn wanted(headers: &HeaderMap) -> Result<Option<&str>, NotAdmitted> {
    let mut values = headers.get_all(ACTING_AS).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(NotAdmitted::ActingAs("must stand there once".to_owned()));
    }
    let text = value.to_str().ok().filter(|text| text.len() <= CLAIM_MAX_BYTES);
    let is_form = |text: &&str| {
        text.split_once(':')
            .is_some_and(|(role, own)| role.parse::<Role>().is_ok() && !own.is_empty())
    };
    match text.filter(is_form) {
        Some(text) => Ok(Some(text)),
        None => Err(NotAdmitted::ActingAs(
            "must be a role, a colon and an organisation, for example `office:5701`".to_owned(),
        )),
    }
}
