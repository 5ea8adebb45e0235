"""Refusal: how a sealing ends that found what it could not explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipelines.errors import LakeError

SHOWN = 10
"""Differences that an error names."""


def refuse(differences: Sequence[str], put_back: Sequence[int]) -> None:
    """Say what was not sealed, and which entries the archive had lost; nothing if all is well.

    Raises:
        LakeError: Either is the case.
    """
    problems = [*_changed(differences), *_lost(put_back)]
    if problems:
        raise LakeError("\n".join(problems))


def _changed(differences: Sequence[str]) -> Iterator[str]:
    if not differences:
        return
    listed = "\n".join(differences[:SHOWN])
    more = len(differences) - SHOWN
    yield (
        f"{len(differences)} days were left alone, because their rows are not those that were "
        f"sealed, or that loads explain; everything else is sealed:\n{listed}"
        + (f"\nand {more} more" if more > 0 else "")
        + "\nFind out who changed the lake's table and restore the rows, then seal again"
    )


def _lost(put_back: Sequence[int]) -> Iterator[str]:
    if put_back:
        yield (
            f"the archive's log lacked {len(put_back)} entries, from {put_back[0]} to "
            f"{put_back[-1]}, more than a crash leaves out. They were put back from the lake's "
            "copy, and an entry of the log says so. Find out who removed them, and run "
            "`trailhouse archive verify`"
        )
