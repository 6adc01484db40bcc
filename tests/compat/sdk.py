"""The calls of the Python SDK 0.1.0, as it sends them and reads their answers: python3 sdk.py <base> <sender> <recipient>"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

base, sender, recipient = sys.argv[1:]


def request(method, path, params=None, body=None, headers=None):
    given = {name: value for name, value in (params or {}).items() if value is not None}
    url = f"{base}{path}" + (f"?{urllib.parse.urlencode(given)}" if given else "")
    sent = {"User-Agent": "FluxoraPythonSDK/0.1.0", "Accept": "application/json", **(headers or {})}
    if body is not None:
        sent["Content-Type"] = "application/json"
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data, headers=sent, method=method), timeout=30) as answer:
        return json.load(answer)


def create(terms, key):
    return request("POST", "/api/streams", body=terms, headers={"Idempotency-Key": key})


def list_streams(**params):
    cursor = None
    while True:
        page = request("GET", "/api/streams", {"limit": 2, "cursor": cursor, **params})
        yield from page["data"]
        cursor = page["meta"].get("next_cursor")
        if not cursor:
            return


def refused(status, call):
    try:
        call()
    except urllib.error.HTTPError as error:
        assert error.code == status, (error.code, status)
        return json.load(error)["error"]["code"]
    raise AssertionError(f"not refused with {status}")


terms = {"sender": sender, "recipient": recipient, "depositAmount": "100", "ratePerSecond": "0.5", "endTime": 0}
created = [create(terms, f"py-{number}")["data"] for number in range(5)]
ids = [stream["id"] for stream in created]
assert all(stream["endTime"] == stream["startTime"] + 200 for stream in created), created
assert create(terms, "py-0")["data"]["id"] == ids[0]
assert refused(409, lambda: create({**terms, "depositAmount": "7"}, "py-0")) == "IDEMPOTENCY_CONFLICT"
assert request("GET", f"/api/streams/{ids[0]}")["data"]["stream"]["id"] == ids[0]
assert sorted(stream["id"] for stream in list_streams(sender=sender, status="active", include_total="true")) == sorted(ids)
events = request("GET", f"/api/streams/{ids[0]}/poll", {"timeout": 0})["data"]
assert [event["type"] for event in events["events"]] == ["stream.created"], events
# The SDK cancels under this path.
assert request("DELETE", f"/api/streams/{ids[0]}/poll")["data"]["id"] == ids[0]
events = request("GET", f"/api/streams/{ids[0]}/poll", {"timeout": 30, "since": events["since"]})["data"]
assert [event["type"] for event in events["events"]] == ["stream.cancelled"], events
assert refused(409, lambda: request("DELETE", f"/api/streams/{ids[0]}/poll")) == "CONFLICT"
assert refused(404, lambda: request("GET", "/api/streams/none")) == "NOT_FOUND"
print("done")
