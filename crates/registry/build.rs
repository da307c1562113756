//! Embeds `providers/` of the repository, and fingerprints the model code.
//!
//! Owns: `embedded.rs` in `OUT_DIR` (a list of path and gzip bytes) and the environment variable
//! `STRATAQL_MODEL_FINGERPRINT`, which is part of every compiled model's key.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() -> io::Result<()> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(variable("OUT_DIR")?);
    embed(&here.join("../../providers"), &out)?;
    fingerprint(&here.join("../spec/src"))
}

fn variable(name: &str) -> io::Result<std::ffi::OsString> {
    std::env::var_os(name).ok_or_else(|| io::Error::other(format!("cargo did not set {name}")))
}

fn embed(providers: &Path, out: &Path) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", providers.display());
    let mut entries = Vec::new();
    for (number, path) in files(providers, "yaml")?.into_iter().enumerate() {
        println!("cargo:rerun-if-changed={}", path.display());
        let packed = out.join(format!("document-{number}.gz"));
        let mut encoder = GzEncoder::new(fs::File::create(&packed)?, Compression::best());
        encoder.write_all(&fs::read(&path)?)?;
        encoder.finish()?;
        let inside = path.strip_prefix(providers).map_err(io::Error::other)?;
        let name: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        let packed = packed.display().to_string();
        entries.push(format!("({:?}, include_bytes!({packed:?}) as &[u8]),", name.join("/")));
    }
    let list = format!("&[\n{}\n]\n", entries.join("\n"));
    fs::write(out.join("embedded.rs"), list)
}

/// A compiled model of other code must not be read, also between two builds of one version.
fn fingerprint(sources: &Path) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", sources.display());
    let mut hasher = DefaultHasher::new();
    if sources.is_dir() {
        for path in files(sources, "rs")? {
            println!("cargo:rerun-if-changed={}", path.display());
            fs::read(path)?.hash(&mut hasher);
        }
    }
    println!("cargo:rustc-env=STRATAQL_MODEL_FINGERPRINT={:016x}", hasher.finish());
    Ok(())
}

/// Every file of that extension under a folder, in the order of paths.
fn files(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                println!("cargo:rerun-if-changed={}", path.display());
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
