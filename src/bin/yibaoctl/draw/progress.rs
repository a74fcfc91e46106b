//! A settlement while it runs: steps ticked off with their times, and below them what to do now.
//!
//! Events come in, two kinds of lines go out: those that stay, and the block at the end that is redrawn.

use jiff::Timestamp;
use yibaod::api::settlement_event::Shown;
use yibaod::api::{AmountsShown, ErrorEntry, PersonShown, SettlementEvent, Stage};

use yibaod::book::Code;

use super::{Paint, clean, left, receipt, time_of_day, words, yuan};

/// What has been seen of a settlement.
#[derive(Debug)]
pub(crate) struct Progress {
    paint: Paint,
    width: usize,
    is_live: bool,
    stage: Option<(Stage, Option<Timestamp>)>,
    ids: [(&'static str, String); 4],
    error_told: String,
}

/// What an event adds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// Lines that stay.
    pub(crate) done: Vec<String>,
    /// What stands below them until the next event.
    pub(crate) current: Vec<String>,
}

impl Progress {
    /// `is_live`: what stands below is redrawn, so a prompt may take room.
    pub(crate) fn new(paint: Paint, width: usize, is_live: bool) -> Self {
        let ids = ["psn_no", "mdtrt_id", "chrg_bchno", "msgid"].map(|name| (name, String::new()));
        Self {
            paint,
            width,
            is_live,
            stage: None,
            ids,
            error_told: String::new(),
        }
    }

    /// Takes an event in.
    pub(crate) fn event(&mut self, event: &SettlementEvent) -> Drawn {
        let at = event.at.parse::<Timestamp>().ok();
        let mut done = Vec::new();
        if let Some((stage, since)) = self.stage.filter(|(stage, _)| *stage != event.stage()) {
            done.push(self.ticked(stage, since.zip(at), &event.at));
        }
        if self.stage.is_none_or(|(stage, _)| stage != event.stage()) {
            self.stage = Some((event.stage(), at));
        }
        done.extend(self.new_ids(event));
        if let Some(error) = event.error.as_ref().filter(|error| is_trouble(error)) {
            done.extend(self.error(error));
        } else {
            self.error_told.clear();
        }
        Drawn {
            done,
            current: self.current(event),
        }
    }

    fn ticked(&self, stage: Stage, span: Option<(Timestamp, Timestamp)>, at: &str) -> String {
        let (zh, en) = words::stage(stage);
        let sign = match matches!(stage, Stage::FindingOut | Stage::Undoing | Stage::Stuck) {
            true => self.paint.care("!"),
            false => self.paint.good("✓"),
        };
        let took = span.map_or_else(String::new, |(begin, end)| {
            let ms = end.duration_since(begin).as_millis().max(0);
            format!("{:>4}.{:03} s", ms / 1_000, ms % 1_000)
        });
        let words = left(&format!("{} {en}", left(zh, 20)), 46);
        let time = self.paint.dim(time_of_day(at));
        format!("  {sign} {time}  {words} {}", self.paint.dim(&took))
    }

    fn new_ids(&mut self, event: &SettlementEvent) -> Vec<String> {
        let now = [
            &event.psn_no,
            &event.mdtrt_id,
            &event.chrg_bchno,
            &event.msgid,
        ];
        let mut lines = Vec::new();
        for ((name, known), now) in self.ids.iter_mut().zip(now) {
            if !now.is_empty() && known != now {
                known.clone_from(now);
                let line = format!("              {name} {}", clean(now));
                lines.push(self.paint.dim(&line));
            }
        }
        lines
    }

    fn error(&mut self, error: &ErrorEntry) -> Vec<String> {
        let told = format!("{} {}", error.code, error.detail);
        if self.error_told == told {
            return Vec::new();
        }
        self.error_told = told;
        receipt::trouble(error, self.paint, self.width)
    }

