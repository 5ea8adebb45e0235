"""SQL rules: what keeps a model portable, as a linter over its syntax tree.

A model runs on DuckDB today and, translated, on Spark when one machine no longer does. Each rule
refuses an idiom that the translation refuses, or worse, turns into other rows without a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sqlglot
from sqlglot import exp

FUNCTIONS = frozenset(
    """
    bool_or cast chr coalesce concat_ws contains count date_diff date_trunc epoch exists exp extract
    floor greatest json_extract_string json_valid lag lead least left ln lower max median min nullif
    octet_length quantile_cont regexp_extract regexp_replace round row_number sha256 split_part
    starts_with sum trim unnest
    """.split()
)
"""The functions that a model may call: each has a counterpart in Spark that gives the same."""
WORDS_BEFORE_BRACKETS = frozenset(
    "all and any as by else filter from in interval join not on or over select then using values "
    "when where with".split()
)
PARTS_OF_A_TIME = frozenset("year month day hour minute second".split())
WHOLE_NUMBERS = exp.DataType.INTEGER_TYPES

Rule = Callable[[exp.Expression, str], Iterator[str]]
Grains = Mapping[str, tuple[str, ...]]


def findings(sql: str, *, grains: Grains | None = None, reads_instants: bool = False) -> list[str]:
    """What in a model breaks a rule, as sentences; none if it keeps them all.

    Args:
        sql: The file's text, with its header.
        grains: The unique key of every model that the text may read.
        reads_instants: Whether it reads the lake's tables, as staging does.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    found = [sentence for rule in RULES for sentence in rule(tree, sql)]
    zones = _instants_become_utc if reads_instants else _only_staging_knows_zones
    return found + list(zones(tree)) + list(_windows_are_total(tree, grains or {}))


def written_functions(sql: str) -> set[str]:
    """The functions that a text calls, in lower case, as they are written."""
    code = re.sub(r"--[^\n]*|'(?:[^']|'')*'", " ", sql.lower())
    code = re.sub(r"\bas\s+\w+\s*\(", " (", code)  # columns of an alias
    return set(re.findall(r"\b([a-z_]\w*)\s*\(", code)) - WORDS_BEFORE_BRACKETS


def _functions_are_allowed(tree: exp.Expression, sql: str) -> Iterator[str]:
    named = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for name in sorted(written_functions(sql) - FUNCTIONS - named):
        yield f"{name}() is not in the allow-list"


def _idioms_are_portable(tree: exp.Expression, sql: str) -> Iterator[str]:
    refused: tuple[type[exp.Expression], ...] = (
        exp.Bracket,
        exp.Columns,
        exp.Comprehension,
        exp.Pivot,
        exp.Slice,
    )
    for node in tree.find_all(*refused):
        yield f"{node.sql('duckdb')}: {node.key} is not portable"
    for join in tree.find_all(exp.Join):
        if join.method or join.kind.upper() == "POSITIONAL":
            yield f"{join.method or join.kind} join is not portable"
    for union in tree.find_all(exp.SetOperation):
        if union.args.get("by_name"):
            yield "union by name is not portable"
    for star in tree.find_all(exp.Star):
        if star.args.get("replace"):
            yield "* replace is not portable"


def _qualify_stays_in_a_cte(tree: exp.Expression, sql: str) -> Iterator[str]:
    for qualify in tree.find_all(exp.Qualify):
        if not isinstance(qualify.parent_select and qualify.parent_select.parent, exp.CTE):
            yield f"{qualify.sql('duckdb')}: qualify belongs into a CTE"
    if isinstance(tree, exp.Select) and any(item.is_star for item in tree.expressions):
        yield "the final select names its columns"


def _times_differ_by_epoch(tree: exp.Expression, sql: str) -> Iterator[str]:
    for less in tree.find_all(exp.Sub):
        sides = [side.name for side in (less.left, less.right) if isinstance(side, exp.Column)]
        if len(sides) == 2 and all(name.endswith("_at") for name in sides):
            yield f"{less.sql('duckdb')}: a difference in time is epoch(b) - epoch(a)"
    for between in tree.find_all(exp.DateDiff):
        for side in (between.this, between.expression):
            if not _is_truncated(side):
                yield f"{between.sql('duckdb')}: date_diff counts borders; truncate first"
    for part in tree.find_all(exp.Extract):
        if part.name.lower() not in PARTS_OF_A_TIME:
            yield f"{part.sql('duckdb')}: days of the week differ between engines"


def _is_truncated(side: exp.Expression) -> bool:
    if isinstance(side, exp.Column | exp.Parameter | exp.Placeholder):
        return isinstance(side, exp.Parameter | exp.Placeholder) or side.name.endswith("_date")
    if isinstance(side, exp.Cast | exp.TsOrDsToDate):
        return isinstance(side, exp.TsOrDsToDate) or side.to.this == exp.DataType.Type.DATE
    if isinstance(side, exp.Func) and not isinstance(side, exp.TimestampTrunc | exp.DateTrunc):
        return all(_is_truncated(part) for part in side.iter_expressions())
    return isinstance(side, exp.TimestampTrunc | exp.DateTrunc)


def _unnest_stands_in_from(tree: exp.Expression, sql: str) -> Iterator[str]:
    for unnest in tree.find_all(exp.Unnest, exp.Explode):
        inside = unnest.find_ancestor(exp.From, exp.Join, exp.Lateral, exp.Select)
        left = isinstance(inside, exp.Join) and inside.side.upper() == "LEFT"
        if isinstance(inside, exp.Select) or left or inside is None:
            yield f"{unnest.sql('duckdb')}: unnest stands in from, and not in a left join"


