//! Compiles the `.proto` files with a pure-Rust compiler, so that no `protoc` is needed to build, and packs the font.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message as _;
use unifont::Glyph;

const FILES: [&str; 7] = [
    "yibao/v1/dispense.proto",
    "yibao/v1/print.proto",
    "yibao/v1/settlement.proto",
    "yibao/v1/device.proto",
    "yibao/v1/daemon.proto",
    "yibao/v1/error.proto",
    "yibao/v1/identity.proto",
];
/// Glyphs that are packed together; `src/document/font.rs` unpacks them.
const PAGE: u32 = 512;
/// What of the 通用规范汉字表 lies outside the basic plane, which Unifont is of: a code point and 16 rows a line.
const PLANE2: &str = "src/document/plane2/glyphs.hex";
/// miniz_oxide's best.
const LEVEL: u8 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=proto/yibao");
    println!("cargo:rerun-if-changed={PLANE2}");
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    let descriptors = protox::compile(FILES, ["proto"])?;
    let packed = miniz_oxide::deflate::compress_to_vec(&descriptors.encode_to_vec(), LEVEL);
    std::fs::write(out_dir.join("yibao.v1.fds"), packed)?;
    tonic_prost_build::configure()
        .codec_path("crate::api::Bounded")
        .compile_fds(descriptors)?;
    font(&out_dir)
}

/// `font.bin`: the pages, each packed; `font.rs`: where each page ends in it. A page says of each glyph in a byte how many
/// columns it has – none: there is no such glyph – and then of each its dots, the leftmost one first: a byte for each of
/// 16 rows of its left half, and so of its right. A page without any glyph takes no room.
fn font(out_dir: &Path) -> Result<(), Box<dyn Error>> {
    let plane2 = plane2()?;
    let letters = unifont::enumerate_glyphs().map(|(letter, _)| u32::from(letter));
    let last = letters.chain(plane2.keys().copied()).max();
    let (mut packed, mut ends) = (Vec::new(), Vec::new());
    for page in 0..=last.unwrap_or(0) / PAGE {
        let (mut widths, mut dots) = (Vec::new(), Vec::new());
        for code_point in page * PAGE..(page + 1) * PAGE {
            let glyph = char::from_u32(code_point).and_then(unifont::get_glyph);
            let (columns, rows) = match glyph {
                None => plane2
                    .get(&code_point)
                    .map_or((0, [0; 16]), |rows| (2, *rows)),
                Some(Glyph::Halfwidth(rows)) => (1, rows.map(|row| u16::from(row) << 8)),
                Some(Glyph::Fullwidth(rows)) => (2, *rows),
            };
            widths.push(columns);
            // The halves apart: what stands above each other is alike.
            let halves = rows.map(u16::to_be_bytes);
            dots.extend(halves.map(|[left, _]| left));
            dots.extend(halves.map(|[_, right]| right));
        }
        if widths.iter().any(|columns| *columns != 0) {
            let raw = [widths, dots].concat();
            packed.extend(miniz_oxide::deflate::compress_to_vec(&raw, LEVEL));
        }
        ends.push(packed.len());
    }
    std::fs::write(out_dir.join("font.bin"), &packed)?;
    let ends = format!(
        "[{}]",
        ends.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    );
    std::fs::write(out_dir.join("font.rs"), ends)?;
    Ok(())
}

fn plane2() -> Result<BTreeMap<u32, [u16; 16]>, Box<dyn Error>> {
    let mut glyphs = BTreeMap::new();
    for line in std::fs::read_to_string(PLANE2)?.lines() {
        let (code_point, dots) = line.split_once(':').ok_or("no colon")?;
        let mut rows = [0; 16];
        for (at, row) in rows.iter_mut().enumerate() {
            let digits = dots.get(at * 4..at * 4 + 4).ok_or("a short line")?;
            *row = u16::from_str_radix(digits, 16)?;
        }
        glyphs.insert(u32::from_str_radix(code_point, 16)?, rows);
    }
    Ok(glyphs)
}
