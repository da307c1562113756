"""Provider documents, read on their own: what a method takes, and what its service answers.

Nothing here is shared with the product. A registry is a folder with `src/<provider>/<version>/provider.yaml`; a
service document is OpenAPI with `x-stackQL-*` keys. Only what the conformance run needs is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import unquote

import yaml

VERBS = ("select", "insert", "update", "delete")

# the folder's name and the name in SQL differ for one provider
SQL_NAMES = {"googleapis.com": "google"}


class _Loader(yaml.CSafeLoader):  # type: ignore[misc]
    """Dates stay text, unknown tags are null."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_multi_constructor("", lambda loader, suffix, node: None)


def load(path: Path) -> dict[str, Any]:
    """A YAML file."""
    with path.open(encoding="utf-8") as file:
        return yaml.load(file, Loader=_Loader) or {}


def snake(name: str) -> str:
    """The snake form of a wire name: `VPCId` is `vpc_id`."""
    if "_" in name:
        return name
    special = re.search(r"[A-Z]{2,}s$", name)
    if special:
        start, end = special.span()
        name = f"{name[:start]}_{name[start:end].lower()}" if start else name.lower()
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    name = re.sub(r"([a-z])([0-9]+)", r"\1_\2", name)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"__+", "_", name).lower()


def plain(name: str) -> str:
    """A name without case and separators."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@dataclass
class Param:
    """A parameter of an operation, or a variable of its server (`place` is `server`)."""

    name: str
    place: str
    required: bool
    schema: dict[str, Any]
    default: Any = None
    # its name in SQL, where that is not the one in the path
    alias: str = ""


class Document:
    """A service document."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root

    def target(self, node: Any) -> Any:
        """What a node refers to, itself without `$ref`."""
        for _ in range(20):
            if not isinstance(node, dict) or "$ref" not in node:
                return node
            node = self._at(str(node["$ref"]))
        return {}

    def _at(self, reference: str) -> Any:
        node: Any = self.root
        for step in reference.partition("#")[2].strip("/").split("/"):
            step = unquote(step.replace("~1", "/").replace("~0", "~"))
            if isinstance(node, list):
                node = node[int(step)] if step.isdigit() and int(step) < len(node) else {}
            elif isinstance(node, dict):
                node = node.get(step, {})
            else:
                return {}
        return node

    def kind(self, schema: Any) -> str:
        """The type of a schema, `any` if it says none."""
        schema = self.target(schema) or {}
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), None)
        if kind:
            return {"int": "integer", "float": "number", "bool": "boolean"}.get(kind, kind)
        if self.properties(schema):
            return "object"
        if "items" in schema:
            return "array"
        for key in ("allOf", "oneOf", "anyOf"):
            for member in schema.get(key) or []:
                found = self.kind(member)
                if found != "any":
                    return found
        return "any"

    def properties(self, schema: Any, depth: int = 0) -> dict[str, Any]:
        """The properties of an object, with those of composed schemas."""
        schema = self.target(schema)
        if not isinstance(schema, dict) or depth > 6:
            return {}
        found = dict(schema.get("properties") or {})
        for member in schema.get("allOf") or []:
            for key, value in self.properties(member, depth + 1).items():
                found.setdefault(key, value)
        if not found:
            for key in ("oneOf", "anyOf"):
                for member in schema.get(key) or []:
                    for name, value in self.properties(member, depth + 1).items():
                        found.setdefault(name, value)
                if found:
                    break
        return {str(key): value for key, value in found.items()}

    def items(self, schema: Any) -> Any:
        """The schema of an array's elements."""
        schema = self.target(schema) or {}
        if "items" in schema:
            return schema["items"]
        for key in ("allOf", "oneOf", "anyOf"):
            for member in schema.get(key) or []:
                found = self.items(member)
                if found:
                    return found
        return {}

    def required(self, schema: Any, depth: int = 0) -> list[str]:
        """Names that a body must have, as far as they are properties."""
        schema = self.target(schema)
        if not isinstance(schema, dict) or depth > 6:
            return []
        names = [str(name) for name in schema.get("required") or [] if not isinstance(name, bool)] \
            if isinstance(schema.get("required"), list) else []
        for member in schema.get("allOf") or []:
            names += self.required(member, depth + 1)
        known = self.properties(schema)
        return [name for name in dict.fromkeys(names) if name in known]

    def at(self, schema: Any, path: list[str]) -> Any:
        """The schema below a path of keys; None if there is none."""
        for step in path:
            schema = self.target(schema)
            if step == "*":
                schema = (schema or {}).get("additionalProperties") or self.items(schema)
                continue
            properties = self.properties(schema)
            if step not in properties:
                return None
            schema = properties[step]
        return schema


