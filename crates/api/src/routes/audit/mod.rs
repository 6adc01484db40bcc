//! `GET /api/admin/audit`: the audit log, for operators.

mod csv;
pub(crate) mod list;
