"""Landing: the objects as received, which we never write."""

import dagster as dg

LANDING = [
    dg.AssetSpec(
        "landing",
        group_name="landing",
        kinds={"json"},
        description=(
            "One object per delivery of a source, exactly as it was written; never changed. "
            "A load reads each version of an object once and reports here what it read."
        ),
    )
]
