use fluxora_stream::Address;
use fluxora_treasury::{Asset, Party, Role, Sums};

use super::ReadColumns;
use crate::StoreError;
use crate::treasury::{StoredContribution, StoredSums};

/// Reads `id, role, address, asset, sums, latest` of `treasury_sums`.
pub fn stored_sums<'r, C: ReadColumns<'r>>(columns: &mut C) -> Result<StoredSums, StoreError> {
    let id = columns.integer("id")?;
    let role = columns.parsed("role", |word| {
        Role::ALL.into_iter().find(|role| role.as_str() == word).ok_or("neither sender nor recipient")
    })?;
    let address = columns.parsed("address", Address::parse)?;
    let asset = columns.parsed("asset", str::parse::<Asset>)?;
    let sums = columns.parsed("sums", str::parse::<Sums>)?;
    let latest = columns.time("latest")?;
    Ok(StoredSums { id, party: Party { role, address }, asset, sums, latest })
}

/// Reads `stream, sender, recipient, counts_from, changes_at, exhausted_at, sums` of `treasury_contributions`.
pub fn stored_contribution<'r, C: ReadColumns<'r>>(
    columns: &mut C,
) -> Result<StoredContribution, StoreError> {
    Ok(StoredContribution {
        stream: columns.sequence("stream")?,
        of: [columns.integer("sender")?, columns.integer("recipient")?],
        from: columns.time("counts_from")?,
        changes_at: columns.optional("changes_at", C::time)?,
        exhausted_at: columns.optional("exhausted_at", C::time)?,
        sums: columns.parsed("sums", str::parse::<Sums>)?,
    })
}
