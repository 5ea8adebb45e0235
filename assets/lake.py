"""Lake: the tables that loads write, one partition per UTC day."""

import dagster as dg

from pipelines.lake.schemas import TABLES
from pipelines.partitions import DAYS

RERUN = (
    "Written by the job `load`. An event is kept once, however often it is received; what cannot "
    "be read goes to `rejected` with its reason. Loading again changes nothing."
)

LAKE = [
    dg.AssetSpec(
        table.name,
        deps=["landing"],
        group_name="lake",
        kinds={"deltalake", "parquet"},
        partitions_def=DAYS,
        description=f"{table.description}\n\n{RERUN}",
    )
    for table in TABLES.values()
    if table.name != "deliveries"  # the exports add to it
]
