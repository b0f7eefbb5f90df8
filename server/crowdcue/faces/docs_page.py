"""The page at /docs as HTML, made from the OpenAPI and the AsyncAPI document; knows nothing of requests."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any, Final

import orjson

from crowdcue.faces import asyncapi, openapi
from crowdcue.faces.schemas import Schema

_OPTIONAL: Final = ' <span class="soft">optional</span>'

# Inline code and emphasis, all the markup that our descriptions have beside paragraphs and lists.
_CODE: Final = re.compile(r"`([^`]+)`")
_EMPHASIS: Final = re.compile(r"\*([^*\s][^*]*)\*")


def _inline(text: str) -> str:
    parts = _CODE.split(html.escape(text))
    for place, part in enumerate(parts):
        parts[place] = f"<code>{part}</code>" if place % 2 else _EMPHASIS.sub(r"<em>\1</em>", part)
    return "".join(parts)


def _prose(text: str) -> str:
    """Paragraphs and lists of a description."""
    found: list[str] = []
    for block in filter(None, re.split(r"\n\s*\n", text.strip())):
        if block.startswith("- "):
            found.append(
                "<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in block.split("\n")) + "</ul>"
            )
        else:
            found.append(f"<p>{_inline(block)}</p>")
    return "".join(found)


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    if not body:
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _kind(schema: Schema) -> str:
    """A schema in a few words, as HTML."""
    if "$ref" in schema:
        name = html.escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if "const" in schema:
        return f"<code>{html.escape(orjson.dumps(schema['const']).decode())}</code>"
    if "enum" in schema:
        return " | ".join(f"<code>{html.escape(orjson.dumps(one).decode())}</code>" for one in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"]))
    kind = schema.get("type", "anything")
    if kind == "array":
        if "prefixItems" in schema:
            return "[" + ", ".join(_kind(one) for one in schema["prefixItems"]) + "]"
        return f"array of {_kind(schema.get('items', {}))}"
    if kind == "object" and schema.get("properties"):
        return "{" + ", ".join(html.escape(name) for name in schema["properties"]) + "}"
    return html.escape(str(kind)) + _limits(schema)


def _limits(schema: Schema) -> str:
    if "maxLength" in schema:
        return f", {schema.get('minLength', 0)} to {schema['maxLength']} characters"
    if "maximum" in schema:
        least = (
            f"more than {schema['exclusiveMinimum']}"
            if "exclusiveMinimum" in schema
            else schema.get("minimum", "")
        )
        return f", {least} to {schema['maximum']}"
    return ""


def _fields(schema: Schema, *, skip: tuple[str, ...] = ()) -> str:
    required = schema.get("required", ())
    rows = [
        (
            f"<code>{html.escape(name)}</code>{'' if name in required else _OPTIONAL}",
            _kind(one),
            _inline(one.get("description", "")),
        )
        for name, one in schema.get("properties", {}).items()
        if name not in skip
    ]
    return _table(("field", "what it is", "about"), rows)


def _shape(schema: Schema) -> str:
    """A body or an answer: its fields in a table, or its kind."""
    return _fields(schema) if schema.get("properties") else f"<p>{_kind(schema)}</p>"


def _rest_operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [
        f'<section class="op" id="{operation["operationId"]}"><h3>{_inline(operation["summary"])}</h3>',
        f'<p class="line"><span class="method {method}">{method.upper()}</span> <code>{html.escape(path)}</code></p>',
        _prose(operation.get("description", "")),
    ]
    rows = [
        (
            f"<code>{html.escape(one['name'])}</code>",
            one["in"],
            _kind(one["schema"]),
            _inline(one["description"]),
        )
        for one in operation["parameters"]
    ]
    if rows:
        parts.append("<h4>Parameters</h4>" + _table(("name", "in", "what it is", "about"), rows))
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        parts.append("<h4>Body</h4>" + _shape(schema))
    responses = operation["responses"]
    for mime, content in responses["200"].get("content", {}).items():
        shape = (
            _shape(content["schema"]) if "schema" in content else f"<p><code>{html.escape(mime)}</code></p>"
        )
        parts.append("<h4>Answer</h4>" + shape)
    others = [
        (
            f'<span class="{"error" if status >= "4" else ""}">{status}</span>',
            _inline(response["description"]),
        )
        for status, response in responses.items()
        if status != "200"
    ]
    parts.append(_table(("status", "when"), others) + "</section>")
    return "".join(parts)


def _message(name: str, message: Schema, direction: str) -> str:
    return (
        f'<section class="op" id="ws-{name}"><p class="line"><span class="method {direction}">'
        f"{'you send' if direction == 'receive' else 'you get'}</span> <code>{html.escape(message['name'])}</code></p>"
        f"{_prose(message['summary'])}{_fields(message['payload'], skip=('t',))}</section>"
    )


def _schema_sections(known: dict[str, Schema]) -> str:
    sections = []
    for name, schema in known.items():
        rows = [(f"<code>{one}</code>",) for one in schema.get("enum", ())]
        shape = "" if rows else _shape(schema)
        about = _prose(schema.get("description", ""))
        sections.append(f'<section class="op" id="schema-{name}"><h3>{name}</h3>{about}{shape}</section>')
    return "".join(sections)


def page(root_path: str) -> str:
    """The whole page."""
    rest, ws = openapi.document(root_path), asyncapi.document()
    menu, body = (
        [],
        [_HEAD.format(version=html.escape(rest["info"]["version"])), _prose(rest["info"]["description"])],
    )
    body.append(_EXAMPLE.format(root=html.escape(root_path)))
    for tag in rest["tags"]:
        anchor = "part-" + tag["name"].lower().replace(" ", "-")
        body.append(
            f'<h2 id="{anchor}">{html.escape(tag["name"])}</h2><p class="lead">{_inline(tag["description"])}</p>'
        )
        links = []
        for path, methods in rest["paths"].items():
            for method, operation in methods.items():
                if operation["tags"] == [tag["name"]]:
                    links.append((operation["operationId"], path.replace("/api/rooms/{code}/", "… /")))
                    if tag["name"] != "Queue of MAIN":
                        body.append(_rest_operation(method, path, operation))
        if tag["name"] == "Queue of MAIN":
            body.append("<ul>" + "".join(_main_link(name, path) for name, path in links) + "</ul>")
        else:
            menu.append(_menu(tag["name"], anchor, links))
    body.append(
        f'<h2 id="part-websocket">WebSocket <code>/ws/{{code}}</code></h2>{_prose(ws["info"]["description"])}'
    )
    for operation in ws["operations"].values():
        for direction, one in _messages_of(operation):
            body.append(_message(one, ws["components"]["messages"][one], direction))
    menu.append(
        _menu(
            "WebSocket",
            "part-websocket",
            [(f"ws-{n}", m["name"]) for n, m in ws["components"]["messages"].items()],
        )
    )
    known = {**ws["components"]["schemas"], **rest["components"]["schemas"]}
    body.append(f'<h2 id="part-shapes">Shapes</h2>{_schema_sections(known)}')
    menu.append(_menu("Shapes", "part-shapes", [(f"schema-{name}", name) for name in known]))
    return _PAGE.format(menu="".join(menu), body="".join(body))


def _main_link(operation: str, path: str) -> str:
    target = operation.removesuffix("_main")
    return f'<li><a href="#{target}"><code>{html.escape(path)}</code></a></li>'


def _messages_of(operation: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """(direction, message) of an operation and its replies, from the server's point of view."""
    back = {"receive": "send", "send": "receive"}[operation["action"]]
    for one in operation["messages"]:
        yield operation["action"], one["$ref"].rpartition("/")[2]
    for one in operation.get("reply", {}).get("messages", ()):
        yield back, one["$ref"].rpartition("/")[2]


