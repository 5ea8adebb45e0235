"""Evidence: the files that go into every evidence pack: what the auditor reads and runs.

`verify.py` is run by itself, on machines without Trailhouse: nothing here may import anything else
of the project, nor what is not in Python's standard library.
"""
