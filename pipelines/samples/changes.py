"""Changes: the kinds of ordinary work, each a function from a moment to its activity events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.samples.actions import (
    Action,
    connection_resource,
    grant_resource,
    recipe_resource,
    started,
    stopped,
)
from pipelines.samples.connectors import Json
from pipelines.samples.draw import Generator
from pipelines.samples.recipes import RENAMED
from pipelines.samples.workspace import CONNECTIONS, DEV, PEOPLE, RECIPES, Person, Recipe

_FOLDERS = ("Drafts", "Archive 2025", "Pilot", "Shared functions", "Spring catalogue", "Audit")
_TABLES = ("Regions", "Cost centers", "Carrier codes", "VAT rates", "Approvers")
_TAGS = ("finance-critical", "owner-commerce", "pii", "peak-season", "sox")
_GUESTS = (
    ("Nadia Karim", "nadia.karim@northforge.example"),
    ("Peter Lang", "peter.lang@northforge.example"),
    ("Rita Coelho", "rita.coelho@brightwell.example"),
    ("Theo Marsh", "theo.marsh@brightwell.example"),
)
_PROPERTIES = ("netsuite_base_url", "batch_size", "alert_channel", "region_default")


@dataclass(frozen=True, slots=True)
class Scene:
    """The day on which a change is made: its first UTC epoch second and its place."""

    day_second: int
    index: int


Change = Callable[[Generator, Scene, int, Person, int], list[Action]]


def _pick(generator: Generator, count: int) -> int:
    return int(generator.integers(0, count))


def _fresh(second: int) -> int:
    """Return an id for something made at `second`; ids rise with time."""
    return 70_000_000 + (second - 1_700_000_000) // 7


def _recipe(generator: Generator, environment: int) -> Recipe:
    """Pick a recipe that no told incident and no renaming is about."""
    own = [
        recipe
        for recipe in RECIPES
        if recipe.environment == environment and recipe.weight and recipe.name not in RENAMED
    ]
    return own[_pick(generator, len(own))]


def edit(generator: Generator, _: Scene, second: int, person: Person, place: int) -> list[Action]:
    """Save a recipe, once or twice."""
    resource = recipe_resource(_recipe(generator, place))
    times = (second, second + 47)[: 1 + _pick(generator, 2)]
    return [Action(at, "recipe_updated", place, person, resource, {}) for at in times]


def restart(generator: Generator, _: Scene, second: int, person: Person, __: int) -> list[Action]:
    """Stop a recipe in development, save it and start it again."""
    resource = recipe_resource(_recipe(generator, DEV))
    return [
        Action(second, "recipe_stopped", DEV, person, resource, stopped("user")),
        Action(second + 9, "recipe_updated", DEV, person, resource, {}),
        Action(second + 16, "recipe_started", DEV, person, resource, started()),
    ]


def copy(generator: Generator, _: Scene, second: int, person: Person, place: int) -> list[Action]:
    """Copy a recipe, rename the copy and delete it some minutes later."""
    source = _recipe(generator, place)
    parent: Json = {"id": _fresh(second), "parent_id": source.recipe_id}
    name, better = f"Copy of {source.name}", f"{source.name} - try {second % 97}"
    first = {**recipe_resource(source, name), **parent}
    later = {**recipe_resource(source, better), **parent}
    return [
        Action(second, "recipe_copied", place, person, first, {}),
        Action(second + 35, "recipe_renamed", place, person, later, {}, {"name": name}),
        Action(second + 611, "recipe_deleted", place, person, later, {}),
    ]


def bring(generator: Generator, _: Scene, second: int, person: Person, place: int) -> list[Action]:
    """Import a package; it makes a recipe. Neither event has details."""
    source = _recipe(generator, place)
    package = {
        "type": "Package",
        "id": _fresh(second),
        "file_name": f"release_{second % 900 + 100}.zip",
        "folder_id": 1_204_311,
        "folder_path": "Home/Pilot",
    }
    made = {**recipe_resource(source, f"{source.name} (imported)"), "id": _fresh(second) + 1}
    return [
        Action(second, "package_imported", place, person, package, None),
        Action(second + 2, "recipe_created", place, person, made, None),
    ]


def release(_: Generator, __: Scene, second: int, person: Person, place: int) -> list[Action]:
    """Save a manifest and export its package; the export has no details."""
    manifest = {"type": "ExportManifest", "id": 310_447, "name": "Finance release"}
    package = {
        "type": "Package",
        "id": _fresh(second),
        "file_name": f"finance_{second % 9000 + 1000}.zip",
        "folder_id": 1_204_300,
        "folder_path": "Home/Finance",
    }
    return [
        Action(second, "manifest_updated", place, person, manifest, {}),
        Action(second + 12, "package_exported", place, person, package, None),
    ]


def write(generator: Generator, _: Scene, second: int, person: Person, place: int) -> list[Action]:
    """Create a recipe."""
    name = f"{_FOLDERS[_pick(generator, len(_FOLDERS))]} experiment {second % 1000}"
    resource = {"type": "Flow", "id": _fresh(second), "name": name}
    return [Action(second, "recipe_created", place, person, resource, {})]


def file(generator: Generator, _: Scene, second: int, person: Person, place: int) -> list[Action]:
    """Create a folder and delete it; the path of the deleted one lacks its root."""
    name = _FOLDERS[_pick(generator, len(_FOLDERS))]
    base: Json = {"type": "Folder", "id": _fresh(second), "name": name}
    made = {**base, "path": f"Home/Commerce/{name}"}
    gone = {**base, "path": f"Commerce/{name}"}
    return [
        Action(second, "folder_created", place, person, made, {}),
        Action(second + 290, "folder_deleted", place, person, gone, {}),
    ]


def connect(
    generator: Generator, _: Scene, second: int, person: Person, place: int
) -> list[Action]:
    """Renew the credentials of a connection without a gap."""
    own = [connection for connection in CONNECTIONS if connection.environment == place]
    resource = connection_resource(own[_pick(generator, len(own))], authorized=True)
    return [
        Action(second, "connection_updated", place, person, resource, {}),
        Action(second + 21, "connection_connected", place, person, resource, {}),
    ]


def link(_: Generator, __: Scene, second: int, person: Person, place: int) -> list[Action]:
    """Create a connection, connect it, and disconnect it again after a trial."""
    base: Json = {
        "type": "SharedAccount",
        "id": _fresh(second),
        "name": f"Trial {second % 1000}",
        "provider": "google_sheets",
    }
    off, on = {**base, "authorized": False}, {**base, "authorized": True}
    return [
        Action(second, "connection_created", place, person, off, {}),
        Action(second + 15, "connection_connected", place, person, on, {}),
        Action(second + 1_200, "connection_disconnected", place, person, off, {}),
    ]


def invite(generator: Generator, scene: Scene, second: int, person: Person, _: int) -> list[Action]:
    """Invite a guest, who accepts and leaves the same day."""
    name, email = _GUESTS[_pick(generator, len(_GUESTS))]
    guest = Person(
        395_000 + scene.index,
        name,
        email,
        "Analyst",
        second,
        "192.0.2.77",
        "Mozilla/5.0",
        15.0,
        False,
    )
    resource = {
        "type": "MemberInvitation",
        "id": _fresh(second),
        "name": name,
        "email": email,
        "role": "Analyst",
    }
    grant = grant_resource(guest, "Analyst")
    return [
        Action(second, "team_invitation_created", DEV, person, resource, {}),
        Action(second + 700, "team_invitation_accept", DEV, guest, resource, {}),
        Action(second + 4_800, "team_membership_deleted", DEV, person, grant, {}),
    ]


def promote(generator: Generator, _: Scene, second: int, __: Person, ___: int) -> list[Action]:
    """Change a member's role, by an admin, to one without rights over others."""
    members = [person for person in PEOPLE if person.role == "Analyst"]
    member = members[_pick(generator, len(members))]
    resource = grant_resource(member, "Operator")
    old = {"role": "Analyst"}
    return [Action(second, "team_membership_updated", DEV, PEOPLE[1], resource, {}, old)]


