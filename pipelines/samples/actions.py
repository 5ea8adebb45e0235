"""Actions: what people do in the workspace, as activity events in both spellings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from pipelines.samples.clock import iso_z_milliseconds, offset_text, stream_text
from pipelines.samples.connectors import Json
from pipelines.samples.workspace import (
    ENVIRONMENTS,
    PEOPLE,
    Connection,
    Environment,
    Person,
    Recipe,
)


@dataclass(frozen=True, slots=True)
class Action:
    """One activity event before it is spelled.

    Attributes:
        second: UTC epoch second.
        event: The event type.
        environment: Index into the environments.
        person: Who acted; None where Workato did.
        resource: What was acted on, `type` and `id` included.
        details: What is told beside the request; None for events without details.
        changes: Old values by field.
    """

    second: int
    event: str
    environment: int
    person: Person | None
    resource: Mapping[str, Any]
    details: Mapping[str, Any] | None
    changes: Mapping[str, Any] | None = None


def _request(action: Action) -> Json:
    person = action.person
    if person is None:
        return {}
    return {"request": {"ip_address": person.ip_address, "user_agent": person.user_agent}}


def _common(action: Action) -> tuple[Json | None, Json, Json]:
    """Return the user, the team and what else both spellings share."""
    environment = ENVIRONMENTS[action.environment]
    person = action.person
    user: Json | None = None
    if person is not None:
        user = {"id": person.person_id, "name": person.name, "email": person.email}
    team = {"id": environment.account_id, "name": environment.name, "email": environment.email}
    tail: Json = {"resource": dict(action.resource)}
    if action.changes is not None:
        old = {field: {"old_value": value} for field, value in action.changes.items()}
        tail["resource_changes"] = old
    if action.details is not None:
        tail["details"] = {**_request(action), **action.details}
    return user, team, tail


def streamed(action: Action) -> str:
    """Spell an action as it is streamed: `event`, `team`, whole seconds, and no id."""
    user, team, tail = _common(action)
    record = {
        "event": action.event,
        "timestamp": stream_text(action.second),
        "team": team,
        "user": user,
        **tail,
    }
    return orjson.dumps(record).decode()


def from_api(action: Action, event_id: int) -> str:
    """Spell an action as the API returns it: `event_type`, `workspace`, milliseconds and an id."""
    user, team, tail = _common(action)
    record = {
        "id": event_id,
        "event_type": action.event,
        "timestamp": iso_z_milliseconds(action.second, event_id * 37 % 1000),
        "workspace": {**team, "environment": ENVIRONMENTS[action.environment].title},
        "user": user,
        **tail,
    }
    return orjson.dumps(record).decode()


def user_resource(person: Person) -> Json:
    """Return a person as the resource of a sign-in."""
    return {
        "type": "User",
        "id": person.person_id,
        "name": person.name,
        "email": person.email,
        "email_confirmed_at": offset_text(person.confirmed_at),
    }


def owner_resource(environment: Environment) -> Json:
    """Return the owner of an account, the resource of a workspace switch."""
    return {
        "type": "User",
        "id": environment.account_id,
        "name": environment.name,
        "email": environment.email,
        "email_confirmed_at": offset_text(1_672_000_000),
    }


def recipe_resource(recipe: Recipe, name: str | None = None) -> Json:
    """Return a recipe as a resource, under its own name or another."""
    return {"type": "Flow", "id": recipe.recipe_id, "name": name or recipe.name}


def connection_resource(connection: Connection, authorized: bool) -> Json:
    """Return a connection as a resource."""
    return {
        "type": "SharedAccount",
        "id": connection.connection_id,
        "name": connection.name,
        "provider": connection.provider,
        "authorized": authorized,
    }


def grant_resource(member: Person, role: str) -> Json:
    """Return a membership as a resource; the person concerned is its `member`."""
    return {
        "type": "ManagedUserGrant",
        "id": member.person_id + 5_000_000,
        "role": role,
        "grant_type": "team",
        "member": {
            "id": member.person_id,
            "name": member.name,
            "email": member.email,
            "type": "User",
            "email_confirmed_at": offset_text(member.confirmed_at),
        },
    }


def stopped(reason: str, *, error: bool = False) -> Json:
    """Return the details of a stopped recipe."""
    return {"stop_reason": reason, "force": False, "error": error}


def started() -> Json:
    """Return the details of a started recipe."""
    return {"run_once": False}


def person_named(name: str) -> Person:
    """Return the person of this name."""
    return next(person for person in PEOPLE if person.name == name)
