"""Archive: the sealed days, and the checks that hold them against the lake and their manifests."""

import dagster as dg

from pipelines.archiving import (
    KEEPS_EVERY_ROW,
    SAMPLE_VERIFIES,
    SEALED_DAYS,
    judge_rows,
    judge_sample,
)
from pipelines.judgement import as_result
from pipelines.lake.schemas import LOADED_TABLES
from pipelines.partitions import DAYS
from pipelines.resources import Trailhouse, new_seed

ARCHIVE = [
    dg.AssetSpec(
        SEALED_DAYS,
        deps=LOADED_TABLES,
        group_name="archive",
        kinds={"parquet"},
        partitions_def=DAYS,
        description=(
            "One seal per table, environment and UTC day, and one per numbered supplement: sorted "
            "Parquet, a Merkle tree over its events, and a signed entry of the archive's log.\n\n"
            "Written by the job `seal` once a day is closed; a day without events is sealed too. "
            "Rows that came later become a supplement. Sealing again changes nothing, and a day "
            "whose rows changed without a load that explains it is refused."
        ),
    )
]


@dg.asset_check(
    name=KEEPS_EVERY_ROW,
    asset=SEALED_DAYS,
    description=(
        "Every sealed day has the rows in the lake that were sealed, per table and environment: "
        "their number always, their bytes where files changed and of some days drawn daily."
    ),
)
def archive_keeps_every_row(trailhouse: Trailhouse) -> dg.AssetCheckResult:
    """Compare all sealed days with the lake."""
    return as_result(judge_rows(trailhouse.lake()))


@dg.asset_check(
    name=SAMPLE_VERIFIES,
    asset=SEALED_DAYS,
    description=(
        "The whole log, and the files of seals that are drawn at random, are as they were signed."
    ),
)
def archive_sample_verifies(trailhouse: Trailhouse) -> dg.AssetCheckResult:
    """Verify the log and a sample of the sealed files."""
    return as_result(judge_sample(trailhouse.lake(), new_seed()))


ARCHIVE_CHECKS = [archive_keeps_every_row, archive_sample_verifies]
