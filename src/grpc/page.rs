//! Pages (AIP-158): a size with a bound, and a token that is good for one list with
//! the same arguments only.

use serde::{Serialize, de::DeserializeOwned};

use crate::{error::Error, grpc::parse::Violations, keys::Keys};

/// The size of a page nobody asked for.
const PAGE_SIZE_DEFAULT: i32 = 50;
/// The largest page.
const PAGE_SIZE_MAX: i32 = 500;

/// The size asked for, or the default.
pub(super) fn size(v: &mut Violations, page_size: i32) -> Option<i64> {
    let size = if page_size == 0 { PAGE_SIZE_DEFAULT } else { page_size };
    v.within("page_size", size, 1, PAGE_SIZE_MAX).map(i64::from)
}

/// Where the next page begins, sealed and bound to the other arguments.
pub(super) fn token(keys: &Keys, bound_to: &str, cursor: &impl Serialize) -> Result<String, Error> {
    let cursor = serde_json::to_vec(cursor).map_err(|e| Error::Internal(e.to_string()))?;
    keys.seal_page_token(bound_to.as_bytes(), &cursor).map_err(|e| Error::Internal(e.to_string()))
}

/// Where this page begins; `None` for the first.
pub(super) fn cursor<T: DeserializeOwned>(
    keys: &Keys,
    bound_to: &str,
    token: &str,
) -> Result<Option<T>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    let opened = keys.open_page_token(bound_to.as_bytes(), token);
    let bytes = opened.map_err(|_| Error::PageTokenInvalid)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|_| Error::PageTokenInvalid)
}
