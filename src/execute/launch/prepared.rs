//! What `posix_spawn` takes, made once and used for each run: arrays of strings, attributes, file actions.

use std::ffi::{CStr, CString, c_char, c_int};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::{LaunchError, check};

/// glibc's flag for [`SET_GROUP`], since 2.39.
const SPAWN_SET_GROUP: c_int = 0x100;
/// The function that starts a child inside a control group; older C libraries do not have it.
const SET_GROUP: &CStr = c"posix_spawnattr_setcgroup_np";

/// A null-terminated array of C strings together with the strings.
pub(super) struct Array {
    /// Owns what `pointers` point to.
    _strings: Vec<CString>,
    pub(super) pointers: Vec<*mut c_char>,
}

impl std::fmt::Debug for Array {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self._strings).finish()
    }
}

impl Array {
    pub(super) fn new(texts: impl Iterator<Item = String>) -> Result<Self, LaunchError> {
        let strings: Vec<CString> = texts.map(CString::new).collect::<Result<_, _>>().map_err(|_| LaunchError::Nul)?;
        // posix_spawn takes pointers to mutable characters for historical reasons and does not write through them.
        let pointers = strings.iter().map(|text| text.as_ptr().cast_mut()).chain([std::ptr::null_mut()]).collect();
        Ok(Self { _strings: strings, pointers })
    }
}

/// With the flags that are set.
pub(super) struct Attributes(pub(super) Box<libc::posix_spawnattr_t>, c_int);

impl std::fmt::Debug for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Attributes")
    }
}

impl Attributes {
    const FLAGS: c_int = libc::POSIX_SPAWN_SETPGROUP | libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;

    /// Own group, no blocked signals, and default handling of the signals that we or Rust's runtime change.
    pub(super) fn new() -> io::Result<Self> {
        let mut raw = Box::new(MaybeUninit::uninit());
        // SAFETY: init fills the attributes in; the other calls get initialised values only, and the box gives them a
        // fixed address.
        unsafe {
            check(libc::posix_spawnattr_init(raw.as_mut_ptr()))?;
            let mut raw = Self(Box::from_raw(Box::into_raw(raw).cast()), Self::FLAGS);
            let mut signals = MaybeUninit::uninit();
            libc::sigemptyset(signals.as_mut_ptr());
            check(libc::posix_spawnattr_setsigmask(raw.0.as_mut(), signals.as_ptr()))?;
            for signal in [libc::SIGPIPE, libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
                libc::sigaddset(signals.as_mut_ptr(), signal);
            }
            check(libc::posix_spawnattr_setsigdefault(raw.0.as_mut(), signals.as_ptr()))?;
            check(libc::posix_spawnattr_setpgroup(raw.0.as_mut(), 0))?;
            check(libc::posix_spawnattr_setflags(raw.0.as_mut(), Self::FLAGS as _))?;
            Ok(raw)
        }
    }

    /// Each child leads a session of its own, not only a group.
    ///
    /// # Errors
    /// If the C library cannot do that.
    #[cfg(target_os = "linux")]
    pub(super) fn own_session(&mut self) -> io::Result<()> {
        // The leader of a session leads a group already, and may not be given another.
        self.set((self.1 & !libc::POSIX_SPAWN_SETPGROUP) | c_int::from(libc::POSIX_SPAWN_SETSID))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn own_session(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set(&mut self, flags: c_int) -> io::Result<()> {
        // SAFETY: the attributes are initialised.
        check(unsafe { libc::posix_spawnattr_setflags(self.0.as_mut(), flags as _) })?;
        self.1 = flags;
        Ok(())
    }

    /// Children start inside the control group (version 2) whose folder this is.
    ///
    /// # Errors
    /// If the C library cannot do that.
    #[cfg(target_os = "linux")]
    pub(super) fn start_in(&mut self, folder: RawFd) -> io::Result<()> {
        type SetGroup = unsafe extern "C" fn(*mut libc::posix_spawnattr_t, c_int) -> c_int;
        // SAFETY: the name is null-terminated; a function of this name has this signature since it first appeared, and
        // it only writes into the attributes, which are initialised.
        unsafe {
            let found = libc::dlsym(libc::RTLD_DEFAULT, SET_GROUP.as_ptr());
            if found.is_null() {
                return Err(io::ErrorKind::Unsupported.into());
            }
            let set: SetGroup = std::mem::transmute(found);
            check(set(self.0.as_mut(), folder))?;
        }
        self.set(self.1 | SPAWN_SET_GROUP)
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn start_in(&mut self, _: RawFd) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { libc::posix_spawnattr_destroy(self.0.as_mut()) };
    }
}

/// Keeps `/dev/null` open: the child only duplicates it, which is cheaper than to open it two or three times, and that
/// time would count as the measured command's.
pub(super) struct Actions(pub(super) Box<libc::posix_spawn_file_actions_t>, File);

impl std::fmt::Debug for Actions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Actions")
    }
}

impl Actions {
    pub(super) fn new(
        folder: &CString,
        stdin: Option<BorrowedFd<'_>>,
        stderr: Option<BorrowedFd<'_>>,
    ) -> io::Result<Self> {
        let mut raw = Box::new(MaybeUninit::uninit());
        let null = File::options().read(true).write(true).open("/dev/null")?;
        // SAFETY: init fills the actions in; the path is null-terminated and copied by the call.
        unsafe {
            check(libc::posix_spawn_file_actions_init(raw.as_mut_ptr()))?;
            let mut raw = Self(Box::from_raw(Box::into_raw(raw).cast()), null);
            let (actions, null) = (raw.0.as_mut(), raw.1.as_raw_fd());
            let given = |fd: Option<BorrowedFd<'_>>| fd.map_or(null, |fd| fd.as_raw_fd());
            for (from, to) in [(given(stdin), 0), (null, 1), (given(stderr), 2)] {
                check(libc::posix_spawn_file_actions_adddup2(actions, from, to))?;
            }
            check(libc::posix_spawn_file_actions_addchdir_np(actions, folder.as_ptr()))?;
            Ok(raw)
        }
    }
}

impl Drop for Actions {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { libc::posix_spawn_file_actions_destroy(self.0.as_mut()) };
    }
}
