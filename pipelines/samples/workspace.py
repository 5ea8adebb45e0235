"""Workspace: the cast of the sample company: its environments, people, connections and recipes.

The company is invented; its domains end in `.example` and its addresses are from the ranges
that are reserved for documentation. The cast is the same for every seed: a seed changes what
happens, not to whom.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.samples.recipes import BLUEPRINTS, CALLED, INCIDENT_ONLY, RENAMED, Blueprint

COMPANY_DOMAIN = "larkfield.example"


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment, with an account id of its own; `kind` is `dev`, `test` or `prod`."""

    account_id: int
    name: str
    email: str
    kind: str

    @property
    def title(self) -> str:
        """The name of the kind as the activity API writes it."""
        return {"dev": "Development", "test": "Test", "prod": "Production"}[self.kind]


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the workspace.

    Attributes:
        person_id: The user id.
        name: The display name.
        email: The address they sign in with.
        role: The workspace role.
        confirmed_at: UTC epoch second at which the address was confirmed.
        ip_address: The office or home address they work from.
        user_agent: Their browser.
        noon: Hour of the UTC day in the middle of their working day.
        sso: Whether they sign in through the identity provider.
    """

    person_id: int
    name: str
    email: str
    role: str
    confirmed_at: int
    ip_address: str
    user_agent: str
    noon: float
    sso: bool


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection to one application, in one environment."""

    connection_id: int
    name: str
    provider: str
    environment: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe with its id, in one environment (an index into `ENVIRONMENTS`).

    Attributes:
        recipe_id: The recipe's id; a renamed recipe appears twice with one id.
        name: Its name, unique within its environment.
        environment: Index into `ENVIRONMENTS`.
        blueprint: What it does.
        weight: Share of the ordinary runs, before they are scaled to 1; 0 for recipes that
            run only as told or as called.
    """

    recipe_id: int
    name: str
    environment: int
    blueprint: Blueprint
    weight: float


DEV, TEST, PROD = 0, 1, 2

ENVIRONMENTS: tuple[Environment, ...] = (
    Environment(381204, "Larkfield Outdoor", "ops@larkfield.example", "dev"),
    Environment(381977, "Environment Test", "ops+test@larkfield.example", "test"),
    Environment(382051, "Environment Production", "ops+prod@larkfield.example", "prod"),
)

_SHARE = (0.08, 0.12, 0.80)  # of ordinary runs, by environment

_CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/144.0.0.0 Safari/537.36"
)
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"
_EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/144.0.0.0 Safari/537.36 Edg/144.0.0.0"
)

_PEOPLE = (
    # name, role, office
    ("Mira Okafor", "Admin", "Portland"),
    ("Jonas Lindqvist", "Admin", "Dublin"),
    ("Priya Raman", "Analyst", "Dublin"),
    ("Tom\u00e1s Herrera", "Analyst", "Portland"),
    ("Hannah Weiss", "Operator", "Dublin"),
    ("Kwame Mensah", "Analyst", "Dublin"),
    ("Alice Tran", "Operator", "Portland"),
    ("Declan Byrne", "Analyst", "Dublin"),
    ("Sofia Marchetti", "Operator", "Dublin"),
    ("Ben Castellano", "Analyst", "Portland"),
    ("Yuki Tanabe", "Analyst", "Portland"),
    ("Grace Adeyemi", "Analyst", "Dublin"),
    ("Oliver Stone-Reid", "Operator", "Portland"),
    ("Lena Fischer", "Analyst", "Dublin"),
    ("Marcus Webb", "Operator", "Portland"),
    ("Ines Duarte", "Analyst", "Dublin"),
)

_OFFICES = {"Portland": ("203.0.113", 20.5), "Dublin": ("198.51.100", 12.5)}


def _person(place: int, name: str, role: str, office: str) -> Person:
    network, noon = _OFFICES[office]
    first = name.split(maxsplit=1)[0].lower().replace("\u00e1", "a")
    last = name.rsplit(maxsplit=1)[-1].lower()
    return Person(
        person_id=390_110 + 73 * place,
        name=name,
        email=f"{first}.{last}@{COMPANY_DOMAIN}",
        role=role,
        confirmed_at=1_688_000_000 + place * 3_511_337,
        ip_address=f"{network}.{21 + 7 * place}",
        user_agent=(_CHROME, _EDGE, _FIREFOX)[place % 3],
        noon=noon,
        sso=place % 4 != 3,
    )


PEOPLE: tuple[Person, ...] = tuple(_person(i, *row) for i, row in enumerate(_PEOPLE))

CONNECTIONS: tuple[Connection, ...] = tuple(
    Connection(7_204_100 + 37 * index, f"{label} ({ENVIRONMENTS[place].kind})", provider, place)
    for index, (label, provider, place) in enumerate(
        (label, provider, place)
        for place in (DEV, TEST, PROD)
        for label, provider in (
            ("Salesforce", "salesforce"),
            ("NetSuite", "netsuite"),
            ("Slack", "slack"),
            ("Okta", "okta"),
            ("Warehouse management", "larkfield_wms_connector_48213_1612345678"),
        )
    )
)

LEDGER_CONNECTION = Connection(7_209_911, "Ledger database", "postgresql", PROD)
"""The connection that breaks; only the two ledger recipes use it."""


def _recipe(index: int, blueprint: Blueprint, environment: int, weight: float) -> Recipe:
    return Recipe(61_040_200 + 311 * index, blueprint.name, environment, blueprint, weight)


def build_recipes() -> tuple[Recipe, ...]:
    """Return every recipe, production first, in one fixed order.

    Ordinary runs follow a Zipf law with exponent 1.1 within an environment. The last entry is
    the renamed recipe under its new name; it shares its id with the old one.
    """
    planned: list[tuple[Blueprint, int, float]] = []
    for environment, length in ((PROD, len(BLUEPRINTS)), (TEST, 14), (DEV, 18)):
        laws = [(rank + 1) ** -1.1 for rank in range(length)]
        planned += [
            (blueprint, environment, _SHARE[environment] * law / sum(laws))
            for blueprint, law in zip(BLUEPRINTS[:length], laws, strict=True)
        ]
        planned += [(blueprint, environment, 0.0) for blueprint in CALLED]
    planned += [(blueprint, PROD, 0.0) for blueprint in INCIDENT_ONLY]
    recipes = [_recipe(index, *row) for index, row in enumerate(planned)]
    old = next(r for r in recipes if r.environment == PROD and r.name == RENAMED[0])
    recipes.append(Recipe(old.recipe_id, RENAMED[1], PROD, old.blueprint, 0.0))
    return tuple(recipes)


RECIPES: tuple[Recipe, ...] = build_recipes()


def recipe_index(blueprint: Blueprint | str, environment: int = PROD) -> int:
    """Return the place in `RECIPES` of a blueprint, or of a name, in one environment."""
    name = blueprint if isinstance(blueprint, str) else blueprint.name
    return next(
        index
        for index, recipe in enumerate(RECIPES)
        if recipe.environment == environment and recipe.name == name
    )


COMPANIES = (
    "Alder & Finch Ltd",
    "Bluewater Kayaks",
    "Cascade Climbing Co",
    "Dunmore Supply",
    "Evergreen Tents",
    "Fjord & Fell AS",
    "Granite Peak Rentals",
    "Highline Cycles",
    "Ironwood Camps",
    "Juniper Trails",
    "Kestrel Optics",
    "Longshore Sails",
    "Meadow Lane Scouts",
    "Northgate Sports",
    "Osprey Packs Club",
    "Pinecrest Lodges",
    "Quarry Lake Outfitters",
    "Redstone Guides",
    "Summit School",
    "Tidewater Marine",
    "Umber Boots",
    "Valley Riders",
    "Westwind Kites",
    "Yarrow Botanics",
)

WORKERS = (
    "Amara Nwosu",
    "Bj\u00f6rn Dahl",
    "Carla Mendes",
    "Dmitri Volkov",
    "Elif Kaya",
    "Farid Rahimi",
    "Greta Holm",
    "Hiro Nakata",
    "Isla Campbell",
    "Jo\u00e3o Pires",
    "Karin Vogel",
    "Liam O Dowd",
    "Maya Singh",
    "Nils Berg",
    "Olga Petrenko",
    "Pablo Ruiz",
    "Quinn Harper",
    "Rosa Bianchi",
    "Samir Haddad",
    "Tara Walsh",
    "Uma Iyer",
    "Victor Lemaire",
    "Wendy Cho",
    "Zo\u00eb Maddox",
)

PARTIES: tuple[str, ...] = COMPANIES + WORKERS
