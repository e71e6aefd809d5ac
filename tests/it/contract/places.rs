//! The fields of a request, each where it stands.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Value, json};

use crate::contract::sample::is_whole;

/// A field of a request, or of a part of it.
#[derive(Clone)]
pub struct Place {
    /// From the request down.
    fields: Vec<FieldDescriptor>,
}

impl Place {
    pub fn field(&self) -> &FieldDescriptor {
        self.fields.last().unwrap()
    }

    /// Its name as a refusal has it, without places in lists.
    pub fn name(&self) -> String {
        self.fields.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
    }

    /// What stands there, if it is a message with fields of its own.
    pub fn part(&self) -> Option<MessageDescriptor> {
        let Kind::Message(inner) = self.field().kind() else { return None };
        (!is_whole(&inner)).then_some(inner)
    }

    /// The request with another value there; the only one, where it is a list.
    pub fn set(&self, request: &Value, value: Value) -> Value {
        let mut request = request.clone();
        let (last, parents) = self.fields.split_last().unwrap();
        let mut at = &mut request;
        for parent in parents {
            at = &mut at[parent.json_name()];
            if parent.is_list() {
                if at.is_null() {
                    *at = json!([{}]);
                }
                at = &mut at[0];
            }
        }
        at[last.json_name()] = if last.is_list() { json!([value]) } else { value };
        request
    }
}

/// Every field of a request and of its parts; of a choice, the branch it has.
pub fn places(message: &MessageDescriptor, request: &Value) -> Vec<Place> {
    let mut places = Vec::new();
    gather(&mut places, &[], message, request);
    places
}

fn gather(
    places: &mut Vec<Place>,
    above: &[FieldDescriptor],
    message: &MessageDescriptor,
    at: &Value,
) {
    for field in message.fields() {
        let value = &at[field.json_name()];
        if value.is_null() && field.containing_oneof().is_some_and(|one| !one.is_synthetic()) {
            continue;
        }
        let place = Place { fields: [above, std::slice::from_ref(&field)].concat() };
        if let Some(part) = place.part() {
            let value = if field.is_list() { &value[0] } else { value };
            gather(places, &place.fields, &part, value);
        }
        places.push(place);
    }
}
