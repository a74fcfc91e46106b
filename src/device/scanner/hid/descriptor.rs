//! Which bytes of a HID scanner's reports are what, from its report descriptor (HID 1.11, 6.2.2; bar code scanners:
//! HID Point of Sale Usage Tables 1.02, page 0x8C).
//!
//! A device sends what it likes: every length is bounded, and what cannot be a scanner's report is left out.

use std::ops::Range;

/// Longest descriptor that the kernel passes on.
const DESCRIPTOR_BYTES_MAX: usize = 4_096;
/// Longest report of interest.
const REPORT_BITS_MAX: usize = 8 * 4_096;
/// Usages that one main item may name.
const USAGES_MAX: usize = 256;
/// Nested pushes.
const PUSHED_MAX: usize = 16;

/// Usages, page in the upper half.
const BYTE_COUNT: u32 = 0x0001_003b;
const SYMBOLOGY: [u32; 3] = [0x008c_00fb, 0x008c_00fc, 0x008c_00fd];
const DECODED_DATA: u32 = 0x008c_00fe;
const MORE_FOLLOWS: u32 = 0x008c_00ff;

/// Where the parts of a code stand in one kind of report. Bytes are counted behind the report's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The number that the report begins with; `None`: it has none.
    pub(super) number: Option<u8>,
    /// The byte that says how many bytes of data count.
    pub(super) count: Option<usize>,
    /// The three bytes of the AIM identifier.
    pub(super) symbology: Option<[usize; 3]>,
    /// The data.
    pub(super) data: Range<usize>,
    /// Byte and bit that say that the code goes on in the next report.
    pub(super) more: Option<(usize, u8)>,
}

/// All kinds of report that carry codes; empty: this is no scanner.
pub(super) fn layouts(descriptor: &[u8]) -> Vec<Layout> {
    let mut parser = Parser::default();
    let mut rest = &descriptor[..descriptor.len().min(DESCRIPTOR_BYTES_MAX)];
    while let Some((item, after)) = Item::read(rest) {
        if parser.take(&item).is_none() {
            break;
        }
        rest = after;
    }
    parser.drafts.iter().filter_map(Draft::layout).collect()
}

struct Item {
    tag: u8,
    length: usize,
    value: u32,
}

impl Item {
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (&prefix, rest) = bytes.split_first()?;
        // A long item: its length, its tag, its bytes. None is defined.
        if prefix == 0xfe {
            let length = usize::from(*rest.first()?);
            let after = rest.get(2 + length..)?;
            let nothing = Self {
                tag: prefix,
                length,
                value: 0,
            };
            return Some((nothing, after));
        }
        let length = [0, 1, 2, 4][usize::from(prefix & 3)];
        let value = rest.get(..length)?;
        let value = value
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let tag = prefix & 0xfc;
        Some((Self { tag, length, value }, &rest[length..]))
    }
}

#[derive(Clone, Copy, Default)]
struct Global {
    page: u32,
    size_bits: usize,
    count: usize,
    number: Option<u8>,
}

#[derive(Default)]
struct Parser {
    global: Global,
    pushed: Vec<Global>,
    usages: Vec<u32>,
    usage_min: Option<u32>,
    drafts: Vec<Draft>,
}

impl Parser {
    /// `None`: the rest makes no sense.
    fn take(&mut self, item: &Item) -> Option<()> {
        let small = || usize::try_from(item.value).ok();
        match item.tag {
            0x04 => self.global.page = item.value.min(0xffff) << 16,
            0x74 => self.global.size_bits = small()?,
            0x94 => self.global.count = small()?,
            0x84 => self.global.number = Some(u8::try_from(item.value).ok()?),
            0xa4 if self.pushed.len() < PUSHED_MAX => self.pushed.push(self.global),
            0xa4 => return None,
            0xb4 => self.global = self.pushed.pop()?,
            0x08 => {
                let usage = self.usage(item);
                self.name(usage)?;
            }
            0x18 => self.usage_min = Some(self.usage(item)),
            0x28 => {
                let (first, last) = (self.usage_min.take()?, self.usage(item));
                for usage in first..=last {
                    self.name(usage)?;
                }
            }
            0x80 => {
                self.input(item.value)?;
                self.forget_local();
            }
            // Output, feature, collection, end of collection.
            0x90 | 0xb0 | 0xa0 | 0xc0 => self.forget_local(),
            _ => {}
        }
        Some(())
    }

