//! `GET /api/streams`.

mod filters;
mod pages;
mod parameters;
