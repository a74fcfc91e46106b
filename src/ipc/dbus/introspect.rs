//! What `busctl introspect` and `gdbus introspect` show: every method with its words in both languages.

use super::catalogue::{Catalogue, Interface, Method, ROOT};
use super::desk::{DEVICE, Property, device_properties, root_properties};
use super::words::Words;

/// The annotation that GLib's tools take for documentation.
const WORDS: &str = "org.gtk.GDBus.DocString";
const HEAD: &str = concat!(
    "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n",
    " \"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"
);
const STANDARD: &str = r#" <interface name="org.freedesktop.DBus.Peer">
  <method name="Ping"/>
  <method name="GetMachineId"><arg name="machine_uuid" type="s" direction="out"/></method>
 </interface>
 <interface name="org.freedesktop.DBus.Introspectable">
  <method name="Introspect"><arg name="xml_data" type="s" direction="out"/></method>
 </interface>
"#;
const PROPERTIES: &str = r#" <interface name="org.freedesktop.DBus.Properties">
  <method name="Get">
   <arg name="interface_name" type="s" direction="in"/>
   <arg name="property_name" type="s" direction="in"/>
   <arg name="value" type="v" direction="out"/>
  </method>
  <method name="GetAll">
   <arg name="interface_name" type="s" direction="in"/>
   <arg name="props" type="a{sv}" direction="out"/>
  </method>
  <method name="Set">
   <arg name="interface_name" type="s" direction="in"/>
   <arg name="property_name" type="s" direction="in"/>
   <arg name="value" type="v" direction="in"/>
  </method>
  <signal name="PropertiesChanged">
   <arg name="interface_name" type="s"/>
   <arg name="changed_properties" type="a{sv}"/>
   <arg name="invalidated_properties" type="as"/>
  </signal>
 </interface>
"#;
const OBJECTS: &str = r#" <interface name="org.freedesktop.DBus.ObjectManager">
  <method name="GetManagedObjects">
   <arg name="object_paths_interfaces_and_properties" type="a{oa{sa{sv}}}" direction="out"/>
  </method>
  <signal name="InterfacesAdded">
   <arg name="object_path" type="o"/>
   <arg name="interfaces_and_properties" type="a{sa{sv}}"/>
  </signal>
  <signal name="InterfacesRemoved">
   <arg name="object_path" type="o"/>
   <arg name="interfaces" type="as"/>
  </signal>
 </interface>
"#;
const CALLING: &str = "\
Every method takes one dictionary and answers with one; Describe tells what stands in them. Besides the fields of its \
message a request may hold deadline_ms (any integer, 1 to 600000, default 20000: shorter than the 25 s after which most \
libraries give up): the answer comes before it, PENDING if the settlement runs on – call again with the same \
request_id, it joins. An error is a name and a text, whose last line is money=… repeat=… fields=…; with \
error_details true in the request a dictionary follows: code, name, money, repeat, meaning_zh, meaning_en, action_zh, \
action_en, detail, patient_zh, fields.\n\
每个方法收一个字典、回一个字典，字段说明用 Describe 查询。请求中除消息字段外可带 deadline_ms（整数 1–600000，缺省 \
20000，短于多数程序库 25 秒的超时）：到时之前必有回答，仍在进行则为 PENDING，用同一 request_id 再次调用即可并入。\
错误为名称加文字，末行为 \
money=… repeat=… fields=…；请求中带 error_details 为 true 时另附字典，含 code、name、money、repeat、meaning_zh、meaning_en、action_zh、action_en、detail、patient_zh、fields 的字典。";
const FOLLOWING: &str = "\
Answers with signals, to the caller alone: subscribe to Progress and Ended first, then call. The request may hold \
subscription (1 to 64 of A-Z a-z 0-9 . _ -) to choose the id; left out, one is made. It ends by itself, by \
StopWatching, or when the caller leaves the bus. No deadline_ms: none, it is followed to its end.\n\
以信号回答，只发给调用方：先订阅 Progress 与 Ended，再调用。请求中可带 subscription（1–64 位 A-Z a-z 0-9 . _ -）自定编号，\
不带则自动生成。自行结束、StopWatching 或调用方离开总线时终止。不带 deadline_ms 则一直跟到结束。";
const PROGRESS: &str = "One answer of a method that follows something. 持续类方法的一次回答。";
const ENDED: &str = "\
It ended: error is empty when all was told, else the error's name, with its text and details.\n\
已结束：正常时 error 为空，否则为错误名称，附文字与详情。";
const STOP: &str = "Stops following; a claim is given back. 停止跟踪；占用的设备随即释放。";
const DESCRIBE: &str = "\
What stands in a message or an enum, by its name such as ScanAndPayRequest, Patient, Money.\n\
说明消息或枚举的内容，按名称查询，如 ScanAndPayRequest、Patient、Money。";

/// The document of the desk's own object.
pub(super) fn root(devices_below: bool) -> String {
    let words = Words::read();
    let mut xml = format!("{HEAD}<node>\n{STANDARD}{PROPERTIES}{OBJECTS}");
    own(&mut xml);
    for interface in &Catalogue::get().interfaces {
        service(&mut xml, interface, &words);
    }
    if devices_below {
        xml.push_str(" <node name=\"devices\"/>\n");
    }
    xml.push_str("</node>\n");
    xml
}

/// The document of one device's object.
pub(super) fn device() -> String {
    let words = Words::read();
    let mut xml = format!("{HEAD}<node>\n{STANDARD}{PROPERTIES}");
    put(&mut xml, &format!(" <interface name=\"{DEVICE}\">\n"));
    for (property, field) in device_properties() {
        put_property(&mut xml, &property, words.field(&field));
    }
    xml.push_str(" </interface>\n</node>\n");
    xml
}

