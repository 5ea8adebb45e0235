"""Recipes: the list of a company's recipes, busiest first, as they run in production."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A recipe before it has an id.

    Attributes:
        name: Its name; no two are equal.
        project: Its folder below `Home/`.
        trigger: A key of `TRIGGERS`.
        steps: Keys of `STEPS`, in order.
        title: The job's title; may hold slots.
        masked: Whether step data is masked.
        stored: Whether step data is kept at all.
        report: The labels of the job report; empty for none.
        labelled: Whether the report is keyed by label rather than by position.
        failure_rate: Share of first runs that fail, 0 to 1.
        seconds: Mean run time.
        calls: Name of the recipe that its `call` step calls.
    """

    name: str
    project: str
    trigger: str
    steps: tuple[str, ...]
    title: str
    masked: bool = False
    stored: bool = True
    report: tuple[str, ...] = ()
    labelled: bool = False
    failure_rate: float = 0.02
    seconds: float = 2.0
    calls: str | None = None


_ORDER = ("Order", "Customer")

BLUEPRINTS: tuple[Blueprint, ...] = (
    Blueprint(
        "Orders to ledger",
        "Finance",
        "order",
        ("map", "invoice", "tell"),
        "New order SO-%(n)s",
        report=_ORDER,
        failure_rate=0.03,
    ),
    Blueprint(
        "Sync accounts to warehouse",
        "Data",
        "account",
        ("search", "load"),
        "Updated account %(party)s",
        failure_rate=0.008,
    ),
    Blueprint(
        "Order status API",
        "Commerce",
        "api",
        ("search", "reply"),
        "GET /orders/SO-%(n)s",
        failure_rate=0.012,
        seconds=0.4,
    ),
    Blueprint(
        "Route support tickets",
        "Support",
        "ticket",
        ("search", "issue", "tell"),
        "New ticket ZD-%(n)s",
        report=("Ticket", "Requester"),
        failure_rate=0.025,
    ),
    Blueprint(
        "Reserve stock",
        "Commerce",
        "order",
        ("plan", "call"),
        "Reserve SO-%(n)s",
        failure_rate=0.04,
        seconds=4.0,
        calls="Check credit",
    ),
    Blueprint(
        "Quote to cash",
        "Finance",
        "deal",
        ("search", "invoice", "upsert", "log"),
        "Closed won: %(party)s",
        report=("Deal", "Customer"),
        failure_rate=0.035,
        seconds=5.0,
    ),
    Blueprint(
        "Inventory heartbeat",
        "Commerce",
        "clock",
        ("plan", "load"),
        "Scheduler: RUN-%(n)s",
        failure_rate=0.015,
        seconds=6.0,
    ),
    Blueprint(
        "Vendor bills to approval",
        "Finance",
        "bill",
        ("search", "tell", "upsert"),
        "Bill BILL-%(n)s",
        report=("Bill", "Vendor"),
        labelled=True,
        failure_rate=0.03,
    ),
    Blueprint(
        "Web leads to CRM",
        "Marketing",
        "webhook",
        ("search", "upsert", "tell"),
        "Lead EV-%(n)s",
        failure_rate=0.02,
    ),
    Blueprint(
        "Major incident bridge",
        "IT",
        "incident",
        ("tell", "issue"),
        "Incident INC0%(n)s",
        failure_rate=0.012,
    ),
    Blueprint(
        "EDI orders inbound",
        "Commerce",
        "file",
        ("map", "call", "log"),
        "File EDI850-%(n)s.csv",
        failure_rate=0.05,
        seconds=11.0,
        calls="Price an order",
    ),
    Blueprint(
        "Returns API",
        "Commerce",
        "api",
        ("search", "invoice", "reply"),
        "POST /returns SO-%(n)s",
        failure_rate=0.022,
        seconds=0.9,
    ),
    Blueprint(
        "Provision laptop access",
        "People",
        "worker",
        ("user", "mail"),
        "Access for W-%(n)s",
        masked=True,
        failure_rate=0.03,
    ),
    Blueprint(
        "Customer churn signals",
        "Data",
        "clock",
        ("search", "load", "tell"),
        "Scheduler: RUN-%(n)s",
        failure_rate=0.01,
        seconds=14.0,
    ),
    Blueprint(
        "Payroll changes to Workday",
        "People",
        "worker",
        ("insert", "mail"),
        "",
        stored=False,
        failure_rate=0.02,
    ),
    Blueprint(
        "Shipment notices",
        "Commerce",
        "webhook",
        ("plan", "mail"),
        "Shipment EV-%(n)s",
        failure_rate=0.02,
    ),
    Blueprint(
        "Campaign members to CRM",
        "Marketing",
        "webhook",
        ("upsert",),
        "Member EV-%(n)s",
        failure_rate=0.015,
    ),
    Blueprint(
        "Credit holds",
        "Finance",
        "account",
        ("call", "tell"),
        "Hold for %(party)s",
        failure_rate=0.02,
        calls="Check credit",
    ),
    Blueprint(
        "Access reviews",
        "IT",
        "clock",
        ("user", "issue"),
        "Scheduler: RUN-%(n)s",
        masked=True,
        failure_rate=0.01,
        seconds=8.0,
    ),
    Blueprint(
        "Contract renewals",
        "Sales",
        "deal",
        ("search", "mail"),
        "Renewal %(party)s",
        report=("Deal", "Customer"),
        failure_rate=0.015,
    ),
    Blueprint(
        "Partner price list",
        "Sales",
        "file",
        ("load", "mail"),
        "File EDI850-%(n)s.csv",
        failure_rate=0.03,
        seconds=20.0,
    ),
    Blueprint(
        "Escalations digest",
        "Support",
        "clock",
        ("search", "tell"),
        "Scheduler: RUN-%(n)s",
        failure_rate=0.01,
    ),
    Blueprint(
        "Expense receipts",
        "Finance",
        "webhook",
        ("invoice", "mail"),
        "Receipt EV-%(n)s",
        masked=True,
        failure_rate=0.025,
    ),
    Blueprint(
        "Survey answers to tickets",
        "Support",
        "webhook",
        ("issue",),
        "Survey EV-%(n)s",
        failure_rate=0.02,
    ),
)

