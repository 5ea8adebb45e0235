"""Messages: log events of recipes, of agents and of the log stream itself.

The names of the keys are not published; those here follow the meanings that are, and are our
assumption.
"""

from __future__ import annotations

import numpy as np

from pipelines.samples.clock import DAY, milliseconds_text, stamp
from pipelines.samples.delivery import Batch
from pipelines.samples.draw import Generator
from pipelines.samples.jobs import Block
from pipelines.samples.repertoire import Repertoire
from pipelines.samples.workspace import DEV, ENVIRONMENTS

_LOGGED = (
    '{"timestamp":"%s","log_type":"recipe","level":"%s","message":"%s",'
    '"recipe_id":%d,"job_id":"%s"}'
)
_MESSAGE = "%s %d for %s"
_STREAM = '{"timestamp":"%s","log_type":"audit_log_streaming","level":"%s","message":"%s"}'
_AGENT = (
    '{"timestamp":"%s","log_type":"on_prem_agent","level":"INFO",'
    '"message":"Agent portland-dc-1 connected, version 26.%d"}'
)


def recipe_batches(
    generator: Generator, repertoire: Repertoire, block: Block, first: int
) -> list[Batch]:
    """Write what the recipes of a block logged: one message a job with a logger step.

    Args:
        generator: Source of randomness, for this block alone.
        repertoire: The recipes.
        block: Written jobs.
        first: Where the numbers in object names begin; one a job is used.

    Returns:
        One batch for each environment; job ids make the records differ.
    """
    logs = np.array(["log" in r.blueprint.steps for r in repertoire.recipes])
    made = []
    for index, environment in enumerate(ENVIRONMENTS):
        at = np.flatnonzero((logs & (repertoire.environment == index))[block.recipe])
        ends = (block.second[at] + block.length[at]) * 1000 + generator.integers(0, 1000, len(at))
        failed = repertoire.failed[block.variant[at]].tolist()
        parties = [block.party[place] for place in at.tolist()]
        texts = [
            _LOGGED
            % (
                moment,
                "ERROR" if fails else "INFO",
                _MESSAGE % ("Gave up on" if fails else "Handled", block.number[place], party),
                repertoire.recipe_id[block.recipe[place]],
                block.ids[place],
            )
            for moment, fails, place, party in zip(
                milliseconds_text(ends), failed, at.tolist(), parties, strict=True
            )
        ]

        def key(place: int, second: int, account: int = environment.account_id) -> str:
            digits = stamp(second)
            return (
                f"{account}/log_events/{digits[:8]}/{account}-recipe-{digits}-{first + place}.json"
            )

        seconds = block.second[at].tolist()
        made.append(Batch("log_messages", environment.account_id, texts, seconds, key))
    return made


def stream_batch(generator: Generator, day_second: int) -> Batch:
    """Write a day's messages about agents and about deliveries that were tried again."""
    second = np.sort(generator.choice(DAY - 600, size=4, replace=False)) + day_second
    moments = milliseconds_text(second.astype(np.int64) * 1000 + 7)
    tries = int(generator.integers(2, 8))
    texts = [
        _AGENT % (moments[0], generator.integers(1, 9)),
        _STREAM % (moments[1], "WARN", f"Attempt {tries} to deliver an event failed: HTTP 503"),
        _STREAM % (moments[2], "INFO", f"Event delivered with attempt {tries + 1}"),
        _AGENT % (moments[3], generator.integers(1, 9)),
    ]
    account = ENVIRONMENTS[DEV].account_id

    def key(place: int, second: int) -> str:
        digits = stamp(second)
        number = day_second // DAY * 10 + place
        return f"{account}/log_events/{digits[:8]}/{account}-workspace-{digits}-{number}.json"

    return Batch("log_messages", account, texts, second.tolist(), key)
