//! The gateway before the platform: three families of headers, each verified from its description alone.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::world::World;
use crate::sandbox::http::Request;

/// How far a timestamp may be from the gateway's clock.
const SKEW_S_MAX: i64 = 1_800;
/// CSB says no in a body of its own; nobody states a status.
const CSB_REFUSAL_STATUS: u16 = 200;

const MISSING: &str = "缺少服务网关的请求头!";
const LATE: &str = "签名时间戳超时!";
const NOBODY: &str = "非法用户!";
const DIFFERENT: &str = "签名不一致!";

/// What the gateway wants. The secret is [`super::Options::secret`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gateway {
    /// x-tif-*, for the account of [`super::Options::paasid`].
    XTif,
    /// `_api_*`.
    Csb {
        /// Whose.
        access_key: String,
        /// The one service; `None`: each transaction by its number.
        api_name: Option<String>,
        /// Of the service.
        api_version: String,
        /// The timestamp counts seconds.
        in_seconds: bool,
    },
    /// One header that holds the secret.
    StaticKey {
        /// Its name.
        header: String,
    },
}

/// A no of the gateway: HTTP status and message.
pub(super) type TurnedAway = (u16, &'static str);

/// Verifies the headers of a request for this transaction.
///
/// # Errors
/// Status and message.
pub(super) fn check(world: &mut World, request: &Request, infno: &str) -> Result<(), TurnedAway> {
    if !world.switches.check_headers {
        return Ok(());
    }
    match world.options.gateway.clone() {
        Gateway::XTif => x_tif(world, request).map_err(|message| (401, message)),
        Gateway::StaticKey { header } => match request.header(&header) {
            Some(key) if key == world.options.secret => Ok(()),
            Some(_) => Err((401, NOBODY)),
            None => Err((401, MISSING)),
        },
        Gateway::Csb {
            access_key,
            api_name,
            api_version,
            in_seconds,
        } => {
            let expected = [
                ("_api_access_key", access_key.as_str()),
                ("_api_name", api_name.as_deref().unwrap_or(infno)),
                ("_api_version", api_version.as_str()),
            ];
            csb(world, request, &expected, in_seconds)
                .map_err(|message| (CSB_REFUSAL_STATUS, message))
        }
    }
}

/// security.md 1.
fn x_tif(world: &mut World, request: &Request) -> Result<(), &'static str> {
    let header = |name: &str| request.header(name).filter(|value| !value.is_empty());
    let (Some(paasid), Some(timestamp), Some(nonce), Some(signature)) = (
        header("x-tif-paasid"),
        header("x-tif-timestamp"),
        header("x-tif-nonce"),
        header("x-tif-signature"),
    ) else {
        return Err(MISSING);
    };
    if paasid != world.options.paasid {
        return Err(NOBODY);
    }
    let told: i64 = timestamp.parse().map_err(|_| LATE)?;
    if (told - world.now().as_second()).abs() > SKEW_S_MAX {
        return Err(LATE);
    }
    let text = format!("{timestamp}{}{nonce}{timestamp}", world.options.secret);
    if hex::encode(Sha256::digest(text.as_bytes())) != signature {
        return Err(DIFFERENT);
    }
    if world.fresh_nonce(nonce) {
        Ok(())
    } else {
        Err("重复的请求!")
    }
}

/// security.md 2.
fn csb(
    world: &World,
    request: &Request,
    expected: &[(&str, &str)],
    in_seconds: bool,
) -> Result<(), &'static str> {
    let names = [
        "_api_version",
        "_api_timestamp",
        "_api_name",
        "_api_access_key",
    ];
    // A map keeps them in the natural order of their names, whatever order they came in.
    let mut told = BTreeMap::new();
    for name in names {
        told.insert(name, request.header(name).ok_or(MISSING)?);
    }
    let signature = request.header("_api_signature").ok_or(MISSING)?;
    let digits = if in_seconds { 10 } else { 13 };
    let timestamp = told["_api_timestamp"];
    if timestamp.len() != digits {
        return Err(LATE);
    }
    let told_s: i64 = timestamp[..10].parse().map_err(|_| LATE)?;
    if (told_s - world.now().as_second()).abs() > SKEW_S_MAX {
        return Err(LATE);
    }
    if told["_api_access_key"] != expected[0].1 {
        return Err(NOBODY);
    }
    let text: Vec<String> = told.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let mut mac =
        Hmac::<Sha1>::new_from_slice(world.options.secret.as_bytes()).expect("any length will do");
    mac.update(text.join("&").as_bytes());
    if STANDARD.encode(mac.finalize().into_bytes()) != signature {
        return Err(DIFFERENT);
    }
    match expected.iter().all(|(name, value)| told[name] == *value) {
        true => Ok(()),
        false => Err("服务不存在!"),
    }
}
