use fluxora_stream::vesting::{CliffMode, Curve, PauseClock, VestingSchedule, VestingStatus};
use fluxora_stream::{Address, UnixTime};
use thiserror::Error;

use crate::event::Event;

/// A vesting contract of ABI 1 in memory: its streams by number, and its rules. Time is an argument of every call.
#[derive(Clone, Debug)]
pub struct Contract {
    token: Address,
    streams: Vec<Stream>,
}

/// The entry of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Who deposits.
    pub sender: Address,
    /// Who is paid.
    pub recipient: Address,
    /// Deposit, times and pauses.
    pub schedule: VestingSchedule,
    /// Amount of all withdrawals, in the token's smallest unit.
    pub withdrawn: i128,
    /// The status.
    pub status: VestingStatus,
}

/// What a sender chooses for a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) sender: Address,
    pub(crate) recipient: Address,
    /// In the token's smallest unit.
    pub(crate) deposit: i128,
    pub(crate) start: UnixTime,
    pub(crate) cliff: UnixTime,
    pub(crate) end: UnixTime,
}

/// Why the contract refuses a call. A refused call changes nothing and emits nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CallRefused {
    /// There is no stream with this number.
    #[error("there is no stream with this number")]
    NoStream,
    /// Sender and recipient are the same.
    #[error("sender and recipient are the same")]
    OneParty,
    /// An amount must be above 0.
    #[error("an amount must be above 0")]
    NotPositive,
    /// The end must be after the start, and the cliff between them.
    #[error("the end must be after the start, and the cliff between them")]
    WrongTimes,
    /// A deposit must be at least 1 for each second, and deposit times duration at most an i128.
    #[error("a deposit must be at least 1 for each second, and deposit times duration at most an i128")]
    WrongDeposit,
    /// The stream has a final status.
    #[error("the stream has a final status")]
    Final,
    /// The stream is not active.
    #[error("the stream is not active")]
    NotActive,
    /// The stream is not paused.
    #[error("the stream is not paused")]
    NotPaused,
    /// Nothing can be withdrawn.
    #[error("nothing can be withdrawn")]
    NothingDue,
    /// Less can be withdrawn.
    #[error("less can be withdrawn")]
    TooMuch,
    /// The schedule has reached its end.
    #[error("the schedule has reached its end")]
    Ended,
    /// The amount does not pay for one more second.
    #[error("the amount does not pay for one more second")]
    TooSmall,
}

impl Contract {
    pub(crate) const fn new(token: Address) -> Self {
        Self { token, streams: Vec::new() }
    }

    /// Every stream, in the order of the numbers, which begin at 0.
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// The stream with this number.
    pub(crate) fn stream(&self, number: u64) -> Result<&Stream, CallRefused> {
        let index = usize::try_from(number).ok();
        index.and_then(|index| self.streams.get(index)).ok_or(CallRefused::NoStream)
    }

    fn stream_mut(&mut self, number: u64) -> Result<&mut Stream, CallRefused> {
        let index = usize::try_from(number).ok();
        index.and_then(|index| self.streams.get_mut(index)).ok_or(CallRefused::NoStream)
    }

    /// `create_stream`: the number of the stream, and the event.
    pub(crate) fn create(&mut self, terms: &Terms) -> Result<(u64, Event), CallRefused> {
        let &Terms { sender, recipient, deposit, start, cliff, end } = terms;
        if sender == recipient {
            return Err(CallRefused::OneParty);
        }
        if deposit <= 0 {
            return Err(CallRefused::NotPositive);
        }
        if end <= start || !(start..=end).contains(&cliff) {
            return Err(CallRefused::WrongTimes);
        }
        let duration = i128::from(end.seconds_since(start));
        if deposit < duration || deposit.checked_mul(duration).is_none() {
            return Err(CallRefused::WrongDeposit);
        }
        let schedule = VestingSchedule {
            deposited: deposit,
            start,
            end,
            cliff,
            curve: Curve::Linear,
            cliff_mode: CliffMode::ScheduleClock,
            pauses: PauseClock::default(),
        };
        let number = u64::try_from(self.streams.len()).unwrap_or(u64::MAX);
        let stream = Stream { sender, recipient, schedule, withdrawn: 0, status: VestingStatus::Active };
        self.streams.push(stream);
        Ok((number, Event::created(number, &stream, self.token)))
    }

