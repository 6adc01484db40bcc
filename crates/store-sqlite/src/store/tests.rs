use super::*;

mod in_a_file {
    use super::*;

    /// A store in a folder that goes away with it.
    struct Kept {
        store: SqliteStore,
        _folder: tempfile::TempDir,
    }

    impl std::ops::Deref for Kept {
        type Target = SqliteStore;

        fn deref(&self) -> &SqliteStore {
            &self.store
        }
    }

    async fn fresh() -> Kept {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("fluxora.db"));
        Kept { store: SqliteStore::open(&location, Options::default()).unwrap(), _folder: folder }
    }

    fluxora_store::conformance_suite!(*fresh().await);
}

mod in_memory {
    use super::*;

    fluxora_store::conformance_suite!(SqliteStore::open(&Location::Memory, Options::default()).unwrap());
}
