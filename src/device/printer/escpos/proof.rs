//! The questions that stand behind a job's last line, and the numbers that make their answers its own.

/// `GS r 1`: paper status, answered in its turn.
pub(super) const ASK_QUEUED: [u8; 3] = [0x1d, b'r', 1];
/// Numbers before they repeat: four characters of [`ALPHABET`].
const NUMBERS: u32 = 62 * 62 * 62 * 62;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `GS ( H` 48: answered with `id` when all before it is printed.
pub(super) fn ask_process(id: [u8; 4]) -> [u8; 11] {
    [0x1d, b'(', b'H', 6, 0, 48, 48, id[0], id[1], id[2], id[3]]
}

/// Gives each job a number that the printer has not heard lately, also not before a restart.
pub(in crate::device::printer) struct JobNumbers {
    next: u32,
}

impl JobNumbers {
    /// Starts anywhere; should the system have no randomness, at the clock.
    pub(in crate::device::printer) fn new() -> Self {
        let mut bytes = [0; 4];
        let next = match getrandom::fill(&mut bytes) {
            Ok(()) => u32::from_le_bytes(bytes),
            Err(_) => {
                u32::try_from(crate::device::event::now_ms() % u64::from(NUMBERS)).unwrap_or(0)
            }
        };
        Self {
            next: next % NUMBERS,
        }
    }

    pub(in crate::device::printer) fn next(&mut self) -> [u8; 4] {
        let mut rest = self.next;
        self.next = (self.next + 1) % NUMBERS;
        [0; 4].map(|_: u8| {
            let digit = usize::try_from(rest % 62).unwrap_or(0);
            rest /= 62;
            ALPHABET[digit]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_differ_and_are_printable() {
        let mut numbers = JobNumbers { next: NUMBERS - 2 };
        let given: Vec<[u8; 4]> = (0..4).map(|_| numbers.next()).collect();
        assert_eq!(given, [*b"yzzz", *b"zzzz", *b"0000", *b"1000"]);
        assert_eq!(
            ask_process(*b"A1b2")[..7],
            [0x1d, 0x28, 0x48, 0x06, 0x00, 0x30, 0x30]
        );
    }
}
