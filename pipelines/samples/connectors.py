"""Connectors: what the steps of recipes look like, and how each connector fails.

Texts may hold the slots `%(n)s` (a six-digit number), `%(party)s` (a company or a person) and
`<<%(amount)s>>` (a bare JSON number); they hold no other percent sign, quote or backslash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]

ErrorShape = Literal["null", "text", "json_text", "object", "parts"]


@dataclass(frozen=True, slots=True)
class StepShape:
    """One step of a recipe: connector, operation and what goes in and out."""

    adapter: str
    operation: str
    input: Mapping[str, Any]
    output: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """One way to fail: its category, its text and the shape in which it is streamed."""

    error_type: str
    message: str
    shape: ErrorShape
    inner: str = "nil"
    http_status: int | None = None


AMOUNT = "<<%(amount)s>>"

TRIGGERS: dict[str, StepShape] = {
    "order": StepShape(
        "shopify",
        "new_order",
        {},
        {"order": "SO-%(n)s", "company": "%(party)s", "total": AMOUNT},
    ),
    "account": StepShape(
        "salesforce",
        "updated_custom_object",
        {"object": "Account"},
        {"Id": "0015f%(n)sAAB", "Name": "%(party)s", "AnnualRevenue": AMOUNT},
    ),
    "deal": StepShape(
        "salesforce",
        "updated_custom_object",
        {"object": "Opportunity"},
        {"Id": "0065f%(n)sAAC", "Name": "%(party)s", "Amount": AMOUNT},
    ),
    "bill": StepShape(
        "netsuite",
        "new_object",
        {"object": "VendorBill"},
        {"tranId": "BILL-%(n)s", "vendor": "%(party)s", "total": AMOUNT},
    ),
    "worker": StepShape(
        "workday",
        "new_worker",
        {},
        {"Worker_ID": "W-%(n)s", "Name": "%(party)s"},
    ),
    "ticket": StepShape(
        "zendesk",
        "new_ticket",
        {},
        {"id": "ZD-%(n)s", "requester": "%(party)s"},
    ),
    "incident": StepShape(
        "service_now",
        "new_updated_record",
        {"table": "incident"},
        {"number": "INC0%(n)s", "caller": "%(party)s"},
    ),
    "clock": StepShape("clock", "timer", {"interval": "15"}, {"run": "RUN-%(n)s"}),
    "webhook": StepShape(
        "workato_webhooks",
        "new_event",
        {},
        {"event": "EV-%(n)s", "from": "%(party)s"},
    ),
    "api": StepShape(
        "workato_api_platform",
        "receive_request",
        {},
        {"request": {"order": "SO-%(n)s"}, "client": "%(party)s"},
    ),
    "call": StepShape(
        "workato_recipe_function",
        "execute",
        {},
        {"parameters": {"key": "K-%(n)s", "name": "%(party)s"}},
    ),
    "file": StepShape(
        "sftp",
        "new_file",
        {"directory": "/inbound"},
        {"name": "EDI850-%(n)s.csv", "partner": "%(party)s"},
    ),
}

STEPS: dict[str, StepShape] = {
    "invoice": StepShape(
        "netsuite",
        "add_object",
        {"entity": "%(party)s", "total": AMOUNT},
        {"internalId": "%(n)s", "status": "open"},
    ),
    "search": StepShape(
        "salesforce",
        "search_sobjects",
        {"Name": "%(party)s"},
        {"Account": [{"Id": "0015f%(n)sAAB"}]},
    ),
    "upsert": StepShape(
        "salesforce",
        "upsert_sobject",
        {"External_Id__c": "X-%(n)s"},
        {"success": True},
    ),
    "insert": StepShape(
        "postgresql",
        "insert_row",
        {"table": "ledger", "ref": "%(n)s", "amount": AMOUNT},
        {"rows": 1},
    ),
    "load": StepShape(
        "snowflake",
        "bulk_insert",
        {"table": "RAW.EVENTS", "batch": "%(n)s"},
        {"rows_loaded": "<<%(n)s>>"},
    ),
    "tell": StepShape(
        "slack",
        "post_message_to_channel",
        {"channel": "#ops", "text": "Done: %(n)s"},
        {"ok": True},
    ),
    "user": StepShape(
        "okta",
        "create_user",
        {"login": "w%(n)s@larkfield.example"},
        {"id": "00u%(n)sQx", "status": "ACTIVE"},
    ),
    "issue": StepShape(
        "jira",
        "create_issue",
        {"project": "OPS", "summary": "%(party)s"},
        {"key": "OPS-%(n)s"},
    ),
    "reply": StepShape(
        "workato_api_platform",
        "return_response",
        {"code": "200"},
        {"order": "SO-%(n)s"},
    ),
    "call": StepShape(
        "workato_recipe_function",
        "call_recipe",
        {"key": "K-%(n)s"},
        {"result": "ok"},
    ),
    "log": StepShape("logger", "log_message", {"message": "Handled %(n)s"}, {}),
    "map": StepShape(
        "lookup_table",
        "lookup_entry",
        {"table": "Regions"},
        {"region": "EMEA", "code": "R%(n)s"},
    ),
    "mail": StepShape(
        "gmail",
        "send_mail",
        {"subject": "Your request %(n)s"},
        {"id": "18f%(n)s"},
    ),
    "plan": StepShape(
        "larkfield_wms_connector_48213_1612345678",
        "plan_shipment",
        {"order": "SO-%(n)s"},
        {"wave": "WV-%(n)s"},
    ),
}

FAILURES: dict[str, tuple[Failure, ...]] = {
    "netsuite": (
        Failure("Missing required field", "Customer must be present", "json_text"),
        Failure(
            "NetSuite error",
            "Concurrent request limit exceeded. Request blocked.",
            "object",
            "SSS_REQUEST_LIMIT_EXCEEDED",
            429,
        ),
    ),
    "salesforce": (
        Failure(
            "Salesforce adapter error",
            "UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record",
            "parts",
            http_status=400,
        ),
        Failure("Request timeout", "Timed out after 90 seconds", "null"),
    ),
    "postgresql": (
        Failure(
            "Database adapter error",
            "duplicate key value violates unique constraint ledger_ref_key",
            "json_text",
            "Key (ref)=(%(n)s) already exists.",
        ),
    ),
    "snowflake": (
        Failure("Database adapter error", "Numeric value NaN is not recognized", "text"),
    ),
    "slack": (Failure("Bad request", "channel_not_found", "text", http_status=404),),
    "okta": (
        Failure(
            "Bad request",
            "Api validation failed: login",
            "object",
            "login: An object with this field already exists in the current organization",
            400,
        ),
    ),
    "jira": (Failure("Jira error", "Field customfield_10041 cannot be set", "parts"),),
    "gmail": (Failure("Quota exceeded", "User-rate limit exceeded", "text", http_status=429),),
    "larkfield_wms_connector_48213_1612345678": (
        Failure(
            "Custom connector error", "No dock free for order SO-%(n)s", "object", "E1107", 409
        ),
    ),
    "workato_recipe_function": (
        Failure("Recipe function error", "Called recipe failed: Customer %(n)s unknown", "parts"),
    ),
}

TOLD_FAILURES: dict[str, Failure] = {
    "Post journal entries": Failure(
        "Connection error", "password authentication failed for user ledger_app", "json_text"
    ),
    "Reconcile card payments": Failure(
        "Connection error", "password authentication failed for user ledger_app", "json_text"
    ),
    "Create shipping labels": Failure(
        "Custom connector error",
        "Carrier service code EXPR-2 is not valid for this origin",
        "object",
        "E2206",
        422,
    ),
}
"""How the recipes of the told incidents fail, by recipe; nothing else fails like that."""
