"""Staleness: which days of which mart the loads changed since they were built, by the lake alone.

A mart's commits carry Delta application transactions: one per UTC day, with the number of the
load that the day was built from; one for all days (`complete`), so that a mart that is up to date
answers in one look; and the newest day of the lake at that time. Their names hold a digest of the
model's statements: a changed model has no stamps and is stale as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property

from deltalake import DeltaTable, Transaction

from pipelines.lake.duck import connect
from pipelines.lake.history import newest_load
from pipelines.lake.schemas import TABLES
from pipelines.lake.tables import APPLICATION, Lake, applied_load, data_files
from pipelines.models.header import MODELS, Model
from pipelines.models.sources import AS_OF, digest, lake_tables, stored_sources

NEVER = date.min

Days = Mapping[str, Mapping[date, int]]
_READ: dict[tuple[str, str, int], tuple[int, Days]] = {}
"""What was read of one version of `loads`: each mart of a build asks anew.

By the lake and the table's id: a copy of a lake has the same ids.
"""


@dataclass(frozen=True)
class Changes:
    """What loads brought: the newest load per lake table and UTC day."""

    lake: Lake
    number: int = 0
    """Newest load that all its tables hold; a later one is not looked at."""
    days: Days = field(default_factory=dict)
    tables: Mapping[str, DeltaTable | None] = field(default_factory=dict)
    """The lake's tables with these loads and no later one, where a build needs them to stay so."""
    _needed: dict[str, dict[date, int]] = field(default_factory=dict, repr=False, compare=False)
    """What `needed` told by the name of a mart: marts that read others ask for theirs too."""

    @cached_property
    def as_of(self) -> date:
        """The newest UTC day of jobs and activity; loads refuse times that lie in the future."""
        return max((day for table in AS_OF for day in self.days.get(table, ())), default=NEVER)

    def needed(self, model: Model) -> Mapping[date, int]:
        """Per UTC day of a mart the newest load that it depends on.

        A global mart has one day, one by month the first of each.
        """
        if model.name not in self._needed:
            self._needed[model.name] = self._needed_by(model)
        return self._needed[model.name]

    def _needed_by(self, model: Model) -> dict[date, int]:
        found: dict[date, int] = {}
        if model.is_global:
            newest = [max(self.days[t].values()) for t in lake_tables(model) if self.days.get(t)]
            return {self.as_of: max(newest)} if newest else {}
        before, after = model.window
        for source in stored_sources(model):
            mart = MODELS.get(source)
            changed = self.needed(mart) if mart else self.days.get(source, {})
            for day, number in changed.items():
                for offset in range(-after, before + 1):
                    built = day + timedelta(days=offset)
                    if not offset or built <= self.as_of:
                        partition = model.partition_of(built)
                        found[partition] = max(number, found.get(partition, 0))
        return dict(sorted(found.items()))

    def stale(self, model: Model, built: DeltaTable | None = None) -> list[date]:
        """The days of a mart that were built before the newest load that they depend on."""
        table = built or self.lake.find(model.name)
        stamps = Stamps(model, digest(model, self.lake.storage.settings), table)
        return [day for day, number in self.needed(model).items() if stamps.lacks(day, number)]


def read_changes(lake: Lake) -> Changes:
    """Look at all loads; a load that is cut off between its commit and its tables is left out."""
    loads = lake.find("loads")
    files = data_files(loads)
    if loads is None or not files:
        return Changes(lake)
    number, version = applied_load(loads), (lake.url, str(loads.metadata().id), loads.version())
    found = _READ.get(version)
    if found is None:
        found = _read(lake, number, files)
        # a newest load that was cut off is completed by the next, without a commit to `loads`
        if found[0] == number:
            _READ.clear()
            _READ[version] = found
    return Changes(lake, *found)


def _read(lake: Lake, number: int, files: list[str]) -> tuple[int, Days]:
    connection = connect(lake.storage, s3=lake.is_s3)
    try:
        connection.execute(
            """
            create temp table read_loads as
            select load_number, cast(event_date as date) as loaded_on, outputs
            from read_parquet($files, hive_partitioning = true)
            """,
            {"files": files},
        )
        connection.execute(
            "create temp view brought as select load_number, unnest(outputs) as output "
            "from read_loads"
        )
        newest = connection.execute(
            "select distinct output.table from brought where load_number = $number",
            {"number": number},
        ).fetchall()
        if any(_lags(lake, name, number) for (name,) in newest):
            number -= 1  # only the newest can be cut off: each load completes the one before it
        rows = connection.execute(
            """
            select output.table as name, output.event_date as event_date, max(load_number)
            from brought where load_number <= $number group by all
            union all
            select 'loads', loaded_on, max(load_number)
            from read_loads where load_number <= $number group by all
            """,
            {"number": number},
        ).fetchall()
    finally:
        connection.close()
    days: dict[str, dict[date, int]] = {}
    for table, day, at in rows:
        days.setdefault(table, {})[day] = at
    return number, days


def read_settled_changes(lake: Lake) -> Changes:
    """The loads, and the lake's tables as they are with them: for a build of many marts."""
    while True:
        newest = newest_load(lake)
        changes = read_changes(lake)
        tables = {name: lake.find(name) for name in TABLES}
        if newest_load(lake) == newest:  # a load is committed to its own table first
            return replace(changes, tables=tables)


def _lags(lake: Lake, name: str, number: int) -> bool:
    table = lake.find(name)
    return table is None or applied_load(table) < number


@dataclass(frozen=True)
class Stamps:
    """The load numbers that a mart's table says it was built from."""

    model: Model
    digest: str
    table: DeltaTable | None

    def lacks(self, day: date, number: int) -> bool:
        """Whether the day was built before the load, or never."""
        if self.table is None:
            return True
        if self._complete >= number and (self.model.is_global or day <= self.complete_until):
            return False
        if self.model.is_global:
            return True
        return (self.table.transaction_version(self._of(day.isoformat())) or 0) < number

    def transactions(
        self, days: Iterable[date], number: int, complete_until: date | None
    ) -> list[Transaction]:
        """What a commit has to carry.

        Args:
            days: The days that it builds and that nothing they are built from lags behind.
            number: The load that they are built from.
            complete_until: The newest day of the lake, where no day of the mart is left stale.
        """
        found = [Transaction(self._of(day.isoformat()), number) for day in days]
        if complete_until is not None:
            found.append(Transaction(self._of("complete"), number))
            found.append(Transaction(self._of("until"), complete_until.toordinal()))
        return found

    def _of(self, what: str) -> str:
        return f"{APPLICATION}:{self.digest}:{what}"

    @cached_property
    def _complete(self) -> int:
        return self._version("complete")

    @cached_property
    def complete_until(self) -> date:
        """The newest day of the lake when no day of the mart was stale; `NEVER` before that."""
        return date.fromordinal(max(1, self._version("until")))

    def _version(self, what: str) -> int:
        return (self.table.transaction_version(self._of(what)) or 0) if self.table else 0


def stale_days(lake: Lake, name: str) -> list[date]:
    """UTC days that loads changed since the mart was built for them, in order.

    A day of a window is stale when one that it looks at changed; a mart when one that it reads
    is. A mart with a global scope has one day, the newest of the lake, and is stale or not; one by
    month has the first day of each.
    """
    return read_changes(lake).stale(MODELS[name])


def lake_days(lake: Lake, name: str) -> list[date]:
    """Every UTC day that the mart can have rows of, in order; for a global one the newest."""
    return list(read_changes(lake).needed(MODELS[name]))
