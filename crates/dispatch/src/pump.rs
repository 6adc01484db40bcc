//! The loop of the dispatcher: at any time one claim, one settlement and many attempts are under way.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use fluxora_delivery::{AttemptResult, EndpointId, Jitter};
use fluxora_store::delivery::{Claimed, ClaimedDelivery, Fence, SettleOutcome, Settlement};
use fluxora_store::{StoreError, error_chain};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::dispatcher::Shared;
use crate::prepared::{Prepared, Unusable};
use crate::{Cause, Outgoing, Store, report, trace};

/// The most deliveries of one claim, and the most results of one settlement.
const BATCH: usize = 128;
/// The shortest time between two claims that found nothing.
const SHORTEST_WAIT: Duration = Duration::from_millis(5);
/// How long attempts in flight may still take when the worker stops. It is less than a supervisor waits.
const STOP_GRACE: Duration = Duration::from_secs(1);

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type SettleResult = (Vec<Settlement>, Result<Vec<SettleOutcome>, StoreError>);

pub(crate) struct Pump<S: ?Sized> {
    shared: Arc<Shared<S>>,
    /// Every claim that is not settled, with the time at which it was made.
    open: HashMap<Fence, Instant>,
    attempts: JoinSet<(Fence, Option<AttemptResult>)>,
    fences: HashMap<Id, Fence>,
    results: Vec<Settlement>,
    claiming: Option<Work<Result<Claimed, StoreError>>>,
    claim_at: Instant,
    settling: Option<Work<SettleResult>>,
    settle_at: Instant,
    /// Whether results are settled one by one, because a stored row of a batch cannot be read.
    one_by_one: bool,
    is_out: bool,
    unusable: HashMap<EndpointId, Unusable>,
}

