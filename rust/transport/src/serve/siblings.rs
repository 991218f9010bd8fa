//! Processes that share a port: what each says of itself, in files for whichever of them is asked.

use std::path::PathBuf;

/// The folder where they leave it. A file is replaced in one step.
pub(super) struct Siblings {
    pub(super) folder: PathBuf,
    pub(super) process: String,
}

/// What is left.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Metrics,
    Health,
}

impl Kind {
    fn extension(self) -> &'static str {
        match self {
            Self::Metrics => "prom",
            Self::Health => "json",
        }
    }
}

impl Siblings {
    /// Leave it for the others.
    pub(super) fn leave(&self, kind: Kind, text: &str) {
        let extension = kind.extension();
        let next = self.folder.join(format!("{}.{extension}.next", self.process));
        // A full disk costs the others a look, no more.
        if std::fs::write(&next, text).is_ok() {
            let _too_late = std::fs::rename(next, self.folder.join(format!("{}.{extension}", self.process)));
        }
    }

    /// What the others have left, by name, with one's own in its place.
    pub(super) fn gather(&self, kind: Kind, own: String) -> Vec<(String, String)> {
        let entries = std::fs::read_dir(&self.folder).map(|entries| entries.flatten().collect::<Vec<_>>());
        let mut found: Vec<(String, String)> = entries
            .unwrap_or_default()
            .iter()
            .map(std::fs::DirEntry::path)
            .filter(|path| path.extension().is_some_and(|extension| extension == kind.extension()))
            .filter_map(|path| {
                let process = path.file_stem()?.to_str()?.to_owned();
                (process != self.process).then_some(())?;
                Some((process, std::fs::read_to_string(&path).ok()?))
            })
            .collect();
        found.push((self.process.clone(), own));
        found.sort();
        found
    }
}
