//! What there is to call, and the messages it takes.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MethodDescriptor, ServiceDescriptor};
use tonic::Code;

use super::status::CallError;

/// The package whose services are shown by their short names.
const OWN_PACKAGE: &str = "tiltaksplass.v1";

/// Every descriptor the command knows: our own services, the standard ones that the
/// server runs beside them, and the details an error may carry. A file that is in two
/// sets is taken once.
static POOL: LazyLock<Result<DescriptorPool, String>> = LazyLock::new(|| {
    let sets = [
        crate::proto::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_types::pb::FILE_DESCRIPTOR_SET,
    ];
    let mut pool = DescriptorPool::new();
    for set in sets {
        pool.decode_file_descriptor_set(set).map_err(|error| error.to_string())?;
    }
    Ok(pool)
});

/// The descriptors, or the reason why this build holds broken ones.
pub(super) fn pool() -> Result<&'static DescriptorPool, CallError> {
    POOL.as_ref().map_err(|error| {
        CallError::new(
            Code::Internal,
            format!("This program was built with broken descriptors: {error}."),
        )
    })
}

/// Finds `SERVICE/METHOD`, where the service may be named with or without its package.
pub(super) fn find_method(name: &str) -> Result<MethodDescriptor, CallError> {
    let name = name.strip_prefix('/').unwrap_or(name);
    let (service, method) = match name.split_once('/') {
        Some((service, method)) => (service, Some(method)),
        None => (name, None),
    };
    let service = find_service(pool()?, service)?;
    let found = service.methods().find(|found| Some(found.name()) == method);
    found.ok_or_else(|| {
        let shown = shown_name(&service);
        let problem = match method {
            Some(method) => format!("{shown} has no method `{method}`."),
            None => format!("{shown} is a service; name a method of it, too."),
        };
        let methods = service.methods().map(|method| format!("{shown}/{}", method.name()));
        unknown(&problem, "Methods", methods.collect())
    })
}

/// Finds a service by its full name, or by its last part where only one has it.
fn find_service(pool: &DescriptorPool, name: &str) -> Result<ServiceDescriptor, CallError> {
    let short = |service: &ServiceDescriptor| service.name() == name;
    let (problem, choices) = match pool.get_service_by_name(name) {
        Some(service) => return Ok(service),
        None => match &pool.services().filter(short).collect::<Vec<_>>()[..] {
            [service] => return Ok(service.clone()),
            [] => (
                format!("There is no service `{name}`."),
                pool.services().map(|service| shown_name(&service)).collect(),
            ),
            several => (
                format!("Several services are called `{name}`."),
                several.iter().map(shown_name).collect(),
            ),
        },
    };
    Err(unknown(&problem, "Services", choices))
}

/// What a user would write: our own services need no package.
fn shown_name(service: &ServiceDescriptor) -> String {
    if service.package_name() == OWN_PACKAGE {
        service.name().to_owned()
    } else {
        service.full_name().to_owned()
    }
}

/// The error for a name that is not there, which lists those that are.
fn unknown(problem: &str, kind: &str, mut choices: Vec<String>) -> CallError {
    choices.sort_unstable();
    CallError::new(Code::Unimplemented, format!("{problem} {kind}: {}.", choices.join(", ")))
}
