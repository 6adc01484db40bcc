//! Transfers out of contracts in the present transaction. They prove amounts that some events leave open.

use std::borrow::Cow;
use std::collections::HashMap;

use fluxora_stream::Address;

use super::values::Transfer;

/// Transfers out of each contract since its last event: the last two, since no event needs more.
#[derive(Debug, Default)]
pub(super) struct Transfers<'a> {
    out: HashMap<&'a str, Preceding<'a>>,
}

/// The transfers out of a contract directly before one of its events.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Preceding<'a> {
    last: Option<Out<'a>>,
    before_last: Option<Out<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Out<'a> {
    token: &'a str,
    to: &'a str,
    amount: i128,
}

impl<'a> Transfers<'a> {
    /// Clears all transfers at the start of a transaction.
    pub(super) fn clear(&mut self) {
        self.out.clear();
    }

    /// Records a transfer of the token whose contract emitted it.
    ///
    /// A strkey has no characters that JSON escapes: a text that is not borrowed is no strkey.
    pub(super) fn record(&mut self, token: &'a str, transfer: &Transfer<'a>) {
        if let (Cow::Borrowed(from), Cow::Borrowed(to)) = (&transfer.from.0, &transfer.to.0)
            && from.starts_with('C')
        {
            let out = self.out.entry(from).or_default();
            out.before_last = out.last.replace(Out { token, to, amount: transfer.amount });
        }
    }

    /// Takes the transfers out of this contract since its last event.
    pub(super) fn take(&mut self, contract: &str) -> Preceding<'a> {
        if self.out.is_empty() { Preceding::default() } else { self.out.remove(contract).unwrap_or_default() }
    }
}

impl Preceding<'_> {
    /// The gross amount of a withdrawal of which `net` went to `recipient`. The contract pays the recipient first, then
    /// the relayer if there is one, in the same token. `None` if the transfers are missing.
    pub(super) fn gross(&self, recipient: &str, net: i128) -> Option<i128> {
        let is_net = |out: Out<'_>| out.to == recipient && out.amount == net;
        match (self.before_last, self.last) {
            (Some(paid), Some(fee)) if is_net(paid) && paid.token == fee.token && fee.amount >= 0 => {
                net.checked_add(fee.amount)
            }
            (_, Some(paid)) if is_net(paid) => Some(net),
            (_, Some(fee)) if net == 0 && fee.amount >= 0 => Some(fee.amount),
            _ => None,
        }
    }

    /// The amount of the last transfer if it went to the sender: the refund of a stream that ended.
    pub(super) fn refund(&self, sender: Address) -> Option<i128> {
        self.last.filter(|out| Address::parse(out.to) == Ok(sender)).map(|out| out.amount)
    }
}