CALLED: tuple[Blueprint, ...] = (
    Blueprint(
        "Check credit",
        "Functions",
        "call",
        ("search", "call"),
        "Recipe function: new call",
        failure_rate=0.015,
        seconds=1.0,
        calls="Rate a customer",
    ),
    Blueprint(
        "Rate a customer",
        "Functions",
        "call",
        ("search",),
        "Recipe function: new call",
        failure_rate=0.004,
        seconds=0.5,
    ),
    Blueprint(
        "Price an order",
        "Functions",
        "call",
        ("map", "invoice"),
        "Recipe function: new call",
        failure_rate=0.01,
        seconds=0.7,
    ),
)

ONBOARDING = Blueprint(
    "Employee onboarding",
    "People",
    "worker",
    ("user", "mail", "tell"),
    "New hire W-%(n)s",
    masked=True,
    seconds=7.0,
)
SILENT = Blueprint(
    "Sync vendor payments",
    "Finance",
    "bill",
    ("search", "upsert"),
    "Payment BILL-%(n)s",
    report=("Bill", "Vendor"),
    seconds=3.0,
)
LEDGER = (
    Blueprint(
        "Post journal entries",
        "Finance",
        "order",
        ("insert",),
        "Journal SO-%(n)s",
        report=_ORDER,
    ),
    Blueprint(
        "Reconcile card payments",
        "Finance",
        "clock",
        ("insert", "tell"),
        "Scheduler: RUN-%(n)s",
        seconds=9.0,
    ),
)
EDITED = Blueprint(
    "Create shipping labels",
    "Commerce",
    "order",
    ("map", "plan", "mail"),
    "Label for SO-%(n)s",
    seconds=3.0,
)
LEGACY = Blueprint(
    "Warehouse stock import (legacy)",
    "Commerce",
    "clock",
    ("insert",),
    "Scheduler: new event",
    report=("Batch", "Site"),
    labelled=True,
)

INCIDENT_ONLY: tuple[Blueprint, ...] = (ONBOARDING, SILENT, *LEDGER, EDITED, LEGACY)

RENAMED = ("Survey answers to tickets", "Survey answers to service desk")
"""The one production recipe that is renamed in the window: old and new name."""
