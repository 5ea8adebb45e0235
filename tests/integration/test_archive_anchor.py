"""Anchors: witnesses out of the writer's reach know the newest entry, so a cut tail is seen."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from lakes import Place, folder_place
from s3_server import S3Server
from sealing import NOW, entries_of, fill, lake_with_key, seal_all, signer_of
from witnesses import Mails, TimeStamps, mail_receiver, openssl, time_stamps

from pipelines.archive.anchor import Anchored, anchor
from pipelines.archive.place import open_archive_place, open_place
from pipelines.archive.trust import anchors_at
from pipelines.archive.verify import verify
from pipelines.errors import ConfigurationError, TrailhouseError
from pipelines.lake.tables import Lake

OFFICE = "compliance@larkfield.example"


def sealed_lake(folder: Path, **archive: Any) -> Lake:
    place = folder_place(folder)
    lake = lake_with_key(place, folder, archive=archive)
    fill(place, lake)
    seal_all(lake)
    return lake


def anchor_all(lake: Lake) -> list[Anchored]:
    return list(anchor(lake, clock=lambda: NOW, signer=signer_of(lake), by="test"))


@pytest.fixture
def mails() -> Iterator[Mails]:
    with mail_receiver() as received:
        yield received


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[TimeStamps]:
    with time_stamps(tmp_path / "authority") as stamps:
        yield stamps


def mailed(port: int) -> dict[str, Any]:
    return {
        "anchor_email": [OFFICE],
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
        "smtp_from": "trailhouse@larkfield.example",
    }


def test_another_bucket_gets_the_newest_entry_as_it_is(s3: S3Server, tmp_path: Path) -> None:
    url = f"s3://{s3.make_bucket()}/witness"
    lake = sealed_lake(tmp_path, anchor_urls=[url])
    newest = entries_of(lake)[-1]

    (told,) = anchor_all(lake)

    copies = open_place(url, lake.storage)
    assert dict(copies.list()) == {f"log/{newest.index:08d}.json": len(newest.content)}
    assert copies.get(f"log/{newest.index:08d}.json") == newest.content
    assert told == Anchored(url, newest.index, newest.digest, newest.index + 1)


def test_an_anchor_is_an_entry_that_names_its_witness(tmp_path: Path) -> None:
    lake = sealed_lake(tmp_path, anchor_urls=[str(tmp_path / "witness")])
    newest = entries_of(lake)[-1]

    anchor_all(lake)

    body = entries_of(lake)[-1].body
    assert (body["kind"], body["entry"], body["digest"]) == ("anchor", newest.index, newest.digest)
    assert body["where"] == str(tmp_path / "witness")


def test_a_witness_that_knows_the_newest_entry_is_left_alone(place: Place, tmp_path: Path) -> None:
    lake = lake_with_key(place, tmp_path, archive={"anchor_urls": [f"{place.url}/witness"]})
    fill(place, lake)
    seal_all(lake)
    anchor_all(lake)
    before = [entry.digest for entry in entries_of(lake)]

    assert anchor_all(lake) == []

    assert [entry.digest for entry in entries_of(lake)] == before


def test_a_witness_that_keeps_another_entry_is_not_overwritten(tmp_path: Path) -> None:
    lake = sealed_lake(tmp_path, anchor_urls=[str(tmp_path / "witness")])
    newest = entries_of(lake)[-1]
    kept = tmp_path / "witness" / "log" / f"{newest.index:08d}.json"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"what the log said before it was written anew")

    with pytest.raises(TrailhouseError, match="holds another entry than the archive's log"):
        anchor_all(lake)

    assert kept.read_bytes() == b"what the log said before it was written anew"
    assert entries_of(lake)[-1].digest == newest.digest


def test_compliance_gets_a_mail_with_number_digest_and_the_entry(
    tmp_path: Path, mails: Mails
) -> None:
    lake = sealed_lake(tmp_path, **mailed(mails.port))
    newest = entries_of(lake)[-1]

    (told,) = anchor_all(lake)

    (message,) = mails.received
    (attached,) = message.iter_attachments()
    body = message.get_body()
    assert body is not None
    assert newest.digest in body.get_content()
    assert message["Subject"] == f"Archive checkpoint: entry {newest.index}"
    assert attached.get_filename() == f"{newest.index:08d}.json"
    assert sha256(attached.get_content()).hexdigest() == newest.digest
    assert mails.recipients == [OFFICE]
    assert told.where == f"mailto:{OFFICE}"


def test_a_mail_server_without_encryption_gets_neither_mail_nor_password(
    tmp_path: Path, mails: Mails
) -> None:
    given = mailed(mails.port) | {"smtp_security": "starttls", "smtp_user": "trailhouse"}
    lake = sealed_lake(tmp_path, **given, smtp_password="not-to-be-told")

    with pytest.raises(TrailhouseError, match=r"did not take the message") as refused:
        anchor_all(lake)

    assert mails.received == []
    assert "not-to-be-told" not in str(refused.value)


def test_a_time_stamp_is_kept_in_the_log_and_openssl_verifies_it(
    tmp_path: Path, authority: TimeStamps
) -> None:
    lake = sealed_lake(tmp_path, timestamp_url=authority.url)
    newest = entries_of(lake)[-1]

    anchor_all(lake)

    stamp, entry = tmp_path / "stamp.tsr", tmp_path / "entry.json"
    stamp.write_bytes(b64decode(entries_of(lake)[-1].body["token"]))
    entry.write_bytes(newest.content)
    openssl(
        *("ts", "-verify", "-in", stamp, "-data", entry),
        *("-CAfile", authority.certificate, "-untrusted", authority.certificate),
    )
    assert b"Hash Algorithm: sha256" in openssl("ts", "-reply", "-in", stamp, "-text")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(b"<html>moved</html>", "no time stamp", id="not an answer"),
        pytest.param(bytes.fromhex("30053003020102"), "refused, with status 2", id="refused"),
        pytest.param(b"", "no time stamp", id="empty"),
    ],
)
def test_what_is_no_stamp_is_not_recorded(
    tmp_path: Path, authority: TimeStamps, answer: bytes, message: str
) -> None:
    lake = sealed_lake(tmp_path, timestamp_url=authority.url)
    before = len(entries_of(lake))
    authority.answer = answer

    with pytest.raises(TrailhouseError, match=message):
        anchor_all(lake)

    assert len(entries_of(lake)) == before


def test_a_stamp_on_another_digest_is_refused(tmp_path: Path, authority: TimeStamps) -> None:
    lake = sealed_lake(tmp_path, timestamp_url=authority.url)
    anchor_all(lake)
    authority.answer = b64decode(entries_of(lake)[-1].body["token"])
    seal_all(lake, now=NOW.replace(day=15))

    with pytest.raises(TrailhouseError, match="another digest than the one sent"):
        anchor_all(lake)


def test_a_witness_that_cannot_be_told_does_not_keep_the_others_from_it(
    tmp_path: Path, mails: Mails
) -> None:
    witness = str(tmp_path / "witness")
    lake = sealed_lake(
        tmp_path,
        **mailed(mails.port),
        anchor_urls=[witness],
        timestamp_url="http://127.0.0.1:9/",
    )

    with pytest.raises(TrailhouseError, match=r"archive\.timestamp_url http://127\.0\.0\.1:9/"):
        anchor_all(lake)

    told = [entry.body["where"] for entry in entries_of(lake) if entry.kind == "anchor"]
    assert told == [witness, f"mailto:{OFFICE}"]


def test_without_witnesses_anchoring_says_what_to_set(tmp_path: Path) -> None:
    lake = sealed_lake(tmp_path)

    with pytest.raises(TrailhouseError, match=r"set archive\.anchor_urls"):
        anchor_all(lake)


def test_a_stamp_that_was_taken_away_shows_that_the_newest_entries_were_cut_off(
    tmp_path: Path, authority: TimeStamps, mails: Mails
) -> None:
    witness = tmp_path / "witness"
    given = mailed(mails.port) | {"anchor_urls": [str(witness)], "timestamp_url": authority.url}
    lake = sealed_lake(tmp_path, **given)
    newest = entries_of(lake)[-1]
    anchor_all(lake)
    stamp = witness / "log" / f"{newest.index:08d}.tsr"
    asked = [f"{newest.index}:{stamp}", str(witness)]
    archive, trusted = open_archive_place(lake), {signer_of(lake).public.key_id}

    kept = [anchors_at(one, None) for one in asked]
    sound = verify(archive, trusted=trusted, anchors=kept[0])
    for index in range(newest.index, len(entries_of(lake))):
        archive.delete(f"log/{index:08d}.json")
    (witness / "log" / f"{newest.index:08d}.json").unlink()

    cut = [verify(archive, trusted=trusted, anchors=anchors_at(one, None)) for one in asked]

    assert sound.clean
    assert [anchor.digest for one in kept for anchor in one] == [newest.digest] * 3
    for one in cut:
        assert "truncated_tail" in {finding.name for finding in one.findings}
    openssl(
        *("ts", "-verify", "-in", stamp, "-digest", newest.digest),
        *("-CAfile", authority.certificate, "-untrusted", authority.certificate),
    )
    attached = {
        one.get_filename(): one.get_content() for one in mails.received[0].iter_attachments()
    }
    assert attached[stamp.name] == stamp.read_bytes()


def test_what_is_no_stamp_is_no_anchor(tmp_path: Path) -> None:
    path = tmp_path / "00000004.tsr"
    path.write_bytes(b"<html>moved</html>")

    with pytest.raises(ConfigurationError, match=r"00000004\.tsr: no time stamp"):
        anchors_at(f"4:{path}", None)
