"""What schemathesis cannot know of the API: addresses with checksums, URLs and secrets, a wait that only costs time."""

import base64
import struct
from binascii import crc_hqx

import schemathesis
from hypothesis import strategies as st

ACCOUNT = 6 << 3
CONTRACT = 2 << 3


def strkey(version: int, payload: bytes) -> str:
    """A strkey (SEP-23): version byte, payload and CRC-16/XMODEM, in base32."""
    body = bytes([version]) + payload
    return base64.b32encode(body + struct.pack("<H", crc_hqx(body, 0))).decode()


def addresses(*versions: int) -> st.SearchStrategy[str]:
    return st.builds(strkey, st.sampled_from(versions), st.binary(min_size=32, max_size=32))


schemathesis.openapi.format("stellar-account", addresses(ACCOUNT))
schemathesis.openapi.format("stellar-contract", addresses(CONTRACT))
schemathesis.openapi.format("stellar-address", addresses(ACCOUNT, CONTRACT))

# Nothing listens at port 9 of this machine, so an attempt fails at once.
schemathesis.openapi.format(
    "webhook-url", st.builds("http://127.0.0.1:9/{}".format, st.integers(min_value=0, max_value=999))
)
schemathesis.openapi.format(
    "webhook-secret",
    st.builds(lambda key: "whsec_" + base64.b64encode(key).decode(), st.binary(min_size=24, max_size=64)),
)


@schemathesis.hook
def before_call(context, case, kwargs):
    """A long poll without events lasts as long as it asks for."""
    query = case.query
    if query and str(query.get("wait", "")).isdigit() and 0 < int(query["wait"]) <= 30:
        query["wait"] = 0
