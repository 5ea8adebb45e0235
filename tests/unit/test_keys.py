"""Keys: openssl accepts our signatures, a wrong reference is refused, nothing private is shown."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from pipelines.archive.keys import (
    CommandSigner,
    PublicKey,
    make_key,
    open_signer,
    parse_public_key,
    signer_from_file,
)
from pipelines.errors import ConfigurationError
from pipelines.settings import Settings, load_settings

# RFC 8032, section 7.1, test 3
RFC_SECRET = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"
RFC_PUBLIC = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
RFC_SIGNATURE = (
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)
PKCS8 = bytes.fromhex("302e020100300506032b657004220420")
"""What stands before the 32 bytes of an Ed25519 private key (RFC 8410)."""


def openssl(*arguments: str | Path) -> bytes:
    """What a command of openssl prints."""
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def signing(**archive: object) -> Settings:
    """Settings whose archive is signed so."""
    return load_settings(archive=archive)


def program(folder: Path, body: str) -> str:
    """A reference to a signer of one's own: a Python program."""
    path = folder / "signer.py"
    path.write_text(body)
    return f"command:{shlex.quote(sys.executable)} {shlex.quote(str(path))}"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """A private key in a file, with its public half beside it."""
    path = tmp_path / "key.pem"
    (tmp_path / "key.pub.pem").write_text(make_key(path).pem)
    return path


def test_a_signature_is_that_of_the_rfc(tmp_path: Path) -> None:
    der = tmp_path / "key.der"
    der.write_bytes(PKCS8 + bytes.fromhex(RFC_SECRET))
    path = tmp_path / "key.pem"
    path.touch(mode=0o600)
    openssl("pkey", "-inform", "DER", "-in", der, "-out", path)

    signer = signer_from_file(path)

    assert signer.sign(bytes.fromhex("af82")).hex() == RFC_SIGNATURE
    assert signer.public.key_id == sha256(bytes.fromhex(RFC_PUBLIC)).hexdigest()


def test_openssl_accepts_what_we_sign(key: Path, tmp_path: Path) -> None:
    signature, data = tmp_path / "signature", tmp_path / "data"
    data.write_bytes(b"a statement")

    signature.write_bytes(signer_from_file(key).sign(b"a statement"))

    public = tmp_path / "key.pub.pem"
    told = openssl(
        *("pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin"),
        *("-in", data, "-sigfile", signature),
    )
    assert told == b"Signature Verified Successfully\n"


def test_a_key_of_openssl_signs(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    openssl("genpkey", "-algorithm", "ed25519", "-out", path)
    path.chmod(0o600)

    signer = signer_from_file(path)

    assert signer.public.verify(signer.sign(b"x"), b"x")
    assert signer.public.pem == openssl("pkey", "-in", path, "-pubout").decode()


def test_a_key_id_is_what_openssl_and_sha256sum_find(key: Path) -> None:
    der = openssl("pkey", "-in", key, "-pubout", "-outform", "DER")

    assert signer_from_file(key).public.key_id == sha256(der[-32:]).hexdigest()


def test_a_public_key_accepts_neither_other_bytes_nor_another_signature(key: Path) -> None:
    signer = signer_from_file(key)
    signature = signer.sign(b"x")

    refused = [
        signer.public.verify(signature, b"y"),
        signer.public.verify(bytes(64), b"x"),
        signer.public.verify(signature[:-1], b"x"),
    ]

    assert refused == [False, False, False]


def test_a_key_is_made_for_its_owner_alone(key: Path) -> None:
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_key_is_never_overwritten(key: Path) -> None:
    before = key.read_bytes()

    with pytest.raises(ConfigurationError, match="never overwritten"):
        make_key(key)

    assert key.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o755])
def test_a_key_that_others_can_read_is_refused(key: Path, mode: int) -> None:
    key.chmod(mode)

    with pytest.raises(ConfigurationError, match=rf"mode {mode:04o}.*chmod 600"):
        open_signer(signing(signing_key=f"file:{key}"))


def test_a_key_that_even_its_owner_cannot_write_is_fine(key: Path) -> None:
    key.chmod(0o400)

    assert open_signer(signing(signing_key=f"file:{key}")).public.key_id


