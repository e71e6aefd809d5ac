//! What is left out of the log where it says nothing: so that rows from before a field was there
//! are written again as they are.

/// Whether a flag is not set.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whether nothing was counted.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
pub(super) fn is_zero(count: &u32) -> bool {
    *count == 0
}
