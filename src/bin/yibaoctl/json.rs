//! Proto JSON in and out, by the descriptors of our own proto files: fields in lowerCamelCase (snake_case is taken
//! too), int64 as text, enums by name. A field that the request does not have is an error that names it.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, SerializeOptions};
use yibaod::api::{ErrorEntry, ScanAndPayRequest, descriptors};
use yibaod::book::Code;

use crate::trouble::Trouble;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(descriptors().as_slice()).expect("the build compiled these descriptors")
});

/// The descriptor's name of a message, for the generated types do not carry it.
pub(crate) trait Named: prost::Message {
    /// Without the package.
    const NAME: &'static str;
}

macro_rules! named {
    ($($type:ident)*) => {
        $(impl Named for yibaod::api::$type { const NAME: &'static str = stringify!($type); })*
    };
}

named! {
    CancelSettlementResponse CheckHealthResponse DeviceEvent Dispense ErrorEntry ExplainDeviceResponse
    GetMetricsResponse GetStatusResponse HandOutRequest ListDevicesResponse ListJobsResponse ListSettlementsResponse ListStuckResponse ReadCardResponse
    Identification WatchIdentificationResponse PrintBatchResponse PrintJob PrintRequest RecordDeviceResponse Reconciliation Refund
    ScanAndPayRequest ScannedCode
    ReloadResponse SetLogLevelResponse
    Settlement SettlementEvent DeviceSnapshot TakeBackRequest
}

/// A message as one line of JSON.
pub(crate) fn text<M: Named>(message: &M) -> String {
    let dynamic = DynamicMessage::decode(descriptor(M::NAME), message.encode_to_vec().as_slice())
        .expect("a message of ours decodes by its own descriptor");
    let options = SerializeOptions::new().skip_default_fields(false);
    let mut bytes = Vec::new();
    dynamic
        .serialize_with_options(&mut serde_json::Serializer::new(&mut bytes), &options)
        .expect("a message of ours is JSON");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// The one object of a failed command.
pub(crate) fn error(entry: &ErrorEntry) -> String {
    format!("{{\"error\":{}}}", text(entry))
}

/// Reads a bill.
pub(crate) fn bill(json: &str) -> Result<ScanAndPayRequest, Trouble> {
    read(json)
}

/// Reads a request.
pub(crate) fn read<M: Named + Default>(json: &str) -> Result<M, Trouble> {
    let mut reader = serde_json::Deserializer::from_str(json);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let descriptor = descriptor(M::NAME);
    let dynamic = DynamicMessage::deserialize_with_options(descriptor, &mut reader, &options)
        .and_then(|message| reader.end().map(|()| message))
        .map_err(|error| wrong(&error))?;
    dynamic.transcode_to().map_err(|error| wrong(&error))
}

fn wrong(error: &dyn std::error::Error) -> Trouble {
    let what = error.to_string();
    let code = match what.contains("unrecognized field") {
        true => Code::UnknownField,
        false => Code::RequestInvalid,
    };
    Trouble::Bill { code, what }
}

fn descriptor(name: &str) -> prost_reflect::MessageDescriptor {
    POOL.get_message_by_name(&format!("yibao.v1.{name}"))
        .expect("the message is in our proto files")
}

#[cfg(test)]
mod tests {
    use yibaod::api::{Amounts, Money, OrderKind, Settlement};

    use super::*;

    #[test]
    fn int64_is_text_and_nothing_is_left_out() {
        let settlement = Settlement {
            money: Money::Settled.into(),
            amounts: Some(Amounts {
                medfee_sumamt_fen: 19_020,
                ..Amounts::default()
            }),
            ..Settlement::default()
        };
        let json: serde_json::Value = serde_json::from_str(&text(&settlement)).unwrap();
        assert_eq!(json["money"], "MONEY_SETTLED");
        assert_eq!(json["amounts"]["medfeeSumamtFen"], "19020");
        assert_eq!(json["amounts"]["psnCashPayFen"], "0");
        assert_eq!(json["setlId"], "");
        assert!(!text(&settlement).contains('\n'));
    }

    #[test]
    fn a_bill_is_read_with_numbers_as_text_or_number() {
        for amount in ["\"2520\"", "2520"] {
            let json = format!(
                r#"{{"requestId":"A-1","kind":"ORDER_KIND_OUTPATIENT",
                    "bills":[{{"lines":[{{"name":"阿莫西林胶囊","pric":"12.60","amountFen":{amount}}}]}}]}}"#
            );
            let bill = bill(&json).unwrap();
            assert_eq!(bill.kind(), OrderKind::Outpatient);
            assert_eq!(bill.bills[0].lines[0].amount_fen, 2_520);
        }
    }

    #[test]
    fn an_unknown_field_is_named() {
        for json in [
            r#"{"requestId":"A-1","patientName":"x"}"#,
            r#"{"bills":[{"lines":[{"patientName":1}]}]}"#,
        ] {
            let Err(Trouble::Bill { code, what }) = bill(json) else {
                panic!("{json} was taken");
            };
            assert_eq!(code, Code::UnknownField);
            assert!(
                what.contains("patientName") && what.contains("line 1"),
                "{what}"
            );
        }
    }

    #[test]
    fn what_is_no_bill_is_refused() {
        for json in [
            "",
            "[]",
            "{",
            "{} {}",
            r#"{"bills":[{"lines":[{"amountFen":1.5}]}]}"#,
            r#"{"kind":"NOPE"}"#,
        ] {
            let Err(Trouble::Bill { code, .. }) = bill(json) else {
                panic!("{json} was taken");
            };
            assert_eq!(code, Code::RequestInvalid, "{json}");
        }
    }

    #[test]
    fn the_sample_bill_is_a_bill() {
        let sample = include_str!("../../../packaging/examples/outpatient-bill.json");
        let bill = bill(sample).unwrap();
        let total: i64 = bill.bills[0].lines.iter().map(|line| line.amount_fen).sum();
        assert_eq!((bill.bills[0].lines.len(), total), (6, 19_020));
        let sample = include_str!("../../../packaging/examples/pharmacy-bill.json");
        let bill = super::bill(sample).unwrap();
        let total: i64 = bill.bills[0].lines.iter().map(|line| line.amount_fen).sum();
        assert_eq!((bill.kind(), total), (OrderKind::Pharmacy, 14_720));
        let sample = include_str!("../../../packaging/examples/hand-out.json");
        let goods = read::<yibaod::api::HandOutRequest>(sample).unwrap().goods;
        assert_eq!(goods.unwrap().lines.len(), 2);
        let sample = include_str!("../../../packaging/examples/take-back.json");
        let back = read::<yibaod::api::TakeBackRequest>(sample).unwrap();
        assert_eq!(back.lines[0].line, 1);
    }
}
