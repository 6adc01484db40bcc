use fluxora_stream::StatusName;

/// Which of the streams that have fallen due at `?1` get a status by that.
pub(super) const fn by_falling_due(status: StatusName) -> Option<&'static str> {
    match status {
        StatusName::Active => Some("end_time > ?1"),
        StatusName::Completed => Some("end_time <= ?1"),
        StatusName::Scheduled | StatusName::Paused | StatusName::Cancelled | StatusName::Depleted => None,
    }
}
