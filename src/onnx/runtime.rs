//! Where the shared library of ONNX Runtime is.

use std::path::{Path, PathBuf};

use crate::host::{STATIC_PROGRAM, site_packages, virtual_environments};

/// The variable that names the library; the one of the `ort` crate is read as well.
pub const VARIABLE: &str = "BACKSIGHT_ONNXRUNTIME";
const ORT_VARIABLE: &str = "ORT_DYLIB_PATH";
/// The oldest version that we can talk to.
pub const OLDEST: &str = "1.17";

/// Why there is no runtime.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuntimeError {
    /// It is nowhere.
    #[error(
        "no ONNX Runtime was found (looked at {looked}); `pip install onnxruntime` in the active virtual environment, or \
         name its shared library with --onnxruntime or {VARIABLE}"
    )]
    Missing {
        /// Where it was looked for.
        looked: String,
    },
    /// What was named is not there.
    #[error("{named_by} names {}, which is no file; it must be ONNX Runtime's shared library", path.display())]
    NoFile {
        /// Who named it.
        named_by: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// It is too old.
    #[error("the ONNX Runtime at {} is version {version}; {OLDEST} or newer is needed: `pip install -U onnxruntime`", path.display())]
    Old {
        /// The library.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// It cannot be loaded.
    #[error("the ONNX Runtime at {} cannot be loaded: {text}; is it a library for this system, and whole?", path.display())]
    Broken {
        /// The library.
        path: PathBuf,
        /// The loader's words.
        text: String,
    },
    /// A static program.
    #[error("{STATIC_PROGRAM}")]
    Static,
    /// This build has no ONNX in it.
    #[error("this backsight was built without ONNX (the cargo feature `onnx`)")]
    NotBuilt,
}

impl RuntimeError {
    /// The reason code of documents.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Old { .. } => "runtime_too_old",
            Self::Missing { .. } | Self::NoFile { .. } | Self::Broken { .. } | Self::Static | Self::NotBuilt => {
                "no_runtime"
            }
        }
    }
}

/// A place where a runtime may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The library.
    pub path: PathBuf,
    /// Who told of it: `--onnxruntime`, a variable, `the virtual environment ...`, `the system`.
    pub by: String,
}

/// Looks for the library: what was asked for, the environment variables, the active virtual environment (or `.venv` and
/// `venv` in `folder`), the system's folders. Nothing is loaded.
///
/// # Errors
/// If there is none, or the one that was named is not there.
pub fn find(asked: Option<&Path>, env: &dyn Fn(&str) -> Option<String>, folder: &Path) -> Result<Found, RuntimeError> {
    let homes = virtual_environments(env, folder);
    let env = |name: &str| env(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let named =
        [("--onnxruntime", asked.map(Path::to_owned)), (VARIABLE, env(VARIABLE)), (ORT_VARIABLE, env(ORT_VARIABLE))];
    if let Some((by, path)) = named.into_iter().find_map(|(by, path)| Some((by, path?))) {
        // A folder, such as a wheel's `capi`, is as good.
        let path = if path.is_dir() { library_in(&path).unwrap_or(path) } else { path };
        if !path.is_file() {
            return Err(RuntimeError::NoFile { named_by: by, path });
        }
        // The loader takes a name without a folder for one that it is to look for.
        let path = std::path::absolute(&path).unwrap_or(path);
        return Ok(Found { path, by: by.to_owned() });
    }
    let mut looked = Vec::new();
    for home in homes {
        if let Some(path) =
            site_packages(&home).iter().find_map(|packages| library_in(&packages.join("onnxruntime/capi")))
        {
            return Ok(Found { path, by: format!("the virtual environment {}", home.display()) });
        }
        if home.is_dir() {
            looked.push(format!("the virtual environment {}", home.display()));
        }
    }
    let paths = env("LD_LIBRARY_PATH").map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>());
    for place in paths.unwrap_or_default().into_iter().chain(SYSTEM.iter().map(PathBuf::from)) {
        if let Some(path) = library_in(&place) {
            return Ok(Found { path, by: "the system".to_owned() });
        }
    }
    looked.push("the system's folders".to_owned());
    Err(RuntimeError::Missing { looked: looked.join(", ") })
}

const SYSTEM: [&str; 7] = [
    "/usr/local/lib",
    "/usr/lib",
    "/usr/lib64",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/opt/onnxruntime/lib",
    "/opt/homebrew/lib",
];

/// The runtime's library in a folder: `libonnxruntime.so`, or with a version behind.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let is_library = |name: &str| {
        name.strip_prefix("libonnxruntime.so").is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            || name == "onnxruntime.dll"
            || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
    };
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    let named = entries.filter(|entry| is_library(&entry.file_name().to_string_lossy())).map(|entry| entry.path());
    named.filter(|path| path.is_file()).min_by_key(|path| path.as_os_str().len())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::{RuntimeError, VARIABLE, find};

    fn touch(path: &Path) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    #[test]
    fn what_is_named_first_wins() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let wheel = at("active/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.32.0");
        touch(&wheel);
        touch(&at("mine.so"));
        let active = at("active").display().to_string();
        let only_active = |name: &str| (name == "VIRTUAL_ENV").then(|| active.clone());
        assert_eq!(find(None, &only_active, folder.path()).unwrap().path, wheel);
        let mine = at("mine.so").display().to_string();
        let both = |name: &str| if name == VARIABLE { Some(mine.clone()) } else { only_active(name) };
        assert_eq!(find(None, &both, folder.path()).unwrap().by, VARIABLE);
        let asked = find(Some(&wheel), &both, folder.path()).unwrap();
        assert_eq!((asked.path, asked.by.as_str()), (wheel.clone(), "--onnxruntime"));
        assert_eq!(find(wheel.parent(), &both, folder.path()).unwrap().path, wheel);
    }

    #[test]
    fn the_environment_beside_the_pipeline_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join(".venv/lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime.so.1.20.0");
        touch(&wheel);
        touch(&wheel.with_file_name("libonnxruntime_providers_shared.so"));
        assert_eq!(find(None, &|_| None, folder.path()).unwrap().path, wheel);
    }

    #[test]
    fn what_is_named_and_missing_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = find(Some(Path::new("/nowhere/x.so")), &|_| None, folder.path()).unwrap_err();
        assert!(matches!(&error, RuntimeError::NoFile { .. }) && error.to_string().starts_with("--onnxruntime names"));
    }
}
