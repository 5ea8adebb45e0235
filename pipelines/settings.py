"""Settings: each is read here, once, from `trailhouse.toml` and `TRAILHOUSE_*` variables."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    SerializeAsAny,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings.exceptions import SettingsError

from pipelines.archive.settings import ArchiveSettings, RetentionSettings
from pipelines.errors import ConfigurationError
from pipelines.notify.settings import ChatSettings, MailSettings
from pipelines.sinks.settings import SinkSettings

CONFIG_FILE_VARIABLE = "TRAILHOUSE_CONFIG"
SHOWN = frozenset(SinkSettings.model_fields)
"""Fields of a sink whose value may stand in an error: those that every sink has hold no secret."""
TABLES: dict[str, type[BaseModel]] = {"mail": MailSettings, "chat": ChatSettings}
"""Settings that are a table."""
SHOWN_OF_TABLES = MailSettings.model_fields.keys() - {"smtp_password"}
"""Fields of these tables where nobody writes a secret instead of a reference."""


def _without_user(url: str) -> str:
    """Refuse a user name or password in a URL: settings and source URLs are shown and kept."""
    if "://" in url and "@" in urlsplit(url).netloc:
        raise ValueError(
            "a URL with a user name or password; leave them out: credentials come from the usual "
            "AWS chain, or from s3_access_key_id and s3_secret_access_key"
        )
    return url


def _sinks(found: Any) -> tuple[SinkSettings, ...]:
    """Sinks by their `kind`; what the kinds need is imported where there are sinks at all."""
    if found in ((), []):
        return ()
    from pipelines.sinks.registry import AnySinkSettings

    return TypeAdapter(tuple[AnySinkSettings, ...]).validate_python(found)


PlainUrl = Annotated[str, Field(min_length=1), AfterValidator(_without_user)]


class SourceSettings(BaseModel):
    """One place that landing objects come from: a `[[source]]` table of `trailhouse.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
    """Short name, kept with every event; lower-case letters, digits, `_` and `-`."""
    url: PlainUrl
    """Folder, file or `s3://bucket/prefix`."""
    copy_to_landing: bool = False
    """Copy objects to `landing/<name>/` before loading: for sources that are not durable."""


