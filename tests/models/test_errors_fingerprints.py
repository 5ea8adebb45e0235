"""Fingerprints: what varies is taken out of a message, and what tells errors apart stays."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipelines.lake.schemas import TABLES
from pipelines.models import MODELS

Fingerprint = tuple[str, str | None]
Fingerprints = Callable[..., list[Fingerprint]]


@pytest.fixture(scope="module")
def fingerprints() -> Fingerprints:
    """Fingerprint messages of failed jobs: id and text, in the order of the messages."""
    connection = duckdb.connect(config={"threads": 1})
    kinds = {"string": "varchar", "int64": "bigint", "bool": "boolean", "double": "double"}
    kinds |= {"date32[day]": "date", "timestamp[us, tz=UTC]": "timestamptz"}
    columns = ", ".join(
        f"{name} {kinds.get(str(kind), 'varchar')}" for name, kind, _ in TABLES["jobs"].columns
    )
    connection.execute(f"create table jobs ({columns})")
    for name in ("stg_jobs", "int_error_jobs"):
        connection.execute(f"create view {name} as {MODELS[name].sql}")

    def run(
        *messages: str | None, inner: Sequence[str | None] = (), **same: str | None
    ) -> list[Fingerprint]:
        connection.execute("delete from jobs")
        for number, message in enumerate(messages):
            row = {"event_id": f"{number:03d}", "outcome": "failed", "error_message": message}
            row["error_inner_message"] = inner[number] if inner else None
            row |= same
            names, values = ", ".join(row), ", ".join("?" * len(row))
            connection.execute(f"insert into jobs ({names}) values ({values})", [*row.values()])
        return connection.execute(
            "select fingerprint_id, error_text from int_error_jobs order by event_id"
        ).fetchall()

    return run


SAME = {
    "order numbers": ("No dock free for order SO-728920", "No dock free for order SO-1"),
    "numbers of any length": ("Customer 7 unknown", "Customer 4247330001 unknown"),
    "signs, decimals and exponents": ("Balance 12 is low", "Balance -1,204.50e3 is low"),
    "uuids": (
        "Record 6f1c2a90-0d3e-4f5a-9b7c-1a2b3c4d5e6f gone",
        "Record AAAAAAAA-BBBB-4CCC-8DDD-EEEEEEEEEEEE gone",
    ),
    "job ids": ("Called job j-BQ7hTzKp-w2LmXa failed", "Called job j-AAbbCCdd-eeFFgg failed"),
    "ids of Salesforce": ("Row 0015f00000AbCdEAAB locked", "Row 0065g11111QrStUAAV locked"),
    "hexadecimal": ("Trace deadbeefcafe at 0x1f", "Trace 1234567890ab at 0xffee01"),
    "letters between digits": ("Token 9s6XKzkNRiz8 expired", "Token 1a2 expired"),
    "ids after an underscore": (
        "No such customer cus_9s6XKzkNRiz8i3",
        "No such customer cus_4fT0aQ1bb2",
    ),
    "e-mail addresses": (
        "User mira@globex.example not found",
        "User jörg.o'dowd+x@mail.co.example not found",
    ),
    "times": (
        "Late since 2026-02-03T09:15:27.412Z here",
        "Late since 2025-12-31 23:59:59 +0530 here",
    ),
    "dates": ("Closed on Tue, 03 Feb 2026 already", "Closed on 31 December 2025 already"),
    "days with slashes": ("Due 02/03/2026 passed", "Due 12/31/25 passed"),
    "quoted values": (
        'Customer "Alder & Finch Ltd" unknown',
        'Customer "Highline Cycles 2" unknown',
    ),
    "values in apostrophes": ("Can't find 'Order 7 A' here", "Can't find 'Quote 81 B' here"),
    "values of a key": (
        "Key (name)=(Alder Ltd) already exists.",
        "Key (name)=(Bluewater) already exists.",
    ),
    "queries of URLs": (
        "GET https://api.example/v1/orders/81?token=abc&x=1 failed",
        "GET https://api.example/v1/orders/7?token=z9&y=%20 failed",
    ),
    "IP addresses": ("No route to 10.0.0.12:5432 now", "No route to 192.0.2.1 now"),
    "IPv6 addresses": ("No route to 2001:db8::1 now", "No route to fe80::1:ffee now"),
    "lists of ids": ("Rows 1, 2, 3 are bad", "Rows 88 are bad"),
    "white space": ("Bad\n  row\t7", "Bad row 8"),
    "values of JSON": ('{"id": 12, "message": "locked"}', '{"id": 9, "message":"locked"}'),
    "what lies far behind": (f"Bad page {'x' * 600} a", f"Bad page {'x' * 600} b"),
}


@pytest.mark.parametrize("case", SAME)
def test_messages_that_differ_in_what_varies_share_a_fingerprint(
    fingerprints: Fingerprints, case: str
) -> None:
    first, second = fingerprints(*SAME[case])

    assert first == second


DIFFERENT = {
    "words": ("Customer must be present", "Vendor must be present"),
    "prefixes of ids": ("No dock for SO-728920", "No dock for PO-728920"),
    "HTTP statuses": ("Request failed with status 404", "Request failed with status 500"),
    "HTTP statuses in JSON": ('Bad answer: {"code": 409}', 'Bad answer: {"code": 422}'),
    "HTTP statuses first": ("404 Error", "503 Error"),
    "HTTP statuses of a version": ("HTTP/1.1 502", "HTTP/1.1 504"),
    "codes of vendors": ("Database said ORA-00942", "Database said ORA-01017"),
    "SQL states": ("failed (SQLSTATE[23505])", "failed (SQLSTATE[42P01])"),
    "quoted fields": ("'email' is required", "'name' is required"),
    "quoted fields of two words": (
        'Field "Customer Name" is required',
        'Field "Invoice Date" is required',
    ),
    "numbered fields": (
        "Field customfield_10041 cannot be set",
        "Field customfield_10052 cannot be set",
    ),
    "hosts": ("No answer from https://a.example/x", "No answer from https://b.example/x"),
    "paths": ("GET https://a.example/orders/1", "GET https://a.example/quotes/1"),
    "messages in JSON": ('{"message": "Bad customer"}', '{"message": "Bad vendor"}'),
    "names after a quoted field": ('"name" of Acme is bad', '"name" of Globex is bad'),
    "names with a digit": ("OAuth1 is refused", "OAuth2 is refused"),
    "nothing": (None, "Customer must be present"),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_messages_of_different_errors_have_different_fingerprints(
    fingerprints: Fingerprints, case: str
) -> None:
    (first, one), (second, other) = fingerprints(*DIFFERENT[case])

    assert first != second
    assert one != other


def test_the_message_behind_tells_errors_apart(fingerprints: Fingerprints) -> None:
    inner = ["Scope is missing", "Login exists", "E1107", "E2206", None, "Row 7", "Row 8"]

    found = fingerprints(*["Bad request"] * 7, inner=inner)

    assert [text for _, text in found] == [
        "Bad request | Scope is missing",
        "Bad request | Login exists",
        "Bad request | E<n> [E1107]",
        "Bad request | E<n> [E2206]",
        "Bad request",
        "Bad request | Row <n>",
        "Bad request | Row <n>",
    ]
    assert len({identity for identity, _ in found}) == 6


@pytest.mark.parametrize("column", ["error_type", "error_adapter", "error_operation"])
def test_type_connector_and_operation_tell_errors_apart(
    fingerprints: Fingerprints, column: str
) -> None:
    ((first, text),) = fingerprints("Timed out", **{column: "one"})
    ((second, same),) = fingerprints("Timed out", **{column: "two"})

    assert text == same
    assert first != second


def test_an_error_without_a_message_has_a_fingerprint_and_no_text(
    fingerprints: Fingerprints,
) -> None:
    ((identity, text),) = fingerprints(None)

    assert len(identity) == 16
    assert text is None


HEX = "0123456789abcdef"
NUMBERS = st.integers(0, 10**12).map(str) | st.decimals(
    0, 10**6, places=2, allow_nan=False, allow_infinity=False
).map(str)
IDS = st.integers(0, 10**12).map("SO-{}".format)
TOKENS = st.text(HEX, min_size=16, max_size=40)
UUIDS = st.uuids().map(str)
EMAILS = st.builds(
    "{}{}@{}.example".format,
    st.sampled_from(string.ascii_letters),
    st.text(string.ascii_letters + string.digits + "._+-", max_size=20),
    st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12),
)
TIMES = st.datetimes().map(
    lambda at: f"{at.year:04d}-{at.month:02d}-{at.day:02d}T{at.hour:02d}:{at.minute:02d}:00Z"
)
KINDS = {
    "number": NUMBERS,
    "order": IDS,
    "token": TOKENS,
    "uuid": UUIDS,
    "email": EMAILS,
    "time": TIMES,
}
WORDS = st.sampled_from(
    "Customer must be present; locked, by user: for record (in use) = can't sync [batch] of".split()
)
PIECE = WORDS | st.sampled_from(sorted(KINDS)).map(lambda kind: "{" + kind + "}")


@st.composite
def twice(draw: st.DrawFn) -> tuple[str, str]:
    """One message with two fillings of its ids, numbers, UUIDs, e-mail addresses and times.

    It begins with a word: a number in front of a message may be an HTTP status, which stays.
    """
    pieces = draw(st.lists(PIECE, min_size=1, max_size=12))

    def filled() -> str:
        return "Failed: " + " ".join(
            draw(KINDS[piece[1:-1]]) if piece.startswith("{") else piece for piece in pieces
        )

    return filled(), filled()


@given(pair=twice())
@example(pair=("record 99", "record 100"))
@example(pair=("record 9999999", "record 10000000"))
@example(pair=("Customer 1", "Customer 0.00"))
@example(  # begins like a number with an exponent
    pair=("25052e32-7a7f-0511-96f7-c9dce0bbfbf6", "e8ea0acd-51e8-b34b-5dde-b09001a0c305")
)
def test_a_fingerprint_does_not_depend_on_what_varies(
    fingerprints: Fingerprints, pair: tuple[str, str]
) -> None:
    first, second = fingerprints(*pair)

    assert first == second


LETTERS = st.text(string.ascii_letters, min_size=1, max_size=7)


@given(words=st.lists(LETTERS, min_size=1, max_size=8), place=st.integers(0, 7), other=LETTERS)
def test_another_word_is_another_fingerprint(
    fingerprints: Fingerprints, words: list[str], place: int, other: str
) -> None:
    changed = [other if at == place % len(words) else word for at, word in enumerate(words)]

    first, second = fingerprints(" ".join(words), " ".join(changed))

    assert (first == second) == (words == changed)


@given(message=st.text(max_size=200))
def test_no_message_breaks_the_build(fingerprints: Fingerprints, message: str) -> None:
    first, second = fingerprints(message.replace("\0", ""), message.replace("\0", ""))

    assert first == second
