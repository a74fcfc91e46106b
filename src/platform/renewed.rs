//! The same site by another profile: what began by the old one ends by it.

use std::sync::Arc;

use super::client::{Platform, PlatformError, Shared};
use super::http::Http;
use super::sign::Signer;
use crate::config::{Profile, Secrets};

impl Platform {
    /// A client by another profile of the same site. Sign-ins and msgids are shared with this one, so the two must speak
    /// to the same platform for the same institution.
    ///
    /// # Errors
    /// The certificate named in the profile cannot be read, or the system has none.
    pub fn renewed(&self, profile: Arc<Profile>, secrets: Secrets) -> Result<Self, PlatformError> {
        let http = Http::new(&profile)?;
        Ok(Self {
            shared: Arc::new(Shared {
                signer: Signer::new(&profile.cainfo, secrets.cainfo.as_ref()),
                profile,
                secrets,
                http,
                sessions: Arc::clone(&self.shared.sessions),
                stamps: Arc::clone(&self.shared.stamps),
            }),
        })
    }
}
