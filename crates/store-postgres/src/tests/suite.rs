fluxora_store::conformance_suite!(optional super::fresh().await);

mod copies {
    use fluxora_store::conformance::transfer::Records;

    use super::super::fresh;

    fluxora_store::transfer_suite!(Some(Records::default()), fresh().await);
    fluxora_store::transfer_suite!(target fresh().await);
    fluxora_store::transfer_suite!(chain fresh().await, fresh().await);
}
