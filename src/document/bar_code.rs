//! PURE. Bar codes to bars: Code 128 (set B) and EAN-13, by their symbol tables.

use super::model::{BarCodeKind, Bitmap};

/// Characters of one Code 128.
pub const CODE128_LENGTH_MAX: usize = 40;
/// White modules on each side that scanners want.
const QUIET_MODULES: usize = 10;
/// Value of "start with set B".
const START_B: u8 = 104;

/// Widths of bar, space, bar, space, bar, space of each value; the last one is the stop sign.
const CODE128: [&[u8]; 107] = [
    b"212222", b"222122", b"222221", b"121223", b"121322", b"131222", b"122213", b"122312",
    b"132212", b"221213", b"221312", b"231212", b"112232", b"122132", b"122231", b"113222",
    b"123122", b"123221", b"223211", b"221132", b"221231", b"213212", b"223112", b"312131",
    b"311222", b"321122", b"321221", b"312212", b"322112", b"322211", b"212123", b"212321",
    b"232121", b"111323", b"131123", b"131321", b"112313", b"132113", b"132311", b"211313",
    b"231113", b"231311", b"112133", b"112331", b"132131", b"113123", b"113321", b"133121",
    b"313121", b"211331", b"231131", b"213113", b"213311", b"213131", b"311123", b"311321",
    b"331121", b"312113", b"312311", b"332111", b"314111", b"221411", b"431111", b"111224",
    b"111422", b"121124", b"121421", b"141122", b"141221", b"112214", b"112412", b"122114",
    b"122411", b"142112", b"142211", b"241211", b"221114", b"413111", b"241112", b"134111",
    b"111242", b"121142", b"121241", b"114212", b"124112", b"124211", b"411212", b"421112",
    b"421211", b"212141", b"214121", b"412121", b"111143", b"111341", b"131141", b"114113",
    b"114311", b"411113", b"411311", b"113141", b"114131", b"311141", b"411131", b"211412",
    b"211214", b"211232", b"2331112",
];

/// Widths of space, bar, space, bar of a digit on the left, odd parity.
const EAN: [[u8; 4]; 10] = [
    [3, 2, 1, 1],
    [2, 2, 2, 1],
    [2, 1, 2, 2],
    [1, 4, 1, 1],
    [1, 1, 3, 2],
    [1, 2, 3, 1],
    [1, 1, 1, 4],
    [1, 3, 1, 2],
    [1, 2, 1, 3],
    [3, 1, 1, 2],
];

/// Which of the six digits on the left are of even parity, by the first digit; the highest bit is the first.
const EAN_EVEN: [u8; 10] = [
    0b00_0000, 0b00_1011, 0b00_1101, 0b00_1110, 0b01_0011, 0b01_1001, 0b01_1100, 0b01_0101,
    0b01_0110, 0b01_1010,
];

/// The modules from left to right, `true` is black; `None`: the content is none of this kind's.
#[must_use]
pub fn modules(kind: BarCodeKind, data: &str) -> Option<Vec<bool>> {
    match kind {
        BarCodeKind::Code128 => code128(data),
        BarCodeKind::Ean13 => ean13(data),
    }
}

fn code128(data: &str) -> Option<Vec<bool>> {
    let is_fine = (1..=CODE128_LENGTH_MAX).contains(&data.len());
    if !is_fine || !data.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return None;
    }
    let values: Vec<u8> = data.bytes().map(|byte| byte - b' ').collect();
    let sum = (1u32..)
        .zip(&values)
        .fold(u32::from(START_B), |sum, (place, value)| {
            sum + place * u32::from(*value)
        });
    let check = u8::try_from(sum % 103).ok()?;
    let mut modules = Vec::new();
    let signs = [START_B].into_iter().chain(values).chain([check, 106]);
    for sign in signs {
        let widths = CODE128.get(usize::from(sign))?;
        bars(&mut modules, widths.iter().map(|width| width - b'0'), true);
    }
    Some(modules)
}

