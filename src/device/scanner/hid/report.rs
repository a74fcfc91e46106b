//! One report of a HID scanner → bytes of a code.

use super::descriptor::Layout;
use crate::device::scanner::source::End;

/// What one report carries.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// The AIM identifier, such as `]Q1`; empty when the scanner gives none.
    pub(super) symbology: [u8; 3],
    pub(super) has_symbology: bool,
    pub(super) data: &'a [u8],
    pub(super) end: End,
}

/// Reads one report; `None`: it carries no code, or it is not what the descriptor says.
pub(super) fn read<'a>(layouts: &[Layout], report: &'a [u8]) -> Option<Part<'a>> {
    let (layout, body) = layouts.iter().find_map(|layout| match layout.number {
        None => Some((layout, report)),
        Some(number) => {
            let (first, body) = report.split_first()?;
            (*first == number).then_some((layout, body))
        }
    })?;
    let room = body.get(layout.data.clone())?;
    let data = match layout.count {
        Some(at) => room.get(..usize::from(*body.get(at)?))?,
        None => {
            let end = room.iter().rposition(|byte| *byte != 0);
            &room[..end.map_or(0, |last| last + 1)]
        }
    };
    let more = match layout.more {
        Some((byte, bit)) => Some(body.get(byte)? >> bit & 1 == 1),
        None => None,
    };
    let end = match more {
        Some(true) => End::More,
        Some(false) => End::Here,
        // Without the flag, a report that is full may go on in the next one.
        None if data.len() == room.len() => End::Framing,
        None => End::Here,
    };
    if data.is_empty() && more.is_none() {
        return None;
    }
    let symbology = layout.symbology.map(|at| at.map(|at| body.get(at)));
    let symbology = match symbology {
        Some([Some(b']'), Some(kind), Some(detail)]) if kind.is_ascii_alphabetic() => {
            Some([b']', *kind, *detail]).filter(|_| detail.is_ascii_alphanumeric())
        }
        Some([_, _, _]) | None => None,
    };
    Some(Part {
        has_symbology: symbology.is_some(),
        symbology: symbology.unwrap_or_default(),
        data,
        end,
    })
}

#[cfg(test)]
mod tests {
    use super::super::descriptor::{layouts, tests::FLAGGED, tests::PLAIN};
    use super::*;
    use proptest::prelude::*;

    fn report(symbology: &[u8; 3], data: &[u8], tail: &[u8]) -> Vec<u8> {
        let mut report = vec![2, u8::try_from(data.len()).unwrap()];
        report.extend(symbology);
        report.extend(data);
        report.resize(61, 0);
        report.extend(tail);
        report
    }

    fn seen(descriptor: &[u8], report: &[u8]) -> Option<(String, End)> {
        let layouts = layouts(descriptor);
        let part = read(&layouts, report)?;
        let symbology = if part.has_symbology {
            String::from_utf8_lossy(&part.symbology).into_owned()
        } else {
            String::new()
        };
        let data = String::from_utf8_lossy(part.data);
        Some((format!("{symbology}{data}"), part.end))
    }

    #[test]
    fn a_code_has_its_symbology_before_it() {
        let code = report(b"]E0", b"6901234567892", &[]);
        assert_eq!(
            seen(PLAIN, &code),
            Some(("]E06901234567892".into(), End::Here))
        );
        let silent = report(&[0; 3], b"123", &[]);
        assert_eq!(seen(PLAIN, &silent), Some(("123".into(), End::Here)));
        let odd = report(b"\x01\x02\x03", b"123", &[]);
        assert_eq!(seen(PLAIN, &odd), Some(("123".into(), End::Here)));
    }

    #[test]
    fn where_a_code_goes_on() {
        let full = [b'7'; 56];
        let text = String::from_utf8(full.to_vec()).unwrap();
        assert_eq!(
            seen(PLAIN, &report(&[0; 3], &full, &[])),
            Some((text, End::Framing))
        );
        for (flag, end) in [(1, End::More), (0, End::Here), (0xfe, End::Here)] {
            let flagged = report(&[0; 3], b"ab", &[flag]);
            assert_eq!(seen(FLAGGED, &flagged), Some(("ab".into(), end)));
        }
    }

    #[test]
    fn what_is_no_code_is_left_out() {
        let mut other = report(b"]E0", b"1", &[]);
        other[0] = 3;
        let mut too_long = report(b"]E0", b"1", &[]);
        too_long[1] = 57;
        for wrong in [&other[..], &too_long, &report(b"]E0", b"", &[]), &[], &[2]] {
            assert_eq!(seen(PLAIN, wrong), None, "{wrong:?}");
        }
        assert_eq!(seen(PLAIN, &report(b"]E0", b"1", &[])[..20]), None);
    }

    #[test]
    fn without_a_count_the_padding_is_cut_off() {
        let layout = Layout {
            number: None,
            count: None,
            symbology: None,
            data: 0..4,
            more: None,
        };
        let part = read(std::slice::from_ref(&layout), b"a\0b\0").unwrap();
        assert_eq!((part.data, part.end), (&b"a\0b"[..], End::Here));
        assert_eq!(read(&[layout], &[0; 4]), None);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            for descriptor in [PLAIN, FLAGGED] {
                if let Some(part) = read(&layouts(descriptor), &bytes) {
                    prop_assert!(part.data.len() <= 56);
                }
            }
        }
    }
}
