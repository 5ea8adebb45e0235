"""Processes: runs of this machine that no process carries any more are marked as failed.

The daemon watches the runs that it starts. A run inside a process of the command line has no such
guard: if that process is killed, the run would count as under way for ever.
"""

import os
import socket

import dagster as dg

PROCESS_TAG = "trailhouse/process"
"""Host and process id of a run inside a process of the command line."""


def this_process() -> str:
    """The value of the tag for runs of this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs as failed whose process on this machine has ended; returns their ids."""
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING])
    ended = []
    for run in instance.get_runs(started):
        host, _, process = run.tags.get(PROCESS_TAG, "").rpartition(":")
        if host == socket.gethostname() and not _is_alive(int(process)):
            instance.report_run_failed(run, "the process of this run has ended")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
