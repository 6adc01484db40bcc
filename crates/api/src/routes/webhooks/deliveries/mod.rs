//! `/api/webhooks/deliveries`: one operation, one file.

pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod replay;
pub(crate) mod skip;
pub(crate) mod view;

use fluxora_delivery::DeliveryId;

use crate::error::{ApiError, ErrorKind};

/// The delivery that a path names. A text that is no id names no delivery.
fn id(text: &str) -> Result<DeliveryId, ApiError> {
    DeliveryId::parse(&text.to_ascii_lowercase()).ok_or_else(not_found)
}

/// A delivery cannot be changed.
fn gone() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "Delivery not found, or its endpoint was deleted")
}

pub(super) fn not_found() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "Delivery not found")
}
