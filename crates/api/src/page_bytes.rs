use fluxora_store::StoreError;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::error::{ApiError, ErrorKind};

/// The bytes after which a page ends. Its last item may go beyond.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// The items of a page as they are written, up to the one that makes it larger than [`MAX_BYTES`].
#[derive(Debug, Default)]
pub(crate) struct BoundedPage {
    pub(crate) items: Vec<Box<RawValue>>,
    bytes: usize,
    is_cut: bool,
}

/// Reads a page whose items fit into an answer: one that does not fit is read again with the number of items that do, so that its
/// `next` is right. `write` writes the items of a page.
///
/// # Errors
/// Those of `read` and `write`.
pub(crate) async fn fitting<P>(
    mut limit: u32,
    read: impl AsyncFn(u32) -> Result<P, StoreError>,
    write: impl Fn(&P) -> Result<BoundedPage, ApiError>,
) -> Result<(P, Vec<Box<RawValue>>), ApiError> {
    loop {
        let page = read(limit).await?;
        let written = write(&page)?;
        match u32::try_from(written.items.len()) {
            Ok(count @ 1..) if written.is_cut && count < limit => limit = count,
            _ => return Ok((page, written.items)),
        }
    }
}

impl BoundedPage {
    /// A page of the first of these items.
    ///
    /// # Errors
    /// As for [`add`](Self::add).
    pub(crate) fn of<T: Serialize>(items: impl IntoIterator<Item = T>) -> Result<Self, ApiError> {
        let mut page = Self::default();
        for item in items {
            if page.is_full() {
                page.is_cut = true;
                break;
            }
            page.add(&item)?;
        }
        Ok(page)
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.bytes > MAX_BYTES
    }

    /// Adds an item to a page that is not full.
    ///
    /// # Errors
    /// `INTERNAL_ERROR`: the item cannot be written as JSON.
    pub(crate) fn add(&mut self, item: &impl Serialize) -> Result<(), ApiError> {
        let item = to_raw_value(item).map_err(|error| ApiError {
            cause: Some(error.into()),
            ..ApiError::new(ErrorKind::Internal, "the answer cannot be written")
        })?;
        self.bytes = self.bytes.saturating_add(item.get().len());
        self.items.push(item);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lengths: &[usize], expect: usize) {
        // Two bytes are the quotes.
        let items = lengths.iter().map(|length| "a".repeat(length - 2));
        assert_eq!(BoundedPage::of(items).unwrap().items.len(), expect, "{lengths:?}");
    }

    #[test]
    fn a_page_ends_with_the_item_that_makes_it_too_large() {
        check(&[], 0);
        check(&[10, 10, 10], 3);
        check(&[MAX_BYTES, 10, 10], 2);
        check(&[MAX_BYTES + 1, 10], 1);
        check(&[MAX_BYTES / 2, MAX_BYTES / 2, MAX_BYTES, 10], 3);
    }
}
