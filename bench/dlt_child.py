"""dlt: the same records through its filesystem destination as Parquet, in a venv of its own."""

import sys

import dlt  # type: ignore[import-not-found]  # in a venv of its own
from dlt.sources.filesystem import (  # type: ignore[import-not-found]
    filesystem,
    read_jsonl,
)


def main(target: str, folder: str) -> None:
    """Load every NDJSON object of `folder`; steps become a child table, deeper values JSON."""
    pipeline = dlt.pipeline(
        pipeline_name="bench",
        pipelines_dir=f"{target}/state",
        destination=dlt.destinations.filesystem(bucket_url=f"{target}/lake"),
        dataset_name="bench",
    )
    jobs = (filesystem(bucket_url=folder, file_glob="*.ndjson") | read_jsonl()).with_name("jobs")
    jobs.max_table_nesting = 1
    pipeline.run(jobs, loader_file_format="parquet")
    print(pipeline.last_trace.last_normalize_info.row_counts["jobs"])


if __name__ == "__main__":
    main(*sys.argv[1:])
