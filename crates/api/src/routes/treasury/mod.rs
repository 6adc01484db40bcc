//! What parties hold, owe and are owed: one operation, one file.

mod reading;
pub(crate) mod recipient;
pub(crate) mod summary;