    /// A usage of four bytes brings its own page.
    fn usage(&self, item: &Item) -> u32 {
        if item.length == 4 {
            item.value
        } else {
            self.global.page | item.value
        }
    }

    fn name(&mut self, usage: u32) -> Option<()> {
        (self.usages.len() < USAGES_MAX).then(|| self.usages.push(usage))
    }

    fn forget_local(&mut self) {
        self.usages.clear();
        self.usage_min = None;
    }

    fn input(&mut self, flags: u32) -> Option<()> {
        let Global {
            size_bits,
            count,
            number,
            ..
        } = self.global;
        let is_constant = flags & 1 != 0;
        let at = match self.drafts.iter().position(|it| it.number == number) {
            Some(at) => at,
            None => {
                self.drafts.push(Draft {
                    number,
                    ..Draft::default()
                });
                self.drafts.len() - 1
            }
        };
        let draft = &mut self.drafts[at];
        let start = draft.bits;
        let bits = size_bits.checked_mul(count)?;
        draft.bits = start
            .checked_add(bits)
            .filter(|end| *end <= REPORT_BITS_MAX)?;
        if is_constant {
            return Some(());
        }
        for (index, usage) in self.usages.iter().enumerate() {
            if index >= count {
                break;
            }
            // The last name is that of all the fields that are left.
            let is_last = index + 1 == self.usages.len();
            let fields = if is_last { count - index } else { 1 };
            draft.place(*usage, start + index * size_bits, size_bits, fields);
        }
        Some(())
    }
}

#[derive(Default)]
struct Draft {
    number: Option<u8>,
    bits: usize,
    count: Option<usize>,
    symbology: [Option<usize>; 3],
    data: Option<Range<usize>>,
    more: Option<(usize, u8)>,
}

impl Draft {
    fn place(&mut self, usage: u32, bit: usize, size_bits: usize, fields: usize) {
        let is_bytes = size_bits == 8 && bit.is_multiple_of(8);
        let byte = bit / 8;
        if usage == MORE_FOLLOWS {
            self.more = u8::try_from(bit % 8).ok().map(|bit| (byte, bit));
        } else if usage == BYTE_COUNT && is_bytes {
            self.count = Some(byte);
        } else if usage == DECODED_DATA && is_bytes {
            self.data = Some(byte..byte + fields);
        } else if let Some(part) = SYMBOLOGY.iter().position(|it| *it == usage)
            && is_bytes
        {
            // One name may stand for all three.
            for (part, byte) in (part..SYMBOLOGY.len()).zip(byte..byte + fields) {
                self.symbology[part] = Some(byte);
            }
        }
    }

