"""DuckDB: what a connection may load, and what the catalogue keeps of the views' columns."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from lakes import lake_at

from pipelines.lake.duck import connect, extension_path
from pipelines.lake.storage import Storage
from pipelines.models.query import open_catalogue
from pipelines.settings import load_settings


def test_no_connection_loads_an_extension_that_is_not_signed(tmp_path: Path) -> None:
    forged = tmp_path / "httpfs.duckdb_extension"
    forged.write_bytes(Path(extension_path("httpfs")).read_bytes()[:-256] + bytes(256))
    storage = Storage(load_settings())

    for _ in range(2):  # the second time the signature of `delta` is known
        with closing(connect(storage, delta=True)) as connection:
            with pytest.raises(duckdb.Error, match="signature"):
                connection.execute(f"load '{forged}'")
            with pytest.raises(duckdb.Error, match="allow_unsigned_extensions"):
                connection.execute("set allow_unsigned_extensions = true")
            assert connection.execute(
                "select current_setting('allow_unsigned_extensions')"
            ).fetchone() == (False,)


def test_the_catalogue_tells_the_columns_that_its_views_have(tmp_path: Path) -> None:
    """Views are checked over relations that only stand in for the tables."""
    lake = lake_at(tmp_path / "lake")

    with closing(open_catalogue(lake)) as connection:
        told = connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where database_name = 'trailhouse' order by table_name, column_index"
        ).fetchall()
        names = list(dict.fromkeys(name for name, _, _ in told))
        found = [
            (name, column, kind)
            for name in names
            for column, kind, *_ in connection.execute(f"describe select * from {name}").fetchall()
        ]

    assert len(names) > 90
    assert told == found
