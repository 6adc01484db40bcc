"""One stream by the generated Python client: created, read, listed, cancelled."""

import sys

from fluxora_client import Client
from fluxora_client.api.streams import cancel_stream, create_stream, list_streams, read_stream
from fluxora_client.models import CreateStream, Error, Stream


def main(base_url: str) -> None:
    terms = CreateStream(
        sender="GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
        recipient="GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H",
        deposit_amount="86.4",
        rate_per_second="0.001",
    )
    with Client(base_url=base_url, raise_on_unexpected_status=True) as client:
        created = create_stream.sync(client=client, body=terms, idempotency_key="python-1")
        assert isinstance(created, Stream), created
        assert created.deposit_amount == "86.4", created
        again = create_stream.sync(client=client, body=terms, idempotency_key="python-1")
        assert isinstance(again, Stream) and again.id == created.id, again
        read = read_stream.sync(client=client, id=created.id)
        assert isinstance(read, Stream) and read.status == "active", read
        page = list_streams.sync(client=client, sender=terms.sender, limit=10)
        assert page is not None and created.id in [stream.id for stream in page.streams], page
        cancelled = cancel_stream.sync(client=client, id=created.id)
        assert isinstance(cancelled, Stream) and cancelled.status == "cancelled", cancelled
        missing = read_stream.sync(client=client, id="01930000-0000-7000-8000-00000000ffff")
        assert isinstance(missing, Error) and missing.error.code == "NOT_FOUND", missing


main(sys.argv[1])
