//! Laws of the figures, for every combination of values.

mod recorded;

use std::collections::BTreeMap;

use fluxora_decimal::Amount;
use fluxora_stream::vesting::{Abi, CliffMode, Curve, PauseClock, VestingSchedule, VestingState};
use fluxora_stream::{
    AccountId, Body, ChainBody, Checkpoint, ContractId, ContractState, Kind, OnChain, RateFlow, Schedule,
    Status, Stream, UnixTime, V9State,
};
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use crate::{Accrual, Asset, Contribution, Facts, Figures, Phase, Sums, milestones, summarize};

/// Schedules lie in this many seconds.
const SPAN: u64 = 200;

fn second(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn any_second() -> impl Strategy<Value = UnixTime> {
    (1..SPAN).prop_map(second)
}

fn any_amount() -> impl Strategy<Value = i128> {
    prop_oneof![0..5_000_i128, 0..5_000_i128, 0..1_i128 << 80, -10..10_i128, Just(i128::MAX)]
}

fn stroops(amount: i128) -> Amount {
    Amount::from_stroops(amount)
}

prop_compose! {
    fn any_schedule()(
        deposit in any_amount(),
        rate in prop_oneof![0..50_i128, -3..3_i128, any_amount()],
        times in [any_second(), any_second(), any_second()],
        kind in prop::sample::select(&Kind::ALL),
        checkpoint in (prop_oneof![Just(0), -20..2_000_i128], any_second()),
    ) -> Schedule {
        let [start, cliff, end] = times;
        let linear = Schedule::linear(stroops(deposit), stroops(rate), start, cliff, end);
        Schedule { kind, checkpoint: Checkpoint { amount: stroops(checkpoint.0), at: checkpoint.1 }, ..linear }
    }
}

fn any_status() -> impl Strategy<Value = Status> {
    let at = || any_second().prop_map(UnixTime::instant);
    prop_oneof![
        Just(Status::Active),
        Just(Status::Active),
        Just(Status::Completed),
        at().prop_map(|at| Status::Paused { at }),
        at().prop_map(|at| Status::Cancelled { at }),
    ]
}

fn stream(body: Body, status: Status) -> Stream {
    Stream {
        body,
        sender: AccountId::from_public_key([1; 32]).into(),
        recipient: AccountId::from_public_key([2; 32]).into(),
        status,
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        event_count: 1,
    }
}

prop_compose! {
    fn any_api_stream()(
        deposit in 1..5_000_i128,
        rate in 1..50_i128,
        mut times in [any_second(), any_second(), any_second()],
        status in prop_oneof![
            Just(Status::Scheduled),
            Just(Status::Active),
            Just(Status::Completed),
            any_second().prop_map(|at| Status::Cancelled { at: at.instant() }),
        ],
        id in any::<u128>(),
    ) -> Stream {
        times.sort_unstable();
        let [start, cliff, end] = times;
        let schedule = Schedule::linear(stroops(deposit), stroops(rate), start, cliff, end);
        let flow = RateFlow { schedule, withdrawn: Amount::ZERO };
        stream(Body::Api { id: Uuid::from_u128(id), flow }, status)
    }
}

fn chain(number: u64, state: ContractState) -> Body {
    Body::Chain(Box::new(ChainBody { contract: ContractId::from_hash([7; 32]), number, state }))
}

prop_compose! {
    fn any_v9_stream()(
        schedule in any_schedule(),
        withdrawn in 0..6_000_i128,
        status in any_status(),
        number in any::<u64>(),
    ) -> Stream {
        let flow = RateFlow { schedule, withdrawn: stroops(withdrawn) };
        let state = V9State { flow, on_chain: OnChain::default() };
        stream(chain(number, ContractState::V9(Box::new(state))), status)
    }
}

prop_compose! {
    fn any_vesting_stream()(
        deposited in any_amount(),
        amounts in (0..6_000_i128, 0..100_i128),
        times in [any_second(), any_second(), any_second()],
        curve in prop::sample::select(&Curve::ALL),
        cliff_mode in prop::sample::select(&CliffMode::ALL),
        paused_total in prop_oneof![Just(0), 0..SPAN],
        status in any_status().prop_filter("no status of the contract", |status| *status != Status::Completed),
        number in any::<u64>(),
    ) -> Stream {
        let [start, cliff, end] = times;
        let paused_at = if let Status::Paused { at } = status { Some(UnixTime::of(at)) } else { None };
        let pauses = PauseClock { paused_at, paused_total };
        let mut schedule = VestingSchedule { deposited, start, end, cliff, curve, cliff_mode, pauses };
        if let Status::Cancelled { at } = status {
            // As the contract does.
            let at = UnixTime::of(at);
            (schedule.deposited, schedule.end) = (schedule.vested(at), schedule.clock(at));
        }
        let state = VestingState {
            token: ContractId::from_hash([9; 32]).into(),
            schedule,
            cancellable: true,
            pausable: true,
            transferable: true,
            withdrawn: amounts.0,
            refunded: amounts.1,
            cancellation: None,
            delegates: BTreeMap::new(),
            reference: None,
            abi: Abi::V1,
            created_ledger: 1,
            last_ledger: 1,
            tx_hash: String::new(),
            unprojected_events: 0,
            anomalies: 0,
        };
        stream(chain(number, ContractState::Vesting(Box::new(state))), status)
    }
}

fn any_stream() -> impl Strategy<Value = Stream> {
    prop_oneof![any_api_stream(), any_v9_stream(), any_vesting_stream()]
}

/// The three sums of [`Figures`], where nothing is cut off at 128 bits.
fn holds(figures: &Figures) -> bool {
    let big = figures.deposited.unsigned_abs() > 1 << 100;
    let Figures { deposited, accrued, withdrawn, owed, overdrawn, unstreamed, refunded, held, .. } = *figures;
    big || (deposited == accrued + unstreamed + refunded
        && accrued + overdrawn == withdrawn + owed
        && held + overdrawn == owed + unstreamed
        && figures.withdrawable <= owed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_figures_of_a_stream_add_up_and_are_those_of_its_balance(stream in any_stream(), at in 0..3 * SPAN) {
        // A pause counts from its own instant on.
        let at = second(at).max(stream.status.since().map_or(UnixTime::EPOCH, UnixTime::of));
        let figures = Figures::of(&stream, at);
        prop_assert!(holds(&figures), "{:?}", figures);
        prop_assert!(figures.owed == 0 || figures.overdrawn == 0);
        let (streamed, remaining, refunded) = match (stream.balance_at(at), stream.details().vesting()) {
            (Some(balance), _) => {
                let [streamed, remaining, refunded] =
                    [balance.streamed, balance.remaining, balance.refunded].map(Amount::stroops);
                prop_assert_eq!(figures.withdrawable, balance.withdrawable.stroops());
                (streamed, remaining, refunded)
            }
            (None, state) => {
                let balance = state.unwrap().balance_at(at);
                prop_assert_eq!(figures.withdrawable, balance.withdrawable);
                (balance.streamed, balance.remaining, balance.refunded)
            }
        };
        prop_assert_eq!(figures.accrued, streamed);
        if figures.deposited < i128::MAX {
            prop_assert_eq!((figures.unstreamed, figures.refunded), (remaining, refunded));
        }
    }

    #[test]
    fn a_share_is_exact_until_time_changes_it(stream in any_stream(), from in 0..2 * SPAN, later in 0..SPAN) {
        let from = second(from).max(stream.status.since().map_or(UnixTime::EPOCH, UnixTime::of));
        let Contribution { sums, changes_at, .. } = Contribution::of(&stream, from);
        prop_assert!(changes_at.is_none_or(|at| at > from));
        let at = second(from.seconds() + later);
        let at = changes_at.map_or(at, |changes| at.min(second(changes.seconds() - 1)));
        let phase = Phase::ALL.iter().position(|phase| *phase == Phase::of(&stream, at)).unwrap();
        prop_assert_eq!((sums.phases[phase], sums.streams()), (1, 1), "{:?}", stream);
        if sums.outside == 0 {
            prop_assert_eq!(sums.at(at), Some(Figures::of(&stream, at)), "from {} at {}: {:?}", from, at, stream);
        }
        prop_assert_eq!(sums.to_string().parse(), Ok(sums));
    }

    #[test]
    fn the_next_phase_comes_at_its_instant_and_none_before(stream in any_stream(), from in 0..2 * SPAN) {
        let from = second(from).max(stream.status.since().map_or(UnixTime::EPOCH, UnixTime::of));
        let (now, next) = (Phase::of(&stream, from), Phase::next(&stream, from));
        let until = next.map_or(5 * SPAN, |next| next.at.seconds().min(5 * SPAN));
        for at in from.seconds()..until {
            prop_assert_eq!(Phase::of(&stream, second(at)), now, "at {}", at);
        }
        if let Some(next) = next {
            prop_assert_eq!(Phase::of(&stream, next.at), next.phase);
            prop_assert_ne!(next.phase, now);
        }
    }

    #[test]
    fn accrual_ends_at_its_instant_and_not_before(stream in any_stream(), from in 0..2 * SPAN) {
        let accrual = Accrual::of(&stream);
        let from = second(from).max(stream.status.since().map_or(UnixTime::EPOCH, UnixTime::of));
        if let Some(end) = accrual.ends_after(from) {
            prop_assert!(accrual.has_ended(end), "{:?}", accrual);
            prop_assert!(!accrual.has_ended(second(end.seconds() - 1)), "{:?}", accrual);
            prop_assert_eq!(accrual.at(end), accrual.at(UnixTime::MAX));
        }
        for milestone in milestones(&stream, from) {
            prop_assert!(milestone.at > from);
        }
    }

    #[test]
    fn a_summary_is_the_sum_of_its_streams_and_rounded_once(
        streams in prop::collection::vec(any_stream(), 0..12),
        at in 0..2 * SPAN,
        tick in 0..SPAN,
    ) {
        let since = streams.iter().filter_map(|stream| stream.status.since()).map(UnixTime::of).max();
        let at = second(at).max(since.unwrap_or_default());
        for (asset, facts) in Facts::of(&streams, at) {
            let of_asset: Vec<_> = streams.iter().filter(|stream| Asset::of(*stream) == asset).collect();
            let summary = summarize(&facts, at).unwrap();
            let later = at.seconds() + tick;
            let later = second(summary.linear_until.map_or(later, |until| later.min(until.seconds() - 1)));
            for at in [at, later] {
                let sums = facts.sums.at(at).unwrap();
                let mut exact = Figures::default();
                for stream in &of_asset {
                    if Contribution::of(*stream, at).sums.outside == 0 {
                        exact = exact.checked_add(&Figures::of(*stream, at)).unwrap();
                    }
                }
                prop_assert!(holds(&sums), "{:?}", sums);
                let above = sums.accrued - exact.accrued;
                prop_assert!((0..=summary.fractional.max(1) - 1).contains(&above), "{} above", above);
                let fixed = |figures: &Figures| (figures.deposited, figures.withdrawn, figures.refunded, figures.held);
                prop_assert_eq!(fixed(&sums), fixed(&exact));
            }
            prop_assert_eq!(facts.sums.streams(), i128::try_from(of_asset.len()).unwrap());
            prop_assert!(summary.next.len() <= 10 && summary.next.is_sorted_by_key(|(_, next)| next.at));
        }
    }

    #[test]
    fn what_was_added_can_be_taken_back(streams in prop::collection::vec(any_stream(), 1..6), at in 0..SPAN) {
        let contributions: Vec<_> = streams.iter().map(|stream| Contribution::of(stream, second(at)).sums).collect();
        let all = contributions.iter().fold(Sums::default(), |sum, sums| sum.plus(sums));
        let none = contributions.iter().fold(all, |sum, sums| sum.minus(sums));
        prop_assert_eq!(none, Sums::default());
    }
}
