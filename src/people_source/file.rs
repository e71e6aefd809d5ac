//! A file that says who is protected: for development, tests, and installations so small that
//! somebody keeps it by hand. Who is not in it is not protected.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};

use crate::{
    domain::national_identity::NationalIdentityNumber,
    people_source::{
        Person, Source, SourceError,
        answer::{self, ByNumber},
    },
};

/// A longer file is something else, or too long to be kept by hand.
const FILE_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Permission bits that group and others must not have: it tells who is in danger.
const OTHERS: u32 = 0o077;

/// What was read last, under the hash of what stood there.
type Last = ([u8; 32], Arc<ByNumber>);

/// The file, and what stood in it when it was last looked at.
#[derive(Clone)]
pub(super) struct FileSource {
    path: Arc<Path>,
    last: Arc<Mutex<Option<Last>>>,
}

impl FileSource {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path: path.into(), last: Arc::default() }
    }

    /// What the file says now. It is read each time, since no time of a file tells for certain
    /// that nothing was written; only what stands there anew is taken apart.
    pub(super) fn read(&self) -> Result<Arc<ByNumber>, SourceError> {
        let bytes = contents(&self.path)?;
        let hash = Sha256::digest(&bytes).into();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, people)) = last.as_ref().filter(|(of, _)| *of == hash) {
            return Ok(Arc::clone(people));
        }
        let people = Arc::new(answer::read(&bytes)?);
        *last = Some((hash, Arc::clone(&people)));
        Ok(people)
    }
}

impl Source for FileSource {
    fn people<'a>(
        &'a self,
        people: &'a [&'a NationalIdentityNumber],
    ) -> BoxFuture<'a, Result<Vec<Person>, SourceError>> {
        let file = self.clone();
        Box::pin(async move {
            let read = tokio::task::spawn_blocking(move || file.read()).await;
            let known = read.map_err(|_| SourceError::File("it broke the reader".to_owned()))??;
            let said = |person: &&NationalIdentityNumber| known.get(person.expose()).cloned();
            Ok(people.iter().map(|person| said(person).unwrap_or_default()).collect())
        })
    }
}

fn contents(path: &Path) -> Result<Vec<u8>, SourceError> {
    let unreadable = |error: io::Error| SourceError::File(error.to_string());
    // Looked at before it is opened, because opening a pipe would wait for ever.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(SourceError::File("it is not a regular file".to_owned()));
    }
    let file = fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.mode() & OTHERS != 0 {
        return Err(SourceError::File("others can read it; chmod 600".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(FILE_MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > FILE_MAX_BYTES {
        return Err(SourceError::TooLong { most_bytes: FILE_MAX_BYTES });
    }
    Ok(bytes)
}
