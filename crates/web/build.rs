//! Compresses the script of the API's page when the program is built: at 5 MB it is by far the largest asset.

use std::{env, error::Error, fs::File, io::Write, path::Path};

use flate2::{Compression, write::GzEncoder};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let script = scalar_api_reference::get_asset("scalar.js").ok_or("the API page's script is missing")?;
    let file = File::create(
        Path::new(&env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?).join("api-reference.js.gz"),
    )?;
    let mut encoder = GzEncoder::new(file, Compression::best());
    encoder.write_all(&script)?;
    encoder.finish()?;
    Ok(())
}
