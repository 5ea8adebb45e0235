"""Witnesses: who keeps an entry of the log out of its writer's reach."""

from __future__ import annotations

import smtplib
import ssl
from base64 import b64encode
from dataclasses import dataclass
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.archive.timestamp import stamp as request_stamp
from pipelines.errors import TrailhouseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelines.archive.log import Entry
    from pipelines.archive.place import Place
    from pipelines.archive.settings import ArchiveSettings

TIMEOUT = 30
"""Seconds to wait for the mail server."""


class Witness(Protocol):
    """Somebody who is told of an entry, and keeps it."""

    @property
    def where(self) -> str:
        """Who it is, as the log names it."""

    def tell(self, entry: Entry, stamp: bytes | None) -> dict[str, Any]:
        """Have the entry kept; returns what the log is to remember of it.

        Args:
            entry: The entry.
            stamp: The time stamp on it, where an authority was told before.

        Raises:
            TrailhouseError: It could not be; the message says what to mend.
        """


@dataclass(frozen=True, slots=True)
class OtherPlace:
    """Another folder or bucket, best of another account: a copy of the entry, and its stamp."""

    place: Place

    @property
    def where(self) -> str:
        """The URL."""
        return self.place.url

    def tell(self, entry: Entry, stamp: bytes | None) -> dict[str, Any]:
        """Put the entry, under the name that it has in the archive, and the stamp beside it."""
        path = f"log/{entry.index:08d}.json"
        if not self.place.put_new(path, entry.content) and self.place.get(path) != entry.content:
            raise TrailhouseError(
                f"{self.where}/{path} holds another entry than the archive's log; one of them was "
                "changed, or the place is the anchor of another archive. "
                "`trailhouse archive verify` says more"
            )
        if stamp:
            self.place.put_new(f"log/{entry.index:08d}.tsr", stamp)
        return {}


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An e-mail address: the number and digest of the entry, the entry itself, and its stamp."""

    address: str
    archive_url: str
    settings: ArchiveSettings

    @property
    def where(self) -> str:
        """The address, as a URL."""
        return f"mailto:{self.address}"

    def tell(self, entry: Entry, stamp: bytes | None) -> dict[str, Any]:
        """Send the entry; a mail server that takes it answers for it."""
        settings = self.settings
        try:
            with self._connect() as server:
                if settings.smtp_user and settings.smtp_password:
                    server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
                server.send_message(self._message(entry, stamp))
        except (OSError, smtplib.SMTPException) as error:
            raise TrailhouseError(
                f"archive.anchor_email {self.address}: {settings.smtp_host}:{settings.smtp_port} "
                f"did not take the message: {type(error).__name__}; see archive.smtp_host and "
                "the settings after it, then run `trailhouse archive anchor` again"
            ) from error
        return {}

    def _connect(self) -> smtplib.SMTP:
        settings, context = self.settings, ssl.create_default_context()
        host, port = settings.smtp_host or "", settings.smtp_port
        if settings.smtp_security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT, context=context)
        server = smtplib.SMTP(host, port, timeout=TIMEOUT)
        if settings.smtp_security == "starttls":
            server.starttls(context=context)
        return server

    def _message(self, entry: Entry, stamp: bytes | None) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = f"Archive checkpoint: entry {entry.index}"
        message["From"] = self.settings.smtp_from or self.settings.anchor_email[0]
        message["To"] = self.address
        # the same entry has the same id, so that a second copy of it is recognised
        message["Message-ID"] = f"<{entry.digest}@trailhouse>"
        message.set_content(
            "Keep this message. It is a witness of the archive\n"
            f"{self.archive_url}\n\n"
            f"entry   {entry.index}\n"
            f"digest  {entry.digest}\n"
            f"at      {entry.body['recorded_at']}\n\n"
            "The digest is the SHA-256 of the attached file, which is log/"
            f"{entry.index:08d}.json of the archive. If the archive no longer holds that entry, or "
            "another one, it was cut short or written anew.\n"
            + (f"\n{entry.index:08d}.tsr is a time stamp on it (RFC 3161).\n" if stamp else "")
        )
        attached = {"json": entry.content} | ({"tsr": stamp} if stamp else {})
        for ending, content in attached.items():
            message.add_attachment(
                content,
                maintype="application",
                subtype="octet-stream",
                filename=f"{entry.index:08d}.{ending}",
            )
        return message


@dataclass(frozen=True, slots=True)
class Authority:
    """An RFC 3161 authority: it signs the digest of the entry, together with the time."""

    url: str

    @property
    def where(self) -> str:
        """The URL."""
        return self.url

    def tell(self, entry: Entry, stamp: bytes | None) -> dict[str, Any]:
        """Have the digest stamped; the log keeps the stamp."""
        return {"token": b64encode(request_stamp(self.url, bytes.fromhex(entry.digest))).decode()}


def of_settings(
    settings: ArchiveSettings, archive_url: str, places: list[Place]
) -> Iterator[Witness]:
    """The witnesses that the settings name; `places` are those of `anchor_urls`, opened.

    The authority is the first: a stamp that the log alone has is cut off with the log's end, so
    the others get it.
    """
    if settings.timestamp_url:
        yield Authority(settings.timestamp_url)
    for place in places:
        yield OtherPlace(place)
    for address in settings.anchor_email:
        yield Mailbox(address, archive_url, settings)
