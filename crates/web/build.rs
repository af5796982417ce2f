//! Compresses the script of the API's page and the OpenAPI document when the program is built: at 5 MB and 1 MB they are by
//! far the largest things that are served.

use std::{env, error::Error, fs::File, io::Write, path::Path};

use flate2::{Compression, write::GzEncoder};

fn main() -> Result<(), Box<dyn Error>> {
    const DOCUMENT: &str = "../../docs/openapi.json";
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={DOCUMENT}");
    compress("openapi.json.gz", &std::fs::read(DOCUMENT)?)?;
    let script = scalar_api_reference::get_asset("scalar.js").ok_or("the API page's script is missing")?;
    compress("api-reference.js.gz", &script)
}

fn compress(name: &str, content: &[u8]) -> Result<(), Box<dyn Error>> {
    let file = File::create(Path::new(&env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?).join(name))?;
    let mut encoder = GzEncoder::new(file, Compression::best());
    encoder.write_all(content)?;
    encoder.finish()?;
    Ok(())
}
