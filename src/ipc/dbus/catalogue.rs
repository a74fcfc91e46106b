//! What the door offers, read from the descriptors: an interface a service, a method a method.

use std::sync::OnceLock;

use prost::Message as _;
use prost_reflect::{DescriptorPool, MessageDescriptor, MethodDescriptor, ServiceDescriptor};

use crate::api;

/// The bus itself: its name and its interface.
pub(super) const BUS: &str = "org.freedesktop.DBus";
/// The object that is the desk.
pub(super) const ROOT_PATH: &str = "/org/yibaod/Bridge1";
/// The interface that is the desk itself; those of the services stand below it.
pub(super) const ROOT: &str = "org.yibaod.Bridge1";
/// What a service's name ends with in proto.
const SERVICE: &str = "Service";

/// A method.
#[derive(Clone)]
pub(super) struct Method {
    /// `/yibao.v1.SettlementService/ScanAndPay`.
    pub(super) grpc_path: String,
    /// Of the bus: `ScanAndPay`.
    pub(super) name: String,
    /// What it takes.
    pub(super) input: MessageDescriptor,
    /// What it answers, once or often.
    pub(super) output: MessageDescriptor,
    /// Whether it answers often: the answers are signals then.
    pub(super) streams: bool,
    /// Where its words are.
    pub(super) descriptor: MethodDescriptor,
}

/// A service.
pub(super) struct Interface {
    /// Of the bus: `org.yibaod.Bridge1.Settlement`.
    pub(super) name: String,
    /// In the order of the descriptors.
    pub(super) methods: Vec<Method>,
    /// Where its words are.
    pub(super) descriptor: ServiceDescriptor,
}

impl Interface {
    fn of(service: ServiceDescriptor) -> Self {
        let short = service.name();
        let short = short.strip_suffix(SERVICE).unwrap_or(short);
        let methods = service.methods().map(|method| Method {
            grpc_path: format!("/{}/{}", service.full_name(), method.name()),
            name: method.name().to_owned(),
            input: method.input(),
            output: method.output(),
            streams: method.is_server_streaming(),
            descriptor: method,
        });
        Self {
            name: format!("{ROOT}.{short}"),
            methods: methods.collect(),
            descriptor: service,
        }
    }

    /// Whether some of its methods answer by signals.
    pub(super) fn streams(&self) -> bool {
        self.methods.iter().any(|method| method.streams)
    }
}

/// All of it, read once. Without the words: see [`super::words`].
pub(super) struct Catalogue {
    /// Our messages.
    pub(super) pool: DescriptorPool,
    /// In the order of their names.
    pub(super) interfaces: Vec<Interface>,
}

impl Catalogue {
    /// The one of this program.
    pub(super) fn get() -> &'static Self {
        static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
        CATALOGUE.get_or_init(Self::read)
    }

    fn read() -> Self {
        let mut files = prost_types::FileDescriptorSet::decode(api::descriptors().as_slice())
            .expect("the compiler of the proto files wrote them");
        for file in &mut files.file {
            // The comments are most of it and are asked for rarely.
            file.source_code_info = None;
        }
        let pool = DescriptorPool::from_file_descriptor_set(files)
            .expect("the compiler of the proto files checked them");
        let mut interfaces: Vec<_> = pool.services().map(Interface::of).collect();
        interfaces.sort_by(|a, b| a.name.cmp(&b.name));
        Self { pool, interfaces }
    }

    /// A method, by the interface's name or, where a caller leaves that out, the first of that name.
    pub(super) fn method(&self, interface: Option<&str>, name: &str) -> Option<&Method> {
        let mut fitting = (self.interfaces.iter())
            .filter(|found| interface.is_none_or(|wanted| found.name == wanted));
        fitting.find_map(|found| found.methods.iter().find(|method| method.name == name))
    }

    /// A service, by its interface's name.
    pub(super) fn interface(&self, name: &str) -> Option<&Interface> {
        self.interfaces.iter().find(|found| found.name == name)
    }

    /// A message of ours by its short name.
    pub(super) fn message(&self, name: &str) -> Option<MessageDescriptor> {
        self.pool.get_message_by_name(&format!("yibao.v1.{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_every_service_is_on_the_bus() {
        let catalogue = Catalogue::get();
        let names: Vec<_> = catalogue
            .interfaces
            .iter()
            .map(|i| i.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "Daemon",
                "Device",
                "Dispense",
                "Identity",
                "Print",
                "Settlement"
            ]
            .map(|name| format!("{ROOT}.{name}"))
        );
        for service in catalogue.pool.services() {
            for method in service.methods() {
                let found = catalogue.method(None, method.name()).unwrap();
                let path = format!("/{}/{}", service.full_name(), method.name());
                assert_eq!(found.grpc_path, path, "the names are unique");
                assert!(!method.is_client_streaming(), "{path}");
            }
        }
        assert!(
            catalogue
                .method(Some("org.yibaod.Bridge1.Print"), "ScanAndPay")
                .is_none()
        );
    }
}
