"""Answers requests read line by line from stdin with the PyPI package `standardwebhooks`: verified or refused."""

import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    question = json.loads(line)
    try:
        Webhook(question["secret"]).verify(question["body"].encode(), question)
        answer = "verified"
    except WebhookVerificationError as error:
        answer = f"refused: {error}"
    print(answer, flush=True)
