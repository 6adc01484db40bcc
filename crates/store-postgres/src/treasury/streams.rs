use fluxora_store::StoreError;
use fluxora_store::treasury::StreamsRead;
use fluxora_treasury::{Party, Role};

use crate::faults::Fault;
use crate::pipeline::PipelinedTransaction;
use crate::streams::column_lists::stream_columns;
use crate::streams::decode;

/// Streams of one side, newest first.
macro_rules! of_party {
    ($side:literal) => {
        concat!(
            "SELECT ",
            stream_columns!(),
            " FROM streams WHERE ",
            $side,
            " = $1 ORDER BY seq DESC LIMIT $2"
        )
    };
}

pub(crate) const OF_SENDER: &str = of_party!("sender");
pub(crate) const OF_RECIPIENT: &str = of_party!("recipient");

pub(super) async fn of(
    transaction: &mut PipelinedTransaction,
    party: &Party,
    limit: u32,
) -> Result<StreamsRead, Fault> {
    let sql = match party.role {
        Role::Sender => OF_SENDER,
        Role::Recipient => OF_RECIPIENT,
    };
    let (address, limit) = (party.address.to_string(), i64::from(limit));
    let rows = transaction.query("reading the streams of a party", sql, &[&address, &limit]).await?;
    let mut read = StreamsRead::default();
    for row in &rows {
        match decode(row) {
            Ok(found) => read.streams.push(found.stream),
            Err(StoreError::Corrupt(_)) => read.unreadable = read.unreadable.saturating_add(1),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(read)
}
