//! Secret settings. Each is a pair: `NAME`, and `NAME_FILE` for a file that holds the value, so that it is not in the environment.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};

/// Limit for a secret.
const MAX_BYTES: u64 = 64 * 1024;

/// The secret setting `name`, from its value or its file; `None` if neither is given.
///
/// # Errors
/// The fault of the pair. Neither the value nor the path is repeated: the path may be a secret in the wrong place.
pub(crate) fn read<T: TryFrom<Vec<u8>>>(
    name: &str,
    value: Option<T>,
    file: Option<&OsStr>,
) -> Result<Option<T>, String> {
    let Some(file) = file else { return Ok(value) };
    if value.is_some() {
        return Err(format!("{name} and {name}_FILE are both given: give one of them"));
    }
    let mut secret = bytes(file).map_err(|error| format!("{name}_FILE cannot be read: {error}"))?;
    cut_line_break(&mut secret);
    secret.try_into().map(Some).map_err(|_| format!("{name}_FILE must be a file of UTF-8 text"))
}

/// Cuts one line break, which editors add at the end of a file.
pub(crate) fn cut_line_break(text: &mut Vec<u8>) {
    for end in [b'\n', b'\r'] {
        text.pop_if(|last| *last == end);
    }
}

fn bytes(path: &OsStr) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = File::open(path)?.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(length).is_ok_and(|length| length <= MAX_BYTES) {
        return Ok(bytes);
    }
    Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {MAX_BYTES} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The setting `TOKEN` from a file with this content.
    fn from_file(content: &[u8]) -> Result<Option<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, content).unwrap();
        read("TOKEN", None, Some(file.as_os_str()))
    }

    #[test]
    fn only_one_line_break_at_the_end_of_the_file_is_cut() {
        for (content, secret) in [
            ("s", "s"),
            ("s\n", "s"),
            ("s\r\n", "s"),
            ("s\n\n", "s\n"),
            (" s \n", " s "),
            ("\n", ""),
            ("", ""),
        ] {
            assert_eq!(from_file(content.as_bytes()), Ok(Some(secret.to_owned())), "{content:?}");
        }
    }

    #[test]
    fn without_a_file_the_value_is_used() {
        assert_eq!(read("TOKEN", Some("s".to_owned()), None), Ok(Some("s".to_owned())));
        assert_eq!(read::<String>("TOKEN", None, None), Ok(None));
    }

    #[test]
    fn a_fault_names_the_setting_and_repeats_no_value() {
        let both = read("TOKEN", Some("hunter2".to_owned()), Some(OsStr::new("hunter2")));
        let missing = read::<String>("TOKEN", None, Some(OsStr::new("hunter2")));
        let empty = read::<String>("TOKEN", None, Some(OsStr::new("")));
        let folder = read::<String>("TOKEN", None, Some(OsStr::new("/")));
        let huge = from_file(&vec![b'h'; 65_537]);
        let not_text = from_file(b"hunter2\xff");
        for (fault, begins) in [
            (both, "TOKEN and TOKEN_FILE are both given"),
            (missing, "TOKEN_FILE cannot be read: No such file"),
            (empty, "TOKEN_FILE cannot be read: No such file"),
            (folder, "TOKEN_FILE cannot be read: Is a directory"),
            (huge, "TOKEN_FILE cannot be read: it has more than 65536 bytes"),
            (not_text, "TOKEN_FILE must be a file of UTF-8 text"),
        ] {
            let fault = fault.unwrap_err();
            assert!(fault.starts_with(begins) && !fault.contains("hunter2"), "{fault}");
        }
    }
}
