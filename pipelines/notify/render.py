"""Render: a letter as HTML, as text, or as the message of a chat."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import jinja2
import orjson
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from pipelines.errors import ConfigurationError
from pipelines.notify.letter import Letter

FOLDER = Path(__file__).parent / "templates"
CHATS = ("slack", "teams")
"""Chats that have a ready template."""
CODE = Markup(
    '<code style="padding:1px 4px;background:#eef0f3;border-radius:4px;'
    'font-family:ui-monospace,Consolas,Menlo,monospace;font-size:14px">{}</code>'
)


def render_html(letter: Letter) -> str:
    """The letter as an HTML page without anything to fetch or to run; all values are escaped."""
    return _environment().get_template("mail.html.jinja").render(letter=letter)


def render_text(letter: Letter) -> str:
    """The letter as plain text; the service's response is quoted line by line."""
    return _environment().get_template("mail.txt.jinja").render(letter=letter)


def render_chat(letter: Letter, name_or_path: str) -> str:
    """The letter as JSON for a chat's webhook.

    Args:
        letter: The letter; in the template it is `letter`, and `numbered` has its steps.
        name_or_path: `slack`, `teams`, or a file.

    Raises:
        ConfigurationError: There is no such template, or what it writes is no JSON.
    """
    path = FOLDER / f"{name_or_path}.json.jinja" if name_or_path in CHATS else Path(name_or_path)
    numbered = "\n".join(f"{n}. {step}" for n, step in enumerate(letter.steps, 1))
    try:
        source = path.read_text(encoding="utf-8")
        text = _environment().from_string(source).render(letter=letter, numbered=numbered)
        return orjson.dumps(orjson.loads(text)).decode()
    except OSError as error:
        raise ConfigurationError(
            f"chat.template: found {name_or_path!r}, which cannot be read ({error.strerror}); "
            f"allowed are {', '.join(CHATS)} and the path of a template"
        ) from error
    except (jinja2.TemplateError, orjson.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        line = getattr(error, "lineno", None) or 0
        raise ConfigurationError(f"chat.template: {path}:{line}: {error}") from error


@cache
def _environment() -> jinja2.Environment:
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _code
    return environment


def _code(text: str) -> Markup:
    """What stands between backquotes as code, all of it escaped."""
    parts = re.split(r"`([^`]*)`", text)
    return Markup("").join(
        CODE.format(part) if n % 2 else escape(part) for n, part in enumerate(parts)
    )
