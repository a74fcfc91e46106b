//! The comments of the proto files, for people who look at the bus. Read when somebody asks and forgotten after it.

use std::collections::HashMap;

use prost::Message as _;
use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor};
use prost_types::FileDescriptorSet;

use super::catalogue::{Catalogue, Interface, Method};
use super::shape::{self, Slot};
use crate::api;

/// Everything that is said, by file and place.
pub(super) struct Words {
    said: HashMap<(String, Vec<i32>), String>,
}

impl Words {
    /// Takes them out of the descriptors.
    pub(super) fn read() -> Self {
        let files = FileDescriptorSet::decode(api::descriptors().as_slice()).unwrap_or_default();
        let mut said = HashMap::new();
        for file in files.file {
            let name = file.name().to_owned();
            for location in file.source_code_info.unwrap_or_default().location {
                let text = location.leading_comments();
                if !text.is_empty() {
                    let lines: Vec<_> = text.lines().map(str::trim).collect();
                    let text = lines.join("\n").trim().to_owned();
                    said.insert((name.clone(), location.path), text);
                }
            }
        }
        Self { said }
    }

    fn at(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        let place = (file.name().to_owned(), path.to_vec());
        self.said.get(&place).map_or("", String::as_str)
    }

    /// Of a service.
    pub(super) fn interface(&self, of: &Interface) -> &str {
        self.at(&of.descriptor.parent_file(), of.descriptor.path())
    }

    /// Of a method.
    pub(super) fn method(&self, of: &Method) -> &str {
        self.at(&of.descriptor.parent_file(), of.descriptor.path())
    }

    /// Of a field.
    pub(super) fn field(&self, of: &FieldDescriptor) -> &str {
        self.at(&of.parent_file(), of.path())
    }

    /// The fields of a message, a line each.
    pub(super) fn fields(of: &MessageDescriptor) -> String {
        let mut text = of.name().to_owned();
        for field in of.fields() {
            write_line(&mut text, &field_head(&field));
        }
        text
    }

    /// All that is known of a message or an enum, by its short name: its fields or values, each with its words.
    pub(super) fn describe(&self, name: &str) -> Option<String> {
        let catalogue = Catalogue::get();
        if let Some(message) = catalogue.message(name) {
            return Some(self.message(&message));
        }
        let of_enum = catalogue
            .pool
            .get_enum_by_name(&format!("yibao.v1.{name}"))?;
        Some(self.values(&of_enum))
    }

    fn message(&self, of: &MessageDescriptor) -> String {
        let mut text = of.name().to_owned();
        write_block(&mut text, "", self.at(&of.parent_file(), of.path()));
        for field in of.fields() {
            write_line(&mut text, "");
            write_line(&mut text, &field_head(&field));
            write_block(&mut text, "    ", self.field(&field));
        }
        text
    }

    fn values(&self, of: &EnumDescriptor) -> String {
        let file = of.parent_file();
        let mut text = of.name().to_owned();
        write_block(&mut text, "", self.at(&file, of.path()));
        for value in of.values().filter(|value| value.number() != 0) {
            write_line(&mut text, "");
            write_line(&mut text, value.name());
            write_block(&mut text, "    ", self.at(&file, value.path()));
        }
        text
    }
}

/// `patient a{sv} Patient`.
fn field_head(field: &FieldDescriptor) -> String {
    let mut text = format!("{} {}", field.name(), shape::signature(field));
    if let (false, Some(name)) = (field.is_map(), Slot::of(field).type_name()) {
        text.push(' ');
        text.push_str(name);
    }
    text
}

fn write_line(text: &mut String, line: &str) {
    text.push('\n');
    text.push_str(line);
}

fn write_block(text: &mut String, indent: &str, block: &str) {
    for line in block.lines() {
        text.push('\n');
        text.push_str(indent);
        text.push_str(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_on_the_bus_has_words_in_both_languages() {
        let words = Words::read();
        let both = |what: &str, text: &str| {
            assert!(
                text.contains(|c: char| c.is_ascii_alphabetic()),
                "{what}: {text:?}"
            );
            assert!(!text.is_ascii(), "{what}: {text:?}");
        };
        for interface in &Catalogue::get().interfaces {
            both(&interface.name, words.interface(interface));
            for method in &interface.methods {
                both(&method.name, words.method(method));
                for message in [&method.input, &method.output] {
                    for field in message.fields() {
                        both(field.full_name(), words.field(&field));
                    }
                }
            }
        }
    }

    #[test]
    fn a_message_and_an_enum_are_described() {
        let words = Words::read();
        let request = words.describe("ScanAndPayRequest").unwrap();
        assert!(request.contains("\npatient a{sv} Patient\n"), "{request}");
        assert!(request.contains("\nbills aa{sv} Bill\n"), "{request}");
        assert!(request.contains("\nextension a{ss}\n"), "{request}");
        assert!(
            words
                .describe("Money")
                .unwrap()
                .contains("\nMONEY_SETTLED\n")
        );
        assert!(words.describe("Nothing").is_none());
        assert!(words.describe("").is_none());
    }
}