def _menu(name: str, anchor: str, links: list[tuple[str, str]]) -> str:
    items = "".join(f'<li><a href="#{target}">{html.escape(text)}</a></li>' for target, text in links)
    return f'<h2><a href="#{anchor}">{html.escape(name)}</a></h2><ul>{items}</ul>'


_PAGE: Final = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Crowdcue API</title><link rel="stylesheet" href="docs.css"></head>
<body><div class="layout"><nav aria-label="Contents">{menu}</nav><main>{body}</main></div></body></html>
"""
_HEAD: Final = """\
<h1>Crowdcue API</h1>
<p class="lead">Version {version}. The same rooms over HTTP, WebSocket and gRPC. For machines:
<a href="openapi.json">openapi.json</a> and <a href="asyncapi.yaml">asyncapi.yaml</a>.</p>
"""
_EXAMPLE: Final = """\
<pre tabindex="0" aria-label="Example"><code># a song for the house party, a vote, the queue
curl -c jar -b jar "http://localhost:8080{root}/add_track" \\
  -d '{{"id": "yellow", "title": "Yellow", "artist": "Coldplay", "duration": 266}}'
curl -c jar -b jar "http://localhost:8080{root}/vote?up=true" -d '{{"id": "yellow"}}'
curl -c jar -b jar "http://localhost:8080{root}/queue"</code></pre>
"""
