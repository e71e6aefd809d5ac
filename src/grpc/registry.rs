//! The registry service.

use std::{cmp::Reverse, sync::Arc};

use tonic::{Request, Response, Status, Streaming};

use crate::{
    domain::{
        access::{Method, Target},
        command::{Command, ImportRegistry},
        ids::LedgerId,
        refusal::{BadRow, Refusal},
        registry::{Area, DistributionKey, Municipality, Office, Provider, Registry, RegistryRow},
    },
    error::{Error, Violation},
    grpc::{
        Api, Caller, IMPORT_PIECE_MAX, Reader, answer, existing, hosts, measure,
        page::{self, Page},
        parse::{
            SOURCE_MAX, Violations,
            existing::import_existing as parse_existing,
            measure::list_measure_types,
            registry::{self as parse, DistributionKeysQuery, MunicipalitiesQuery, OfficesQuery},
        },
        refused_request, respond,
    },
    proto::v1 as pb,
    proto::v1::{
        ImportExistingRequest, ImportExistingResponse, ImportRegistryRequest,
        ImportRegistryResponse, ListAreasRequest, ListAreasResponse, ListDistributionKeysRequest,
        ListDistributionKeysResponse, ListMeasureTypesRequest, ListMeasureTypesResponse,
        ListMunicipalitiesRequest, ListMunicipalitiesResponse, ListOfficesRequest,
        ListOfficesResponse, ListProvidersRequest, ListProvidersResponse, RegistryRow as PbRow,
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

    async fn import_existing(
        &self,
        request: Request<Streaming<ImportExistingRequest>>,
    ) -> Result<Response<ImportExistingResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut pieces = request.into_inner();
        let outcome = async {
            caller.require(Method::ImportExisting)?;
            let whole = existing::gather(&mut pieces).await?;
            let (ledger, draft) = parse_existing(&whole)?;
            let (method, encode) = (Method::ImportExisting, existing::import_existing);
            self.submit(&caller, &whole, method, ledger, draft, encode).await
        };
        respond(Method::ImportExisting, outcome.await)
    }

    async fn list_areas(
        &self,
        r: Request<ListAreasRequest>,
    ) -> Result<Response<ListAreasResponse>, Status> {
        self.read(r, Method::ListAreas, page::parse, areas).await
    }

    async fn list_municipalities(
        &self,
        r: Request<ListMunicipalitiesRequest>,
    ) -> Result<Response<ListMunicipalitiesResponse>, Status> {
        self.read(r, Method::ListMunicipalities, parse::list_municipalities, municipalities).await
    }

    async fn list_offices(
        &self,
        r: Request<ListOfficesRequest>,
    ) -> Result<Response<ListOfficesResponse>, Status> {
        self.read(r, Method::ListOffices, parse::list_offices, offices).await
    }

    async fn list_measure_types(
        &self,
        r: Request<ListMeasureTypesRequest>,
    ) -> Result<Response<ListMeasureTypesResponse>, Status> {
        let (method, answer) = (Method::ListMeasureTypes, measure::measure_types);
        self.read(r, method, list_measure_types, answer).await
    }

    async fn list_providers(
        &self,
        r: Request<ListProvidersRequest>,
    ) -> Result<Response<ListProvidersResponse>, Status> {
        self.read(r, Method::ListProviders, page::parse, providers).await
    }

    async fn list_distribution_keys(
        &self,
        r: Request<ListDistributionKeysRequest>,
    ) -> Result<Response<ListDistributionKeysResponse>, Status> {
        self.read(r, Method::ListDistributionKeys, parse::list_distribution_keys, distribution_keys)
            .await
    }

    async fn list_host_agreements(
        &self,
        r: Request<pb::ListHostAgreementsRequest>,
    ) -> Result<Response<pb::ListHostAgreementsResponse>, Status> {
        self.read(r, Method::ListHostAgreements, hosts::parse, hosts::agreements).await
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
        let row = parse::row(&mut v, row);
        match v.finish(row) {
            Ok(row) => parsed.push(row),
            Err(problem) => bad.push(BadRow { index, problem: problem.to_string() }),
        }
    }
    if bad.is_empty() { Ok(parsed) } else { Err(Refusal::RegistryRowsInvalid(bad).into()) }
}

/// The registry as it is, and how far its ledger had come: what each list begins with.
pub(super) async fn current(
    reader: &Reader,
    page: &Page,
) -> Result<(Arc<Registry>, Vec<pb::Revision>), Error> {
    let id = LedgerId::registry();
    let (snapshot, registry) = reader.snapshot(Some((&id, page.at_least_seq))).await?;
    snapshot.rollback().await?;
    reader.require(&Target::default(), &registry)?;
    let revisions = vec![answer::revision(&id, registry.version)];
    Ok((registry, revisions))
}

