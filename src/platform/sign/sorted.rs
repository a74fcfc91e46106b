//! JSON as texts under signatures want it: compact, keys in ASCII order at every level, scalars as written.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// What becomes of `null`, `""`, `{}` and `[]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empties {
    /// They stay.
    Kept,
    /// They are left out, at every level.
    Dropped,
}

type Fields = BTreeMap<String, Box<RawValue>>;

/// The value sorted; `None` when it is empty and empties are left out.
pub(super) fn sorted(json: &str, empties: Empties) -> Option<String> {
    let text = if json.starts_with('{') {
        let fields: Fields = serde_json::from_str(json).ok()?;
        let fields = fields.iter().filter_map(|(key, value)| {
            let value = sorted(value.get(), empties)?;
            Some(format!("{}:{value}", quoted(key)))
        });
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    } else if json.starts_with('[') {
        let list: Vec<Box<RawValue>> = serde_json::from_str(json).ok()?;
        let list = list.iter().filter_map(|value| sorted(value.get(), empties));
        format!("[{}]", list.collect::<Vec<_>>().join(","))
    } else {
        json.to_owned()
    };
    let is_empty = matches!(text.as_str(), "null" | "\"\"" | "{}" | "[]");
    (!is_empty || empties == Empties::Kept).then_some(text)
}

/// `k=v` of an object's fields joined with `&`; empty values and the named field are left out, texts stand
/// without quotes, objects and lists as sorted JSON.
pub(super) fn pairs(json: &str, without: &str) -> Option<String> {
    let fields: Fields = serde_json::from_str(json).ok()?;
    let pairs = fields.iter().filter(|(key, _)| *key != without);
    let pairs = pairs.filter_map(|(key, value)| {
        let value = sorted(value.get(), Empties::Dropped)?;
        let plain: Option<String> = serde_json::from_str(&value).ok();
        Some(format!("{key}={}", plain.unwrap_or(value)))
    });
    Some(pairs.collect::<Vec<_>>().join("&"))
}

fn quoted(key: &str) -> String {
    serde_json::to_string(key).expect("a text is always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_scalars_stay_as_written() {
        let json = r#"{"b":4.50,"a":{"z":"测试","B":[{"y":1,"x":""}],"n":null},"e":[]}"#;
        assert_eq!(
            sorted(json, Empties::Kept).unwrap(),
            r#"{"a":{"B":[{"x":"","y":1}],"n":null,"z":"测试"},"b":4.50,"e":[]}"#
        );
        assert_eq!(
            sorted(json, Empties::Dropped).unwrap(),
            r#"{"a":{"B":[{"y":1}],"z":"测试"},"b":4.50}"#
        );
        assert_eq!(sorted(r#"{"a":{"b":[null]}}"#, Empties::Dropped), None);
    }

    /// The body of the reference's vector, without what is not signed.
    #[test]
    fn pairs_are_those_of_the_reference() {
        let data = r#"{"feeSumamt":"12.30","list":[{"a":"1","b":"2"}],"orgCodg":"H00000000001","payOrdId":"ORD430000202501010000000001","userName":"测试"}"#;
        let shuffled = r#"{"userName":"测试","payOrdId":"ORD430000202501010000000001","orgCodg":"H00000000001","list":[{"b":"2","a":"1"}],"feeSumamt":"12.30","x":""}"#;
        let body = format!(
            r#"{{"version":"2.0.1","data":{shuffled},"signType":"SM2","signData":"not signed","timestamp":"20250101080000","encType":"SM4","extra":{{}},"appId":"DEMOAPPID0000001DEMOAPPID0000001"}}"#
        );
        let text = pairs(&body, "signData").unwrap();
        assert_eq!(
            text,
            format!(
                "appId=DEMOAPPID0000001DEMOAPPID0000001&data={data}&encType=SM4&signType=SM2\
                 &timestamp=20250101080000&version=2.0.1"
            )
        );
    }
}