def json_path(text: str) -> list[str]:
    """`$.a.b` or a plain name as keys."""
    if not text.startswith("$"):
        return [text]
    steps = re.findall(r"\['([^']+)'\]|\.([^.\[]+)|\[(\*|\d+)\]", text[1:])
    return [next(one for one in step if one) for step in steps]


@dataclass
class Method:
    """One method of a resource."""

    provider: str
    service: str
    resource: str
    name: str
    verb: str
    document: Document
    node: dict[str, Any]
    configs: list[dict[str, Any]]
    http: str
    path: str
    operation: dict[str, Any]
    item: dict[str, Any]
    snake: bool
    protocol: str
    params: list[Param] = field(default_factory=list)
    server: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What identifies it in a report."""
        return self.provider, self.service, self.resource, self.name

    @property
    def table(self) -> str:
        """Its resource in SQL."""
        return ".".join(quoted(part) for part in (self.provider, self.service.replace(":", "__"), self.resource))

    def setting(self, block: str, key: str) -> Any:
        """A value of a `config` block, inherited key by key."""
        for config in self.configs:
            value = (config.get(block) or {}).get(key) if isinstance(config.get(block), dict) else None
            if value not in (None, ""):
                return value
        return None

    @property
    def translate(self) -> str:
        """What rewrites the finished request."""
        return str(self.setting("requestTranslate", "algorithm") or "")

    @property
    def base(self) -> dict[str, Any]:
        """What the body holds before a statement adds to it."""
        import json

        text = (self.node.get("request") or {}).get("base")
        try:
            return json.loads(text) if text else {}
        except ValueError:
            return {}

    @property
    def naming(self) -> str:
        """How the body's fields are called in SQL."""
        block = (self.node.get("config") or {}).get("requestBodyTranslate") or {}
        return str(block.get("algorithm") or "default")

    @property
    def media(self) -> str:
        """The media type of the body, empty if there is none."""
        return self._body()[0]

    def _body(self) -> tuple[str, Any]:
        request = self.node.get("request") or {}
        body = self.document.target(self.operation.get("requestBody")) or {}
        content = body.get("content") or {}
        wanted = request.get("mediaType")
        if wanted:
            schema = request.get("schema_override") or (content.get(wanted) or {}).get("schema")
            return (wanted, schema) if schema else ("", None)
        for media in ("application/json", "application/xml", "application/octet-stream", *content):
            if media in content:
                return media, request.get("schema_override") or (content[media] or {}).get("schema")
        return "", None

    @property
    def body(self) -> Any:
        """The schema whose properties a statement sets; None without a body."""
        schema = self._body()[1]
        if schema is None:
            return None
        inner = self.naming.removeprefix("naive_") if self.naming.startswith("naive_") else ""
        return self.document.properties(schema).get(inner, {}) if inner else schema

    @property
    def inner(self) -> str:
        """The key of the body under which its fields are."""
        return self.naming.removeprefix("naive_") if self.naming.startswith("naive_") else ""

    def sql_name(self, wire: str) -> str:
        """A parameter or plain field in SQL."""
        casing = (self.node.get("request") or {}).get("nativeCasing")
        return snake(wire) if self.snake or casing else wire

    def field_name(self, wire: str) -> str:
        """A field of the body in SQL."""
        return f"data__{wire}" if self.naming == "default" else self.sql_name(wire)

    def server_variables(self) -> list[Param]:
        """Variables of its first server."""
        return [one for one in self.params if one.place == "server"]

    def required_params(self) -> list[Param]:
        """Parameters that a statement has to give."""
        return [one for one in self.params if one.required and one.place != "server"]

    def required_fields(self) -> list[str]:
        """Fields of the body that a statement has to give."""
        schema = self.body
        if schema is None:
            return []
        taken = {one.name for one in self.params}
        return [one for one in self.document.required(schema) if one not in taken and one not in self.base]

    def needs(self) -> set[str]:
        """SQL names of all that it needs."""
        names = {self.sql_name(one.alias or one.name) for one in self.required_params()}
        return names | {self.field_name(one) for one in self.required_fields()}

    # ---- the answer
    @property
    def response(self) -> dict[str, Any]:
        """Its `response` block."""
        return self.node.get("response") or {}

    @property
    def transformed(self) -> bool:
        """True if a template rewrites its answers."""
        return bool((self.response.get("transform") or {}).get("type"))

    def status(self) -> int:
        """The status of a success."""
        key = str(self.response.get("openAPIDocKey") or "200")
        return int(key) if key.isdigit() else 200

    def answer(self) -> tuple[str, Any]:
        """Media type and schema of what the service sends, before any template."""
        override = self.response.get("schema_override")
        responses = {str(key): value for key, value in (self.operation.get("responses") or {}).items()}
        key = str(self.response.get("openAPIDocKey") or "")
        media = self.response.get("mediaType")
        content: dict[str, Any] = {}
        if key in responses and media:
            content = (self.document.target(responses[key]) or {}).get("content") or {}
        else:
            for one in sorted(one for one in responses if one.startswith("2")) + ["default"]:
                content = (self.document.target(responses.get(one)) or {}).get("content") or {}
                if content:
                    break
            if not media:
                media = next((one for one in ("application/json", "application/xml", *content) if one in content), None)
        schema = (content.get(media) or {}).get("schema") if media else None
        if override and not (self.transformed and schema):
            schema = override
        wrapped = self.wrapped()
        if wrapped:
            inner = self.document.properties(schema).get(wrapped)
            if inner is None and "jsonMapFromString" in self.template:
                # a bare list of values, which the template takes apart
                inner = {"type": "array", "items": {"type": "string"}}
            schema = inner if inner is not None else schema
        return media or "", schema

    @property
    def template(self) -> str:
        """The template that rewrites its answers."""
        return str((self.response.get("transform") or {}).get("body") or "")

    def wrapped(self) -> str:
        """The key under which a template puts the whole answer, if that is all it does."""
        match = re.search(r'printf\s+"{\\"(\w+)\\":\s*%s}"\s+\.', self.template)
        return match[1] if match else ""

    @property
    def is_rows_of_xml(self) -> bool:
        """True if the rows are found in XML by the schema of a row, and no document has the schema of the whole."""
        return str((self.response.get("transform") or {}).get("type") or "").startswith("schema_driven_xml")

    @property
    def is_known(self) -> bool:
        """True if the document tells what the service sends."""
        if not self.transformed or self.wrapped() or self.is_rows_of_xml or '"contents"' in self.template:
            return True
        if "_mxj_" in str(self.response["transform"]["type"]):
            return False
        responses = {str(key): value for key, value in (self.operation.get("responses") or {}).items()}
        content = (self.document.target(responses.get(str(self.response.get("openAPIDocKey")))) or {}).get("content") or {}
        schemas = [one["schema"] for one in content.values() if (one or {}).get("schema")]
        # what the template looks for has to be in the schema, or it is that of the template's output
        wanted = set(re.findall(r'index \. "(\w+)"', self.template))
        return any(wanted <= set(self.document.properties(one)) for one in schemas)

    def shown(self) -> Any:
        """The schema that its columns come from."""
        return self.response.get("schema_override") or self.answer()[1]

    def rows_path(self, schema: Any) -> list[str] | None:
        """Where a list of rows is in what the service sends; None for one object."""
        document = self.document
        key = self.response.get("objectKey")
        if key and str(key).startswith("/"):
            return self._element_path(schema, [one for one in str(key).split("/") if one][1:])
        if self.transformed and not key and not self.template.lstrip().startswith("["):
            return None
        path = json_path(str(key)) if key else []
        if not key and document.kind(schema) == "object" and "items" in document.properties(schema):
            path = ["items"]
        found = document.at(schema, [step for step in path if step != "*"])
        if found is not None and not (self.transformed and not path):
            return path if document.kind(found) == "array" and "*" not in path else None
        if document.kind(schema) == "array":
            return []
        for name, value in document.properties(schema).items():
            if document.kind(value) == "array" and document.kind(document.items(value)) in ("object", "string"):
                return [name]
        return None


    def _element_path(self, schema: Any, steps: list[str]) -> list[str] | None:
        """The list that an XPath of elements leads to; what follows it names the elements of the list."""
        document, path = self.document, []
        for step in steps:
            if document.kind(schema) == "array":
                break
            found = None
            for name, one in document.properties(schema).items():
                known = ((document.target(one) or {}).get("xml") or one.get("xml") or {}).get("name") or name
                if step in (name, known):
                    found = (name, one)
            if found is None:
                return None
            path.append(found[0])
            schema = found[1]
        return path if document.kind(schema) == "array" else None


