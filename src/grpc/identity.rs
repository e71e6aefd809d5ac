//! A change of an identity number. The answer tells neither number.

use prost::Message;
use tonic::{Request, Response, Status};

use crate::{
    domain::{access::Method, protection::Look},
    grpc::{Api, answer, caller::Caller, parse::identity as parse, respond},
    proto::v1 as pb,
    write::Done,
};

impl Api {
    /// Whether the number's holder is protected is asked before the ledger is locked. Of somebody
    /// who is not to be told of, and while nobody says it, a known number is refused whoever has
    /// it: otherwise entries could be tried until one is found to be the holder's.
    pub(super) async fn renumber(
        &self,
        request: Request<pb::ChangeIdentityNumberRequest>,
    ) -> Result<Response<pb::ChangeIdentityNumberResponse>, Status> {
        let (caller, method) = (Caller::of(&request)?, Method::ChangeIdentityNumber);
        let request = request.into_inner();
        let outcome = async {
            caller.require(method)?;
            let (ledger, mut draft) = parse::change_identity_number(&request)?;
            if let Some(number) = &draft.new_number {
                let look = self.app.people.look(number, &caller.standing.clearances).await;
                draft.may_tell_whose = matches!(look, Look::Permitted(_));
            }
            self.submit(&caller, &request, method, ledger, draft, changed).await
        };
        respond(method, outcome.await)
    }
}

fn changed(done: &Done<'_>) -> Vec<u8> {
    let revision = Some(answer::revision_of(done));
    pb::ChangeIdentityNumberResponse { revision }.encode_to_vec()
}
