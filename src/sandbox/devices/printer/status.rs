//! What the printer says of itself: real-time status, queued status, automatic status back,
//! identity.
//!
//! Bits by the makers' reference. The fixed bits tell the answers apart on one wire: `DLE EOT` is
//! `0xx1xx10`, automatic status begins `0xx1xx00`, `GS r` is `0xx0xxxx`. Pure.

/// The drawer socket's pin 3 floats high where no drawer hangs on it.
const DRAWER_PIN_HIGH: u8 = 0x04;

/// What the printer's sensors see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sensors {
    /// No paper under the head.
    pub(super) paper_out: bool,
    /// The roll is thin. A sensor of its own: paper out alone does not set it.
    pub(super) near_end: bool,
    /// The lid is open.
    pub(super) cover_open: bool,
    /// Data waits to be printed (an open cover is an error only then).
    pub(super) holding: bool,
}

impl Sensors {
    /// Whether the printer refuses to print.
    pub(super) fn offline(self) -> bool {
        self.paper_out || self.cover_open
    }

    /// An error that is over by itself: a lid that is open over data.
    fn error(self) -> bool {
        self.cover_open && self.holding
    }

    /// The answer to `DLE EOT n`; none for an `n` that is not known.
    pub(super) fn real_time(self, n: u8) -> Option<u8> {
        let fixed = 0x12;
        match n {
            1 => Some(fixed | DRAWER_PIN_HIGH | bit(self.offline(), 0x08)),
            2 => {
                let off_line = bit(self.cover_open, 0x04) | bit(self.paper_out, 0x20);
                Some(fixed | off_line | bit(self.error(), 0x40))
            }
            3 => Some(fixed | bit(self.error(), 0x40)),
            4 => Some(fixed | bit(self.near_end, 0x0C) | bit(self.paper_out, 0x60)),
            _ => None,
        }
    }

    /// The answer to `GS r n`: 1 paper, 2 drawer.
    pub(super) fn queued(self, n: u8) -> Option<u8> {
        match n {
            1 | 49 => Some(bit(self.near_end, 0x03) | bit(self.paper_out, 0x0C)),
            2 | 50 => Some(0x01),
            _ => None,
        }
    }

    /// The four bytes of automatic status back.
    pub(super) fn automatic(self) -> [u8; 4] {
        let first = 0x10 | DRAWER_PIN_HIGH | bit(self.offline(), 0x08) | bit(self.cover_open, 0x20);
        let second = bit(self.error(), 0x40);
        let third = bit(self.near_end, 0x03) | bit(self.paper_out, 0x0C);
        [first, second, third, 0x0F]
    }
}

fn bit(on: bool, mask: u8) -> u8 {
    if on { mask } else { 0 }
}

/// The answer to `GS I n`; text answers stand between `_` and NUL.
pub(super) fn identity(n: u8) -> Option<Vec<u8>> {
    let text = |text: &str| Some([b"_", text.as_bytes(), b"\0"].concat());
    match n {
        1 | 49 => Some(vec![0x20]),
        // Two-byte characters, cutter.
        2 | 50 => Some(vec![0x03]),
        3 | 51 => Some(vec![0x41]),
        65 => text("1.00"),
        66 => text("SANDBOX"),
        67 => text("SIM-80"),
        68 => text("SIM0000001"),
        69 => text("CHINA GB18030"),
        _ => None,
    }
}

/// The answer to `GS ( H` function 48.
pub(super) fn process_id(id: [u8; 4]) -> Vec<u8> {
    [&[0x37, 0x22], id.as_slice(), &[0x00]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_time_answers_bit_for_bit() {
        let ready = Sensors::default();
        let all = |sensors: Sensors| [1, 2, 3, 4].map(|n| sensors.real_time(n).unwrap());
        assert_eq!(all(ready), [0x16, 0x12, 0x12, 0x12]);
        assert_eq!(
            all(Sensors {
                paper_out: true,
                ..ready
            }),
            [0x1E, 0x32, 0x12, 0x72]
        );
        assert_eq!(
            all(Sensors {
                near_end: true,
                ..ready
            }),
            [0x16, 0x12, 0x12, 0x1E]
        );
        assert_eq!(
            all(Sensors {
                cover_open: true,
                ..ready
            }),
            [0x1E, 0x16, 0x12, 0x12]
        );
        let mid_job = Sensors {
            cover_open: true,
            holding: true,
            ..ready
        };
        // That there is an error says the second, which one the third.
        assert_eq!(all(mid_job), [0x1E, 0x56, 0x52, 0x12]);
        let both = Sensors {
            paper_out: true,
            near_end: true,
            ..ready
        };
        assert_eq!(both.real_time(4), Some(0x7E));
        assert_eq!(ready.real_time(5), None);
    }

    #[test]
    fn automatic_status_bit_for_bit() {
        let ready = Sensors::default();
        assert_eq!(ready.automatic(), [0x14, 0x00, 0x00, 0x0F]);
        let out = Sensors {
            paper_out: true,
            near_end: true,
            ..ready
        };
        assert_eq!(out.automatic(), [0x1C, 0x00, 0x0F, 0x0F]);
        let open = Sensors {
            cover_open: true,
            holding: true,
            ..ready
        };
        assert_eq!(open.automatic(), [0x3C, 0x40, 0x00, 0x0F]);
    }

    #[test]
    fn the_kinds_of_answers_can_be_told_apart() {
        for bits in 0..16_u8 {
            let sensors = Sensors {
                paper_out: bits & 1 != 0,
                near_end: bits & 2 != 0,
                cover_open: bits & 4 != 0,
                holding: bits & 8 != 0,
            };
            for n in 1..=4 {
                assert_eq!(sensors.real_time(n).unwrap() & 0x93, 0x12);
            }
            assert_eq!(sensors.automatic()[0] & 0x93, 0x10);
            for later in &sensors.automatic()[1..] {
                assert_eq!(later & 0x90, 0x00);
            }
            assert_eq!(sensors.queued(1).unwrap() & 0x90, 0x00);
        }
    }
}