impl<S: Store + ?Sized + 'static> Pump<S> {
    pub(crate) fn new(shared: Arc<Shared<S>>) -> Self {
        let now = Instant::now();
        Self {
            shared,
            open: HashMap::new(),
            attempts: JoinSet::new(),
            fences: HashMap::new(),
            results: Vec::new(),
            claiming: None,
            claim_at: now,
            settling: None,
            settle_at: now,
            one_by_one: false,
            is_out: false,
            unusable: HashMap::new(),
        }
    }

    /// Begins what can be begun and waits for what happens first. Dropping the future loses nothing.
    pub(crate) async fn step(&mut self) -> Result<(), StoreError> {
        self.begin();
        let wake = Arc::clone(&self.shared.wake);
        let (has_room, has_results) = (self.room() > 0, !self.results.is_empty());
        tokio::select! {
            Some(ended) = self.attempts.join_next_with_id() => self.ended(ended),
            settled = finished(&mut self.settling) => self.settled(settled)?,
            claimed = finished(&mut self.claiming) => self.claimed(claimed)?,
            () = wake.notified() => self.claim_at = Instant::now(),
            () = sleep_until(self.claim_at), if has_room && self.claiming.is_none() => {}
            () = sleep_until(self.settle_at), if has_results && self.settling.is_none() => {}
        }
        Ok(())
    }

    /// How many deliveries may be claimed.
    fn room(&self) -> usize {
        self.shared.options.max_in_flight.max(1).saturating_sub(self.open.len())
    }

    fn begin(&mut self) {
        let now = Instant::now();
        if self.settling.is_none() && !self.results.is_empty() && self.settle_at <= now {
            self.settling = Some(self.settle());
        }
        let limit = self.room().min(BATCH);
        if self.claiming.is_none() && limit > 0 && self.claim_at <= now {
            self.claiming = Some(self.claim(limit));
        }
    }

    fn claim(&mut self, limit: usize) -> Work<Result<Claimed, StoreError>> {
        let shared = Arc::clone(&self.shared);
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        // A wake-up during the claim asks for another one.
        self.claim_at = far_future();
        Box::pin(async move {
            let Shared { store, clock, options, .. } = shared.as_ref();
            store.claim(&options.worker, limit, options.lease(), &options.policy, clock.now()).await
        })
    }

    fn settle(&mut self) -> Work<SettleResult> {
        let most = if self.one_by_one { 1 } else { BATCH };
        let batch: Vec<_> = self.results.drain(..most.min(self.results.len())).collect();
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let Shared { store, clock, options, .. } = shared.as_ref();
            let settled = store.settle(batch.clone(), &options.policy, clock.now()).await;
            (batch, settled)
        })
    }

    fn claimed(&mut self, claimed: Result<Claimed, StoreError>) -> Result<(), StoreError> {
        match claimed {
            Ok(claimed) => {
                self.is_out = false;
                let next = self.next_claim(&claimed);
                self.claim_at = self.claim_at.min(next);
                self.begin_attempts(claimed);
                Ok(())
            }
            Err(error) => {
                self.claim_at = self.after_poll_interval();
                self.outage(error)
            }
        }
    }

    /// When the next claim is made, if nothing else happens.
    fn next_claim(&self, claimed: &Claimed) -> Instant {
        let now = Instant::now();
        if !claimed.deliveries.is_empty() {
            return now;
        }
        let wait = claimed.next_at.map(|at| at.duration_since(self.shared.clock.now()));
        let wait = wait.map_or(Duration::MAX, |wait| Duration::try_from(wait).unwrap_or_default());
        now.checked_add(wait.clamp(SHORTEST_WAIT, self.shared.options.poll_interval.max(SHORTEST_WAIT)))
            .unwrap_or(now)
    }

    fn begin_attempts(&mut self, Claimed { deliveries, endpoints, .. }: Claimed) {
        let prepared: HashMap<EndpointId, Arc<Result<Prepared, Unusable>>> = endpoints
            .iter()
            .map(|endpoint| (endpoint.id, Arc::new(self.shared.sender.prepare(endpoint))))
            .collect();
        for (id, prepared) in &prepared {
            self.report_unusable(*id, prepared);
        }
        for claimed in deliveries {
            let prepared = prepared.get(&claimed.delivery.endpoint).map(Arc::clone);
            self.begin_attempt(claimed, prepared);
        }
    }

    fn begin_attempt(
        &mut self,
        ClaimedDelivery { fence, delivery, attempt }: ClaimedDelivery,
        prepared: Option<Arc<Result<Prepared, Unusable>>>,
    ) {
        let (shared, claimed_at) = (Arc::clone(&self.shared), Instant::now());
        let task = self.attempts.spawn(async move {
            // A process that was stopped for so long might send while another one does.
            if claimed_at.elapsed() > shared.options.latest_start() {
                return (fence, None);
            }
            let id = delivery.id.to_string();
            let event = trace::of_event(&delivery.stream, delivery.sequence.0);
            let replay_of = delivery.replay_of.map(|original| original.to_string());
            let outgoing = Outgoing {
                delivery_id: &id,
                event_type: &delivery.event_type,
                body: &delivery.body,
                attempt,
                replay_of: replay_of.as_deref(),
                cause: Cause::Event(&event),
            };
            let result = match prepared.as_deref() {
                Some(Ok(prepared)) => shared.sender.send(prepared, outgoing).await,
                Some(Err(unusable)) => shared.sender.unusable(*unusable),
                None => return (fence, None),
            };
            (fence, Some(result))
        });
        self.open.insert(fence, claimed_at);
        self.fences.insert(task.id(), fence);
    }

    /// Logs once that an endpoint cannot be sent to, and why.
    fn report_unusable(&mut self, id: EndpointId, prepared: &Result<Prepared, Unusable>) {
        let Err(unusable) = prepared else {
            self.unusable.remove(&id);
            return;
        };
        if self.unusable.insert(id, *unusable) != Some(*unusable) {
            report::unusable(id, *unusable);
        }
    }

    fn ended(&mut self, ended: Result<(Id, (Fence, Option<AttemptResult>)), tokio::task::JoinError>) {
        let (task, result) = match ended {
            Ok((task, (_, result))) => (task, result),
            Err(error) => (error.id(), None),
        };
        let Some(fence) = self.fences.remove(&task) else { return };
        match result {
            Some(result) => {
                self.results.push(Settlement { fence, result, jitter: Jitter((self.shared.jitter)()) });
            }
            // The claim ends with its lease.
            None => {
                self.open.remove(&fence);
            }
        }
    }

    fn settled(&mut self, (batch, settled): SettleResult) -> Result<(), StoreError> {
        let error = match settled {
            Ok(outcomes) => {
                self.is_out = false;
                self.one_by_one = self.one_by_one && !self.results.is_empty();
                self.close(&batch);
                for (settlement, outcome) in batch.iter().zip(&outcomes) {
                    report::settled(settlement, outcome);
                    self.shared.sender.metrics().settled(outcome);
                }
                // A settled delivery makes room, and the next one of its lane due.
                self.claim_at = Instant::now();
                return Ok(());
            }
            Err(error) => error,
        };
        if matches!(error, StoreError::Corrupt(_)) && batch.len() == 1 {
            self.close(&batch);
            tracing::error!(
                error = error_chain(&error),
                "the result of an attempt cannot be recorded: its claim ends with its lease"
            );
            return Ok(());
        }
        self.one_by_one = matches!(error, StoreError::Corrupt(_));
        self.keep(batch);
        if self.one_by_one {
            return Ok(());
        }
        self.settle_at = self.after_poll_interval();
        self.outage(error)
    }

    /// Forgets claims that are settled.
    fn close(&mut self, batch: &[Settlement]) {
        for settlement in batch {
            self.open.remove(&settlement.fence);
        }
    }

    /// Keeps results that were not recorded, except for those whose claim has ended.
    fn keep(&mut self, batch: Vec<Settlement>) {
        let lease = Duration::try_from(self.shared.options.lease()).unwrap_or(Duration::MAX);
        for settlement in batch {
            let fence = settlement.fence;
            if self.open.get(&fence).is_some_and(|claimed_at| claimed_at.elapsed() < lease) {
                self.results.push(settlement);
            } else {
                self.open.remove(&fence);
            }
        }
    }

    /// Logs the first of several failures in a row. A defect ends the worker.
    fn outage(&mut self, error: StoreError) -> Result<(), StoreError> {
        if matches!(error, StoreError::Internal { .. }) {
            return Err(error);
        }
        if !self.is_out {
            tracing::warn!(
                error = error_chain(&error),
                "deliveries cannot be claimed or settled: it is retried"
            );
        }
        self.is_out = true;
        Ok(())
    }

    fn after_poll_interval(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.shared.options.poll_interval).unwrap_or(now)
    }

    /// Claims nothing more, gives attempts in flight a second, records what has ended and gives the other claims back.
    pub(crate) async fn stop(mut self) {
        let now = Instant::now();
        let deadline = now.checked_add(STOP_GRACE).unwrap_or(now);
        if let Some(claiming) = self.claiming.take()
            && let Ok(Ok(claimed)) = timeout_at(deadline, claiming).await
        {
            self.open.extend(claimed.deliveries.iter().map(|claimed| (claimed.fence, now)));
        }
        while let Ok(Some(ended)) = timeout_at(deadline, self.attempts.join_next_with_id()).await {
            self.ended(ended);
        }
        self.attempts.abort_all();
        if let Some(settling) = self.settling.take()
            && let Ok((batch, settled)) = timeout_at(deadline, settling).await
        {
            match settled {
                Ok(_) => self.close(&batch),
                Err(_) => self.results.extend(batch),
            }
        }
        let shared = Arc::clone(&self.shared);
        let Shared { store, clock, options, .. } = shared.as_ref();
        for batch in std::mem::take(&mut self.results).chunks(BATCH) {
            if store.settle(batch.to_vec(), &options.policy, clock.now()).await.is_ok() {
                self.close(batch);
            }
        }
        let unsent: Vec<_> = self.open.into_keys().collect();
        if unsent.is_empty() {
            return;
        }
        let claims = unsent.len();
        match store.release(unsent, clock.now()).await {
            Ok(_) => tracing::info!(claims, "claims given back: their attempts were not ended in time"),
            Err(error) => {
                tracing::warn!(
                    claims,
                    error = error_chain(&error),
                    "claims end with their leases: they were not given back"
                );
            }
        }
    }
}

/// Waits for work that is under way, and takes it away when it has ended. For ever if there is none.
async fn finished<T>(work: &mut Option<Work<T>>) -> T {
    let Some(future) = work else { return std::future::pending().await };
    let output = future.await;
    *work = None;
    output
}

/// Later than any claim.
fn far_future() -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_hours(24)).unwrap_or(now)
}
