"""Schemas: the columns of every lake table, their types and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
COUNT = pa.int64()
REAL = pa.float64()
FLAG = pa.bool_()
DAY = pa.date32()

Columns = tuple[tuple[str, pa.DataType, str], ...]

ENVELOPE: Columns = (
    ("event_id", TEXT, "Identity: the source's own id where one exists, else a SHA-256."),
    ("event_kind", TEXT, "activity, job, job_step, api_request or log_message."),
    ("event_type", TEXT, "Workato's event name, such as recipe_stopped; for jobs the status."),
    ("occurred_at", TIME, "When it happened (for a job: when it ended), UTC."),
    ("received_at", TIME, "When the landing object was written, UTC."),
    ("loaded_at", TIME, "When the load that brought the row began, UTC."),
    ("workspace_id", TEXT, "Workspace (one per environment) that the event belongs to."),
    ("environment", TEXT, "Environment as sent: dev, test, prod, …; null where not sent."),
    ("actor_id", TEXT, "Person who acted; null for jobs and for acts of Workato itself."),
    ("actor_email", TEXT, "E-mail address of the actor."),
    ("resource_type", TEXT, "What was acted on, in Workato's words: Flow, User, …"),
    ("resource_id", TEXT, "Id of what was acted on; for jobs the recipe."),
    ("outcome", TEXT, "succeeded, failed, or the status as sent where it is neither."),
    ("source", TEXT, "Name of the source that the object came from."),
    ("source_uri", TEXT, "Landing object that held the event."),
    ("source_offset", COUNT, "Byte offset in the (uncompressed) object."),
    ("load_id", TEXT, "Load that brought the row."),
)
RAW: Columns = (
    ("raw", TEXT, "The record as received, byte for byte, wrappers included."),
    ("is_bare", FLAG, "Whether raw is the event alone, without wrappers; null where not noted."),
)
PARTITION: Columns = (("event_date", pa.date32(), "UTC day of occurred_at; the partition."),)

ACTIVITY: Columns = (
    ("activity_id", TEXT, "Workato's id of the event; the stream has none."),
    ("actor_name", TEXT, "Name of the actor at that time."),
    ("workspace_name", TEXT, "Name of the workspace; generic in test and production."),
    ("resource_name", TEXT, "Name of the resource (or file name of a package) at that time."),
    ("resource_email", TEXT, "E-mail address of the person acted on."),
    ("resource_path", TEXT, "Folder path, where sent."),
    ("parent_id", TEXT, "Recipe that this recipe is a copy of."),
    ("member_id", TEXT, "Collaborator whose membership changed."),
    ("member_name", TEXT, "Name of that collaborator."),
    ("member_email", TEXT, "E-mail address of that collaborator."),
    ("role", TEXT, "Role given, invited with or taken away."),
    ("activity", TEXT, "details.activity: tells a sign-in from a workspace switch."),
    ("sso_provider", TEXT, "Identity provider of a single sign-on."),
    ("stop_reason", TEXT, "Why a recipe stopped: user, trigger_errors_limit, …"),
    ("is_forced", FLAG, "Whether a recipe was stopped by force."),
    ("is_error", FLAG, "Whether a recipe stopped with an error."),
    ("is_run_once", FLAG, "Whether a recipe was started for one run."),
    ("provider", TEXT, "Connector of a connection."),
    ("is_authorized", FLAG, "Whether a connection was authorised."),
    ("old_name", TEXT, "Name before a rename."),
    ("resource_changes", TEXT, "Old values of an edit, as JSON."),
    ("ip_address", TEXT, "Address that the request came from, IPv4 or IPv6."),
    ("user_agent", TEXT, "Browser or client of the request."),
)
JOBS: Columns = (
    ("job_id", TEXT, "Id of the job; an integer in old files, j-… in new ones."),
    ("family_id", TEXT, "First run of the retry family: master_job_id, else the job itself."),
    ("parent_id", TEXT, "Run that this one repeats."),
    ("recipe_id", TEXT, "Recipe that ran."),
    ("recipe_name", TEXT, "Name of the recipe at that time."),
    ("recipe_path", TEXT, "Folder path of the recipe."),
    ("calling_job_id", TEXT, "Job that called this one directly."),
    ("calling_recipe_id", TEXT, "Recipe of the calling job."),
    ("root_job_id", TEXT, "Top of the call chain."),
    ("root_recipe_id", TEXT, "Recipe at the top of the call chain."),
    ("title", TEXT, "Title built from trigger data; may hold business data."),
    ("status", TEXT, "Status as sent: succeeded, failed, completed, …"),
    ("is_repeat", FLAG, "Whether the job is a rerun."),
    ("repeat_count", COUNT, "Number of the rerun."),
    ("is_test", FLAG, "Whether the job was a test; kept out of usage."),
    ("is_poll_error", FLAG, "Deprecated by Workato, kept as sent."),
    ("started_at", TIME, "When the job started, UTC."),
    ("completed_at", TIME, "When the job ended, UTC; null while it runs."),
    ("duration_seconds", REAL, "completed_at less started_at, in seconds."),
    ("action_count", COUNT, "Actions as sent; an upper bound for tasks."),
    ("account_name", TEXT, "Name of the workspace's account."),
    ("step_count", COUNT, "Steps sent with the job, the trigger included; null when not sent."),
    ("lines_state", TEXT, "sent, absent, or too_large where Workato left the steps out."),
    ("error_type", TEXT, "Short category of the error."),
    ("error_message", TEXT, "Message, taken out of whichever shape it came in."),
    ("error_inner_message", TEXT, "Message of the application behind it."),
    ("error_id", TEXT, "Workato's id of the error."),
    ("error_line_number", COUNT, "Recipe line that failed."),
    ("error_adapter", TEXT, "Connector that failed."),
    ("error_operation", TEXT, "Operation of the connector that failed."),
    ("error_http_status", COUNT, "HTTP status of the application's answer."),
    ("error_raw", TEXT, "The error as sent."),
    ("report", TEXT, "Custom job report, as JSON."),
)
JOB_STEPS: Columns = (
    ("job_event_id", TEXT, "event_id of the job that the step belongs to."),
    ("job_id", TEXT, "Id of that job."),
    ("recipe_id", TEXT, "Recipe that ran."),
    ("step_index", COUNT, "Position in the record, 0 is the trigger."),
    ("recipe_line_number", COUNT, "Position in the recipe, 0 is the trigger."),
    ("adapter_name", TEXT, "Connector."),
    ("adapter_operation", TEXT, "Operation of the connector."),
    ("error_message", TEXT, "Message of a failed step."),
    ("is_masked", FLAG, "Whether input and output were masked by Workato."),
    ("total_seconds", REAL, "Time spent in the step, in seconds."),
    ("execute_seconds", REAL, "Part of it spent in the application."),
)
API_REQUESTS: Columns = (
    ("status_type", TEXT, "Overall outcome as sent."),
    ("status_code", COUNT, "HTTP status."),
    ("gateway_code", TEXT, "Finer code of a failure, such as 4011."),
    ("status_details", TEXT, "Reason of a failure."),
    ("ip_address", TEXT, "Address of the caller."),
    ("timing_ms", REAL, "Processing time, in milliseconds."),
    ("delay_ms", REAL, "Wait before execution, in milliseconds."),
    ("api_collection", TEXT, "API collection."),
    ("endpoint", TEXT, "Endpoint."),
    ("client", TEXT, "Client."),
    ("job_id", TEXT, "Job that ran, if any."),
)
LOG_MESSAGES: Columns = (
    ("log_type", TEXT, "Origin of the message: recipe, on_prem_agent, …"),
    ("level", TEXT, "Level as sent."),
    ("message", TEXT, "The message."),
    ("recipe_id", TEXT, "Recipe that wrote it."),
    ("job_id", TEXT, "Job that wrote it."),
)
REJECTED: Columns = (
    ("rejected_id", TEXT, "SHA-256 of object, offset and bytes; names the row."),
    ("reason", TEXT, "not_json, not_an_event, duplicate_key, too_large, bad_time or bad_value."),
    ("detail", TEXT, "What was found, and where."),
    ("source", TEXT, "Name of the source."),
    ("source_uri", TEXT, "Landing object that held the input."),
    ("source_etag", TEXT, "Version of the object."),
    ("source_offset", COUNT, "Byte offset in the (uncompressed) object."),
    ("received_at", TIME, "When the object was written, UTC."),
    ("loaded_at", TIME, "When the load began, UTC."),
    ("load_id", TEXT, "Load that met the input."),
    ("bytes", pa.binary(), "The input, byte for byte."),
    ("event_date", pa.date32(), "UTC day of loaded_at; the partition."),
)
INPUT = pa.struct([("uri", TEXT), ("etag", TEXT), ("bytes", COUNT)])
OUTPUT = pa.struct(
    [
        ("table", TEXT),
        ("path", TEXT),
        ("event_date", pa.date32()),
        ("rows", COUNT),
        ("bytes", COUNT),
        ("modified_ms", COUNT),
        ("stats", TEXT),
    ]
)
TALLY = pa.list_(pa.struct([("name", TEXT), ("count", COUNT)]))
LOADS: Columns = (
    ("load_id", TEXT, "Digest of the inputs: the same objects make the same load."),
    ("load_number", COUNT, "1 for the lake's first load, rising by 1."),
    ("loaded_at", TIME, "When the load began, UTC."),
    ("committed_at", TIME, "When the load was committed, UTC."),
    ("objects", COUNT, "Landing objects read."),
    ("received", COUNT, "Records met: accepted + duplicate + rejected, always."),
    ("accepted", COUNT, "Events that became rows."),
    ("duplicate", COUNT, "Events that the lake, or this load, already had."),
    ("rejected", COUNT, "Records that could not be read; kept in rejected."),
    ("rejected_by_reason", TALLY, "Rejected records per reason."),
    ("accepted_by_kind", TALLY, "Accepted events per kind."),
    ("unknown_event_types", TALLY, "Accepted events whose type Workato does not document."),
    ("unknown_fields", TALLY, "Top-level fields that no column reads; they stay in raw."),
    ("bytes", COUNT, "Bytes of the landing objects, as stored."),
    ("seconds", REAL, "Duration of the load, in seconds."),
    ("inputs", pa.list_(INPUT), "Objects loaded: uri, etag, bytes."),
    ("outputs", pa.list_(OUTPUT), "Data files of the load: table, path, day, rows, bytes."),
    ("event_date", pa.date32(), "UTC day of loaded_at; the partition."),
)
DELIVERIES: Columns = (
    ("delivery_id", TEXT, "Batch and number of the attempt; names the row."),
    ("sink", TEXT, "Name of the sink."),
    ("batch_id", TEXT, "Batch that was sent; repeats of it have the same id."),
    ("load_number", COUNT, "Load that the batch is of; of a replay, the newest one then."),
    ("load_id", TEXT, "Id of that load, or of the replay."),
    ("attempt_number", COUNT, "1 for the batch's first attempt."),
    ("attempted_at", TIME, "When the attempt was about to be made, UTC."),
    ("outcome", TEXT, "delivered, partly, transient, configuration, payload or interrupted."),
    ("cause", TEXT, "Why it failed, in one word: throttled, access_denied, …"),
    ("response", TEXT, "What the service answered, shortened."),
    ("event_count", COUNT, "Events in the batch."),
    ("bytes", COUNT, "Bytes of its messages, before compression."),
    ("seconds", REAL, "Duration of the attempt, in seconds."),
    ("event_date", pa.date32(), "UTC day of attempted_at; the partition."),
)
CHECKS: Columns = (
    ("check_id", TEXT, "Run, table and name of the check; names the row."),
    ("table_name", TEXT, "Lake table, mart, sink or other asset that was judged."),
    ("check_name", TEXT, "The check."),
    ("is_passed", FLAG, "Whether nothing broke its rule on the judged days."),
    ("is_blocking", FLAG, "Whether models wait while it fails; otherwise it is a warning."),
    ("checked_at", TIME, "When it was judged, UTC."),
    ("run_id", TEXT, "Dagster's run that judged it."),
    ("job_name", TEXT, "Job of that run: load, models, check, deliver, …"),
    ("judged_day_count", COUNT, "UTC days judged; null where it does not go by days."),
    ("first_judged_date", DAY, "First of them."),
    ("last_judged_date", DAY, "Last of them."),
    ("failing_days", pa.list_(DAY), "Days that broke the rule; of very many the worst."),
    ("row_count", COUNT, "Rows on the judged days."),
    ("observed_max", REAL, "Largest measure of a day: rows that break the rule, a share, …"),
    ("detail", TEXT, "What else was found, as JSON, shortened: examples, note, error, …"),
    ("event_date", DAY, "UTC day of checked_at; the partition."),
)


@dataclass(frozen=True, slots=True)
class Table:
    """A lake table: its columns in order, and how its files are sorted.

    `derived` has the columns that follow from the others, as SQL: they are added to rows that are
    sorted already, because a sort pays for every column that it carries.
    """

    name: str
    columns: Columns
    sort: tuple[str, ...]
    description: str
    derived: Mapping[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema; each field carries its comment."""
        return pa.schema(
            [pa.field(name, kind, metadata={"comment": text}) for name, kind, text in self.columns]
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(name for name, _, _ in self.columns)


def _events(columns: Columns, *, raw: bool = True) -> Columns:
    return ENVELOPE + columns + (RAW if raw else ()) + PARTITION


OF_NOBODY = {"actor_id": "cast(null as varchar)", "actor_email": "cast(null as varchar)"}
OF_A_RECIPE = {"resource_type": "'Flow'", "resource_id": "recipe_id", **OF_NOBODY}

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "activity",
            _events(ACTIVITY),
            ("workspace_id", "resource_type", "resource_id", "occurred_at", "event_id"),
            "One row per user-activity event, from API and stream, unknown types included.",
            {"event_kind": "'activity'"},
        ),
        Table(
            "jobs",
            _events(JOBS),
            ("workspace_id", "recipe_id", "occurred_at", "event_id"),
            "One row per job record; reruns are jobs of one family, test jobs are flagged.",
            {"event_kind": "'job'", "event_type": "status", **OF_A_RECIPE},
        ),
        Table(
            "job_steps",
            _events(JOB_STEPS, raw=False),
            ("workspace_id", "recipe_id", "occurred_at", "job_event_id", "step_index"),
            "One row per step that came with a job record; the record's bytes are in jobs.raw.",
            {"event_kind": "'job_step'", "event_type": "adapter_operation", **OF_A_RECIPE},
        ),
        Table(
            "api_requests",
            _events(API_REQUESTS),
            ("workspace_id", "api_collection", "endpoint", "occurred_at", "event_id"),
            "One row per request to the API platform; key names are not documented by Workato.",
            {
                "event_kind": "'api_request'",
                "event_type": "'api_request'",
                "resource_type": "'ApiEndpoint'",
                "resource_id": "endpoint",
                **OF_NOBODY,
            },
        ),
        Table(
            "log_messages",
            _events(LOG_MESSAGES),
            ("workspace_id", "recipe_id", "occurred_at", "event_id"),
            "One row per message of Workato's logging service; key names are not documented.",
            {
                "event_kind": "'log_message'",
                "event_type": "coalesce(log_type, 'log_message')",
                **OF_A_RECIPE,
            },
        ),
        Table(
            "rejected",
            REJECTED,
            ("source_uri", "source_offset"),
            "One row per input that could not be read, with its bytes and the reason.",
        ),
        Table("loads", LOADS, ("load_number",), "One row per load; its commit is the load's."),
        Table(
            "deliveries",
            DELIVERIES,
            ("sink", "attempted_at", "batch_id", "attempt_number"),
            "One row per attempt to deliver a batch, as the ledger has it.",
        ),
        Table(
            "checks",
            CHECKS,
            ("table_name", "check_name", "checked_at"),
            "One row per verdict of a check, as Dagster's history has it.",
        ),
    )
}
EVENT_TABLES = ("activity", "jobs", "job_steps", "api_requests", "log_messages")
LOADED_TABLES = (*EVENT_TABLES, "rejected", "loads")
"""The tables that loads write, `loads` itself last; `deliveries` mirrors a ledger instead,
and `checks` Dagster's history."""
HOURS_UNTIL_STALE = {"activity": 96, "jobs": 48, "api_requests": 168, "log_messages": 168}
"""Longer than a quiet weekend; what a workspace may not use at all has a week."""
KINDS = {
    "activity": "activity",
    "job": "jobs",
    "api_request": "api_requests",
    "log_message": "log_messages",
}
