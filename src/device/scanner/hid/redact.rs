//! Where the persons are in the reports of a HID scanner: in the data, and in what an earlier code left behind it.

use super::descriptor::{self, Layout};
use super::report;
use crate::device::Way;
use crate::device::record::redact::Messages;
use crate::device::record::text;
use crate::device::scanner::source::End;

/// The shape of reports, by the descriptor that the line begins with.
#[derive(Default)]
pub(crate) struct Reports {
    layouts: Vec<Layout>,
    /// The code that is coming has begun in an earlier report.
    goes_on: bool,
}

impl Messages for Reports {
    fn message(&mut self, way: Way, raw: &[u8]) -> Vec<u8> {
        let mut told = vec![0; raw.len()];
        let of_ours = |layout: &&Layout| match layout.number {
            None => true,
            Some(number) => raw.first() == Some(&number),
        };
        let layout = self.layouts.iter().find(of_ours);
        let (Way::FromDevice, Some(layout), Some(part)) =
            (way, layout, report::read(&self.layouts, raw))
        else {
            return told;
        };
        // Half of a code has no shape of its own: only one that lies in one report keeps what it begins with.
        let is_whole = !self.goes_on && part.end == End::Here;
        let data = if is_whole {
            text::code(part.data)
        } else {
            part.data.iter().map(|byte| text::ascii(*byte)).collect()
        };
        let is_text = part.data.is_ascii() || is_whole;
        self.goes_on = part.end != End::Here;
        let head = usize::from(layout.number.is_some());
        let mut keep = |at: usize, value: u8| {
            if let Some(byte) = told.get_mut(head + at) {
                *byte = value;
            }
        };
        for (at, byte) in data.iter().enumerate() {
            keep(layout.data.start + at, if is_text { *byte } else { 0 });
        }
        if part.has_symbology {
            let at = layout.symbology.unwrap_or_default();
            for (at, byte) in at.into_iter().zip(part.symbology) {
                keep(at, byte);
            }
        }
        if let Some(at) = layout.count {
            keep(at, u8::try_from(part.data.len()).unwrap_or(u8::MAX));
        }
        if let (Some((at, bit)), End::More) = (layout.more, part.end) {
            keep(at, 1 << bit);
        }
        if let Some(number) = layout.number {
            told[0] = number;
        }
        told
    }

    /// The descriptor says what a report looks like and nothing of the device that has it.
    fn about(&mut self, raw: &[u8]) -> Vec<u8> {
        self.layouts = descriptor::layouts(raw);
        self.goes_on = false;
        raw.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::super::descriptor::tests::{FLAGGED, PLAIN};
    use super::*;

    fn report(data: &[u8], stale: &[u8], tail: &[u8]) -> Vec<u8> {
        let mut report = vec![2, u8::try_from(data.len()).unwrap()];
        report.extend(b"]Q1");
        report.extend(data);
        report.extend(stale);
        report.resize(61, 0);
        report.extend(tail);
        report
    }

    #[test]
    fn a_report_gives_nobody_away_nor_who_was_before() {
        let mut reports = Reports::default();
        assert_eq!(reports.about(PLAIN), PLAIN);
        let code = report(b"4243017759283164028817935626", b"430102198503129119", &[]);
        let told = reports.message(Way::FromDevice, &code);
        let told_part = report::read(&reports.layouts, &told).unwrap();
        assert_eq!(told_part.data, b"4240000000000000000000000000");
        assert_eq!((told_part.symbology, told_part.end), (*b"]Q1", End::Here));
        assert_eq!(told, report(b"4240000000000000000000000000", b"", &[]));
        // Of another number, or without a descriptor: blank.
        let mut other = code.clone();
        other[0] = 9;
        assert_eq!(
            reports.message(Way::FromDevice, &other),
            vec![0; other.len()]
        );
        let mut none = Reports::default();
        assert_eq!(none.message(Way::FromDevice, &code), vec![0; code.len()]);
    }

    #[test]
    fn a_code_in_two_reports_keeps_nothing_but_its_length() {
        let mut reports = Reports::default();
        reports.about(FLAGGED);
        let first = report(b"4301021985", b"", &[1]);
        let second = report(b"03129116\xe6\xb2\x88", b"", &[0]);
        let told = reports.message(Way::FromDevice, &first);
        assert_eq!(told, report(b"0000000000", b"", &[1]));
        let told = reports.message(Way::FromDevice, &second);
        let part = report::read(&reports.layouts, &told).unwrap();
        assert_eq!((part.data, part.end), (&[0; 11][..], End::Here));
    }
}