def build(_: Generator, scene: Scene, second: int, person: Person, place: int) -> list[Action]:
    """Save the custom connector, which has no details, and release it."""
    resource = {"type": "Adapter", "id": 48_213, "name": "Larkfield WMS"}
    return [
        Action(second, "connector_updated", place, person, resource, None),
        Action(second + 75, "connector_released", place, person, resource, {}),
    ]


def table(generator: Generator, _: Scene, second: int, person: Person, place: int) -> list[Action]:
    """Edit a lookup table."""
    number = _pick(generator, len(_TABLES))
    resource = {"type": "LookupTable", "id": 52_100 + number, "name": _TABLES[number]}
    return [Action(second, "lookup_table_updated", place, person, resource, {})]


def tag(generator: Generator, _: Scene, second: int, person: Person, place: int) -> list[Action]:
    """Create a tag; tags have handles rather than numbers."""
    name = _TAGS[_pick(generator, len(_TAGS))]
    handle = f"tag-{second * 2_654_435_761 % 2**32:08x}"
    resource = {"type": "Tags::Models::Tag", "id": handle, "name": name}
    return [Action(second, "tag_created", place, person, resource, {})]


def configure(
    generator: Generator, _: Scene, second: int, person: Person, place: int
) -> list[Action]:
    """Change an environment property."""
    number = _pick(generator, len(_PROPERTIES))
    resource = {"type": "AccountProperty", "id": 9_100 + number, "name": _PROPERTIES[number]}
    return [Action(second, "account_property_updated", place, person, resource, {})]


def unknown_event(scene: Scene, person: Person, index: int) -> Action:
    """Return an event of a type that no list knows."""
    resource = {"type": "Genie", "id": 800 + index, "name": "Order desk genie"}
    second = scene.day_second + 64_800 + index % 60
    return Action(second, "genie_skill_published", DEV, person, resource, {"skill": "refunds"})


CHANGES: tuple[Change, ...] = (
    edit,
    edit,
    restart,
    copy,
    bring,
    release,
    write,
    file,
    connect,
    link,
    invite,
    promote,
    build,
    table,
    tag,
    configure,
)
"""Every kind of ordinary work; what stands twice is done twice as often."""
