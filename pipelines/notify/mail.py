"""Mail: a letter goes to the admins of a sink by SMTP, as HTML and text in one message."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from pipelines.errors import ConfigurationError
from pipelines.notify.letter import Letter
from pipelines.notify.notice import NotToldError, PartlyToldError
from pipelines.notify.render import render_html, render_text
from pipelines.notify.settings import MailSettings
from pipelines.secrets import read_secret

TIMEOUT_SECONDS = 15
"""For each answer of the mail server: deliveries wait meanwhile."""


def send_mail(letter: Letter, admins: Sequence[str], settings: MailSettings) -> None:
    """Send a letter to all admins, in one message.

    Raises:
        NotToldError: The server did not take it for anybody.
        PartlyToldError: The server took it, but not for everybody.
        ConfigurationError: The password, or the file of authorities, cannot be read.
    """
    message = write_message(letter, admins, settings)
    password = read_secret(settings.smtp_password) if settings.smtp_password else None
    where = f"mail server {settings.smtp_host}:{settings.smtp_port}"
    try:
        server = _connect(settings)
        try:
            if settings.smtp_user and password:
                server.login(settings.smtp_user, password)
            refused = server.send_message(message)
            with suppress(OSError, smtplib.SMTPException):
                server.quit()  # it has the message; how it says goodbye does not matter
        finally:
            server.close()
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise NotToldError(
            f"{where} did not take the message for {', '.join(admins)}: {_said(error)}; see the "
            "settings in [mail]"
        ) from error
    if refused:
        answers = ", ".join(f"{to}: {code} {_text(text)}" for to, (code, text) in refused.items())
        raise PartlyToldError(f"{where} took the message, but not for {answers}")


def write_message(letter: Letter, admins: Sequence[str], settings: MailSettings) -> EmailMessage:
    """The message: the same letter has the same id, and letters on one failure are one thread."""
    message = EmailMessage(policy=SMTP)
    host = settings.smtp_from.rpartition("@")[2]
    message["Subject"] = letter.subject
    message["From"] = Address("Trailhouse", addr_spec=settings.smtp_from)
    message["To"] = [Address(addr_spec=admin) for admin in admins]
    message["Date"] = format_datetime(letter.written_at)
    message["Message-ID"] = f"<{letter.id}@{host}>"
    message["References"] = f"<{letter.thread}@{host}>"
    message["Auto-Submitted"] = "auto-generated"  # nobody's absence answers it (RFC 3834)
    message.set_content(render_text(letter), cte="quoted-printable")
    message.add_alternative(render_html(letter), subtype="html", cte="quoted-printable")
    return message


def _connect(settings: MailSettings) -> smtplib.SMTP:
    try:
        context = ssl.create_default_context(cafile=settings.smtp_ca_file)
    except OSError as error:
        raise ConfigurationError(
            f"mail.smtp_ca_file {settings.smtp_ca_file}: not a PEM file that can be read: {error}"
        ) from error
    host, port = settings.smtp_host, settings.smtp_port
    if settings.smtp_security == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    if settings.smtp_security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return f"{code} {_text(text)}"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return f"{type(error).__name__}: {error}"


def _text(text: bytes | str) -> str:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(shown.split())[:300]
