//! Compiles `proto/` without `protoc`, and lists the migrations.

use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=migrations");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("migrations.rs"), migrations()?)?;
    let files = files_of(Path::new("proto/tiltaksplass/v1"))?;
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    // The types that `file_descriptor_set` gives forget the options of fields.
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .emit_rerun_if_changed(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// The files of a folder, by name.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path()));
    let mut files: Vec<PathBuf> = entries.collect::<Result<_, _>>()?;
    files.sort();
    Ok(files)
}

/// `migrations/0002_ledger.sql` as `(2, "ledger", include_str!(…))`, and so all of them.
fn migrations() -> Result<String, Box<dyn Error>> {
    let mut list = String::from("&[\n");
    for file in files_of(Path::new("migrations"))? {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).ok_or("a name of no text")?;
        let (number, name) = stem.split_once('_').ok_or(format!("{stem} has no number"))?;
        let (number, name): (i64, String) = (number.parse()?, name.replace('_', " "));
        let file = fs::canonicalize(&file)?;
        let file = file.to_str().ok_or("a path of no text")?;
        writeln!(list, "    ({number}, {name:?}, include_str!({file:?})),")?;
    }
    list.push_str("]\n");
    Ok(list)
}
