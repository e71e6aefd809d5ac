//! What the protos say of each thing they name.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use tiltaksplass::proto::FILE_DESCRIPTOR_SET;

/// Where a thing stands in its file: field numbers and places, as `descriptor.proto` has it.
type Path = Vec<i32>;

/// The comment of every message, field, enum, value, service and RPC of our own, by full
/// name; empty where there is none.
pub fn all() -> BTreeMap<String, String> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let own = set.file.iter().filter(|file| file.package() == "tiltaksplass.v1");
    own.flat_map(of_file).collect()
}

fn of_file(file: &FileDescriptorProto) -> BTreeMap<String, String> {
    let info = file.source_code_info.as_ref().expect("the descriptors keep comments");
    let said: BTreeMap<&[i32], &str> = info
        .location
        .iter()
        .map(|location| (&location.path[..], location.leading_comments().trim()))
        .collect();
    let mut things = Vec::new();
    let package = file.package();
    for (at, message) in (0..).zip(&file.message_type) {
        of_message(&mut things, package, &[4, at], message);
    }
    for (at, one) in (0..).zip(&file.enum_type) {
        of_enum(&mut things, package, &[5, at], one);
    }
    for (at, service) in (0..).zip(&file.service) {
        let name = format!("{package}.{}", service.name());
        for (method_at, method) in (0..).zip(&service.method) {
            things.push((format!("{name}.{}", method.name()), vec![6, at, 2, method_at]));
        }
        things.push((name, vec![6, at]));
    }
    let comment = |path: &Path| said.get(&path[..]).copied().unwrap_or_default().to_owned();
    things.into_iter().map(|(name, path)| (name, comment(&path))).collect()
}

fn below(path: &[i32], kind: i32, at: i32) -> Path {
    [path, &[kind, at]].concat()
}

fn of_message(
    things: &mut Vec<(String, Path)>,
    parent: &str,
    path: &[i32],
    message: &DescriptorProto,
) {
    let name = format!("{parent}.{}", message.name());
    for (at, field) in (0..).zip(&message.field) {
        things.push((format!("{name}.{}", field.name()), below(path, 2, at)));
    }
    for (at, nested) in (0..).zip(&message.nested_type) {
        of_message(things, &name, &below(path, 3, at), nested);
    }
    for (at, one) in (0..).zip(&message.enum_type) {
        of_enum(things, &name, &below(path, 4, at), one);
    }
    things.push((name, path.to_vec()));
}

fn of_enum(
    things: &mut Vec<(String, Path)>,
    parent: &str,
    path: &[i32],
    one: &EnumDescriptorProto,
) {
    let name = format!("{parent}.{}", one.name());
    for (at, value) in (0..).zip(&one.value) {
        things.push((format!("{name}.{}", value.name()), below(path, 2, at)));
    }
    things.push((name, path.to_vec()));
}
