use tokio_postgres::types::ToSql;

/// Values that a statement takes, in its order.
pub(crate) trait Parameters: Send + Sync {
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)>;
}

pub(crate) type Values = Vec<Box<dyn ToSql + Sync + Send>>;

impl Parameters for Values {
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.iter().map(|value| -> &(dyn ToSql + Sync) { &**value }).collect()
    }
}
