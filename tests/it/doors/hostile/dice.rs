//! Numbers that a seed gives again, and bytes spoilt by them.

pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// 0 to `most` - 1.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let z = usize::try_from((z ^ (z >> 31)) >> 1).expect("64 bits");
        z % most.max(1)
    }

    pub(super) fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }

    /// One of them.
    pub(crate) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Whether a rare thing happens: once in so many.
    pub(super) fn rarely(&mut self, once_in: usize) -> bool {
        self.below(once_in) == 0
    }
}

/// Cuts it off, changes bytes, doubles parts, puts in huge lengths and deep or long text.
pub(super) fn spoil(whole: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len().max(1)).min(bytes.len());
        match dice.below(8) {
            0 => bytes.truncate(at),
            1 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = dice.byte();
                }
            }
            2 => bytes.splice(at..at, [0xff; 4]).for_each(drop),
            3 => {
                let again = bytes[at..].to_vec();
                bytes.extend(again);
            }
            4 => bytes
                .splice(at..at, vec![b'['; 1 + dice.below(70_000)])
                .for_each(drop),
            5 => bytes
                .splice(at..at, b"\xd5\xc5\"\\u".iter().copied())
                .for_each(drop),
            6 => flip(&mut bytes, dice),
            _ => {
                let end = bytes.len().min(at + 1 + dice.below(16));
                bytes.drain(at..end);
            }
        }
    }
    bytes
}

/// Some bits.
pub(super) fn flip(bytes: &mut [u8], dice: &mut Dice) {
    for _ in 0..=dice.below(16) {
        let at = dice.below(bytes.len());
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << dice.below(8);
        }
    }
}
