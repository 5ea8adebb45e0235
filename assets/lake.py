"""Lake: the tables that loads write, and the verdicts of checks, one partition per UTC day."""

import dagster as dg

from pipelines.lake.schemas import LOADED_TABLES, TABLES
from pipelines.partitions import DAYS
from pipelines.verdicts import NAME

RERUN = (
    "Written by the job `load`. An event is kept once, however often it is received; what cannot "
    "be read goes to `rejected` with its reason. Loading again changes nothing."
)
JUDGED = (
    "Added to by every run that judges: a load, a build of the marts, the job `check`. A verdict "
    "is kept once, and those of the other runs come with the next of these."
)


def build_table(name: str, origin: list[str], rule: str) -> dg.AssetSpec:
    """The asset of one table; `deliveries` stands with the exports, which add to it."""
    return dg.AssetSpec(
        name,
        deps=origin,
        group_name="lake",
        kinds={"deltalake", "parquet"},
        partitions_def=DAYS,
        description=f"{TABLES[name].description}\n\n{rule}",
    )


LAKE = [
    *(build_table(name, ["landing"], RERUN) for name in LOADED_TABLES),
    build_table(NAME, [], JUDGED),
]