fn ean13(data: &str) -> Option<Vec<bool>> {
    let mut digits: Vec<u8> = data
        .bytes()
        .map(|byte| byte.is_ascii_digit().then(|| byte - b'0'))
        .collect::<Option<_>>()?;
    let check = check_digit(digits.get(..12)?);
    match digits.get(12) {
        None => digits.push(check),
        Some(given) if *given == check && digits.len() == 13 => {}
        Some(_) => return None,
    }
    let even = EAN_EVEN[usize::from(digits[0])];
    let mut modules = vec![true, false, true];
    for (place, digit) in digits[1..7].iter().enumerate() {
        let mut widths = EAN[usize::from(*digit)];
        if even & (0b10_0000 >> place) != 0 {
            widths.reverse();
        }
        bars(&mut modules, widths, false);
    }
    modules.extend([false, true, false, true, false]);
    for digit in &digits[7..] {
        bars(&mut modules, EAN[usize::from(*digit)], true);
    }
    modules.extend([true, false, true]);
    Some(modules)
}

/// The check digit behind twelve others.
fn check_digit(digits: &[u8]) -> u8 {
    let sum: u8 = digits
        .iter()
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { *digit } else { digit * 3 })
        .sum();
    (10 - sum % 10) % 10
}

fn bars(modules: &mut Vec<bool>, widths: impl IntoIterator<Item = u8>, first_is_black: bool) {
    let mut is_black = first_is_black;
    for width in widths {
        modules.extend(std::iter::repeat_n(is_black, width.into()));
        is_black = !is_black;
    }
}

/// The bars as a picture with their quiet zones, as wide as asked for, or as the paper takes; `None`: it takes not
/// even the narrowest.
#[must_use]
pub fn drawn(
    modules: &[bool],
    height_dots: u8,
    module_dots: u8,
    paper_dots: u16,
) -> Option<Bitmap> {
    let whole = modules.len() + 2 * QUIET_MODULES;
    let fits = usize::from(paper_dots) / whole;
    let module = usize::from(module_dots.clamp(1, 6)).min(fits);
    if module == 0 {
        return None;
    }
    let mut bitmap = Bitmap::new(u16::try_from(whole * module).ok()?, height_dots.into());
    for (at, _) in modules.iter().enumerate().filter(|(_, black)| **black) {
        for x in 0..module {
            for y in 0..usize::from(height_dots) {
                bitmap.blacken((QUIET_MODULES + at) * module + x, y);
            }
        }
    }
    Some(bitmap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_whole() {
        let mut seen = std::collections::BTreeSet::new();
        for widths in &CODE128[..106] {
            assert_eq!(widths.iter().map(|it| it - b'0').sum::<u8>(), 11);
            // Bars take an even number of modules.
            let bars = widths.iter().step_by(2).map(|it| it - b'0').sum::<u8>();
            assert_eq!(bars % 2, 0);
            assert!(seen.insert(widths));
        }
        for widths in EAN {
            assert_eq!(widths.iter().sum::<u8>(), 7);
        }
    }

    #[test]
    fn known_symbols() {
        let shown = |modules: Vec<bool>| -> String {
            let letter = |black: bool| if black { '1' } else { '0' };
            modules.into_iter().map(letter).collect()
        };
        // EAN-13 of 4003994155486: printed on packages.
        let ean = shown(modules(BarCodeKind::Ean13, "400399415548").unwrap());
        let expected = concat!(
            "101", "0001101", "0100111", "0111101", "0001011", "0010111", "0011101", "01010",
            "1100110", "1001110", "1001110", "1011100", "1001000", "1010000", "101",
        );
        assert_eq!(ean, expected);
        assert_eq!(modules(BarCodeKind::Ean13, "4003994155487"), None);
        assert_eq!(modules(BarCodeKind::Ean13, "40039941554"), None);
        // "A" in set B: start, 33, check (104 + 33) mod 103 = 34, stop.
        let code = shown(modules(BarCodeKind::Code128, "A").unwrap());
        let expected = concat!("11010010000", "10100011000", "10001011000", "1100011101011");
        assert_eq!(code, expected);
        assert_eq!(modules(BarCodeKind::Code128, "医"), None);
        assert_eq!(modules(BarCodeKind::Code128, ""), None);
    }

    #[test]
    fn bars_fit_the_paper_or_are_not_drawn() {
        let bars = vec![true; 100];
        let wide = drawn(&bars, 30, 3, 384).unwrap();
        assert_eq!((wide.width, wide.height), (360, 30));
        assert_eq!(drawn(&bars, 30, 6, 384).unwrap().width, 360);
        assert_eq!(drawn(&vec![true; 400], 30, 2, 384), None);
    }
}