def _ratios_are_guarded(tree: exp.Expression, sql: str) -> Iterator[str]:
    for ratio in tree.find_all(exp.Div, exp.IntDiv, exp.Mod):
        by = ratio.expression.unnest()
        if not (isinstance(by, exp.Nullif) or (isinstance(by, exp.Literal) and float(by.this))):
            yield f"{ratio.sql('duckdb')}: divide by nullif(…, 0)"
    for number in tree.find_all(exp.Literal):
        decimal = not number.is_string and "." in number.this and "e" not in number.this.lower()
        if decimal and not isinstance(number.parent, exp.PercentileCont):
            yield f"{number.this}: a decimal literal rounds; write {number.this}e0"


def _fractions_are_rounded(tree: exp.Expression, sql: str) -> Iterator[str]:
    for cast in tree.find_all(exp.Cast):
        if cast.to.this in WHOLE_NUMBERS and _is_fraction(cast.this):
            yield f"{cast.sql('duckdb')}: round() or floor() before a cast to a whole number"


def _is_fraction(value: exp.Expression) -> bool:
    if isinstance(value, exp.Div | exp.Avg | exp.Median | exp.PercentileCont):
        return True
    if isinstance(value, exp.Round | exp.Floor | exp.Ceil | exp.Count | exp.Case):
        return isinstance(value, exp.Case) and any(map(_is_fraction, value.iter_expressions()))
    return any(map(_is_fraction, value.iter_expressions()))


def _time_is_of_one_kind(tree: exp.Expression, sql: str) -> Iterator[str]:
    zoned = (exp.DataType.Type.TIMESTAMPTZ, exp.DataType.Type.TIMESTAMPLTZ)
    for cast in tree.find_all(exp.Cast):
        if cast.to.this in zoned:
            yield f"{cast.sql('duckdb')}: only staging knows zones"


def _only_staging_knows_zones(tree: exp.Expression) -> Iterator[str]:
    for zone in tree.find_all(exp.AtTimeZone):
        yield f"{zone.sql('duckdb')}: only staging knows zones"


def _instants_become_utc(tree: exp.Expression) -> Iterator[str]:
    """In staging, which reads instants: what would take the zone of whoever reads it."""
    for zone in tree.find_all(exp.AtTimeZone):
        if not (isinstance(zone.args["zone"], exp.Literal) and zone.args["zone"].this == "UTC"):
            yield f"{zone.sql('duckdb')}: times are UTC"
    for cast in tree.find_all(exp.Cast):
        if cast.to.this in exp.DataType.TEMPORAL_TYPES:
            yield f"{cast.sql('duckdb')}: a cast takes the session's zone; write at time zone 'UTC'"


def _windows_are_total(tree: exp.Expression, grains: Grains) -> Iterator[str]:
    known = _Keys(tree, grains)
    for window in tree.find_all(exp.Window):
        order = window.args.get("order")
        if order is None:
            continue
        keys = {c.name for c in window.args.get("partition_by") or [] if isinstance(c, exp.Column)}
        keys |= {part.this.name for part in order.expressions}
        if "event_id" not in keys and not known.are_unique(window.parent_select, keys):
            yield f"{window.sql('duckdb')}: two rows may tie; end order by in a unique key"


class _Keys:
    """Which columns are unique in what a select reads."""

    def __init__(self, tree: exp.Expression, grains: Grains) -> None:
        self._ctes = {cte.alias: cte.this for cte in tree.find_all(exp.CTE)}
        self._grains = grains

    def are_unique(self, select: exp.Expression | None, keys: set[str]) -> bool:
        """Whether no two rows that `select` reads agree in all of `keys`."""
        if not isinstance(select, exp.Select):
            return False
        if select.args.get("group"):
            return self._of_groups(select) <= keys
        read: Any = select.args.get("from_") or select.args.get("from")
        if read is None or not all(map(self._keeps_rows, select.args.get("joins") or [])):
            return False
        where = select.args.get("where")
        equal = where.find_all(exp.EQ) if where else ()
        fixed = {e.left.name for e in equal if isinstance(e.right, exp.Literal) and not _is_or(e)}
        return self._source_is_unique(read.this.name, keys | fixed)

    def _source_is_unique(self, name: str, keys: set[str]) -> bool:
        if name in self._grains:
            return set(self._grains[name]) <= keys
        inner = self._ctes.get(name)
        return inner is not None and self.are_unique(inner, keys)

    def _keeps_rows(self, join: exp.Join) -> bool:
        """Whether a join leaves rows single; a left join is held to that by the tests of grains."""
        if join.kind.upper() == "CROSS":
            return self._is_one_row(join.this.name)
        return join.side.upper() == "LEFT" or join.kind.upper() in ("SEMI", "ANTI")

    def _is_one_row(self, name: str) -> bool:
        select = self._ctes.get(name)
        if not isinstance(select, exp.Select):
            return name == "model_settings"
        read: Any = select.args.get("from_") or select.args.get("from")
        summed = all(item.find(exp.AggFunc) for item in select.expressions)
        return not select.args.get("group") and (summed or self._is_one_row(read.this.name))

    def _of_groups(self, select: exp.Select) -> set[str]:
        return {
            item.alias_or_name
            for item in select.expressions
            if not item.find(exp.AggFunc) and not isinstance(item.unalias(), exp.Literal)
        }


def _is_or(condition: exp.Expression) -> bool:
    return condition.find_ancestor(exp.Or, exp.Not) is not None


RULES: tuple[Rule, ...] = (
    _functions_are_allowed,
    _idioms_are_portable,
    _qualify_stays_in_a_cte,
    _times_differ_by_epoch,
    _unnest_stands_in_from,
    _ratios_are_guarded,
    _fractions_are_rounded,
    _time_is_of_one_kind,
)
