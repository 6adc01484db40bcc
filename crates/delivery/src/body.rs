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

/// What [`body`] writes before the id.
const PREFIX: &[u8] = br#"{"delivery_id":""#;

/// The same body under another id, for a delivery of the same event. `None` if it is not what [`body`] wrote for `from`.
pub fn body_of_replay(body: &[u8], from: DeliveryId, to: DeliveryId) -> Option<Vec<u8>> {
    let rest = body.strip_prefix(PREFIX)?.strip_prefix(from.to_string().as_bytes())?;
    rest.starts_with(b"\"").then(|| [PREFIX, to.to_string().as_bytes(), rest].concat())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_body_is_the_same_under_another_id() {
        let [from, to] = [1, 2].map(|n| DeliveryId::new(Uuid::from_u128(n)));
        let written = |id: DeliveryId| format!(r#"{{"delivery_id":"{id}","id":"evt_{from}","data":{{}}}}"#);
        let replayed = body_of_replay(written(from).as_bytes(), from, to).unwrap();
        assert_eq!(String::from_utf8(replayed).unwrap(), written(to));
        assert_eq!(body_of_replay(written(to).as_bytes(), from, to), None);
        for other in ["", "{}", r#"{"delivery_id":""#] {
            assert_eq!(body_of_replay(other.as_bytes(), from, to), None);
        }
    }
}
