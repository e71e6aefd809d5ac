//! Who calls, in which call, and why.

use std::sync::Arc;

use tonic::{Request, Status};

use crate::{
    domain::{
        access::{self, Actor, CallId, Method, Said, Scope, Standing, scope},
        refusal::Refusal,
    },
    error::Error,
    grpc::{
        parse::{REFERENCE_MAX, Violations, purpose::PURPOSE_MAX},
        refusal, unauthenticated,
    },
};

/// The header that says why.
const PURPOSE: &str = "x-purpose";
/// The header that names the case it is for.
const CASE_REFERENCE: &str = "x-case-reference";

/// Who calls, and why. Until when is the port's affair: it drops a call whose time is up.
pub(super) struct Caller {
    pub(super) actor: Actor,
    pub(super) standing: Arc<Standing>,
    pub(super) call_id: CallId,
    /// What the headers say; `None` where one cannot be read.
    purpose: Option<String>,
    case_reference: Option<String>,
}

impl Caller {
    /// The layers in front have put the actor and the call's name there; without an actor
    /// nothing goes on.
    pub(super) fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let caller = request.extensions().get::<access::Caller>().ok_or_else(unauthenticated)?;
        let access::Caller { actor, standing } = caller.clone();
        let call_id = request.extensions().get::<CallId>().cloned().ok_or_else(|| {
            refusal("", &Error::Internal("a call came in past the layer that names it".to_owned()))
        })?;
        let header = |name: &str| {
            let said = request.metadata().get(name).map(|value| value.to_str());
            said.map_or(Some(""), Result::ok).map(str::to_owned)
        };
        let (purpose, case_reference) = (header(PURPOSE), header(CASE_REFERENCE));
        Ok(Self { actor, standing, call_id, purpose, case_reference })
    }

    /// What the headers say of why.
    pub(super) fn said(&self) -> Said {
        let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
        Said { purpose: text(&self.purpose), case_reference: text(&self.case_reference) }
    }

    /// Refuses a role that may not call a method anywhere, and a purpose or case that cannot be
    /// read or names somebody by number: they are written down in the clear.
    pub(super) fn require(&self, method: Method) -> Result<(), Error> {
        if scope(method, self.actor.role) == Scope::No {
            return Err(Refusal::PermissionDenied.into());
        }
        let mut v = Violations::default();
        for (header, said, most) in [
            (PURPOSE, &self.purpose, PURPOSE_MAX),
            (CASE_REFERENCE, &self.case_reference, REFERENCE_MAX),
        ] {
            match said {
                Some(text) => drop(v.text(header, text, most)),
                None => v.add(header, "must be ASCII: a header can tell nothing else"),
            }
        }
        v.finish(Some(()))
    }
}
