// POST /internal/indexer/contract-events: a growing chain, as a pusher sends it.
// GET /internal/indexer/events: the pushed events, read back.
// GET /internal/indexer/drifts: streams that differ from the entries of their contracts; pushed ones are not compared.
import { sleep } from 'k6';

import { account, contract, expect } from '../helpers.js';

const PATH = '/internal/indexer/contract-events';
const LIST = '/internal/indexer/events';
const DRIFTS = '/internal/indexer/drifts';
const LEDGERS = 4;
const EVENTS_PER_LEDGER = 5;

/** The newest ledger that the server has acknowledged. There is one virtual user, so there is one chain. */
let tip;
/** The batch to be acknowledged next. It is pushed unchanged until then: an event never changes. */
let batch;

export function ingest({ run, chain }) {
  tip = tip || chain;
  batch = batch || batchAfter(tip, run);
  const { events, tip: newest } = batch;
  const headers = { 'x-indexer-worker-token': __ENV.INDEXER_WORKER_TOKEN };
  const answer = expect(200, 'POST', PATH, {
    headers,
    body: batch,
    claims: {
      'is persisted': ({ outcome }) => outcome === 'persisted',
      // A batch pushed again after a lost answer has duplicates.
      'every event counts once': ({ insertedCount, duplicateCount }) =>
        insertedCount + duplicateCount === events.length,
      'nothing is rolled back': ({ reorg }) => !reorg,
      'reports the safe ledger': ({ lastSafeLedger }) => lastSafeLedger <= newest.ledger,
    },
  });
  if (answer) {
    const first = newest.ledger - LEDGERS + 1;
    expect(200, 'GET', `${LIST}?fromLedger=${first}&toLedger=${newest.ledger}&limit=${events.length}`, {
      name: LIST,
      headers,
      claims: { 'lists what was pushed': (page) => page.events.length === events.length },
    });
    expect(200, 'GET', DRIFTS, { headers, claims: { 'no stream drifts': ({ driftCount }) => driftCount === 0 } });
    tip = newest;
    batch = undefined;
  }
  sleep(0.5);
}

function batchAfter(acknowledged, run) {
  const ledgers = ledgersAfter(acknowledged, run);
  const events = [].concat(...ledgers.map((ledger) => eventsOf(ledger, run)));
  return { events, tip: ledgers[ledgers.length - 1] };
}

/** The ledgers that follow, each linked to the one before it. */
function ledgersAfter({ ledger, ledgerHash }, run) {
  const ledgers = [];
  let previous = ledgerHash;
  for (let next = ledger + 1; next <= ledger + LEDGERS; next += 1) {
    const hash = `k6-${run}-${next}`;
    ledgers.push(Object.assign({ ledger: next, ledgerHash: hash }, previous && { previousLedgerHash: previous }));
    previous = hash;
  }
  return ledgers;
}

/** `created` events as the contract emits them, decoded: integers as decimal strings, amounts in stroops. */
function eventsOf(ledger, run) {
  const now = Math.floor(Date.now() / 1000);
  const events = [];
  for (let index = 0; index < EVENTS_PER_LEDGER; index += 1) {
    const id = String(ledger.ledger * EVENTS_PER_LEDGER + index);
    events.push(Object.assign({}, ledger, {
      eventId: `k6-${run}-${ledger.ledger}-${index}`,
      contractId: contract(0),
      topic: 'created',
      txHash: `k6-${run}-${ledger.ledger}-tx-${index}`,
      txIndex: index + 1,
      operationIndex: 0,
      eventIndex: 0,
      happenedAt: new Date(now * 1000).toISOString(),
      payload: {
        topic: ['created', id],
        value: {
          stream_id: id,
          sender: account(1),
          recipient: account(2 + index),
          deposit_amount: '864000000',
          rate_per_second: '10000',
          start_time: String(now),
          cliff_time: String(now),
          end_time: String(now + 86400),
          withdraw_dust_threshold: '0',
          memo: null,
          metadata: null,
        },
      },
    }));
  }
  return events;
}