def quoted(name: str) -> str:
    """A name as it stands in a statement."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) and name not in KEYWORDS else '"' + name.replace('"', '""') + '"'


KEYWORDS = frozenset(
    """all alter and any array as asc at begin between both by call case cast check collate column commit constraint create
    cross cube current date default delete desc describe distinct do drop else end escape except exec execute exists explain
    fetch filter for format from full function group grouping having if ilike in index inner insert intersect interval into is
    join key language lateral leading left like limit lock match merge method natural no not null of offset on only option or
    order outer over overlaps partition position primary range recursive references replace returning right rollback row rows
    schema select session set show similar some start symmetric table tablesample then time timestamp to trailing transaction
    trigger true false truncate type union unique update user using value values varying view when where window with within
    without work year zone""".split()
)


@dataclass
class View:
    """A view of a document."""

    provider: str
    service: str
    resource: str
    required: list[str]

    @property
    def table(self) -> str:
        """Its name in SQL."""
        return ".".join(quoted(part) for part in (self.provider, self.service.replace(":", "__"), self.resource))


class Service:
    """A service: its methods by SQL verb, and its views."""

    def __init__(self, provider: str, folder: Path, index: dict[str, Any], key: str, entry: dict[str, Any]) -> None:
        self.provider, self.name = provider, str(entry.get("name") or key)
        self.folder, self._version = folder, str(index.get("version") or "")
        self._provider_config = index.get("config") or {}
        self._entry = entry
        self._documents: dict[str, Document] = {}
        register = (entry.get("resources") or {}).get("$ref")
        main = (entry.get("service") or {}).get("$ref")
        if register:
            root = load(self._file(register))
            self.resources = root.get("resources") or {}
            self._main = (root.get("serviceDoc") or {}).get("$ref") or main
        else:
            self._main = main
            self.resources = (self._document(main).root.get("components") or {}).get("x-stackQL-resources") or {}

    def _document(self, path: str) -> Document:
        path = path.partition("#")[0]
        if path not in self._documents:
            self._documents[path] = Document(load(self._file(path)))
        return self._documents[path]

    def _file(self, path: str) -> Path:
        """A file by its path below the registry; a copy may have it under another version."""
        file = self.folder / path
        if file.is_file():
            return file
        provider, _, rest = path.split("/", 2)
        return next(iter(sorted((self.folder / provider).glob(f"*/{rest}"))), file)

    def methods(self) -> Iterator[Method]:
        """All methods that SQL verbs list, in document order."""
        for name, resource in self.resources.items():
            for verb in VERBS:
                yield from self.candidates(name, resource, verb)

    def candidates(self, name: str, resource: dict[str, Any], verb: str) -> list[Method]:
        """The methods of a SQL verb."""
        listed = (resource.get("sqlVerbs") or {}).get(verb) or []
        listed = listed if isinstance(listed, list) else [listed]
        found = [self._method(name, resource, str(one.get("$ref", "")).rsplit("/", 1)[-1], verb) for one in listed]
        return [one for one in found if one]

    def all_methods(self) -> Iterator[Method]:
        """Every method, listed by a SQL verb or not."""
        for name, resource in self.resources.items():
            for key in resource.get("methods") or {}:
                found = self._method(name, resource, key, "exec")
                if found:
                    yield found

    def views(self) -> Iterator[View]:
        """All views, with the parameters that their first usable variant requires."""
        for name, resource in self.resources.items():
            node = ((resource.get("config") or {}).get("views") or {}).get("select")
            required: list[str] | None = None
            while isinstance(node, dict):
                predicate = str(node.get("predicate") or "")
                if "sqlDialect" not in predicate or '"sqlite3"' in predicate:
                    match = re.search(r"requiredParams\s*==\s*\[([^\]]*)\]", predicate)
                    names = match[1].split(",") if match else []
                    required = [one.strip().strip("\"'") for one in names if one.strip()]
                    # a constant that stands for the user's own value
                    for one in re.findall(r"(\w+)\s*=\s*'(?:{{[^']*}}|<[^']*>|replace-me)'", str(node.get("ddl"))):
                        if one not in required:
                            required.append(one)
                    break
                node = node.get("fallback")
            if required is not None:
                yield View(self.provider, self.name, name, required)

    @lru_cache(maxsize=None)
    def _cached(self, name: str, key: str, verb: str) -> Method | None:
        resource = self.resources[name]
        node = (resource.get("methods") or {}).get(key)
        reference = ((node or {}).get("operation") or {}).get("$ref")
        if not reference:
            return None
        document = self._document(reference if not reference.startswith("#") else self._main)
        path, _, http = reference.partition("#")[2].removeprefix("/paths/").rpartition("/")
        path = path.replace("~1", "/")
        path = path if path.startswith("/") else f"/{path}"
        item = document.target((document.root.get("paths") or {}).get(path)) or {}
        operation = item.get(http.lower())
        if not isinstance(operation, dict):
            return None
        configs = [node.get("config"), resource.get("config"), document.root.get("x-stackQL-config"),
                   self._entry.get("config"), self._provider_config]
        info = document.root.get("info") or {}
        method = Method(
            provider=self.provider, service=self.name, resource=name, name=key, verb=verb, document=document, node=node,
            configs=[one for one in configs if isinstance(one, dict)], http=http.upper(), path=path, operation=operation,
            item=item, snake=bool(self._provider_config.get("snake_case_aliases")), protocol=str(info.get("x-protocol") or ""),
        )
        self._parameters(method)
        return method

    def _method(self, name: str, resource: dict[str, Any], key: str, verb: str) -> Method | None:
        return self._cached(name, key, verb)

    def _parameters(self, method: Method) -> None:
        document = method.document
        seen: set[tuple[str, str]] = set()
        for node in (method.operation.get("parameters") or []) + (method.item.get("parameters") or []):
            node = document.target(node) or {}
            name, place = str(node.get("name")), node.get("in")
            if place == "path" and "{" + name not in method.path:
                # one that is spelt otherwise in the path is known by its own name
                other = next((one for one in re.findall(r"{([^}:*]+)", method.path) if plain(one) == plain(name)), None)
                if other is not None and (other, "path") not in seen:
                    seen |= {(name, "path"), (other, "path")}
                    schema = document.target(node.get("schema") or {}) or {}
                    method.params.append(Param(other, "path", True, schema, alias=name))
                    continue
            if place not in ("path", "query", "header") or (name, place) in seen:
                continue
            seen.add((name, place))
            if place == "path" and "{" + name not in method.path:
                continue
            schema = document.target(node.get("schema") or {}) or {}
            default = schema.get("default")
            required = place == "path" or (bool(node.get("required")) and not node.get("allowEmptyValue"))
            if place == "header" and default is not None:
                required = False
            method.params.append(Param(name, place, required, schema, default))
        for name in re.findall(r"{\+?([^}:*]+)[^}]*}", method.path):
            if (name, "path") not in seen:
                method.params.append(Param(name, "path", True, {"type": "string"}))
        query = str((method.operation.get("x-stackQL-graphQL") or {}).get("query") or "")
        known = {one.name for one in method.params} | {"cursor", "limit"}
        for name in dict.fromkeys(re.findall(r"{{-?\s*\.(\w+)\s*-?}}", query)):
            if name not in known:
                method.params.append(Param(name, "text", True, {"type": "string"}))
        servers = next(
            (one.get("servers") for one in (method.operation, method.item, document.root) if one.get("servers")), [])
        if servers:
            method.server = str(servers[0].get("url") or "")
            for name, variable in (servers[0].get("variables") or {}).items():
                if not any(one.name == name for one in method.params):
                    method.params.append(Param(name, "server", True, variable or {}, (variable or {}).get("default")))


def providers(registry: Path) -> list[Path]:
    """The folders of the highest versions of all providers."""
    found = []
    for provider in sorted((registry / "src").iterdir()):
        versions = sorted(one for one in provider.iterdir() if (one / "provider.yaml").is_file()) if provider.is_dir() else []
        found += versions[-1:]
    return found