    fn layout(&self) -> Option<Layout> {
        let symbology = match self.symbology {
            [Some(a), Some(b), Some(c)] => Some([a, b, c]),
            [_, _, _] => None,
        };
        Some(Layout {
            number: self.number,
            count: self.count,
            symbology,
            data: self.data.clone().filter(|data| !data.is_empty())?,
            more: self.more,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Numbered report, byte count, three bytes of symbology, 56 bytes of data, no flag.
    pub(crate) const PLAIN: &[u8] = &[
        0x05, 0x8c, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x12, 0xa1, 0x02, 0x85, 0x02, 0x15, 0x00, 0x26,
        0xff, 0x00, 0x75, 0x08, 0x95, 0x01, 0x05, 0x01, 0x09, 0x3b, 0x81, 0x02, 0x95, 0x03, 0x05,
        0x8c, 0x09, 0xfb, 0x09, 0xfc, 0x09, 0xfd, 0x81, 0x02, 0x95, 0x38, 0x09, 0xfe, 0x82, 0x02,
        0x01, 0xc0, 0xc0,
    ];
    /// The same with the flag in the last byte and seven bits of padding.
    pub(crate) const FLAGGED: &[u8] = &[
        0x05, 0x8c, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x12, 0xa1, 0x02, 0x85, 0x02, 0x15, 0x00, 0x26,
        0xff, 0x00, 0x75, 0x08, 0x95, 0x01, 0x05, 0x01, 0x09, 0x3b, 0x81, 0x02, 0x95, 0x03, 0x05,
        0x8c, 0x09, 0xfb, 0x09, 0xfc, 0x09, 0xfd, 0x81, 0x02, 0x95, 0x38, 0x09, 0xfe, 0x82, 0x02,
        0x01, 0x75, 0x01, 0x95, 0x01, 0x09, 0xff, 0x81, 0x02, 0x95, 0x07, 0x81, 0x03, 0xc0, 0xc0,
    ];

    #[test]
    fn a_scanner_is_read() {
        let plain = Layout {
            number: Some(2),
            count: Some(0),
            symbology: Some([1, 2, 3]),
            data: 4..60,
            more: None,
        };
        assert_eq!(layouts(PLAIN).as_slice(), std::slice::from_ref(&plain));
        let more = Some((60, 0));
        assert_eq!(layouts(FLAGGED), [Layout { more, ..plain }]);
    }

    #[test]
    fn a_keyboard_is_no_scanner() {
        let boot_keyboard = [
            0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00,
            0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02, 0x95, 0x01, 0x75, 0x08, 0x81, 0x03,
            0x95, 0x06, 0x75, 0x08, 0x25, 0x65, 0x05, 0x07, 0x19, 0x00, 0x29, 0x65, 0x81, 0x00,
            0xc0,
        ];
        assert_eq!(layouts(&boot_keyboard), []);
        assert_eq!(layouts(&[]), []);
    }

    #[test]
    fn pages_in_usages_and_pushed_states_count() {
        let text = [
            0x75, 0x08, 0x95, 0x01, 0xa4, 0x95, 0x05, 0x0b, 0xfe, 0x00, 0x8c, 0x00, 0x81, 0x02,
            0xb4, 0x05, 0x01, 0x09, 0x3b, 0x81, 0x02,
        ];
        let layout = Layout {
            number: None,
            count: Some(5),
            symbology: None,
            data: 0..5,
            more: None,
        };
        assert_eq!(layouts(&text), [layout]);
    }

    #[test]
    fn absurd_sizes_end_the_reading() {
        for text in [
            // 2^32-1 fields of 2^32-1 bits.
            &[
                0x77, 0xff, 0xff, 0xff, 0xff, 0x97, 0xff, 0xff, 0xff, 0xff, 0x81, 0x02,
            ][..],
            // Usages 0 to 2^32-1.
            &[
                0x1b, 0x00, 0x00, 0x00, 0x00, 0x2b, 0xff, 0xff, 0xff, 0xff, 0x81, 0x02,
            ],
            // A long item that is cut off.
            &[0xfe, 0xff, 0x00, 0x01],
            // More pops than pushes.
            &[0xb4, 0x05, 0x8c],
        ] {
            assert_eq!(layouts(text), [], "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            for layout in layouts(&bytes) {
                prop_assert!(layout.data.end <= REPORT_BITS_MAX / 8);
            }
        }

        #[test]
        fn a_spoilt_descriptor_never_panics(
            at in 0..FLAGGED.len(), byte in any::<u8>(), length in 0..=FLAGGED.len(),
        ) {
            let mut bytes = FLAGGED.to_vec();
            bytes[at] = byte;
            for layout in layouts(&bytes[..length]) {
                prop_assert!(!layout.data.is_empty());
            }
        }
    }
}
