"""The two cycles that ship (rule 26), as conditions a project could have written itself."""

from __future__ import annotations

from typing import Any

SHIPPED: dict[str, list[dict[str, Any]]] = {
    "marketing": [
        {"stage": "awareness", "when": {"customer": {"customer_id": {"exists": True}}}},
        {
            "stage": "consideration",
            "when": {"any": [
                {"event": {"name": "signed_up"}},
                {"event": {"name": "page_viewed", "count": {"at_least": 3}, "within": "30 days"}},
                {"event": {"name": "cart_item_added", "within": "30 days"}},
            ]},
        },
        {"stage": "conversion", "when": {"event": {"name": "order_placed", "count": {"at_least": 1}}}},
        {"stage": "retention", "when": {"event": {"name": "order_placed", "count": {"at_least": 2}}}},
        {
            "stage": "advocacy",
            "when": {"any": [
                {"event": {"name": "referral_made"}},
                {"event": {"name": "feedback_given", "where": {"score": {"at_least": 9}}}},
                {"event": {"name": "review_written", "where": {"stars": {"at_least": 4}}}},
            ]},
        },
    ],
    "service": [
        {"stage": "be-ready", "when": {"customer": {"customer_id": {"exists": True}}}},
        {"stage": "receiving", "when": {"event": {"name": "service_requested", "within": "90 days"}}},
        {"stage": "understanding", "when": {"event": {"name": "service_understood", "within": "90 days"}}},
        {"stage": "helping", "when": {"event": {"name": "service_started", "within": "90 days"}}},
        {"stage": "keeping", "when": {"event": {"name": "service_completed", "within": "90 days"}}},
        {"stage": "follow-up", "when": {"event": {"name": "feedback_given", "within": "90 days"}}},
    ],
}  # fmt: skip
