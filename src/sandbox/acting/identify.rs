//! Logging in: the prompt, the code or document, who it is.

use std::time::Duration;

use tokio::pin;
use tokio::time::Instant;

use super::{Patient, SEEN_MS_MAX, Scene, Trouble, choice, known};
use crate::api::identity_service_client::IdentityServiceClient;
use crate::api::{
    Credential, Identification, IdentifyFlow, IdentifyRequest, IdentifyState, Office, Operator,
    Stage, WatchIdentificationRequest, WatchIdentificationResponse,
};
use crate::sandbox::his::File;

/// The remark that there are several kinds of insurance: one is chosen, which is asked for by itself.
const CHOSEN_BY_ITSELF: &str = "SEVERAL_INSURANCES";

/// Somebody who logged in.
#[derive(Clone, Debug)]
pub(super) struct LoggedIn {
    /// As the daemon said it.
    pub(super) identification: Identification,
    /// The file that the HIS has of that person.
    pub(super) file: File,
}

impl Scene<'_> {
    /// Asks for a code or document until somebody is known. `None`: nobody is, and the screen said why.
    pub(super) async fn log_in(
        &self,
        flow: IdentifyFlow,
        operator: &Operator,
        office: &Office,
        patient: &Patient,
        wait_ms: u32,
    ) -> Result<(Identification, Option<LoggedIn>), Trouble> {
        let asked = choice::of_flow(flow, patient);
        let request = IdentifyRequest {
            request_id: self.new_id("who"),
            flow: flow.into(),
            credentials: vec![asked.into()],
            operator: Some(operator.clone()),
            office: Some(office.clone()),
            // The HIS finds the patient's file by it.
            unmasked: true,
            wait_ms,
            ..IdentifyRequest::default()
        };
        let identification = self.identified(request, patient, asked).await?;
        if let Some(error) = &identification.error {
            self.error(error);
        }
        if identification.state() != IdentifyState::Identified {
            return Ok((identification, None));
        }
        if asked == Credential::SocialCard {
            self.takes_card_out().await?;
        }
        let file = self.his().file(&identification.certno).cloned();
        let Some(file) = file else {
            self.screen(
                "本院没有您的档案，请先建档。",
                "There is no file of you here.",
            );
            return Ok((identification, None));
        };
        self.screen(
            format!("{}，您好！", masked(&file.name)),
            "The patient is greeted by name, masked.",
        );
        self.tells_remarks(flow, &identification);
        let logged_in = LoggedIn {
            identification: identification.clone(),
            file,
        };
        Ok((identification, Some(logged_in)))
    }

    /// Who wants to pay hears at once that the insurance will not: not after all orders are signed.
    fn tells_remarks(&self, flow: IdentifyFlow, identification: &Identification) {
        let pays = match flow {
            IdentifyFlow::Registration | IdentifyFlow::Payment | IdentifyFlow::Desk => true,
            IdentifyFlow::Report | IdentifyFlow::Pharmacy | IdentifyFlow::Unspecified => false,
        };
        let remarks = identification.remarks.iter();
        for remark in remarks.filter(|it| pays && it.name != CHOSEN_BY_ITSELF) {
            self.error(remark);
        }
    }

    async fn identified(
        &self,
        request: IdentifyRequest,
        patient: &Patient,
        asked: Credential,
    ) -> Result<Identification, Trouble> {
        let mut client = IdentityServiceClient::new(self.door.clone());
        let mut watcher = client.clone();
        let watch = WatchIdentificationRequest {
            request_id: request.request_id.clone(),
        };
        let mut events = watcher.watch_identification(watch).await?.into_inner();
        let call = client.identify(request);
        pin!(call);
        let mut is_watching = true;
        let mut prompt = String::new();
        let mut ended = None;
        let mut until = Instant::now();
        loop {
            tokio::select! {
                answer = &mut call, if ended.is_none() => {
                    let answer = answer?.into_inner().identification.unwrap_or_default();
                    if !is_watching || answer.state() == IdentifyState::Pending {
                        return Ok(answer);
                    }
                    ended = Some(answer);
                    until = Instant::now() + Duration::from_millis(SEEN_MS_MAX);
                }
                () = tokio::time::sleep_until(until), if ended.is_some() => {
                    return Ok(ended.unwrap_or_default());
                }
                event = events.message(), if is_watching => match known(event, &ended)? {
                    Some(event) => self.asks(&event, patient, asked, &mut prompt).await?,
                    None => match ended {
                        Some(answer) => return Ok(answer),
                        None => is_watching = false,
                    },
                },
            }
        }
    }

    async fn asks(
        &self,
        event: &WatchIdentificationResponse,
        patient: &Patient,
        asked: Credential,
        prompt: &mut String,
    ) -> Result<(), Trouble> {
        let waits = event.stage() == Stage::WaitingScan;
        if waits && let Some(error) = &event.error {
            self.error(error);
        }
        let is_new = *prompt != event.prompt_zh || event.error.is_some();
        if is_new && !event.prompt_zh.is_empty() {
            prompt.clone_from(&event.prompt_zh);
            self.screen(&event.prompt_zh, &event.prompt_en);
        }
        match waits {
            true => patient.show(self, asked).await,
            false => Ok(()),
        }
    }
}

/// Only the family name.
pub(super) fn masked(name: &str) -> String {
    let mut letters = name.chars();
    let first: String = letters.next().into_iter().collect();
    first + &"*".repeat(letters.count())
}
