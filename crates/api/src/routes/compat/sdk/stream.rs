use serde::{Deserialize, Serialize};

use crate::error::{ApiError, ErrorKind};
use crate::view::StreamView;

/// A stream with the fields that the SDKs know, read from the answer of `/api/streams`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "SdkStream"))]
pub(crate) struct SdkStream {
    id: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Address"))]
    sender: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Address"))]
    recipient: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    deposit_amount: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    streamed_amount: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    remaining_amount: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    withdrawn_amount: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    withdrawable_amount: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    refunded_amount: String,
    /// The amount of a second; on average, rounded down, where it is not the same in each; `0` for a cancelled stream without
    /// one.
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Amount"))]
    rate_per_second: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Seconds"))]
    start_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::Seconds>"))]
    cliff_time: Option<u64>,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Seconds"))]
    end_time: u64,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Status"))]
    status: String,
    /// The contract of a chain stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    contract_id: Option<String>,
    /// The transaction that created a chain stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_hash: Option<String>,
    created_at: String,
    updated_at: String,
}

/// The fields of an answer of `/api/streams` that are read. Stored answers have this form too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Native {
    id: String,
    sender: String,
    recipient: String,
    deposit_amount: String,
    streamed_amount: String,
    remaining_amount: String,
    withdrawn_amount: String,
    withdrawable_amount: String,
    refunded_amount: String,
    rate_per_second: Option<String>,
    average_rate_per_second: Option<String>,
    start_time: u64,
    cliff_time: Option<u64>,
    end_time: u64,
    status: String,
    chain: Option<NativeChain>,
    created_at: String,
    updated_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NativeChain {
    contract_id: String,
    tx_hash: Option<String>,
}

impl SdkStream {
    /// Reads a stream as `/api/streams` answers it.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if the text has another form.
    pub(super) fn of(answer: &str) -> Result<Self, ApiError> {
        let native: Native = serde_json::from_str(answer).map_err(untranslatable)?;
        let (contract_id, transaction_hash) =
            native.chain.map(|chain| (chain.contract_id, chain.tx_hash)).unzip();
        let rate = native.rate_per_second.or(native.average_rate_per_second);
        Ok(Self {
            id: native.id,
            sender: native.sender,
            recipient: native.recipient,
            deposit_amount: native.deposit_amount,
            streamed_amount: native.streamed_amount,
            remaining_amount: native.remaining_amount,
            withdrawn_amount: native.withdrawn_amount,
            withdrawable_amount: native.withdrawable_amount,
            refunded_amount: native.refunded_amount,
            rate_per_second: rate.unwrap_or_else(|| "0".to_owned()),
            start_time: native.start_time,
            cliff_time: native.cliff_time,
            end_time: native.end_time,
            status: native.status,
            contract_id,
            transaction_hash: transaction_hash.flatten(),
            created_at: native.created_at,
            updated_at: native.updated_at,
        })
    }

    /// The same of an answer that is not written yet.
    pub(super) fn of_view(view: &StreamView) -> Result<Self, ApiError> {
        let answer = serde_json::to_string(view).map_err(untranslatable)?;
        Self::of(&answer)
    }

    pub(super) fn into_id(self) -> String {
        self.id
    }
}

fn untranslatable(error: serde_json::Error) -> ApiError {
    ApiError {
        cause: Some(error.into()),
        ..ApiError::new(ErrorKind::Internal, "the answer cannot be translated")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NATIVE: &str = r#"{"id":"7","origin":"chain","sender":"S","recipient":"R","depositAmount":"9","ratePerSecond":null,"startTime":1,"endTime":4,"status":"active","streamedAmount":"3","withdrawnAmount":"1","withdrawableAmount":"2","remainingAmount":"6","refundedAmount":"0","averageRatePerSecond":"2","ended":false,"asOf":2,"createdAt":"c","updatedAt":"u","chain":{"contractId":"C","streamId":"7","txHash":"ab","more":1}}"#;

    #[test]
    fn a_stream_has_a_rate_its_contract_and_its_transaction() {
        let stream = SdkStream::of(NATIVE).unwrap();
        let fields = (stream.rate_per_second, stream.contract_id, stream.transaction_hash);
        assert_eq!(fields, ("2".to_owned(), Some("C".to_owned()), Some("ab".to_owned())));
        let cancelled = NATIVE.replace(r#""averageRatePerSecond":"2""#, r#""averageRatePerSecond":null"#);
        assert_eq!(SdkStream::of(&cancelled).unwrap().rate_per_second, "0");
    }

    #[test]
    fn another_form_is_an_internal_error() {
        for text in ["", "{}", &NATIVE.replace("depositAmount", "deposit")] {
            assert_eq!(SdkStream::of(text).unwrap_err().kind, ErrorKind::Internal, "{text}");
        }
    }
}
