//! `/compat/backend`: what the SDKs of the earlier backend send and read. Each operation is the one of `/api/streams` with
//! its answer in an envelope. `docs/COMPAT.md` has the differences.

pub(crate) mod cancel;
pub(crate) mod create;
mod envelope;
pub(crate) mod list;
pub(crate) mod poll;
pub(crate) mod read;
mod stream;

pub(crate) use envelope::Enveloped;
pub(crate) use stream::SdkStream;
