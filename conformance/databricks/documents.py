"""The provider documents, as far as a statement needs them: which resource and verb has a method."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import yaml

VERBS = ("select", "insert", "update", "replace", "delete")


class Method(NamedTuple):
    """A method of a resource, and what its operation takes."""

    resource: str
    name: str
    verb: str
    places: dict[str, str]
    """Names of parameters in SQL, with `path`, `query` or `header`."""
    fields: set[str]
    """Names of body fields."""
    mask: str | None
    """The parameter that lists the changed fields, which a statement does not write."""
    media: str
    """The media type of a successful answer."""


def _resolved(root: dict, node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        node = _pointed(root, node["$ref"])
    return node


def _pointed(root: dict, reference: str) -> Any:
    node: Any = root
    for part in reference.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def _method(root: dict, resource: dict, name: str, node: dict, verb: str) -> Method:
    operation = _pointed(root, node["operation"]["$ref"])
    block = node.get("config", {}).get("x-strataql", {})
    aliases = block.get("paramAlias", {})
    places = {}
    for parameter in operation.get("parameters", []):
        parameter = _resolved(root, parameter)
        own = aliases.get(parameter["name"], parameter["name"])
        places[own] = parameter["in"]
    fields: set[str] = set()
    for media in operation.get("requestBody", {}).get("content", {}).values():
        schema = _resolved(root, media.get("schema", {}))
        fields.update(schema.get("properties", {}))
    mask = block.get("updateMask", {}).get("key")
    media = node.get("response", {}).get("mediaType", "application/json")
    return Method(resource["id"], name, verb, places, fields, mask, media)


def methods(folder: Path) -> dict[tuple[str, str], Method]:
    """Methods of a provider by service and operation."""
    found: dict[tuple[str, str], Method] = {}
    for file in sorted(folder.glob("*/services/*.yaml")):
        root = yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for resource in root["components"]["x-stackQL-resources"].values():
            verbs: dict[str, str] = {}
            for verb in VERBS:
                for reference in resource.get("sqlVerbs", {}).get(verb, []):
                    verbs.setdefault(reference["$ref"].rsplit("/", 1)[1], verb)
            for name, node in resource.get("methods", {}).items():
                operation = _pointed(root, node["operation"]["$ref"])
                key = (file.stem, operation["operationId"])
                made = _method(root, resource, name, node, verbs.get(name, "exec"))
                # one operation may serve several resources; one with a verb says more
                if key not in found or found[key].verb == "exec":
                    found[key] = made
    return found
