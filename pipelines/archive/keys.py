"""Keys: Ed25519 public keys, and signers that are named by reference.

A private key is never shown, logged or returned; what leaves this module are signatures.
"""

from __future__ import annotations

import base64
import os
import shlex
import subprocess
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipelines.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from pipelines.settings import Settings

SIGNATURE_BYTES = 64
SIGN_SECONDS = 60
"""Longest wait for an external signer, which may be a card that somebody has to touch."""
ALLOWED = "file:PATH (mode 0600 or stricter), env:NAME (a PEM in a variable) or command:PROGRAM …"
HOW_TO_MAKE = "make one with `trailhouse archive keygen` or `openssl genpkey -algorithm ed25519`"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key and its id: the SHA-256 of its 32 bytes, in hex."""

    key_id: str
    pem: str

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether `signature` is this key's over `data` (RFC 8032)."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        key = load_pem_public_key(self.pem.encode())
        assert isinstance(key, Ed25519PublicKey)  # noqa: S101 - held by parse_public_key
        try:
            key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


class Signer(Protocol):
    """Whoever signs the archive's log, wherever the private key lies."""

    @property
    def public(self) -> PublicKey:
        """The public half of the key."""

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of the Ed25519 signature over `data`."""


@dataclass(frozen=True, slots=True)
class KeySigner:
    """Signs with a private key in memory."""

    public: PublicKey
    _key: Ed25519PrivateKey = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """The signature over `data`."""
        return self._key.sign(data)


@dataclass(frozen=True, slots=True)
class CommandSigner:
    """Asks a program to sign: the bytes on its input, the signature on its output.

    Its arguments may be secret, such as a card's PIN, and so may what it prints: neither is told.
    """

    public: PublicKey
    command: tuple[str, ...] = field(repr=False)
    seconds: float = SIGN_SECONDS

    def sign(self, data: bytes) -> bytes:
        """The signature over `data`, raw or as base64.

        Raises:
            ConfigurationError: The program failed, took longer than `seconds`, or gave something
                that the public key does not accept.
        """
        where = f"archive.signing_key: the command {self.command[0]!r}"
        try:
            done = subprocess.run(  # noqa: S603 - the operator names it, and no shell is between
                self.command, input=data, capture_output=True, timeout=self.seconds, check=False
            )
        except subprocess.TimeoutExpired:
            # from None: the cause has all arguments
            raise ConfigurationError(
                f"{where} gave no signature within {self.seconds:g} seconds"
            ) from None
        except OSError as error:
            raise ConfigurationError(f"{where} cannot be run: {error.strerror}") from None
        if done.returncode:
            raise ConfigurationError(
                f"{where} ended with code {done.returncode}; run it by hand, with anything on its "
                "standard input, to see what it says"
            )
        signature = _signature(done.stdout)
        if signature is None or not self.public.verify(signature, data):
            raise ConfigurationError(
                f"{where} gave {len(done.stdout)} bytes that are no signature of key "
                f"{self.public.key_id[:12]}…; it gets the bytes on standard input and must print "
                "64 raw bytes or their base64; archive.signing_public_key must name its public key"
            )
        return signature


def _signature(output: bytes) -> bytes | None:
    if len(output) == SIGNATURE_BYTES:
        return output
    try:
        found = base64.b64decode(output.strip(), validate=True)
    except ValueError:
        return None
    return found if len(found) == SIGNATURE_BYTES else None


def open_signer(settings: Settings) -> Signer:
    """The signer that `archive.signing_key` names.

    Raises:
        ConfigurationError: The setting is missing, or what it names is no usable key; the message
            never holds any part of it.
    """
    reference = settings.archive.signing_key
    if not reference:
        raise ConfigurationError(
            f"archive.signing_key is not set; the archive's log is signed. Allowed: {ALLOWED}. "
            f"To begin, {HOW_TO_MAKE}"
        )
    scheme, _, rest = reference.partition(":")
    if scheme == "file" and rest:
        return signer_from_file(Path(rest))
    if scheme == "env" and rest:
        return _parse_signer(_variable(rest), f"archive.signing_key: the variable {rest}")
    if scheme == "command" and (command := _words(rest)):
        return CommandSigner(_public_of(settings), command)
    # what was found is not told: it may be the key itself
    raise ConfigurationError(f"archive.signing_key is no reference to a key; allowed: {ALLOWED}")


def _words(command: str) -> tuple[str, ...]:
    """The program and its arguments; none where a quote is not closed."""
    try:
        return tuple(shlex.split(command))
    except ValueError:
        return ()


def signer_from_file(path: Path) -> Signer:
    """The signer of a private key in a file that nobody else can read.

    Raises:
        ConfigurationError: No such file, others may read it, or it holds no Ed25519 private key.
    """
    path = path.expanduser()
    try:
        mode, content = path.stat().st_mode & 0o777, path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"archive.signing_key: {path}: {error.strerror}; {HOW_TO_MAKE}"
        ) from error
    if mode & 0o077:
        raise ConfigurationError(
            f"archive.signing_key: {path} has mode {mode:04o}, so others can read it; "
            f"run `chmod 600 {path}`, and rotate the key if somebody may have read it"
        )
    return _parse_signer(content, f"archive.signing_key: {path}")


def _variable(name: str) -> bytes:
    if not (found := os.environ.get(name)):
        raise ConfigurationError(f"archive.signing_key: the variable {name} is not set or empty")
    return found.encode()


def _parse_signer(pem: bytes, where: str) -> Signer:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise ConfigurationError(
            f"{where}: the key is encrypted; name an unencrypted PEM, or a command that signs"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        # from None: the cause could quote the key
        raise ConfigurationError(f"{where}: no Ed25519 private key in PEM; {HOW_TO_MAKE}") from None
    return KeySigner(_public(key), key)


def _public_of(settings: Settings) -> PublicKey:
    path = settings.archive.signing_public_key
    if path is None:
        raise ConfigurationError(
            "archive.signing_public_key is not set; a command that signs needs it: the PEM file of "
            "the public key"
        )
    try:
        return parse_public_key(path.expanduser().read_text())
    except OSError as error:
        raise ConfigurationError(
            f"archive.signing_public_key: {path}: {error.strerror}; name the PEM file of the key"
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"archive.signing_public_key: {path}: {error}") from error


def parse_public_key(pem: str) -> PublicKey:
    """A public key from its PEM (`openssl pkey -pubout`).

    Raises:
        ValueError: The text is no Ed25519 public key in PEM.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("no Ed25519 public key; other kinds are not used here")
    return _public(key)


def _public(key: object) -> PublicKey:
    """The id and the PEM, always in the same bytes, of either half of a key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    assert isinstance(public, Ed25519PublicKey)  # noqa: S101 - the callers made sure
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return PublicKey(sha256(public.public_bytes_raw()).hexdigest(), pem.decode())


def make_key(path: Path) -> PublicKey:
    """Make a private key: PKCS#8 PEM, mode 0600, as `openssl genpkey -algorithm ed25519` does.

    Raises:
        ConfigurationError: The file exists or cannot be written; a key is never overwritten.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        raise ConfigurationError(
            f"{path} exists; a key is never overwritten, name another file"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    return _public(key)
