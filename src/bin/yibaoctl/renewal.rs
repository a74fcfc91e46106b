//! When the lease of a claim is to be renewed.

/// When the lease must be renewed: at a third of it.
pub(crate) struct Renewal {
    claim_id: String,
    every: Option<tokio::time::Interval>,
}

impl Renewal {
    pub(crate) fn new() -> Self {
        let claim_id = String::new();
        Self {
            claim_id,
            every: None,
        }
    }

    /// It is granted, with this lease.
    pub(crate) fn begin(&mut self, claim_id: String, lease_ms: u32) {
        let third = std::time::Duration::from_millis(u64::from(lease_ms / 3).max(1));
        self.claim_id = claim_id;
        self.every = Some(tokio::time::interval(third));
    }

    /// Whose lease is to be renewed now; before [`Self::begin`] none is.
    pub(crate) async fn due(&mut self) -> String {
        match &mut self.every {
            Some(every) => {
                every.tick().await;
                self.claim_id.clone()
            }
            None => std::future::pending().await,
        }
    }
}
