//! `import`: files, or the data that come with the program, to registry rows.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    app::{Ids, RandomIds},
    cli::{Failure, call::DynamicClient, defaults, say},
};

/// Rows in one piece of the stream.
const PIECE_ROWS: usize = 2_000;

/// What to send, and to which service.
#[derive(Debug, clap::Args)]
pub struct ImportArgs {
    /// The folder with the files.
    #[arg(value_name = "FOLDER", required_unless_present = "defaults")]
    folder: Option<PathBuf>,
    /// Sends the measure types and public holidays that come with the program instead.
    #[arg(long, conflicts_with = "folder")]
    defaults: bool,
    /// Where the service listens.
    #[arg(long, env = "TILTAKSPLASS_ADDR", default_value = "http://127.0.0.1:8137")]
    addr: String,
    /// A token of the directorate.
    #[arg(long, env = "TILTAKSPLASS_TOKEN", hide_env_values = true)]
    token: String,
    /// Check everything and store nothing.
    #[arg(long)]
    validate_only: bool,
}

/// Imports a folder, or the defaults.
pub(super) async fn import(args: &ImportArgs) -> Result<ExitCode, Failure> {
    let (rows, source) = match &args.folder {
        Some(folder) => (read_folder(folder)?, folder.display().to_string()),
        None => (defaults::rows()?, defaults::SOURCE.to_owned()),
    };
    let mut client = DynamicClient::connect(&args.addr, Some(&args.token)).await?;
    let answer = send(&mut client, &rows, &source, args.validate_only).await?;
    say(format!("{answer:#}"));
    Ok(ExitCode::SUCCESS)
}

/// Sends rows to a service, all or nothing.
pub async fn send(
    client: &mut DynamicClient,
    rows: &[Row],
    source: &str,
    validate_only: bool,
) -> Result<Value, Failure> {
    let request_id = RandomIds.id();
    let pieces: Vec<Value> = rows
        .chunks(PIECE_ROWS)
        .map(|rows| piece(request_id, validate_only, source, rows))
        .collect();
    let answered = client.stream_json("RegistryService/ImportRegistry", &pieces).await;
    match answered {
        Ok(answers) => Ok(answers.into_iter().next().unwrap_or(Value::Null)),
        Err(error) => Err(name_lines(&error.to_json(), rows).into()),
    }
}

fn piece(request_id: Uuid, validate_only: bool, source: &str, rows: &[Row]) -> Value {
    let rows: Vec<&Value> = rows.iter().map(|row| &row.value).collect();
    let source: String = source.chars().take(200).collect();
    json!({
        "requestId": request_id.to_string(),
        "validateOnly": validate_only,
        "source": source,
        "rows": rows,
    })
}

/// Puts file and place beside each `rows[i]` that the service names.
fn name_lines(error: &Value, rows: &[Row]) -> String {
    let mut text = error["message"].as_str().unwrap_or("the import was refused").to_owned();
    let details = error["details"].as_array().into_iter().flatten();
    let violations = details.flat_map(|d| d["fieldViolations"].as_array().into_iter().flatten());
    for violation in violations {
        let field = violation["field"].as_str().unwrap_or_default();
        let index = field.strip_prefix("rows[").and_then(|rest| rest.strip_suffix(']'));
        let row = index.and_then(|index| index.parse().ok()).and_then(|i: usize| rows.get(i));
        let place = row.map_or(field, |row| row.place.as_str());
        let problem = violation["description"].as_str().unwrap_or_default();
        text = format!("{text}\n  {place}: {problem}");
    }
    text
}

/// One row of a file, as ProtoJSON.
#[derive(Debug, Clone)]
pub struct Row {
    /// The file it stands in, and the line or the number of the item.
    place: String,
    /// What it says.
    value: Value,
}

impl Row {
    pub(super) fn new(place: String, value: Value) -> Self {
        Self { place, value }
    }
}

type Fields = BTreeMap<String, String>;

type MakeRow = fn(&Fields) -> Result<Value, String>;

const FILES: [(&str, MakeRow); 9] = [
    ("areas.csv", area),
    ("municipalities.csv", municipality),
    ("offices.csv", office),
    ("measure_types.csv", measure_type),
    ("providers.csv", provider),
    ("distribution_weights.csv", distribution_weight),
    ("composite_keys.csv", composite_key),
    ("host_agreements.csv", host_agreement),
    ("holidays.csv", holiday),
];

