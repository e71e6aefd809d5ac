//! Rules of a measure type for a test, taken in as the registry takes everything in: by a
//! command of the directorate through a writer.

use prost::Message;
use tiltaksplass::{
    domain::{
        access::{Actor, CallId, Method, Role, Said},
        command::{Command, ImportRegistry},
        ids::{LedgerId, RequestId},
        measure::{MeasureRules, MeasureType},
        registry::RegistryRow,
    },
    proto::v1::{ImportRegistryResponse, Ledger, Revision},
    write::{Done, Draft, Work, Writer},
};

use crate::{support::request_id, world::World};

impl World {
    /// Gives a measure type these rules from now on.
    pub async fn rules(&self, code: &str, rules: MeasureRules) {
        let app = &self.service.app;
        let mut transaction = app.db.begin_read().await.unwrap();
        let registry = app.registry.current(&mut transaction).await.unwrap();
        transaction.rollback().await.unwrap();
        let before = registry.measure_versions(&code.parse().unwrap()).next().unwrap();
        let row = RegistryRow::MeasureType(MeasureType { rules, ..before.clone() });
        let command = ImportRegistry { source: "test".to_owned(), rows: vec![row] };
        let actor = Actor {
            issuer: "test".to_owned(),
            subject: "directorate".to_owned(),
            role: Role::Directorate,
            organisation: "NAV".to_owned(),
            employer: None,
        };
        let id = request_id();
        let work = Work {
            method: Method::ImportRegistry,
            request_id: RequestId(id.parse().unwrap()),
            validate_only: false,
            ledger: LedgerId::registry(),
            actor,
            standing: std::sync::Arc::default(),
            said: Said::default(),
            call_id: CallId::new(uuid::Uuid::nil()),
            identity_of_call: id.into_bytes(),
            draft: Draft::of(Command::ImportRegistry(command)),
            encode: answer,
        };
        let (writer, lanes) = Writer::start(app);
        writer.submit(work).await.unwrap();
        lanes.finish().await;
    }
}

fn answer(done: &Done<'_>) -> Vec<u8> {
    let (id, seq) = (done.ledger.id(), done.ledger.head().seq);
    let (county_id, measure_code) = (id.county_id.to_string(), id.measure_code.to_string());
    let ledger = Some(Ledger { county_id, measure_code });
    let revision = Some(Revision { ledger, seq });
    ImportRegistryResponse { revision, ..ImportRegistryResponse::default() }.encode_to_vec()
}
