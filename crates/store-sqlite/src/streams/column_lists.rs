//! The columns of `streams`, for every statement that names them: to add one, change these lists, the values in [`super::write`] and the
//! decoder in `fluxora_store::rows`.

/// The columns that `fluxora_store::rows::stream` reads, in its order.
macro_rules! stream_columns {
    () => {
        "seq, id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, withdrawn, status, status_at, \
         created_at, updated_at, events, kind, checkpoint_amount, checkpoint_at, chain, family"
    };
}
pub(crate) use stream_columns;

/// Sets the columns that no index holds.
macro_rules! set_unlisted {
    () => {
        "UPDATE streams SET deposit = ?1, rate = ?2, start_time = ?3, cliff_time = ?4, end_time = ?5, withdrawn = ?6, \
         status_at = ?7, created_at = ?8, updated_at = ?9, events = ?10, kind = ?11, checkpoint_amount = ?12, \
         checkpoint_at = ?13, chain = ?14, family = ?19"
    };
}

/// Inserts a stream with the sequence `?1`, or with the next one where that is NULL.
pub(super) const INSERT: &str = "INSERT INTO streams (seq, id, origin, contract_id, sender, recipient, deposit, rate, start_time, cliff_time, \
     end_time, withdrawn, status, status_at, due_at, created_at, updated_at, events, kind, checkpoint_amount, \
     checkpoint_at, chain, family) \
     VALUES (coalesce(?1, (SELECT max(coalesce((SELECT max(seq) FROM streams), 0), \
                                      coalesce((SELECT max(seq) FROM removed_streams), 0))) + 1), \
     ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)";
/// Sets only columns that no index holds, which is enough for most changes. SQLite rewrites an index entry whenever one of its columns is
/// set, also to the same value.
pub(super) const UPDATE: &str =
    concat!(set_unlisted!(), " WHERE seq = ?15 AND sender = ?16 AND recipient = ?17 AND status = ?18");
/// The same parameters, for a stream whose parties or status have changed.
pub(super) const UPDATE_LISTED: &str =
    concat!(set_unlisted!(), ", sender = ?16, recipient = ?17, status = ?18 WHERE seq = ?15");
