use fluxora_stream::LoggedEvent;

use crate::DeliveryId;

/// The largest body that is sent: what receivers accept.
pub const MAX_BODY_BYTES: usize = 262_144;

/// The body of a delivery: the public event object with the member `delivery_id` in front.
///
/// # Errors
/// The event cannot be written as JSON.
pub fn body(id: DeliveryId, event: &LoggedEvent) -> Result<Vec<u8>, serde_json::Error> {
    #[derive(serde::Serialize)]
    struct Body<'e> {
        delivery_id: String,
        #[serde(flatten)]
        event: &'e LoggedEvent,
    }
    serde_json::to_vec(&Body { delivery_id: id.to_string(), event })
}
