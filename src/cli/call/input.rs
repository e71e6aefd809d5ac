//! From the text a user gives to the messages that are sent.

use std::io;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::Value;
use tonic::Code;

use super::status::CallError;

/// The text behind `-d`: the argument itself, a file, or standard input.
pub(super) async fn read(data: Option<&str>) -> Result<String, CallError> {
    let Some(data) = data else {
        return Ok("{}".to_owned());
    };
    let (source, text) = if data == "-" {
        // A thread of its own: reading a terminal can last for as long as its user likes.
        let reading = tokio::task::spawn_blocking(|| io::read_to_string(io::stdin()));
        let text = reading.await.map_err(io::Error::other).flatten();
        ("standard input", text)
    } else if let Some(path) = data.strip_prefix('@') {
        (path, tokio::fs::read_to_string(path).await)
    } else {
        return Ok(data.to_owned());
    };
    text.map_err(|error| {
        bad_input(format!("The request could not be read from {source}: {error}."))
    })
}

/// Reads the requests of one call. A method that takes a stream of requests takes JSON
/// objects one after another or one array of them; any other takes exactly one object.
pub(super) fn requests(
    method: &MethodDescriptor,
    text: &str,
) -> Result<Vec<DynamicMessage>, CallError> {
    // Some editors start a file with a byte order mark, which is not JSON.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let values = serde_json::Deserializer::from_str(text)
        .into_iter()
        .collect::<Result<Vec<Value>, _>>()
        .map_err(|error| bad_input(format!("The request is not JSON: {error}.")))?;
    match <[Value; 1]>::try_from(values) {
        Ok([Value::Array(items)]) if method.is_client_streaming() => messages(method, &items),
        Ok(one) => messages(method, &one),
        Err(values) => messages(method, &values),
    }
}

/// Makes one request of each value, and refuses another number than one where the
/// method takes one.
pub(super) fn messages(
    method: &MethodDescriptor,
    values: &[Value],
) -> Result<Vec<DynamicMessage>, CallError> {
    let request = method.input();
    if let ([value], false) = (values, method.is_client_streaming()) {
        return Ok(vec![message(&request, value, "")?]);
    }
    if !method.is_client_streaming() {
        return Err(bad_input(format!(
            "{} takes one request, and {} were given.",
            method.name(),
            values.len()
        )));
    }
    values
        .iter()
        .enumerate()
        .map(|(index, value)| message(&request, value, &format!("Request {}: ", index + 1)))
        .collect()
}

/// Makes a message of a JSON value, or says which field stands in the way. `place` says
/// which request it is where there are several.
fn message(
    message: &MessageDescriptor,
    value: &Value,
    place: &str,
) -> Result<DynamicMessage, CallError> {
    DynamicMessage::deserialize(message.clone(), value).map_err(|error| {
        match blame_message(message, value, "") {
            Some((field, problem)) => CallError::bad_field(place, &field, &problem),
            None => bad_input(format!("{place}{} was expected: {error}.", message.name())),
        }
    })
}

/// Where a value fails to be a message: the path of the field, and what is wrong there.
///
/// The JSON reader tells what is wrong but not where, so the fields are tried one by one.
/// That costs a second reading at each level, and only where the first one failed.
fn blame_message(
    message: &MessageDescriptor,
    value: &Value,
    path: &str,
) -> Option<(String, String)> {
    // The well-known types have JSON forms of their own, without fields.
    if message.package_name() == "google.protobuf" {
        return None;
    }
    value.as_object()?.iter().find_map(|(key, value)| {
        let path = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        let field = message.get_field_by_json_name(key).or_else(|| message.get_field_by_name(key));
        match field {
            Some(field) => blame_field(&field, value, &path),
            None => Some((path, no_such_field(message))),
        }
    })
}

/// Where a field's value fails, with the number of the element for a list.
fn blame_field(field: &FieldDescriptor, value: &Value, path: &str) -> Option<(String, String)> {
    match value.as_array() {
        Some(items) if field.is_list() => items.iter().enumerate().find_map(|(index, item)| {
            let alone = Value::Array(vec![item.clone()]);
            blame_value(field, &alone, item, &format!("{path}[{index}]"))
        }),
        _ => blame_value(field, value, value, path),
    }
}

/// Tries `value` alone in its field, and where that fails looks inside `inner`, which is
/// the value or, in a list, the one element of it.
fn blame_value(
    field: &FieldDescriptor,
    value: &Value,
    inner: &Value,
    path: &str,
) -> Option<(String, String)> {
    let alone = serde_json::json!({ field.json_name(): value });
    let error = DynamicMessage::deserialize(field.parent_message().clone(), &alone).err()?;
    if let Kind::Message(message) = field.kind()
        && !field.is_map()
        && let Some(deeper) = blame_message(&message, inner, path)
    {
        return Some(deeper);
    }
    Some((path.to_owned(), not_of_kind(inner, &field.kind(), &error)))
}

/// Says what a value was taken for. The reader's own words come last, because on their
/// own they can be as little as "invalid digit found in string".
fn not_of_kind(value: &Value, kind: &Kind, error: &serde_json::Error) -> String {
    if let Kind::Enum(choices) = kind {
        let names: Vec<_> = choices.values().map(|choice| choice.name().to_owned()).collect();
        return format!("{value} is not one of {}", names.join(", "));
    }
    if value.is_array() || value.is_object() {
        return error.to_string();
    }
    format!("{value} is not {kind:?}: {error}")
}

/// Says which fields there would have been.
fn no_such_field(message: &MessageDescriptor) -> String {
    let mut fields: Vec<_> = message.fields().map(|field| field.json_name().to_owned()).collect();
    fields.sort_unstable();
    let name = message.name();
    match &fields[..] {
        [] => format!("{name} has no fields"),
        fields => format!("{name} has no such field; it has {}", fields.join(", ")),
    }
}

/// An error in what the user gave, where no field is to blame.
fn bad_input(message: String) -> CallError {
    CallError::new(Code::InvalidArgument, message)
}
