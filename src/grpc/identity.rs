//! The answer to a change of an identity number. It tells neither number.

use prost::Message;

use crate::{grpc::answer, proto::v1 as pb, write::Done};

pub(super) fn change_identity_number(done: &Done<'_>) -> Vec<u8> {
    let revision = Some(answer::revision_of(done));
    pb::ChangeIdentityNumberResponse { revision }.encode_to_vec()
}