async fn areas(reader: Reader, page: Page) -> Result<ListAreasResponse, Error> {
    let (registry, revisions) = current(&reader, &page).await?;
    let key = |row: &&Area| row.county_id.clone();
    let (areas, next_page_token) = page.cut(&reader.app.keys, registry.areas(), key, area)?;
    Ok(ListAreasResponse { revisions, areas, next_page_token })
}

fn area(row: &Area) -> pb::Area {
    pb::Area { county_id: row.county_id.to_string(), name: row.name.clone() }
}

async fn municipalities(
    reader: Reader,
    query: MunicipalitiesQuery,
) -> Result<ListMunicipalitiesResponse, Error> {
    let (registry, revisions) = current(&reader, &query.page).await?;
    let area = query.county_id.as_ref();
    let rows = registry.municipalities().filter(|row| area.is_none_or(|id| row.county_id == *id));
    let key = |row: &&Municipality| row.municipality_number.clone();
    let (municipalities, next_page_token) =
        query.page.cut(&reader.app.keys, rows, key, municipality)?;
    Ok(ListMunicipalitiesResponse { revisions, municipalities, next_page_token })
}

fn municipality(row: &Municipality) -> pb::Municipality {
    pb::Municipality {
        municipality_number: row.municipality_number.to_string(),
        name: row.name.clone(),
        county_id: row.county_id.to_string(),
    }
}

async fn offices(reader: Reader, query: OfficesQuery) -> Result<ListOfficesResponse, Error> {
    let (registry, revisions) = current(&reader, &query.page).await?;
    let served = query.municipality.as_ref();
    let rows = registry
        .offices()
        .filter(|row| served.is_none_or(|number| row.municipality_numbers.contains(number)));
    let key = |row: &&Office| row.office_number.clone();
    let (offices, next_page_token) = query.page.cut(&reader.app.keys, rows, key, office)?;
    Ok(ListOfficesResponse { revisions, offices, next_page_token })
}

fn office(row: &Office) -> pb::Office {
    pb::Office {
        office_number: row.office_number.to_string(),
        name: row.name.clone(),
        municipality_numbers: row.municipality_numbers.iter().map(ToString::to_string).collect(),
    }
}

async fn providers(reader: Reader, page: Page) -> Result<ListProvidersResponse, Error> {
    let (registry, revisions) = current(&reader, &page).await?;
    let key = |row: &&Provider| row.organisation_number.clone();
    let (providers, next_page_token) =
        page.cut(&reader.app.keys, registry.providers(), key, provider)?;
    Ok(ListProvidersResponse { revisions, providers, next_page_token })
}

fn provider(row: &Provider) -> pb::Provider {
    let organisation_number = row.organisation_number.to_string();
    pb::Provider { organisation_number, name: row.name.clone() }
}

/// A distribution key with its name and date.
type KeyRow<'a> = (&'a (String, time::Date), &'a DistributionKey);

/// By name and then date, the latest date first.
async fn distribution_keys(
    reader: Reader,
    query: DistributionKeysQuery,
) -> Result<ListDistributionKeysResponse, Error> {
    let (registry, revisions) = current(&reader, &query.page).await?;
    let (only_name, only_date) = (query.key_name.as_ref(), query.key_date);
    let mut rows: Vec<KeyRow<'_>> = registry
        .distribution_keys()
        .filter(|((name, _), _)| only_name.is_none_or(|only| only == name))
        .filter(|((_, date), _)| only_date.is_none_or(|only| only == *date))
        .collect();
    let key = |((name, date), _): &KeyRow<'_>| (name.clone(), Reverse(*date));
    rows.sort_by_key(key);
    let answer = |row: KeyRow<'_>| distribution_key(row, query.with_weights);
    let (distribution_keys, next_page_token) =
        query.page.cut(&reader.app.keys, rows, key, answer)?;
    Ok(ListDistributionKeysResponse { revisions, distribution_keys, next_page_token })
}

/// What a composite key is made of.
pub(super) fn key_parts(key: &DistributionKey) -> Vec<pb::KeyPart> {
    let parts = key.composite.iter().flat_map(|made| &made.parts);
    parts
        .map(|part| pb::KeyPart {
            key_name: part.key_name.clone(),
            key_date: Some(answer::date(part.key_date)),
            factor: part.factor,
        })
        .collect()
}

fn distribution_key(((name, date), key): KeyRow<'_>, with_weights: bool) -> pb::DistributionKey {
    let weights = key.weights.iter().map(|(number, weight)| pb::MunicipalityWeight {
        municipality_number: number.to_string(),
        weight: *weight,
    });
    pb::DistributionKey {
        key_name: name.clone(),
        key_date: Some(answer::date(*date)),
        source: key.source.clone(),
        municipalities: u32::try_from(key.weights.len()).unwrap_or(u32::MAX),
        total_weight: key.weights.values().sum(),
        weights: if with_weights { weights.collect() } else { Vec::new() },
        borders_date: key.borders_date.map(answer::date),
        parts: key_parts(key),
        normalised: key.composite.as_ref().is_some_and(|made| made.normalised),
    }
}
