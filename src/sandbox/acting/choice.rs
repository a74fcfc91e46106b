//! Which kind of credential is asked for: chosen at the doctor's desk and at the pharmacy, the code at a kiosk.

use super::{Patient, Scene, Who};
use crate::api::{Credential, IdentifyFlow, ScanAndPayRequest};

impl Scene<'_> {
    /// The staff chooses what the patient brought.
    pub(super) fn chooses(&self, patient: &Patient) {
        let (zh, en) = match patient.chosen() {
            Credential::SocialCard => ("社会保障卡", "social security card"),
            Credential::ResidentId => ("居民身份证", "id card"),
            Credential::EVoucher | Credential::Unspecified => ("医保电子凭证", "code"),
        };
        self.line(
            Who::Staff,
            format!("选择凭证：{zh}。"),
            format!("Chooses the kind of credential: {en}."),
        );
    }
}

/// What this flow logs in by.
pub(super) fn of_flow(flow: IdentifyFlow, patient: &Patient) -> Credential {
    match flow {
        IdentifyFlow::Desk | IdentifyFlow::Pharmacy => patient.chosen(),
        IdentifyFlow::Unspecified
        | IdentifyFlow::Registration
        | IdentifyFlow::Payment
        | IdentifyFlow::Report => Credential::EVoucher,
    }
}

/// What this payment asks for.
pub(super) fn of_payment(request: &ScanAndPayRequest) -> Credential {
    let mut asked = request.credentials();
    asked.next().unwrap_or(Credential::EVoucher)
}
