//! Secret settings. Each is a pair: `NAME`, and `NAME_FILE` for a file that holds the value, so that it is not in the
//! environment.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};

/// Limit for a secret.
const MAX_BYTES: u64 = 64 * 1024;

/// The secret setting `name`, without white space around it; `None` if neither the value nor the file is given.
///
/// # Errors
/// The fault of the pair, see [`read`].
pub(super) fn setting(
    name: &str,
    value: Option<String>,
    file: Option<&str>,
) -> Result<Option<String>, String> {
    let Some(secret) = read(name, value.map(String::into_bytes), file.map(OsStr::new))? else {
        return Ok(None);
    };
    let secret =
        String::from_utf8(secret).map_err(|_| format!("{name}_FILE must be a file of UTF-8 text"))?;
    match secret.trim() {
        "" => Err(format!("{name}_FILE must be a file with more than white space")),
        secret => Ok(Some(secret.to_owned())),
    }
}

/// The bytes of the secret `name`, from its value or its file without one line break at the end; `None` if neither is
/// given.
///
/// # Errors
/// The fault of the pair. Neither the value nor the path is repeated: the path may be a secret in the wrong place.
pub(crate) fn read(
    name: &str,
    value: Option<Vec<u8>>,
    file: Option<&OsStr>,
) -> Result<Option<Vec<u8>>, String> {
    let Some(file) = file else { return Ok(value) };
    if value.is_some() {
        return Err(format!("{name} and {name}_FILE are both given: give one of them"));
    }
    let mut secret = bytes(file).map_err(|error| format!("{name}_FILE cannot be read: {error}"))?;
    cut_line_break(&mut secret);
    Ok(Some(secret))
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

    /// Reads a file with this content.
    fn from_file<T>(content: &[u8], read: impl Fn(&str) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, content).unwrap();
        read(file.to_str().unwrap())
    }

    fn setting_from_file(content: &[u8]) -> Result<Option<String>, String> {
        from_file(content, |file| setting("TOKEN", None, Some(file)))
    }

    #[test]
    fn a_setting_is_read_from_its_file_without_white_space_around_it() {
        for content in ["s", "s\n", "s\r\n", "s\n\n", " s \n", "\ts"] {
            assert_eq!(setting_from_file(content.as_bytes()), Ok(Some("s".to_owned())), "{content:?}");
        }
    }

    #[test]
    fn other_secrets_lose_one_line_break_at_the_end() {
        for (content, secret) in [
            ("s", "s"),
            ("s\n", "s"),
            ("s\r\n", "s"),
            ("s\n\n", "s\n"),
            (" s \n", " s "),
            ("\n", ""),
            ("", ""),
        ] {
            let read = from_file(content.as_bytes(), |file| read("TOKEN", None, Some(OsStr::new(file))));
            assert_eq!(read, Ok(Some(secret.as_bytes().to_vec())), "{content:?}");
        }
    }

    #[test]
    fn without_a_file_the_value_is_used() {
        assert_eq!(setting("TOKEN", Some("s".to_owned()), None), Ok(Some("s".to_owned())));
        assert_eq!(setting("TOKEN", None, None), Ok(None));
    }

    #[test]
    fn a_fault_names_the_setting_and_repeats_no_value() {
        let file = |path| setting("TOKEN", None, Some(path));
        let both = setting("TOKEN", Some("hunter2".to_owned()), Some("hunter2"));
        for (fault, begins) in [
            (both, "TOKEN and TOKEN_FILE are both given"),
            (file("hunter2"), "TOKEN_FILE cannot be read: No such file"),
            (file("/"), "TOKEN_FILE cannot be read: Is a directory"),
            (
                setting_from_file(&vec![b'h'; 65_537]),
                "TOKEN_FILE cannot be read: it has more than 65536 bytes",
            ),
            (setting_from_file(b"hunter2\xff"), "TOKEN_FILE must be a file of UTF-8 text"),
            (setting_from_file(b" \n"), "TOKEN_FILE must be a file with more than white space"),
            (setting_from_file(b""), "TOKEN_FILE must be a file with more than white space"),
        ] {
            let fault = fault.unwrap_err();
            assert!(fault.starts_with(begins) && !fault.contains("hunter2"), "{fault}");
        }
    }
}
