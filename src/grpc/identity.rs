//! A change of an identity number. The answer tells neither number.

use prost::Message;
use tonic::{Request, Response, Status};

use crate::{
    domain::{access::Method, protection::Protection},
    grpc::{Api, answer, caller::Caller, parse::identity as parse, respond},
    proto::v1 as pb,
    write::Done,
};

impl Api {
    /// A number that is known is refused whoever has it, the entry's own person too: otherwise
    /// entries could be tried until one is found to be the holder's. Who is cleared for all kinds
    /// of protected people may give a person a former number back.
    pub(super) async fn renumber(
        &self,
        request: Request<pb::ChangeIdentityNumberRequest>,
    ) -> Result<Response<pb::ChangeIdentityNumberResponse>, Status> {
        let (caller, method) = (Caller::of(&request)?, Method::ChangeIdentityNumber);
        let request = request.into_inner();
        let outcome = async {
            caller.require(method)?;
            let (ledger, mut draft) = parse::change_identity_number(&request)?;
            let cleared = |kind| caller.standing.clearances.contains(kind);
            draft.may_tell_whose = Protection::ALL.iter().all(cleared);
            self.submit(&caller, &request, method, ledger, draft, changed).await
        };
        respond(method, outcome.await)
    }
}

fn changed(done: &Done<'_>) -> Vec<u8> {
    let revision = Some(answer::revision_of(done));
    pb::ChangeIdentityNumberResponse { revision }.encode_to_vec()
}
