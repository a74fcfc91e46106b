//! Whether a reader takes a PIN on its own keypad, and by which control code. Source: PC/SC part 10, 2.2 and 2.3.

use pcsc::{Card, MAX_BUFFER_SIZE, ctl_code};

/// CM_IOCTL_GET_FEATURE_REQUEST.
const GET_FEATURES: u32 = 3_400;
/// FEATURE_VERIFY_PIN_DIRECT.
const VERIFY_PIN_DIRECT: u8 = 0x06;

/// The control code that has the reader take a PIN; none: it cannot, or does not say.
pub(crate) fn way(card: &Card) -> Option<std::ffi::c_ulong> {
    let mut buffer = [0; MAX_BUFFER_SIZE];
    let features = card.control(ctl_code(GET_FEATURES.into()), &[], &mut buffer);
    verify_pin(features.ok()?).map(Into::into)
}

/// Each feature is its tag, the length 4 and its control code, the highest byte first.
fn verify_pin(features: &[u8]) -> Option<u32> {
    features.chunks_exact(6).find_map(|feature| match feature {
        [VERIFY_PIN_DIRECT, 4, code @ ..] => code.try_into().ok().map(u32::from_be_bytes),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keypad_is_found_among_other_features() {
        let told = [0x0a, 4, 0x42, 0x33, 0, 0x12, 0x06, 4, 0x42, 0x33, 0, 6];
        assert_eq!(verify_pin(&told), Some(0x4233_0006));
        assert_eq!(verify_pin(&told[..6]), None);
        assert_eq!(verify_pin(&told[..11]), None);
        assert_eq!(verify_pin(&[]), None);
    }
}
