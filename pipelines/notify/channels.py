"""Channels: a notice goes to the admins of its sink by mail, and to the chat if there is one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.errors import TrailhouseError
from pipelines.notify.chat import send_chat
from pipelines.notify.letter import Letter, compose
from pipelines.notify.mail import send_mail
from pipelines.notify.notice import Notice, Notify, NotToldError, PartlyToldError

if TYPE_CHECKING:
    from pipelines.settings import Settings
    from pipelines.sinks.settings import SinkSettings

Clock = Callable[[], datetime]
Channel = Callable[[Letter], None]


def notifier(settings: Settings, clock: Clock) -> Notify:
    """What carries notices as the settings say."""
    return lambda notice: notify(notice, settings, clock)


def notify(notice: Notice, settings: Settings, clock: Clock) -> None:
    """Send a notice by every channel that there is for its sink.

    Raises:
        NotToldError: Nobody was told; it may be tried again.
        PartlyToldError: Somebody was told, so that it must not be tried again, and somebody not.
    """
    sink = next(sink for sink in settings.sink if sink.name == notice.sink)
    letter = compose(notice, sink, clock())
    channels = _channels(sink, settings, clock)
    if not channels:
        raise NotToldError(
            f"nobody is told that sink {sink.name!r} is {notice.state.replace('_', ' ')}; give it "
            "admins and set [mail], or set [chat]"
        )
    told, problems = False, []
    for channel in channels:
        try:
            channel(letter)
            told = True
        except PartlyToldError as error:
            told = True
            problems.append(str(error))
        except TrailhouseError as error:
            problems.append(str(error))
    if problems:
        raise (PartlyToldError if told else NotToldError)("; ".join(problems))


def _channels(sink: SinkSettings, settings: Settings, clock: Clock) -> list[Channel]:
    mail, chat = settings.mail, settings.chat
    channels: list[Channel] = []
    if mail is not None and sink.admins:
        channels.append(lambda letter: send_mail(letter, sink.admins, mail))
    if chat is not None:
        channels.append(lambda letter: send_chat(letter, chat, clock))
    return channels
