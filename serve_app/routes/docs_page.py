"""The /docs page: the routes for people, on one page without scripts, made from the same table as the OpenAPI document.

In: ``ROUTES`` and the document's schemas. Out: HTML with, for each route, what it does and a command to copy.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any
from urllib.parse import quote

from serve_app.routes.openapi import parameters, plain_path
from serve_app.routes.table import ROUTES, RouteSpec

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #0a7d5a; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
pre { background: var(--soft); padding: .8rem; overflow-x: auto; border-radius: 6px; user-select: all; }
code { font: 14px/1.45 ui-monospace, monospace; } .route { margin: 1.5rem 0; }
.method { color: var(--accent); font-weight: 700; } .needs { opacity: .75; font-size: .9rem; }
table { border-collapse: collapse; width: 100%; } td, th { border-bottom: 1px solid var(--line); padding: .3rem .6rem;
text-align: left; vertical-align: top; } summary { cursor: pointer; }
"""

_START = """
<p>Every answer is JSON; a refusal is a problem document that names the field, its value and the cure.
Send your key as <code>Authorization: Bearer KEY</code> or <code>X-API-Key: KEY</code>.
The same as an OpenAPI document: <a href="openapi.json">openapi.json</a>.</p>
<pre><code>export SLATELOOP_URL={url}
export SLATELOOP_KEY=slk_…   # the admin key that the first start showed</code></pre>
"""


def page(document: dict[str, Any], *, url: str) -> str:
    """The page.

    Args:
        document: The OpenAPI document.
        url: Where the service is, for the commands.
    """
    routes = "".join(_route(spec, document) for spec in ROUTES)
    schemas = "".join(_shape(name, shape) for name, shape in sorted(document["components"]["schemas"].items()))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Slateloop</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>Slateloop</h1>"
        f"<p>{escape(document['info']['description'])}</p>{_START.format(url=escape(url))}"
        f"<h2>Routes</h2>{routes}<h2>Shapes</h2>{schemas}</body></html>"
    )


def curl(spec: RouteSpec) -> str:
    """A command that calls the route."""
    path = plain_path(spec)
    for name in parameters(spec):
        path = path.replace(f"{{{name}}}", "default" if name == "loop" else quote(name.upper(), safe=""))
    lines = [f'curl -s -X {spec.method} "$SLATELOOP_URL{path}"']
    if spec.scopes:
        lines.append('-H "Authorization: Bearer $SLATELOOP_KEY"')
    if spec.example is not None:
        lines.append(f"-d '{json.dumps(spec.example)}'")
    return " \\\n  ".join(lines)


def _route(spec: RouteSpec, document: dict[str, Any]) -> str:
    path = plain_path(spec)
    needs = f"Needs the scope {' or '.join(spec.scopes)}." if spec.scopes else "Needs no key."
    operation = document["paths"][path][spec.method.lower()]
    statuses = ", ".join(sorted(operation["responses"]))
    return (
        f'<div class="route"><h3><code><span class="method">{spec.method}</span> {escape(path)}</code></h3>'
        f'<p>{escape(spec.summary)} <span class="needs">{needs} Answers {statuses}.</span></p>'
        f"<pre><code>{escape(curl(spec))}</code></pre></div>"
    )


def _shape(name: str, shape: dict[str, Any]) -> str:
    required = set(shape.get("required", ()))
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{'' if field in required else ' (optional)'}</td>"
        f"<td><code>{escape(_short(schema))}</code></td></tr>"
        for field, schema in shape.get("properties", {}).items()
    )
    text = escape(shape.get("description", "")).replace("\n\n", "</p><p>")
    return f"<details><summary><code>{escape(name)}</code></summary><p>{text}</p><table>{rows}</table></details>"


def _short(schema: Any) -> str:
    """A type in a few words."""
    if not isinstance(schema, dict):
        return "any JSON"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_short(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_short(schema.get('items', {}))}"
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    return str(schema.get("type", "any JSON"))