    /// `withdraw`: pays `amount` to the recipient, or everything that is due.
    pub(crate) fn withdraw(
        &mut self,
        number: u64,
        amount: Option<i128>,
        now: UnixTime,
    ) -> Result<Event, CallRefused> {
        let stream = self.stream_mut(number)?;
        let due = stream.withdrawable(now);
        let amount = amount.unwrap_or(due);
        match amount {
            _ if due == 0 => return Err(CallRefused::NothingDue),
            ..=0 => return Err(CallRefused::NotPositive),
            _ if amount > due => return Err(CallRefused::TooMuch),
            _ => {}
        }
        stream.withdrawn = stream.withdrawn.saturating_add(amount);
        let emptied = stream.withdrawn >= stream.schedule.deposited;
        if emptied && stream.status != VestingStatus::Cancelled {
            stream.status = VestingStatus::Depleted;
            stream.schedule.pauses = stream.schedule.pauses.ended(now);
        }
        Ok(Event::withdrawn(number, stream, amount))
    }

    /// `cancel_stream`: pays back to the sender what has not vested.
    pub(crate) fn cancel(&mut self, number: u64, now: UnixTime) -> Result<Event, CallRefused> {
        let stream = self.changeable(number)?;
        let schedule = &mut stream.schedule;
        let (vested, refunded) = (schedule.vested(now), schedule.refundable(now));
        schedule.end = schedule.clock(now).max(schedule.start);
        schedule.deposited = vested;
        schedule.pauses.paused_at = None;
        stream.status = VestingStatus::Cancelled;
        Ok(Event::cancelled(number, stream, refunded))
    }

    /// `pause_stream`: stops the clock of the schedule.
    pub(crate) fn pause(&mut self, number: u64, now: UnixTime) -> Result<Event, CallRefused> {
        let stream = self.changeable(number)?;
        if stream.status != VestingStatus::Active {
            return Err(CallRefused::NotActive);
        }
        stream.status = VestingStatus::Paused;
        stream.schedule.pauses.paused_at = Some(now);
        Ok(Event::paused(number, stream, now))
    }

    /// `resume_stream`: lets the clock of the schedule run again.
    pub(crate) fn resume(&mut self, number: u64, now: UnixTime) -> Result<Event, CallRefused> {
        let stream = self.changeable(number)?;
        let since = stream.schedule.pauses.paused_at.ok_or(CallRefused::NotPaused)?;
        stream.status = VestingStatus::Active;
        stream.schedule.pauses = stream.schedule.pauses.ended(now);
        Ok(Event::resumed(number, stream, now.seconds_since(since)))
    }

    /// `top_up_stream`: adds to the deposit, and moves the end at an unchanged rate.
    pub(crate) fn top_up(&mut self, number: u64, amount: i128, now: UnixTime) -> Result<Event, CallRefused> {
        let stream = self.changeable(number)?;
        let schedule = &mut stream.schedule;
        if amount <= 0 {
            return Err(CallRefused::NotPositive);
        }
        if schedule.has_ended(now) {
            return Err(CallRefused::Ended);
        }
        let product = amount.checked_mul(i128::from(schedule.duration()));
        let extra = product.and_then(|product| product.checked_div(schedule.deposited));
        let extra = extra.and_then(|extra| u64::try_from(extra).ok()).ok_or(CallRefused::WrongDeposit)?;
        if extra == 0 {
            return Err(CallRefused::TooSmall);
        }
        let deposited = schedule.deposited.checked_add(amount).ok_or(CallRefused::WrongDeposit)?;
        schedule.end = schedule.end.checked_add(extra).ok_or(CallRefused::WrongTimes)?;
        schedule.deposited = deposited;
        Ok(Event::topped_up(number, stream, amount))
    }

    fn changeable(&mut self, number: u64) -> Result<&mut Stream, CallRefused> {
        let stream = self.stream_mut(number)?;
        if stream.status.is_final() { Err(CallRefused::Final) } else { Ok(stream) }
    }
}

impl Stream {
    /// What the recipient can withdraw at `now`.
    pub fn withdrawable(&self, now: UnixTime) -> i128 {
        self.schedule.withdrawable(self.withdrawn, now)
    }
}