/// The measure types with all their rules, which a table has no room for.
const MEASURE_TYPES_JSON: &str = "measure_types.json";

/// Reads the files of a folder.
pub fn read_folder(folder: &Path) -> Result<Vec<Row>, Failure> {
    let names: Vec<&str> =
        FILES.iter().map(|(file, _)| *file).chain([MEASURE_TYPES_JSON]).collect();
    let mut rows = Vec::new();
    let mut found = false;
    for file in &names {
        let path = folder.join(file);
        if path.exists() {
            found = true;
            let text = fs::read_to_string(&path)
                .map_err(|e| format!("{} cannot be read as UTF-8: {e}", path.display()))?;
            rows.extend(read_file(file, &text)?);
        }
    }
    if !found {
        let folder = folder.display();
        return Err(format!("{folder} has none of the files {}", names.join(", ")).into());
    }
    Ok(rows)
}

/// Reads the text of one file.
pub fn read_file(file: &str, text: &str) -> Result<Vec<Row>, Failure> {
    if file == MEASURE_TYPES_JSON {
        return read_measure_types(text);
    }
    let Some((file, make)) = FILES.into_iter().find(|(name, _)| *name == file) else {
        return Err(format!("{file} is not a file of the registry").into());
    };
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = reader.headers()?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| format!("{file}: {e}"))?;
        let line = record.position().map_or(0, |position| line_of(text, position));
        let fields: Fields =
            header.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect();
        let value = make(&fields).map_err(|e| format!("{file}:{line}: {e}"))?;
        rows.push(Row::new(format!("{file}:{line}"), value));
    }
    Ok(rows)
}

/// Reads a JSON array of measure types, each a `MeasureType` in ProtoJSON. An item is named
/// by its number and code, since JSON's lines say little.
pub(super) fn read_measure_types(text: &str) -> Result<Vec<Row>, Failure> {
    let text = text.trim_start_matches('\u{feff}');
    let types: Vec<Value> =
        serde_json::from_str(text).map_err(|e| format!("{MEASURE_TYPES_JSON}: {e}"))?;
    let row = |(at, measure): (usize, Value)| {
        let code = measure["measureCode"].as_str().unwrap_or("no measureCode");
        let place = format!("{MEASURE_TYPES_JSON}[{at}] ({code})");
        Row::new(place, json!({ "measureType": measure }))
    };
    Ok(types.into_iter().enumerate().map(row).collect())
}

/// The line a record stands in. The reader's position is that of the end of the line
/// before, or of blank lines in between.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let ends = text.bytes().skip(from).take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + ends.map(|byte| u64::from(byte == b'\n')).sum::<u64>()
}

fn text<'a>(fields: &'a Fields, name: &str) -> Result<&'a str, String> {
    fields.get(name).map(String::as_str).ok_or_else(|| format!("there is no column {name}"))
}

fn number(fields: &Fields, name: &str) -> Result<u64, String> {
    text(fields, name)?.parse().map_err(|_| format!("{name} must be a whole number"))
}

/// A date as `2011-01-01`.
fn date(fields: &Fields, name: &str) -> Result<Value, String> {
    let text = text(fields, name)?;
    let parts: Vec<u32> = text.split('-').filter_map(|part| part.parse().ok()).collect();
    match parts[..] {
        [year, month, day] if text.len() == 10 => {
            Ok(json!({ "year": year, "month": month, "day": day }))
        }
        _ => Err(format!("{name} must be a date like 2011-01-01")),
    }
}

/// A date that may be left out, with its column.
fn optional_date(fields: &Fields, name: &str) -> Result<Value, String> {
    match fields.get(name) {
        None => Ok(Value::Null),
        Some(text) if text.is_empty() => Ok(Value::Null),
        Some(_) => date(fields, name),
    }
}

/// Items between `|`, each of two parts around `:`.
fn pairs(fields: &Fields, name: &str) -> Result<Vec<(String, String)>, String> {
    let text = fields.get(name).map_or("", String::as_str);
    text.split('|')
        .filter(|item| !item.is_empty())
        .map(|item| {
            let (left, right) = item
                .split_once(':')
                .ok_or_else(|| format!("{name} must be items like A:B between `|`"))?;
            Ok((left.to_owned(), right.to_owned()))
        })
        .collect()
}

