fluxora_store::conformance_suite!(optional super::fresh().await);
