//! What left a contract in the transaction at hand: it proves what some events do not tell.

use std::borrow::Cow;
use std::collections::HashMap;

use fluxora_stream::Address;

use super::values::Transfer;

/// The transfers out of contracts, each since its contract's last event. Of each contract the last two: no event needs more.
#[derive(Debug, Default)]
pub(super) struct Transfers<'a> {
    out: HashMap<&'a str, Preceding<'a>>,
}

/// The transfers out of a contract that directly precede an event of it.
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
    /// Forgets everything: another transaction begins.
    pub(super) fn clear(&mut self) {
        self.out.clear();
    }

    /// Notes a transfer of the token whose contract emitted it.
    ///
    /// A strkey holds nothing that JSON would escape, so that what is not borrowed is none.
    pub(super) fn record(&mut self, token: &'a str, transfer: &Transfer<'a>) {
        if let (Cow::Borrowed(from), Cow::Borrowed(to)) = (&transfer.from.0, &transfer.to.0)
            && from.starts_with('C')
        {
            let out = self.out.entry(from).or_default();
            out.before_last = out.last.replace(Out { token, to, amount: transfer.amount });
        }
    }

    /// Takes what has left this contract since its last event.
    pub(super) fn take(&mut self, contract: &str) -> Preceding<'a> {
        if self.out.is_empty() { Preceding::default() } else { self.out.remove(contract).unwrap_or_default() }
    }
}

impl Preceding<'_> {
    /// What a withdrawal took out in all, of which `net` went to `recipient`: the contract pays the recipient first and the relayer, if
    /// there is one, directly after, in the same token. `None` if the transfers are not there.
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

    /// What went to the sender last: the refund, if the event is the end of a stream.
    pub(super) fn refund(&self, sender: Address) -> Option<i128> {
        self.last.filter(|out| Address::parse(out.to) == Ok(sender)).map(|out| out.amount)
    }
}
