//! 9001 签到, 9002 签退.

use zeroize::Zeroizing;

use super::envelope::{self, Head};
use super::json::Object;
use super::request::Missing;
use crate::config::Profile;

/// Signs an operator in at this machine.
pub(in crate::platform) fn sign_in(
    profile: &Profile,
    head: &Head<'_>,
    mac: &str,
    ip: &str,
) -> Result<Zeroizing<String>, Missing> {
    let sign_in = Object::new()
        .text("opter_no", &head.operator.id)
        .text("mac", mac)
        .text("ip", ip);
    let input = Object::new().object("signIn", sign_in);
    envelope::wrap(profile, head, input).map(Zeroizing::new)
}

/// Signs an operator out.
pub(in crate::platform) fn sign_out(
    profile: &Profile,
    head: &Head<'_>,
) -> Result<Zeroizing<String>, Missing> {
    let sign_out = Object::new()
        .text("sign_no", head.sign_no)
        .text("opter_no", &head.operator.id);
    let input = Object::new().object("signOut", sign_out);
    envelope::wrap(profile, head, input).map(Zeroizing::new)
}
