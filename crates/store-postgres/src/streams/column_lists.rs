//! The columns of `streams`, for every statement that names them: to add one, change these lists, [`StreamValues`](super::StreamValues) and
//! the decoder in `fluxora_store::rows`.

/// The columns that `fluxora_store::rows::stream` reads, in its order. Numbers of any size travel as text, as they were written.
macro_rules! stream_columns {
    () => {
        "seq, id, origin, sender, recipient, deposit::text, rate::text, start_time::text, cliff_time::text, end_time::text, \
         withdrawn::text, status, status_at, created_at, updated_at, events, kind, checkpoint_amount::text, checkpoint_at::text, \
         chain::text, family"
    };
}

/// The columns that streams of both origins have, in the order of [`StreamValues`](super::StreamValues).
macro_rules! common_columns {
    () => {
        "id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, withdrawn, status, status_at, created_at, \
         updated_at, events"
    };
}

/// The same columns as they are written from a row `new`.
macro_rules! common_values {
    () => {
        "new.id, new.origin, new.sender, new.recipient, new.deposit::numeric, new.rate::numeric, new.start_time::numeric, \
         new.cliff_time::numeric, new.end_time::numeric, new.withdrawn::numeric, new.status, new.status_at, new.created_at, \
         new.updated_at, new.events"
    };
}

/// The same columns as the first parameters of a statement.
macro_rules! common_arrays {
    () => {
        "$1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], \
         $11::text[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::bigint[]"
    };
}

/// The columns that only a chain stream has.
macro_rules! chain_columns {
    () => {
        "contract_id, kind, checkpoint_amount, checkpoint_at, chain, family"
    };
}

/// The same columns as they are written from a row `new`.
macro_rules! chain_values {
    () => {
        "new.contract_id, new.kind, new.checkpoint_amount::numeric, new.checkpoint_at::numeric, new.chain::json, new.family"
    };
}

/// The same columns as the parameters after [`common_arrays`].
macro_rules! chain_arrays {
    () => {
        "$16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[]"
    };
}

pub(crate) use {
    chain_arrays, chain_columns, chain_values, common_arrays, common_columns, common_values, stream_columns,
};