    fn current(&self, event: &SettlementEvent) -> Vec<String> {
        let mut lines = Vec::new();
        match &event.shown {
            Some(Shown::Person(person)) => lines.extend(self::person(person, self.paint)),
            Some(Shown::Amounts(AmountsShown {
                amounts: Some(amounts),
                ..
            })) => {
                lines.extend(receipt::amounts(amounts, self.paint));
            }
            Some(Shown::Amounts(AmountsShown { amounts: None, .. })) | None => {}
        }
        if event.stage() == Stage::Ended {
            return lines;
        }
        if event.prompt_zh.is_empty() {
            let (zh, en) = words::stage(event.stage());
            let place = match event.queue_place {
                0 => String::new(),
                place => format!("  前面还有 {place} 笔 / {place} before"),
            };
            lines.push(format!("  {} {zh} {en}{place}", self.paint.care("…")));
            return lines;
        }
        if !self.is_live {
            let (zh, en) = (clean(&event.prompt_zh), clean(&event.prompt_en));
            lines.push(format!("  » {zh}  {en}"));
            return lines;
        }
        let zh = format!("  {}  ", clean(&event.prompt_zh));
        let en = format!("  {}  ", clean(&event.prompt_en));
        let content = [
            (String::new(), String::new()),
            (zh.clone(), self.paint.bold(&zh)),
            (en.clone(), self.paint.dim(&en)),
            (String::new(), String::new()),
        ];
        lines.extend(receipt::framed(&content, self.width));
        lines
    }
}

/// That it still runs is no trouble.
fn is_trouble(error: &ErrorEntry) -> bool {
    error.code != Code::Pending.id()
}

/// The person to be confirmed.
pub(crate) fn person(it: &PersonShown, paint: Paint) -> Vec<String> {
    let rows = [
        ("姓名 name", clean(&it.masked_name)),
        ("证件号码 id number", clean(&it.masked_certno)),
        ("险种 insutype", clean(&it.insutype)),
        ("账户余额 balance", yuan(it.balance_fen)),
    ];
    let line =
        |(label, value): (&str, String)| format!("    {}{}", left(label, 22), paint.bold(&value));
    rows.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::columns;

    fn event(stage: Stage, at: &str) -> SettlementEvent {
        SettlementEvent {
            stage: stage.into(),
            at: format!("2026-11-22T08:00:{at}+08:00"),
            ..SettlementEvent::default()
        }
    }

    #[test]
    fn a_step_is_ticked_off_with_its_time() {
        let mut progress = Progress::new(Paint::new(false), 80, true);
        let first = progress.event(&event(Stage::WaitingScan, "01.000"));
        assert_eq!(first.done, Vec::<String>::new());
        let second = progress.event(&event(Stage::Decoding, "03.250"));
        assert_eq!(second.done.len(), 1, "{second:?}");
        assert!(
            second.done[0].contains("✓ 08:00:03  等待出示医保码"),
            "{second:?}"
        );
        assert!(second.done[0].ends_with("2.250 s"), "{second:?}");
        assert_eq!(
            progress.event(&event(Stage::Decoding, "04.000")).done.len(),
            0
        );
    }

    #[test]
    fn the_prompt_stands_in_a_frame() {
        let mut progress = Progress::new(Paint::new(false), 80, true);
        let shown = progress.event(&SettlementEvent {
            prompt_zh: "请患者出示医保码".into(),
            prompt_en: "Ask the patient for the insurance code".into(),
            ..event(Stage::WaitingScan, "01.000")
        });
        assert!(
            shown
                .current
                .iter()
                .any(|line| line.contains("请患者出示医保码"))
        );
        let first = columns(&shown.current[0]);
        assert!(
            shown.current.iter().all(|line| columns(line) == first),
            "{shown:#?}"
        );
    }

    #[test]
    fn a_wrong_code_is_told_once() {
        let mut progress = Progress::new(Paint::new(false), 80, true);
        progress.event(&event(Stage::WaitingScan, "01.000"));
        let wrong = SettlementEvent {
            error: Some(crate::trouble::of_book(Code::PaymentCodeShown)),
            ..event(Stage::WaitingScan, "02.000")
        };
        assert!(progress.event(&wrong).done[0].contains("E2001"));
        assert!(progress.event(&wrong).done.is_empty());
        progress.event(&event(Stage::WaitingScan, "03.000"));
        assert!(
            !progress.event(&wrong).done.is_empty(),
            "a second wrong code is told again"
        );
    }

    #[test]
    fn ids_are_told_as_they_become_known() {
        let mut progress = Progress::new(Paint::new(false), 80, true);
        let known = SettlementEvent {
            mdtrt_id: "M1".into(),
            ..event(Stage::Visit, "01.000")
        };
        assert!(progress.event(&known).done[0].contains("mdtrt_id M1"));
        assert!(progress.event(&known).done.is_empty());
    }
}
