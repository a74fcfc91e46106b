//! A journal with a past.

use yibaod::journal::{self, Append, Journal, NewEvent, SiteKey, StreamHead};

use super::Desk;

/// Events of one append.
const EVENTS_PER_APPEND: usize = 50;

impl Desk {
    /// Writes what years of work leave behind: streams that are closed. The daemon must not run.
    pub async fn fill_journal(&self, events: usize) {
        let machine_id = std::fs::read_to_string("/etc/machine-id").expect("this machine has one");
        let key = SiteKey::load(&self.dir().join("site.key")).expect("its key");
        let of = journal::Desk {
            name: "测试窗口".to_owned(),
            number: 7,
            machine_id: machine_id.trim().to_owned(),
        };
        let options = journal::Options::new(self.state_dir().join("journal"), of, key);
        let (journal, _) = Journal::open(options).await.expect("it opens");
        let body = format!("{{\"what\":\"{}\"}}", "x".repeat(200));
        let append = |n: usize| Append {
            stream: format!("old-{n}"),
            after: None,
            events: (0..EVENTS_PER_APPEND)
                .map(|_| NewEvent::new("old", 1, 1, body.clone()))
                .collect(),
            head: StreamHead::closed("acts", "desk"),
            marks: Vec::new(),
        };
        let appends: Vec<usize> = (0..events / EVENTS_PER_APPEND).collect();
        for some in appends.chunks(256) {
            let written = some.iter().map(|n| journal.append(append(*n)));
            for written in futures_util::future::join_all(written).await {
                written.expect("it is written");
            }
        }
        journal.close().await;
    }
}
