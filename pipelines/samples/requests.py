"""Requests: the log of the API platform.

The names of the keys are not published; those here follow the meanings that are, and are our
assumption. A request that started a job carries the job's id; a refused one carries none.
"""

from __future__ import annotations

import numpy as np

from pipelines.samples.clock import milliseconds_text, stamp
from pipelines.samples.delivery import Batch
from pipelines.samples.draw import Generator
from pipelines.samples.jobs import Block
from pipelines.samples.repertoire import Ints, Repertoire
from pipelines.samples.workspace import ENVIRONMENTS

_ANSWERED = (
    '{"timestamp":"%s","type":"%s","code":%d,"status":"%s","gateway_code":null,'
    '"status_details":%s,"ip":"198.51.100.%d","timing_ms":%d,"delay_ms":%d,'
    '"api_collection":"Commerce v2","endpoint":"%s","client":"%s","job_id":"%s"}'
)
_REFUSED = (
    '{"timestamp":"%s","type":"Error","code":%d,"status":"%s","gateway_code":%d,'
    '"status_details":"%s","ip":"203.0.113.%d","timing_ms":%d,"delay_ms":0,'
    '"api_collection":"Commerce v2","endpoint":"/orders/{id}","client":null,"job_id":null}'
)
_REFUSALS = (
    (401, "Unauthorized", 4011, "Unknown token"),
    (401, "Unauthorized", 4012, "Missing token"),
    (404, "Not Found", 4041, "Endpoint is not active"),
    (429, "Too Many Requests", 4291, "Rate limit of the access profile reached"),
)
_REFUSED_SHARE = 0.03
_ENDPOINTS = {"Order status API": "/orders/{id}", "Returns API": "/returns"}


def _answered(generator: Generator, repertoire: Repertoire, block: Block, at: Ints) -> list[str]:
    count = len(at)
    delay = generator.integers(0, 40, count)
    moments = block.second[at] * 1000 + generator.integers(0, 1000, count)
    timing = generator.integers(40, 900, count) + block.length[at] * 1000
    failed = repertoire.failed[block.variant[at]].tolist()
    names = [repertoire.recipes[place].blueprint.name for place in block.recipe[at].tolist()]
    return [
        _ANSWERED
        % (
            moment,
            "Error" if fails else "Success",
            500 if fails else 200,
            "Internal Server Error" if fails else "OK",
            '"Recipe failed"' if fails else "null",
            140 + wait,
            took,
            wait,
            _ENDPOINTS[name],
            block.party[place],
            block.ids[place],
        )
        for moment, fails, wait, took, name, place in zip(
            milliseconds_text(moments),
            failed,
            delay.tolist(),
            timing.tolist(),
            names,
            at.tolist(),
            strict=True,
        )
    ]


def _refused(generator: Generator, seconds: Ints, block: int) -> list[str]:
    count = len(seconds)
    # Two blocks may share a second; they do not share its milliseconds.
    moments = seconds * 1000 + (seconds * 467 + block) % 1000
    chosen = generator.integers(0, len(_REFUSALS), count).tolist()
    hosts = generator.integers(200, 250, count).tolist()
    waits = generator.integers(1, 30, count).tolist()
    return [
        _REFUSED % (moment, *_REFUSALS[refusal], host, wait)
        for moment, refusal, host, wait in zip(
            milliseconds_text(moments), chosen, hosts, waits, strict=True
        )
    ]


def batches(
    generator: Generator, repertoire: Repertoire, block: Block, number: int, first: int
) -> list[Batch]:
    """Write the requests that belong to a block of jobs, and a few that were refused.

    Args:
        generator: Source of randomness, for this block alone.
        repertoire: The recipes.
        block: Written jobs.
        number: Which block of its day it is, from 0.
        first: Where the numbers in object names begin; two a job are used.

    Returns:
        One batch for each environment; no two records of a sample are equal.
    """
    served = np.array([r.blueprint.trigger == "api" for r in repertoire.recipes])
    made = []
    for index, environment in enumerate(ENVIRONMENTS):
        own = served & (repertoire.environment == index)
        at = np.flatnonzero(own[block.recipe])
        texts = _answered(generator, repertoire, block, at)
        seconds = block.second[at]
        refused = np.unique(seconds[generator.random(len(at)) < _REFUSED_SHARE])
        # A second belongs to one environment only, so that two refusals always differ.
        refused = refused[refused % len(ENVIRONMENTS) == index]
        texts += _refused(generator, refused, number)
        moments = seconds.tolist() + refused.tolist()

        def key(place: int, second: int, account: int = environment.account_id) -> str:
            digits = stamp(second)
            return f"{account}/api_platform/{digits[:8]}/{account}-{digits}-{first + place}.json"

        made.append(Batch("api_requests", environment.account_id, texts, moments, key))
    return made