class Settings(BaseSettings):
    """The effective settings; frozen, validated, secrets masked when shown."""

    model_config = SettingsConfigDict(
        env_prefix="TRAILHOUSE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    lake_url: Annotated[str, AfterValidator(_without_user)] = ".trailhouse/data"
    """Folder or `s3://bucket/prefix` that holds landing, lake, models, exports and archive."""
    source: tuple[SourceSettings, ...] = ()
    """Where landing objects come from; without any, `landing/` under the lake URL."""
    sink: Annotated[tuple[SerializeAsAny[SinkSettings], ...], BeforeValidator(_sinks)] = ()
    """Where events are delivered to, each in the shape that it wants; see `docs/sinks.md`."""
    mail: Annotated[MailSettings | None, Field(validate_default=True)] = None
    """The mail server by which admins are told that a sink broke, and that it recovered."""
    chat: ChatSettings | None = None
    """A chat that is told as well."""
    dagster_home: Path = Path(".trailhouse/dagster")
    """Folder of the Dagster instance; the variable DAGSTER_HOME wins over it."""
    s3_endpoint_url: Annotated[str, AfterValidator(_without_user)] | None = None
    """S3 endpoint for stores other than AWS; without it AWS_ENDPOINT_URL(_S3), then AWS."""
    s3_region: str | None = None
    """S3 region; without it the usual AWS chain, then us-east-1."""
    s3_access_key_id: str | None = None
    """Key id; without it the usual AWS chain (variables, profile, instance role)."""
    s3_secret_access_key: SecretStr | None = None
    """Secret key that belongs to `s3_access_key_id`; better set as a variable than in a file."""
    ledger_url: SecretStr | None = None
    """Database of deliveries: `sqlite:///file` or `postgresql://user@host/name`; without it a file
    in the lake's folder; where the lake is on S3, in `.trailhouse` beside the settings file."""
    memory_limit_mb: Annotated[int, Field(ge=256, le=1_048_576)] = 768
    """Memory that DuckDB may use, in MiB; beyond it work goes to `work_dir`."""
    max_record_mb: Annotated[int, Field(ge=1, le=1024)] = 64
    """MiB beyond which a record is rejected as `too_large`; Workato's largest job files have 40 MB,
    and memory for several of the largest is needed."""
    threads: Annotated[int, Field(ge=1, le=1024)] = os.cpu_count() or 2
    """Threads that DuckDB may use."""
    fetch_concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    """Landing objects fetched at the same time from an object store."""
    work_dir: Path | None = None
    """Local folder for temporary files; without it the system's."""
    sensor_interval_seconds: Annotated[int, Field(ge=1, le=86_400)] = 30
    """Seconds between two looks for new landing objects by the Dagster sensor."""
    closed_after_days: Annotated[int, Field(ge=0, le=365)] = 8
    """Days after which a UTC day is closed and may be compacted; Workato retries for 7 days."""
    billing_cycle_day: Annotated[int, Field(ge=1, le=28)] = 1
    """Day of the month on which a billing cycle begins, UTC; usage is summed by cycle."""
    counting_rule: Literal["task_2019", "task_2021", "business_action"] = "task_2021"
    """What the contract counts as a task; the rules are in `sql/rules/counting_rules.csv`."""
    archive: ArchiveSettings = ArchiveSettings()
    """The archive: `[archive]`, or variables such as TRAILHOUSE_ARCHIVE__SIGNING_KEY."""

    @field_validator("source", "sink")
    @classmethod
    def _names_are_unique(cls, named: tuple[Any, ...], field: ValidationInfo) -> tuple[Any, ...]:
        names = [one.name for one in named]
        if field.field_name == "sink":
            names = [name.replace("-", "_") for name in names]  # Dagster takes the two for one
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"two {field.field_name}s are named {repeated[0]!r}; give each its own name"
            )
        return named

    @field_validator("mail")
    @classmethod
    def _admins_can_be_told(
        cls, mail: MailSettings | None, found: ValidationInfo
    ) -> MailSettings | None:
        unheard = [sink.name for sink in found.data.get("sink", ()) if sink.admins]
        if unheard and mail is None:
            raise ValueError(
                f"sink {unheard[0]!r} has admins, but there is no mail server to tell them by; "
                "add a [mail] table with smtp_host and smtp_from"
            )
        return mail

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over variables, variables over the file."""
        file = TomlConfigSettingsSource(settings_cls, toml_file=config_file())
        return init_settings, env_settings, file

    def shown(self) -> dict[str, Any]:
        """The settings as JSON-ready values, with secrets masked as `**********`."""
        return self.model_dump(mode="json")


def config_file() -> Path:
    """The settings file: TRAILHOUSE_CONFIG, else `trailhouse.toml` in the working folder."""
    return Path(os.environ.get(CONFIG_FILE_VARIABLE, "trailhouse.toml"))


def load_settings(**overrides: Any) -> Settings:
    """Read, merge and validate the settings.

    Args:
        overrides: Settings that win over variables and the file, by name.

    Raises:
        ConfigurationError: A setting is unknown or invalid; the message names the file or the
            variable, what was found and what is allowed.
    """
    path = config_file()
    if CONFIG_FILE_VARIABLE in os.environ and not path.is_file():
        raise ConfigurationError(
            f"{CONFIG_FILE_VARIABLE} names {path}, which is not a file; correct or unset it"
        )
    try:
        _refuse_unknown_variables()
        return Settings(**overrides)
    except SettingsError as error:
        raise ConfigurationError(_explain_json(error)) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(_explain(error, path)) from error


def _refuse_unknown_variables() -> None:
    known = {f"TRAILHOUSE_{name}".upper() for name in Settings.model_fields}
    known |= {f"TRAILHOUSE_ARCHIVE__{name}".upper() for name in ArchiveSettings.model_fields}
    known |= {CONFIG_FILE_VARIABLE}
    unknown = sorted(n for n in os.environ if n.startswith("TRAILHOUSE_") and n not in known)
    if unknown:
        raise ConfigurationError(
            f"the variable {unknown[0]} is not a setting; known: {', '.join(sorted(known))}"
        )


def _explain_json(error: SettingsError) -> str:
    """A variable that holds a list or table is JSON, and this one is not."""
    field = re.search(r'field "(\w+)"', str(error))
    name = field[1] if field else "source"
    if name == "archive":
        variable = "TRAILHOUSE_ARCHIVE, or a list in TRAILHOUSE_ARCHIVE__…"
        form = '{"url": "…"} and ["…"], or as an [archive] table'
    else:
        variable = f"TRAILHOUSE_{name}".upper()
        fields = '"name": "…", "kind": "…"' if name == "sink" else '"name": "…", "url": "…"'
        form = f"[{{{fields}}}], or as [[{name}]] tables"
    return (
        f"variable {variable}: not valid JSON: {error.__cause__}; "
        f"write it as {form} in trailhouse.toml"
    )


def _explain(error: ValidationError, path: Path) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        name = ".".join(str(part) for part in problem["loc"])
        where = next((f"variable {v}" for v in _variables(problem["loc"]) if v in os.environ), path)
        allowed = (
            f"unknown setting; known: {', '.join(sorted(_known(problem['loc'])))}"
            if problem["type"] == "extra_forbidden"
            else problem["msg"]
        )
        lines.append(f"{where}: setting {name!r}: {allowed}{_found(problem)}")
    return "\n".join(lines)


def _variables(loc: tuple[int | str, ...]) -> Iterator[str]:
    """The variables that may have set a setting, the most specific first."""
    for length in range(len(loc), 0, -1):
        yield "TRAILHOUSE_" + "__".join(map(str, loc[:length])).upper()


def _known(loc: tuple[int | str, ...]) -> Iterable[str]:
    """The settings that there are where an unknown one was found."""
    if len(loc) == 1:
        return Settings.model_fields
    if loc[0] == "sink":
        from pipelines.sinks.registry import KINDS

        return KINDS[str(loc[2])].model_fields
    if loc[0] == "archive":
        return (RetentionSettings if "retention" in loc else ArchiveSettings).model_fields
    return TABLES.get(str(loc[0]), SourceSettings).model_fields


def _found(problem: ErrorDetails) -> str:
    """What stood there, unless it could be a secret: people write them where references belong."""
    loc, value = problem["loc"], problem["input"]
    name = ".".join(map(str, loc))
    if name in ("archive", "ledger_url") or any(w in name for w in ("secret", "password", "_key")):
        return ""
    if "@" in str(value) and "://" in str(value):
        return ""
    if loc[0] in TABLES and (loc[-1] not in SHOWN_OF_TABLES or not isinstance(value, str | int)):
        return ""
    if loc[0] == "sink" and (loc[-1] not in SHOWN or not isinstance(value, str | int)):
        return ""
    return f", found {value!r}"
