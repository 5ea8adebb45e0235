"""Settings: a wrong one is refused by name, and a secret is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.errors import ConfigurationError
from pipelines.lake.storage import absolute, is_s3, resolve_s3
from pipelines.settings import Settings, load_settings


def write(text: str) -> None:
    """Write the settings file of the working folder, which is the test's own."""
    Path("trailhouse.toml").write_text(text)


def test_without_a_file_the_defaults_hold() -> None:
    found = load_settings()

    assert (found.lake_url, found.source) == (".trailhouse/data", ())


def test_arguments_win_over_variables_and_variables_over_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write('lake_url = "file"\nthreads = 3\nmemory_limit_mb = 512')
    monkeypatch.setenv("TRAILHOUSE_LAKE_URL", "variable")
    monkeypatch.setenv("TRAILHOUSE_THREADS", "5")

    found = load_settings(lake_url="argument")

    assert (found.lake_url, found.threads, found.memory_limit_mb) == ("argument", 5, 512)


def test_the_variable_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "other.toml"
    path.write_text('lake_url = "s3://bucket/lake"')
    monkeypatch.setenv("TRAILHOUSE_CONFIG", str(path))

    assert load_settings().lake_url == "s3://bucket/lake"


def test_sources_are_read_in_order() -> None:
    write('[[source]]\nname="b"\nurl="/b"\n[[source]]\nname="a"\nurl="/a"\ncopy_to_landing=true')

    found = load_settings().source

    assert [(s.name, s.url, s.copy_to_landing) for s in found] == [
        ("b", "/b", False),
        ("a", "/a", True),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("lake_ulr = 'x'", ["lake_ulr", "unknown", "lake_url"], id="misspelt"),
        pytest.param("threads = 0", ["threads", "greater than or equal to 1", "0"], id="too few"),
        pytest.param("threads = 'many'", ["threads", "integer", "many"], id="not a number"),
        pytest.param("memory_limit_mb = 1", ["memory_limit_mb", "256"], id="too little memory"),
        pytest.param("lake_url = ", ["not valid TOML"], id="not TOML"),
        pytest.param("source = 'x'", ["source", "x"], id="source is text"),
        pytest.param("[[source]]\nname='A B'\nurl='x'", ["source.0.name", "A B"], id="bad name"),
        pytest.param("[[source]]\nname='a'", ["source.0.url", "required"], id="no url"),
        pytest.param("[[source]]\nname='a'\nurl=''", ["source.0.url"], id="empty url"),
        pytest.param(
            "[[source]]\nname='a'\nurl='x'\ncopy=true", ["source.0.copy", "unknown"], id="extra"
        ),
        pytest.param("[archive]\nulr='x'", ["archive.ulr", "unknown", "signing_key"], id="archive"),
        pytest.param(
            "[archive]\nobject_lock='legal'",
            ["archive.object_lock", "governance", "legal"],
            id="lock",
        ),
        pytest.param(
            "[archive]\nobject_lock='governance'",
            ["archive", "object_lock needs [[archive.retention]]"],
            id="lock without an end",
        ),
        pytest.param(
            "[archive]\nanchor_email=['a@b']", ["anchor_email needs smtp_host"], id="no mail server"
        ),
        pytest.param(
            "[archive]\ntrusted_keys=['ab12']", ["archive.trusted_keys.0", "pattern"], id="key id"
        ),
        pytest.param(
            "[[archive.retention]]\nyears=0", ["archive.retention.0.years", "0"], id="no years"
        ),
        pytest.param(
            "[[archive.retention]]\ntables='x'",
            ["archive.retention.0.tables", "environment, table, years"],
            id="retention",
        ),
        pytest.param(
            "[[source]]\nname='a'\nurl='x'\n[[source]]\nname='a'\nurl='y'",
            ["two sources are named 'a'"],
            id="named twice",
        ),
    ],
)
def test_a_wrong_file_is_refused_by_name(text: str, told: list[str]) -> None:
    write(text)

    with pytest.raises(ConfigurationError) as refused:
        load_settings()

    assert all(part in str(refused.value) for part in [*told, "trailhouse.toml"])


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TRAILHOUSE_LAKE_ULR", "x", "TRAILHOUSE_LAKE_ULR is not a setting"),
        ("TRAILHOUSE_THREADS", "many", "variable TRAILHOUSE_THREADS"),
        ("TRAILHOUSE_CONFIG", "nowhere.toml", "TRAILHOUSE_CONFIG names nowhere.toml"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=told):
        load_settings()


