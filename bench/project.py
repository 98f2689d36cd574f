"""The head-to-head as a project folder: one journey, one letter of about 6 KB on the wire, an SMTP channel.

The letter's layout has its styles written out by default, as the letters of the systems in the table had; with
`style_sheet` it has a `<style>` that the engine inlines after rendering, as the shipped letters do.
"""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = """
project: head-to-head
cadence: "0 12 * * *"
customers: {path: data/customers.parquet}
events: {path: data/events.parquet}
sender: {name: The Test Shop, email: shop@example.com, postal_address: "1 Main Street, 12345 Springfield"}
public_url: https://shop.example.com
channels: CHANNELS
topics:
  picks: {class: marketing, label: Picks for you}
segments:
  active-buyers:
    all:
      - customer: {plan: free, region: EU, created_at: {before: 7 days}}
      - event: {name: login, within: 90 days}
      - event: {name: purchase, where: {amount: {above: 20}}, within: 365 days}
"""

JOURNEY = """
journey: picks
stage: retention
topic: picks
trigger: {enters: {segment: active-buyers}}
reentry: never
backfill: current
steps:
  - wait: 1 day
  - branch:
      - when: {event: {name: purchase, within: 30 days}}
        steps: [{exit: bought}]
      - otherwise:
          - send: picks
"""

STYLES = {
    "page": "margin:0;padding:0;background-color:#f3f1ec;font-family:Helvetica,Arial,sans-serif;color:#26292b",
    "sheet": "width:100%;max-width:600px;margin:0 auto;background-color:#ffffff",
    "band": "padding:22px 32px;background-color:#1f2d36;color:#ffffff;font-size:24px;line-height:28px",
    "content": "padding:32px;font-size:17px;line-height:27px",
    "head": "margin:0 0 18px 0;font-family:Georgia,serif;font-size:29px;line-height:36px;font-weight:bold",
    "text": "margin:0 0 18px 0",
    "rows": "width:100%;margin:0 0 22px 0;border-collapse:collapse",
    "row": "padding:14px 0;border-bottom:1px solid #ddd8ce;vertical-align:top;font-size:17px;line-height:24px",
    "price": "padding:14px 0 14px 16px;border-bottom:1px solid #ddd8ce;text-align:right;white-space:nowrap",
    "link": "color:#14566b;text-decoration:underline",
    "button": "display:inline-block;padding:15px 28px;border-radius:6px;background-color:#1f2d36;color:#ffffff",
    "footer": "padding:22px 32px 30px 32px;color:#5d6266;font-size:15px;line-height:22px",
}

LAYOUT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ sender.name }}</title>
</head>
<body class="page">
<table role="presentation" class="sheet">
<tr><td class="band">{{ sender.name }}</td></tr>
<tr><td class="content">
{% block content %}{% endblock %}
</td></tr>
<tr><td class="footer">
<p class="text">You get this letter because you have an account with us and asked to hear what suits you.</p>
<p class="text"><a class="link" href="{{ links.preferences }}">Choose your letters</a> or
<a class="link" href="{{ links.unsubscribe }}">unsubscribe</a> with one click.</p>
<p class="text">{{ sender.postal_address }}</p>
</td></tr>
</table>
</body>
</html>
"""

HTML = """{% extends "layouts/base.html" %}
{% set picks = [(customer.rec1_name, customer.rec1_price, customer.rec1_url),
                (customer.rec2_name, customer.rec2_price, customer.rec2_url),
                (customer.rec3_name, customer.rec3_price, customer.rec3_url)] %}
{% block content %}
<h1 class="head">{{ customer.first_name | default("There") | title }}, three things we set aside for you</h1>
<p class="text">Our people went through the new arrivals with your shelf in mind, {{ customer.first_name }}
{{ customer.last_name | upper }}. Nothing below was chosen by what we would like to sell; it was chosen by what
customers in {{ customer.country }} who keep what you keep came back to thank us for.</p>
<table role="presentation" class="rows">
{% for name, price, url in picks %}
<tr><td class="row">{{ loop.index }}. <a class="link" href="{{ url | link }}">{{ name }}</a></td>
<td class="price">{{ price | money("EUR") }}</td></tr>
{% endfor %}
</table>
<p class="text">On your {{ customer.plan | upper }} plan each of them comes with free returns for thirty days. So far
you have put {{ customer.ltv | money("EUR") }} of good things into your home with us, and we would rather you sent
something back than kept it in a cupboard.</p>
<p><a class="button" href="{{ picks[0][2] | link }}">Have a look</a></p>
<p class="text">Until soon,<br>The Test Shop</p>
{% endblock %}
"""

TEXT = """{{ customer.first_name | default("There") | title }}, three things we set aside for you

Our people went through the new arrivals with your shelf in mind, {{ customer.first_name }}
{{ customer.last_name | upper }}.

{% for name, price, url in [(customer.rec1_name, customer.rec1_price, customer.rec1_url),
    (customer.rec2_name, customer.rec2_price, customer.rec2_url),
    (customer.rec3_name, customer.rec3_price, customer.rec3_url)] %}
{{ loop.index }}. {{ name }}, {{ price | money("EUR") }}
   {{ url }}
{% endfor %}

On your {{ customer.plan | upper }} plan each of them comes with free returns for thirty days. So far you have put
{{ customer.ltv | money("EUR") }} of good things into your home with us.

Until soon,
The Test Shop

{{ sender.postal_address }}
Choose your letters: {{ links.preferences }}
Unsubscribe: {{ links.unsubscribe }}
"""


def write_project(folder: Path, port: int | None, *, style_sheet: bool = False) -> None:
    """Write everything but the data. The mails go to a port of this machine, or into files without one."""
    smtp = f"{{default: smtp, smtp: {{host: 127.0.0.1, port: {port}}}}}"
    files = {
        "journeys/project.yaml": PROJECT.replace("CHANNELS", smtp if port else "{default: file}"),
        "journeys/retention/picks.yaml": JOURNEY,
        "templates/layouts/base.html": _with_sheet(LAYOUT) if style_sheet else _written_out(LAYOUT),
        "templates/picks/body.html": HTML if style_sheet else _written_out(HTML),
        "templates/picks/body.txt": TEXT,
        "templates/picks/subject.txt": 'Three picks for {{ customer.first_name | default("you") }}\n',
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip(), encoding="utf-8")


def _written_out(text: str) -> str:
    return re.sub(r'class="(\w+)"', lambda found: f'style="{STYLES[found[1]]}"', text)


def _with_sheet(text: str) -> str:
    rules = "".join(f".{name} {{ {style} }}\n" for name, style in STYLES.items())
    return text.replace("</head>", f"<style>\n{rules}</style>\n</head>")
