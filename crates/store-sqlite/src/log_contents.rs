//! Whether the write-ahead log holds what was committed to it.
//!
//! SQLite keeps the number of committed frames and the checksum of the last one in the index of the log. A program that
//! writes over the log or shortens it changes the log alone. The layouts are part of SQLite's file format.

use std::cell::Cell;

use crate::files::{INDEX_HEADER_BYTES, LogFile, LogIndex};

/// Bytes of the header of the log.
const HEADER: usize = 32;
/// Bytes of the header of a frame; its page follows.
const FRAME_HEADER: usize = 24;
/// The same as lengths in a file.
const HEADER_LENGTH: u64 = 32;
const FRAME_HEADER_LENGTH: u64 = 24;
/// How often the files are read again while another program commits.
const TRIES: u32 = 8;

/// What was seen when the log was last checked.
#[derive(Debug, Default)]
pub(crate) struct LogContents {
    commits: Cell<Option<u32>>,
    header: Cell<Option<[u8; HEADER]>>,
}

impl LogContents {
    /// Whether the log has the header and the last frame that the index names, and no commit was taken back. Costs one
    /// `stat` and four short reads. A frame in the middle is not read.
    pub(crate) fn are_intact(&self, index: &LogIndex, log: &LogFile) -> std::io::Result<bool> {
        let mut before = index.header()?;
        for _ in 0..TRIES {
            let is_intact = match Committed::read(&before) {
                Some(committed) => self.agree(committed, log)?,
                None => false,
            };
            let after = index.header()?;
            if is_intact || (before == after && has_equal_copies(&before)) {
                return Ok(is_intact);
            }
            before = after;
        }
        // Another program is committing. The check after the commit looks again.
        Ok(true)
    }

    fn agree(&self, committed: Committed, log: &LogFile) -> std::io::Result<bool> {
        let steps = self.commits.get().map_or(0, |last| committed.commits.wrapping_sub(last));
        if steps > u32::MAX / 2 {
            return Ok(false);
        }
        if let Some(offset) = committed.last_frame() {
            if log.len()? < offset.saturating_add(committed.frame_bytes()) {
                return Ok(false);
            }
            let (mut header, mut frame) = ([0; HEADER], [0; FRAME_HEADER]);
            log.read(&mut header, 0)?;
            log.read(&mut frame, offset)?;
            let same_log = header.get(16..24) == Some(&committed.salt);
            let last = self.header.get().filter(|last| last.get(16..24) == Some(&committed.salt));
            let same_header = last.is_none_or(|last| last == header);
            if !same_log || !same_header || !committed.ends_with(&frame) {
                return Ok(false);
            }
            self.header.set(Some(header));
        }
        self.commits.set(Some(committed.commits));
        Ok(true)
    }
}

/// The committed part of the log, from its index.
#[derive(Clone, Copy)]
struct Committed {
    /// Number of commits; it wraps.
    commits: u32,
    page_bytes: u64,
    /// Committed frames. 0 after all of them were written into the database.
    frames: u32,
    /// Checksum of the last one.
    checksum: [u32; 2],
    salt: [u8; 8],
}

impl Committed {
    /// `None` where the index was not written by SQLite.
    fn read(header: &[u8; INDEX_HEADER_BYTES]) -> Option<Self> {
        let word = |at: usize| array(header, at).map(u32::from_ne_bytes);
        let is_initialized = header.get(12) == Some(&1);
        let size = array(header, 14).map(u16::from_ne_bytes).map(u64::from)?;
        let committed = Self {
            commits: word(8)?,
            page_bytes: (size & 0xfe00) | ((size & 1) << 16),
            frames: word(16)?,
            checksum: [word(24)?, word(28)?],
            salt: array(header, 32)?,
        };
        (is_initialized && has_equal_copies(header)).then_some(committed)
    }

    const fn frame_bytes(&self) -> u64 {
        self.page_bytes.saturating_add(FRAME_HEADER_LENGTH)
    }

    /// Offset of the last frame, if there is one.
    fn last_frame(&self) -> Option<u64> {
        let before = u64::from(self.frames.checked_sub(1)?);
        Some(before.saturating_mul(self.frame_bytes()).saturating_add(HEADER_LENGTH))
    }

    fn ends_with(&self, frame: &[u8; FRAME_HEADER]) -> bool {
        let word = |at: usize| array(frame, at).map(u32::from_be_bytes);
        array(frame, 8) == Some(self.salt) && [word(16), word(20)] == self.checksum.map(Some)
    }
}

/// The index has its header twice. SQLite writes one copy after the other.
fn has_equal_copies(header: &[u8; INDEX_HEADER_BYTES]) -> bool {
    let (one, other) = header.split_at(INDEX_HEADER_BYTES / 2);
    one == other
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
