"""Ahead: the next items are made while the current one is used."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")
_END = object()


def ahead(items: Iterable[Item], *, most: int = 2) -> Generator[Item]:
    """The items in order, made by a thread that is at most `most` items ahead.

    What the thread raises is raised here, behind the items that it made. Where the caller stops
    early, the thread stops as well, and the items' generator is closed in it.
    """
    queue: Queue[object] = Queue(most)
    stopped = Event()
    thread = Thread(target=_make, args=(items, queue, stopped), name="ahead", daemon=True)
    thread.start()
    try:
        while (item := queue.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()


def _make(items: Iterable[Item], queue: Queue[object], stopped: Event) -> None:
    last: object = _END
    iterator = iter(items)
    try:
        for item in iterator:
            if not _put(queue, item, stopped):
                return
    except BaseException as error:  # noqa: BLE001, RUF100
        last = error
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()
        _put(queue, last, stopped)


def _put(queue: Queue[object], item: object, stopped: Event) -> bool:
    while not stopped.is_set():
        try:
            queue.put(item, timeout=0.1)
        except Full:
            continue
        return True
    return False
