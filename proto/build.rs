//! Compiles the `.proto` files with a pure-Rust compiler: no `protoc` is needed to build.

use std::path::PathBuf;

use prost::Message as _;

const FILES: [&str; 7] = [
    "yibao/v1/dispense.proto",
    "yibao/v1/print.proto",
    "yibao/v1/settlement.proto",
    "yibao/v1/device.proto",
    "yibao/v1/daemon.proto",
    "yibao/v1/error.proto",
    "yibao/v1/identity.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto/yibao");
    println!("cargo:rerun-if-changed=proto/build.rs");
    let descriptors = protox::compile(FILES, ["proto"])?;
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out_dir.join("yibao.v1.fds"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
