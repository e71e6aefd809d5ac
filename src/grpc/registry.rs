//! The registry service.

use tonic::{Request, Response, Status, Streaming};

use crate::{
    domain::{
        access::Method,
        command::{Command, ImportRegistry},
        ids::LedgerId,
        refusal::{BadRow, Refusal},
        registry::RegistryRow,
    },
    error::{Error, Violation},
    grpc::{
        Api, Caller, IMPORT_PIECE_MAX, answer,
        parse::{self, SOURCE_MAX, Violations},
        refused_request, respond,
    },
    proto::v1::{
        ImportRegistryRequest, ImportRegistryResponse, RegistryRow as PbRow,
        registry_service_server::RegistryService,
    },
    write::Draft,
};

/// The most rows of one import.
const ROWS_MAX: usize = 20_000;
/// The most rows of one piece.
const PIECE_ROWS_MAX: usize = 5_000;

#[tonic::async_trait]
impl RegistryService for Api {
    async fn import_registry(
        &self,
        request: Request<Streaming<ImportRegistryRequest>>,
    ) -> Result<Response<ImportRegistryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut pieces = request.into_inner();
        let outcome = async {
            caller.require(Method::ImportRegistry)?;
            let whole = gather(&mut pieces).await?;
            let draft = Draft::of(Command::ImportRegistry(parse_import(&whole)?));
            let ledger = LedgerId::registry();
            let (method, encode) = (Method::ImportRegistry, answer::import_registry);
            self.submit(&caller, &whole, method, ledger, draft, encode).await
        };
        respond(Method::ImportRegistry, outcome.await)
    }
    async fn list_areas(
        &self,
        _r: Request<crate::proto::v1::ListAreasRequest>,
    ) -> Result<Response<crate::proto::v1::ListAreasResponse>, Status> {
        Err(Status::unimplemented("to come"))
    }

    async fn list_municipalities(
        &self,
        _r: Request<crate::proto::v1::ListMunicipalitiesRequest>,
    ) -> Result<Response<crate::proto::v1::ListMunicipalitiesResponse>, Status> {
        Err(Status::unimplemented("to come"))
    }

    async fn list_offices(
        &self,
        _r: Request<crate::proto::v1::ListOfficesRequest>,
    ) -> Result<Response<crate::proto::v1::ListOfficesResponse>, Status> {
        Err(Status::unimplemented("to come"))
    }

    async fn list_measure_types(
        &self,
        _r: Request<crate::proto::v1::ListMeasureTypesRequest>,
    ) -> Result<Response<crate::proto::v1::ListMeasureTypesResponse>, Status> {
        Err(Status::unimplemented("to come"))
    }

    async fn list_providers(
        &self,
        _r: Request<crate::proto::v1::ListProvidersRequest>,
    ) -> Result<Response<crate::proto::v1::ListProvidersResponse>, Status> {
        Err(Status::unimplemented("to come"))
    }

    async fn list_distribution_keys(
        &self,
        _r: Request<crate::proto::v1::ListDistributionKeysRequest>,
    ) -> Result<Response<crate::proto::v1::ListDistributionKeysResponse>, Status> {
        Err(Status::unimplemented("to come"))
    }
}

/// Puts the pieces of an import together; the first one says what it is.
async fn gather(
    pieces: &mut Streaming<ImportRegistryRequest>,
) -> Result<ImportRegistryRequest, Error> {
    let mut whole: Option<ImportRegistryRequest> = None;
    let refused = |status: Status| refused_request(status.code(), IMPORT_PIECE_MAX);
    while let Some(piece) = pieces.message().await.map_err(refused)? {
        if piece.rows.len() > PIECE_ROWS_MAX {
            return Err(too_many(piece.rows.len(), PIECE_ROWS_MAX));
        }
        let Some(whole) = &mut whole else {
            whole = Some(piece);
            continue;
        };
        if piece.request_id != whole.request_id {
            return Err(invalid("request_id", "must be the same in every piece"));
        }
        whole.rows.extend(piece.rows);
        if whole.rows.len() > ROWS_MAX {
            return Err(too_many(whole.rows.len(), ROWS_MAX));
        }
    }
    whole.ok_or_else(|| invalid("request_id", "is required; the stream was empty"))
}

fn too_many(rows: usize, most: usize) -> Error {
    invalid("rows", &format!("has {rows} items; the most is {most}"))
}

fn invalid(field: &str, description: &str) -> Error {
    let (field, description) = (field.to_owned(), description.to_owned());
    Error::InvalidFields(vec![Violation { field, description }])
}

fn parse_import(r: &ImportRegistryRequest) -> Result<ImportRegistry, Error> {
    let mut v = Violations::default();
    v.request_id(&r.request_id);
    let source = v.text("source", &r.source, SOURCE_MAX);
    if r.rows.is_empty() {
        v.add("rows", "is required");
    }
    let source = v.finish(source)?;
    let rows = parse_rows(&r.rows)?;
    Ok(ImportRegistry { source, rows })
}

/// Every bad row is named by its place in the whole stream.
fn parse_rows(rows: &[PbRow]) -> Result<Vec<RegistryRow>, Error> {
    let mut parsed = Vec::with_capacity(rows.len());
    let mut bad = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let mut v = Violations::default();
        let row = parse::registry::row(&mut v, row);
        match v.finish(row) {
            Ok(row) => parsed.push(row),
            Err(problem) => bad.push(BadRow { index, problem: problem.to_string() }),
        }
    }
    if bad.is_empty() { Ok(parsed) } else { Err(Refusal::RegistryRowsInvalid(bad).into()) }
}
