"""Answers cases read from stdin with the PyPI package `standardwebhooks`."""

import json
import sys
from datetime import datetime, timezone

from standardwebhooks import Webhook, WebhookVerificationError


def answer(case):
    webhook = Webhook(case["secret"])
    if case["signature"] is None:
        at = datetime.fromtimestamp(int(case["timestamp"]), tz=timezone.utc)
        return webhook.sign(case["id"], at, case["body"])
    headers = {
        "webhook-id": case["id"],
        "webhook-timestamp": case["timestamp"],
        "webhook-signature": case["signature"],
    }
    try:
        webhook.verify(case["body"].encode(), headers)
    except WebhookVerificationError:
        return "refused"
    return "verified"


json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