fn area(f: &Fields) -> Result<Value, String> {
    Ok(json!({ "area": { "countyId": text(f, "county_id")?, "name": text(f, "name")? } }))
}

fn municipality(f: &Fields) -> Result<Value, String> {
    Ok(json!({ "municipality": {
        "municipalityNumber": text(f, "municipality_number")?,
        "name": text(f, "name")?,
        "countyId": text(f, "county_id")?,
    } }))
}

fn office(f: &Fields) -> Result<Value, String> {
    let served: Vec<&str> =
        text(f, "municipality_numbers")?.split('|').filter(|n| !n.is_empty()).collect();
    Ok(json!({ "office": {
        "officeNumber": text(f, "office_number")?,
        "name": text(f, "name")?,
        "municipalityNumbers": served,
    } }))
}

fn measure_type(f: &Fields) -> Result<Value, String> {
    let part_time: bool = text(f, "part_time_allowed")?
        .parse()
        .map_err(|_| "part_time_allowed must be true or false".to_owned())?;
    let classes = pairs(f, "priority_classes")?
        .into_iter()
        .map(|(code, days)| {
            let days: u32 = days.parse().map_err(|_| "bonus days must be a number".to_owned())?;
            Ok(json!({ "code": code, "bonusDays": days }))
        })
        .collect::<Result<Vec<Value>, String>>()?;
    let aliases: Vec<Value> = pairs(f, "aliases")?
        .into_iter()
        .map(|(system, id)| json!({ "system": system, "id": id }))
        .collect();
    Ok(json!({ "measureType": {
        "measureCode": text(f, "measure_code")?,
        "name": text(f, "name")?,
        "distribution": format!("DISTRIBUTION_{}", text(f, "distribution")?),
        "partTimeAllowed": part_time,
        "confirmWorkingDays": number(f, "confirm_working_days")?,
        "answerWorkingDays": number(f, "answer_working_days")?,
        "priorityClasses": classes,
        "aliases": aliases,
    } }))
}

fn provider(f: &Fields) -> Result<Value, String> {
    Ok(json!({ "provider": {
        "organisationNumber": text(f, "organisation_number")?,
        "name": text(f, "name")?,
    } }))
}

fn distribution_weight(f: &Fields) -> Result<Value, String> {
    Ok(json!({ "distributionWeight": {
        "keyName": text(f, "key_name")?,
        "keyDate": date(f, "key_date")?,
        "municipalityNumber": text(f, "municipality_number")?,
        "weight": number(f, "weight")?.to_string(),
        "source": text(f, "source")?,
        "bordersDate": optional_date(f, "borders_date")?,
    } }))
}

/// Its parts stand as `population@2011-01-01:7|need@2011-01-01:3`.
fn composite_key(f: &Fields) -> Result<Value, String> {
    let mut parts = Vec::new();
    for (dataset, factor) in pairs(f, "parts")? {
        let wrong = || "parts must be items like population@2011-01-01:7".to_owned();
        let (name, day) = dataset.rsplit_once('@').ok_or_else(wrong)?;
        let factor: u64 = factor.parse().map_err(|_| wrong())?;
        let day = Fields::from([("parts".to_owned(), day.to_owned())]);
        let day = date(&day, "parts")?;
        parts.push(json!({ "keyName": name, "keyDate": day, "factor": factor.to_string() }));
    }
    let normalised: bool = text(f, "normalised")?
        .parse()
        .map_err(|_| "normalised must be true or false".to_owned())?;
    Ok(json!({ "compositeKey": {
        "keyName": text(f, "key_name")?,
        "keyDate": date(f, "key_date")?,
        "parts": parts,
        "normalised": normalised,
        "source": text(f, "source")?,
    } }))
}

fn host_agreement(f: &Fields) -> Result<Value, String> {
    Ok(json!({ "hostAgreement": {
        "hostMunicipalityNumber": text(f, "host_municipality_number")?,
        "municipalityNumber": text(f, "municipality_number")?,
        "kind": format!("HOST_KIND_{}", text(f, "kind")?),
        "validFromDate": date(f, "valid_from")?,
        "validToDate": optional_date(f, "valid_to")?,
    } }))
}

fn holiday(f: &Fields) -> Result<Value, String> {
    Ok(json!({ "holiday": { "date": date(f, "date")?, "name": text(f, "name")? } }))
}
