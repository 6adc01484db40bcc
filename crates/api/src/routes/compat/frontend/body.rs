//! A list that is written while it is read: at most a mebibyte and a page of streams of it are in memory.

use actix_web::web::{Bytes, BytesMut};
use fluxora_store::StoreError;
use fluxora_stream::UnixTime;
use futures_util::Stream;
use futures_util::stream::{once, try_unfold};
use futures_util::{StreamExt, future};
use thiserror::Error;

use super::pages::{Pages, Stored, Wanted};
use super::row::Row;
use crate::Api;
use crate::error::{ApiError, ErrorKind};
use crate::routes::State;

/// The bytes after which the first part of a list ends. What comes behind it is read again while it is sent.
const FIRST: usize = 1024 * 1024;
/// The bytes of a part that is sent at a time.
const PART: usize = 64 * 1024;
/// The most bytes of a list behind its first part.
const MOST: usize = 31 * 1024 * 1024;

/// A list that was read through once.
pub(super) struct List {
    /// The rows of the first part.
    first: BytesMut,
    rest: Option<Rest>,
    /// Streams that were read and are not in the list: the front end would refuse them, or their rows cannot be decoded.
    pub(super) left_out: u32,
    /// Whether there are more streams than a list has.
    pub(super) is_cut: bool,
}

/// What is sent after the first part.
#[derive(Clone)]
struct Rest {
    pages: Pages,
    /// Streams to read.
    streams: u32,
    at: UnixTime,
}

/// A list broke off while it was sent: the connection is closed, so no client takes it for whole.
#[derive(Debug, Error)]
pub(super) enum BrokenList {
    #[error("the streams of a list cannot be read")]
    Store(#[from] StoreError),
    #[error("a row cannot be written")]
    Row(#[from] serde_json::Error),
}

impl List {
    pub(super) fn empty() -> Self {
        Self { first: BytesMut::new(), rest: None, left_out: 0, is_cut: false }
    }

    /// Reads the newest of the wanted streams, up to the bound of the profile.
    pub(super) async fn read(api: &Api, wanted: Wanted) -> Result<Self, ApiError> {
        let at = api.present();
        let mut pages = Pages::of(wanted, at);
        let mut list = Self::empty();
        let (mut streams, mut beyond) = (0_u32, 0_usize);
        while let Some(stored) = pages.next(api.store()).await? {
            if streams >= api.frontend().max_streams || beyond > MOST {
                list.is_cut = true;
                break;
            }
            streams = streams.saturating_add(1);
            let written = row(api, &stored, at).map_err(unwritable)?;
            if written.is_none() {
                list.left_out = list.left_out.saturating_add(1);
            }
            let written = written.unwrap_or_default();
            if let Some(rest) = &mut list.rest {
                rest.streams = rest.streams.saturating_add(1);
                beyond = beyond.saturating_add(written.len());
                continue;
            }
            append(&mut list.first, &written);
            if list.first.len() > FIRST {
                list.rest = Some(Rest { pages: pages.clone(), streams: 0, at });
            }
        }
        Ok(list)
    }

    /// The bytes to send. The next part is made when the connection has room for it.
    pub(super) fn into_bytes(self, api: State) -> impl Stream<Item = Result<Bytes, BrokenList>> {
        let Self { first, rest, .. } = self;
        let opening = [Bytes::from_static(br#"{"data":["#), first.freeze()].map(Ok);
        let parts = try_unfold((api, rest), |(api, rest)| async move {
            let Some(mut rest) = rest else { return Ok(None) };
            let part = rest.part(&api).await?;
            let rest = Some(rest).filter(|rest| rest.streams > 0);
            Ok(Some((part, (api, rest))))
        });
        let closing = once(future::ready(Ok(Bytes::from_static(b"]}"))));
        futures_util::stream::iter(opening).chain(parts).chain(closing)
    }
}

impl Rest {
    async fn part(&mut self, api: &Api) -> Result<Bytes, BrokenList> {
        let mut part = BytesMut::new();
        while self.streams > 0 && part.len() < PART {
            self.streams = self.streams.saturating_sub(1);
            let Some(stored) = self.pages.next(api.store()).await? else {
                self.streams = 0;
                break;
            };
            if let Some(row) = row(api, &stored, self.at)? {
                // The first part has a row.
                part.extend_from_slice(b",");
                part.extend_from_slice(&row);
            }
        }
        Ok(part.freeze())
    }
}

/// The row of a stream as it is sent; `None` for one that is left out.
fn row(api: &Api, stored: &Stored, at: UnixTime) -> Result<Option<Vec<u8>>, serde_json::Error> {
    let Stored::Stream(stream) = stored else { return Ok(None) };
    let row = Row::current(stream, at, api.tokens(), api.frontend());
    row.map(|(row, _)| serde_json::to_vec(&row)).transpose()
}

fn append(rows: &mut BytesMut, row: &[u8]) {
    if !rows.is_empty() && !row.is_empty() {
        rows.extend_from_slice(b",");
    }
    rows.extend_from_slice(row);
}

fn unwritable(error: serde_json::Error) -> ApiError {
    ApiError {
        cause: Some(error.into()),
        ..ApiError::new(ErrorKind::Internal, "the answer cannot be written")
    }
}
