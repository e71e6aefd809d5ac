//! Why a call is made: in the request's own field, or in a header.

use crate::{domain::access::Said, grpc::parse::Violations};

/// The longest purpose that is written down.
pub(in crate::grpc) const PURPOSE_MAX: usize = 200;

/// Why a call is made. What the request says counts before the header; where one must be told,
/// a case is one too.
pub(in crate::grpc) fn purpose(
    v: &mut Violations,
    text: &str,
    said: &Said,
    is_required: bool,
) -> Option<String> {
    let own = v.optional_text("purpose", text, PURPOSE_MAX)?;
    let purpose = own.unwrap_or_else(|| said.purpose.clone());
    if is_required && purpose.is_empty() && said.case_reference.is_empty() {
        v.add("purpose", "is required, here or in the header x-purpose or x-case-reference");
        return None;
    }
    Some(purpose)
}