def test_sources_may_come_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAILHOUSE_SOURCE", '[{"name": "a", "url": "/a"}]')

    assert [source.name for source in load_settings().source] == ["a"]


def test_sources_in_a_variable_that_are_not_json_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRAILHOUSE_SOURCE", "name=a")

    with pytest.raises(ConfigurationError, match="TRAILHOUSE_SOURCE"):
        load_settings()


def test_a_secret_is_never_shown() -> None:
    found = load_settings(s3_access_key_id="id", s3_secret_access_key="hunter2")

    assert "hunter2" not in f"{found!r} {found.shown()} {found} {resolve_s3(found)!r}"
    assert resolve_s3(found).secret_access_key == "hunter2"


def test_a_wrong_secret_is_not_repeated_in_the_error() -> None:
    write("s3_secret_access_key = ['hunter2']\ns3_secret = 'hunter2'")

    with pytest.raises(ConfigurationError) as refused:
        load_settings()

    assert "hunter2" not in str(refused.value)


def test_no_credentials_is_a_clear_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    with pytest.raises(ConfigurationError, match="AWS_ACCESS_KEY_ID"):
        resolve_s3(load_settings())


@pytest.mark.parametrize("url", ["s3://", "gs://bucket", "http://host/x"])
def test_urls_that_no_lake_can_have_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="bucket"):
        absolute(url)


def test_urls_are_made_absolute() -> None:
    assert absolute("s3://bucket/prefix/") == "s3://bucket/prefix"
    assert absolute("file:///a/b") == "/a/b"
    assert absolute("a/") == str(Path.cwd() / "a")
    assert is_s3("s3://b")
    assert not is_s3("/s3://b")


def test_settings_cannot_be_changed() -> None:
    found: Settings = load_settings()

    with pytest.raises(ValueError, match="frozen"):
        found.threads = 7


def test_the_archive_is_set_by_table_and_variable_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(
        '[archive]\nurl = "/file"\nsigning_key = "file:seal.pem"\n'
        '[[archive.retention]]\nenvironment = "prod"\nyears = 10'
    )
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__URL", "/variable")
    monkeypatch.setenv("TRAILHOUSE_ARCHIVE__ANCHOR_URLS", '["/a", "/b"]')

    found = load_settings().archive

    assert (found.url, found.signing_key) == ("/variable", "file:seal.pem")
    assert found.anchor_urls == ("/a", "/b")
    assert [(r.table, r.environment, r.years) for r in found.retention] == [("*", "prod", 10)]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("TRAILHOUSE_ARCHIVE", "{", "TRAILHOUSE_ARCHIVE, or a list"),
        ("TRAILHOUSE_ARCHIVE__ANCHOR_URLS", "/a", "TRAILHOUSE_ARCHIVE__…: not valid JSON"),
        ("TRAILHOUSE_ARCHIVE__SMTP_PORT", "x", "TRAILHOUSE_ARCHIVE__SMTP_PORT: setting"),
        ("TRAILHOUSE_ARCHIVE__ULR", "/a", "TRAILHOUSE_ARCHIVE__ULR is not a setting"),
    ],
)
def test_a_wrong_variable_of_the_archive_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError, match=told):
        load_settings()


@pytest.mark.parametrize("variable", ["TRAILHOUSE_ARCHIVE__SIGNING_KEY", "TRAILHOUSE_ARCHIVE"])
def test_a_key_written_instead_of_a_reference_is_refused_and_not_told(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    key = "-----BEGIN PRIVATE KEY----- MC4CAQAw"
    monkeypatch.setenv(variable, f'{{"signing_key": "{key}"}}' if variable[-1] == "E" else key)

    with pytest.raises(ConfigurationError, match=r"signing_key.*file:PATH") as refused:
        load_settings()

    assert "MC4CAQAw" not in str(refused.value)


def test_the_password_of_the_mail_server_is_masked() -> None:
    shown = load_settings(archive={"smtp_password": "hidden"}).shown()

    assert shown["archive"]["smtp_password"] == "**********"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('s3_endpoint_url = "https://user:not-told@host"', id="endpoint"),
        pytest.param('lake_url = "s3://KEY:not-told@bucket/lake"', id="lake"),
        pytest.param('[[source]]\nname = "a"\nurl = "s3://KEY:not-told@bucket"', id="source"),
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(text: str) -> None:
    write(text)

    with pytest.raises(ConfigurationError, match="user name or password") as refused:
        load_settings()

    assert "not-told" not in str(refused.value)
