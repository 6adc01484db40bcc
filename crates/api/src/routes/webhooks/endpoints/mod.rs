//! `/api/webhooks/endpoints`: one operation, one file.

mod change;
pub(crate) mod create;
pub(crate) mod delete;
mod draft;
pub(crate) mod list;
pub(crate) mod pause;
pub(crate) mod read;
pub(crate) mod resume;
pub(crate) mod rotate;
mod state;
pub(crate) mod test;
pub(crate) mod update;
pub(crate) mod view;

const PATH: &str = "/api/webhooks/endpoints";
