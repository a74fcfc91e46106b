//! The methods, from the descriptors.

use std::collections::BTreeMap;

use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::api;

/// One method.
#[derive(Clone, Debug)]
pub(in crate::ipc) struct Method {
    pub(in crate::ipc) input: MessageDescriptor,
    pub(in crate::ipc) output: MessageDescriptor,
    /// Whether it answers with a stream.
    pub(in crate::ipc) streams: bool,
}

/// All methods by their paths. None takes a stream.
pub(in crate::ipc) fn all() -> Result<BTreeMap<String, Method>, prost_reflect::DescriptorError> {
    let pool = DescriptorPool::decode(api::descriptors().as_slice())?;
    let mut methods = BTreeMap::new();
    for service in pool.services() {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            let method = Method {
                input: method.input(),
                output: method.output(),
                streams: method.is_server_streaming(),
            };
            methods.insert(path, method);
        }
    }
    Ok(methods)
}