def test_a_key_may_be_in_a_variable(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALING_KEY", key.read_text())

    signer = open_signer(signing(signing_key="env:SEALING_KEY"))

    assert signer.public == signer_from_file(key).public


@pytest.mark.parametrize("encode", ["signature", "base64.b64encode(signature) + b'\\n'"])
def test_a_command_may_sign(key: Path, tmp_path: Path, encode: str) -> None:
    command = program(
        tmp_path,
        "import base64, sys\n"
        "from cryptography.hazmat.primitives.serialization import load_pem_private_key\n"
        f"key = load_pem_private_key(open({str(key)!r}, 'rb').read(), None)\n"
        "signature = key.sign(sys.stdin.buffer.read())\n"
        f"sys.stdout.buffer.write({encode})\n",
    )
    public = tmp_path / "key.pub.pem"
    signer = open_signer(signing(signing_key=command, signing_public_key=public))

    signature = signer.sign(b"a statement")

    assert signer_from_file(key).public.verify(signature, b"a statement")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        pytest.param("print('no')", "3 bytes that are no signature", id="too short"),
        pytest.param("print('A' * 86 + '==')", "no signature of key", id="of another key"),
        pytest.param("import sys; sys.exit('card is gone')", "code 1; run it by hand", id="fails"),
    ],
)
def test_a_command_that_does_not_sign_is_told(
    key: Path, tmp_path: Path, body: str, told: str
) -> None:
    public = tmp_path / "key.pub.pem"
    command = program(tmp_path, body)
    signer = open_signer(signing(signing_key=command, signing_public_key=public))

    with pytest.raises(ConfigurationError, match=f"(?s)archive.signing_key.*{told}"):
        signer.sign(b"a statement")


@pytest.mark.parametrize(
    ("archive", "told"),
    [
        pytest.param({}, "archive.signing_key is not set.*archive keygen", id="not set"),
        pytest.param(
            {"signing_key": "seal.pem"}, "signing_key.*no reference.*file:PATH", id="no scheme"
        ),
        pytest.param(
            {"signing_key": "vault:seal"}, "signing_key.*no reference.*command:", id="other scheme"
        ),
        pytest.param({"signing_key": "file:no.pem"}, "no.pem: No such file", id="no file"),
        pytest.param({"signing_key": "env:NO_KEY"}, "variable NO_KEY is not set", id="no variable"),
        pytest.param({"signing_key": "command:x"}, "signing_public_key is not set", id="no public"),
        pytest.param(
            {"signing_key": "command:x", "signing_public_key": "no.pem"},
            "signing_public_key: no.pem: No such file",
            id="no public file",
        ),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused_by_name(
    archive: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        open_signer(signing(**archive))


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("genpkey", "-algorithm", "ed448"), id="Ed448"),
        pytest.param(("genpkey", "-algorithm", "x25519"), id="X25519"),
        pytest.param(
            ("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:x"), id="encrypted"
        ),
    ],
)
def test_a_key_that_cannot_sign_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    path = tmp_path / "key.pem"
    openssl(*arguments, "-out", path)
    path.chmod(0o600)

    with pytest.raises(ConfigurationError, match=r"Ed25519 private key|is encrypted"):
        signer_from_file(path)


def test_nothing_private_is_in_an_error_or_a_text(
    key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = key.read_text()
    secret = pem.splitlines()[1]
    monkeypatch.setenv("SEALING_KEY", pem.replace("PRIVATE", "SECRET"))
    told = [repr(signer_from_file(key)), str(signing(signing_key=f"file:{key}"))]

    for reference in (pem, "env:SEALING_KEY"):
        with pytest.raises(ConfigurationError) as refused:
            open_signer(signing(signing_key=reference))
        told.append(f"{refused.value} {refused.value.__cause__} {refused.value.__context__}")

    assert not [text for text in told if secret in text or secret[-20:] in text]


@pytest.mark.parametrize(
    ("program", "told"),
    [
        pytest.param("sleep 5 4711", "gave no signature within 0.2 seconds", id="too slow"),
        pytest.param("no-such-program --pin 4711", "No such file or directory", id="no program"),
        pytest.param("sh -c 'echo --pin 4711 >&2; exit 3' 4711", "ended with code 3", id="fails"),
        pytest.param("echo 4711", "no signature of key", id="no signature"),
        pytest.param("sleep '4711", "no reference to a key", id="an open quote"),
    ],
)
def test_neither_arguments_nor_output_of_a_command_are_told(
    key: Path, tmp_path: Path, program: str, told: str
) -> None:
    archive = {"signing_key": f"command:{program}", "signing_public_key": tmp_path / "key.pub.pem"}
    configured = signing(**archive)

    def sign() -> None:
        signer = open_signer(configured)
        assert isinstance(signer, CommandSigner)
        assert "4711" not in repr(signer)
        replace(signer, seconds=0.2).sign(b"a statement")

    with pytest.raises(ConfigurationError, match=told) as refused:
        sign()

    assert "4711" not in f"{refused.value} {configured!r} {configured.shown()}"
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    assert configured.archive.signing_key == f"command:{program}"
    assert configured.shown()["archive"]["signing_key"].endswith(" **********")


def test_a_public_key_reads_its_own_pem(key: Path) -> None:
    public: PublicKey = signer_from_file(key).public

    assert parse_public_key(public.pem) == public


@pytest.mark.parametrize("pem", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_what_is_no_public_key_is_refused(pem: str) -> None:
    with pytest.raises(ValueError, match="public key"):
        parse_public_key(pem)


def test_a_private_key_is_no_public_key(key: Path) -> None:
    with pytest.raises(ValueError, match="no public key"):
        parse_public_key(key.read_text())
