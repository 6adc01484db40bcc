fluxora_store::conformance_suite!(optional super::fresh().await);

mod copies {
    use fluxora_store::conformance::copy::Records;

    use super::super::fresh;

    fluxora_store::copy_suite!(Some(Records::default()), fresh().await);
    fluxora_store::copy_suite!(target fresh().await);
    fluxora_store::copy_suite!(chain fresh().await, fresh().await);
}
