//! `/compat/frontend`: what the official front end reads. `docs/COMPAT.md` has its rules.

mod body;
mod dates;
pub(crate) mod list;
pub(crate) mod metrics;
mod money;
mod pages;
pub(crate) mod read;
pub(crate) mod recipient;
mod row;
mod story;
pub(crate) mod version;

#[cfg(test)]
pub(crate) use list::RowsView;
