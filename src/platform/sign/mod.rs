//! PURE. What a gateway wants beside the body, a file a family; and the SM2 signature of a message.

mod csb;
mod sm2;
mod sorted;
mod static_key;
mod x_tif;

use std::borrow::Cow;

pub(super) use sm2::Signer;

use crate::config::profile::{ApiName, Family, TimestampUnit};

/// A header: name and value.
pub(super) type Header = (Cow<'static, str>, String);

/// What differs from message to message.
pub(super) struct Moment<'a> {
    /// 交易编号, or the voucher service's name for its question.
    pub(super) infno: &'a str,
    /// Since 1970.
    pub(super) now_ms: i64,
    /// Never used before.
    pub(super) nonce: &'a str,
}

/// The headers that a family wants.
pub(super) fn headers(family: &Family, secret: &str, moment: &Moment<'_>) -> Vec<Header> {
    let now_s = moment.now_ms.div_euclid(1_000);
    match family {
        Family::None => Vec::new(),
        Family::XTif { paasid, service_id } => {
            x_tif::headers(paasid, service_id, secret, now_s, moment.nonce)
        }
        Family::Csb {
            access_key,
            api_name,
            api_version,
            timestamp,
        } => {
            let name = match api_name {
                ApiName::Infno => moment.infno,
                ApiName::Fixed(name) => name,
            };
            let timestamp = match timestamp {
                TimestampUnit::Milliseconds => moment.now_ms,
                TimestampUnit::Seconds => now_s,
            };
            csb::headers(access_key, name, api_version, timestamp, secret)
        }
        Family::StaticKey { header } => static_key::headers(header, secret),
    }
}
