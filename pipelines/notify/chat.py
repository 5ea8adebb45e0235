"""Chat: a letter goes to a chat's incoming webhook, as any batch of one event goes to a sink."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime

from pipelines.notify.letter import Letter
from pipelines.notify.notice import NotToldError
from pipelines.notify.render import render_chat
from pipelines.notify.settings import ChatSettings
from pipelines.sinks.http import HttpSettings, HttpSink
from pipelines.sinks.sink import Batch, SinkError

TIMEOUT_SECONDS = 15
"""Deliveries wait meanwhile."""


def send_chat(letter: Letter, settings: ChatSettings, clock: Callable[[], datetime]) -> None:
    """Post a letter.

    Raises:
        NotToldError: The chat did not take it; the message does not have the address.
        ConfigurationError: The address or the template cannot be used.
    """
    sink = HttpSettings(
        name="chat",
        kind="http",
        url=settings.url,
        format="single",
        ca_file=settings.ca_file,
        timeout_seconds=TIMEOUT_SECONDS,
    )
    message = render_chat(letter, settings.template)
    with closing(HttpSink(sink, clock)) as chat:
        try:
            receipt = chat.send(Batch("chat", letter.id, [message], {"event_id": [letter.id]}))
        except SinkError as error:
            raise NotToldError(f"chat: {error}") from error
    if receipt.refused:
        raise NotToldError(f"chat: {receipt.refused[0]}")
