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