/// The document of a path that only leads somewhere.
pub(super) fn passage(below: &[&str]) -> String {
    let mut xml = format!("{HEAD}<node>\n{STANDARD}");
    for name in below {
        put(&mut xml, &format!(" <node name=\"{}\"/>\n", escaped(name)));
    }
    xml.push_str("</node>\n");
    xml
}

fn own(xml: &mut String) {
    put(xml, &format!(" <interface name=\"{ROOT}\">\n"));
    annotate(xml, 2, CALLING);
    xml.push_str("  <method name=\"Describe\">\n");
    annotate(xml, 3, DESCRIBE);
    xml.push_str("   <arg name=\"type\" type=\"s\" direction=\"in\"/>\n");
    xml.push_str("   <arg name=\"text\" type=\"s\" direction=\"out\"/>\n  </method>\n");
    for (property, words) in root_properties() {
        put_property(xml, &property, words);
    }
    xml.push_str(" </interface>\n");
}

fn put_property(xml: &mut String, property: &Property, words: &str) {
    let Property { name, signature } = property;
    put(
        xml,
        &format!("  <property name=\"{name}\" type=\"{signature}\" access=\"read\">\n"),
    );
    annotate(xml, 3, words);
    xml.push_str("  </property>\n");
}

fn service(xml: &mut String, interface: &Interface, words: &Words) {
    put(xml, &format!(" <interface name=\"{}\">\n", interface.name));
    annotate(xml, 2, words.interface(interface));
    for method in &interface.methods {
        self::method(xml, method, words);
    }
    if interface.streams() {
        xml.push_str("  <method name=\"StopWatching\">\n");
        annotate(xml, 3, STOP);
        xml.push_str("   <arg name=\"subscription\" type=\"s\" direction=\"in\"/>\n  </method>\n");
        xml.push_str("  <signal name=\"Progress\">\n");
        annotate(xml, 3, PROGRESS);
        xml.push_str("   <arg name=\"subscription\" type=\"s\"/>\n");
        xml.push_str("   <arg name=\"answer\" type=\"a{sv}\"/>\n  </signal>\n");
        xml.push_str("  <signal name=\"Ended\">\n");
        annotate(xml, 3, ENDED);
        for (name, signature) in [("subscription", "s"), ("error", "s"), ("text", "s")] {
            put(
                xml,
                &format!("   <arg name=\"{name}\" type=\"{signature}\"/>\n"),
            );
        }
        xml.push_str("   <arg name=\"details\" type=\"a{sv}\"/>\n  </signal>\n");
    }
    xml.push_str(" </interface>\n");
}

fn method(xml: &mut String, method: &Method, words: &Words) {
    put(xml, &format!("  <method name=\"{}\">\n", method.name));
    let said = words.method(method);
    match method.streams {
        true => annotate(xml, 3, &format!("{said}\n\n{FOLLOWING}")),
        false => annotate(xml, 3, said),
    }
    xml.push_str("   <arg name=\"request\" type=\"a{sv}\" direction=\"in\">\n");
    annotate(xml, 4, &Words::fields(&method.input));
    xml.push_str("   </arg>\n");
    if method.streams {
        xml.push_str("   <arg name=\"subscription\" type=\"s\" direction=\"out\">\n");
        let told = format!("Progress: {}", Words::fields(&method.output));
        annotate(xml, 4, &told);
    } else {
        xml.push_str("   <arg name=\"answer\" type=\"a{sv}\" direction=\"out\">\n");
        annotate(xml, 4, &Words::fields(&method.output));
    }
    xml.push_str("   </arg>\n  </method>\n");
}

fn annotate(xml: &mut String, indent: usize, words: &str) {
    if words.is_empty() {
        return;
    }
    let value = escaped(words);
    put(
        xml,
        &format!(
            "{:indent$}<annotation name=\"{WORDS}\" value=\"{value}\"/>\n",
            ""
        ),
    );
}

fn put(xml: &mut String, text: &str) {
    xml.push_str(text);
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::dbus::shape;

    #[test]
    fn every_method_is_shown_with_its_words() {
        let xml = root(true);
        for interface in &Catalogue::get().interfaces {
            assert!(xml.contains(&format!("<interface name=\"{}\">", interface.name)));
            for method in &interface.methods {
                let head = format!(
                    "<method name=\"{}\">\n   <annotation name=\"{WORDS}\"",
                    method.name
                );
                assert_eq!(xml.matches(&head).count(), 1, "{}", method.name);
            }
        }
        assert!(xml.len() < 200_000, "{} bytes", xml.len());
        assert!(!xml.contains("&amp;#10;"));
    }

    #[test]
    fn names_and_words_are_escaped() {
        let mut xml = String::new();
        annotate(&mut xml, 0, "a<b & \"c\"\n一");
        assert_eq!(
            xml,
            "<annotation name=\"org.gtk.GDBus.DocString\" value=\"a&lt;b &amp; &quot;c&quot;&#10;一\"/>\n"
        );
        assert!(passage(&["devices"]).contains("<node name=\"devices\"/>"));
        let shown = device();
        assert!(
            shown.contains("<property name=\"State\" type=\"s\" access=\"read\">"),
            "{shown}"
        );
    }

    #[test]
    fn the_signatures_are_of_the_bus() {
        for interface in &Catalogue::get().interfaces {
            for method in &interface.methods {
                for field in method.output.fields() {
                    let signature: Result<zbus::Signature, _> =
                        shape::signature(&field).as_str().try_into();
                    assert!(signature.is_ok(), "{}", field.full_name());
                }
            }
        }
    }
}
