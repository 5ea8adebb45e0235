"""How Trailhouse works: orchestration in `pipelines/*.py`, plain Python in the sub-packages."""
