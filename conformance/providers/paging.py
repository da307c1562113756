"""How a list of three pages is served: as its document declares it, or by the signs that services usually have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from documents import Method, json_path, plain

PAGES = 3

# names of next-page addresses, and of objects that hold what is said about the list
ADDRESSES = ("nextlink", "odatanextlink", "nexturl", "nexturi", "nextpageurl", "nextpagelink", "nexthref")
HOLDERS = ("links", "meta", "metadata", "paging", "pagination", "page", "pageinfo", "resultinfo", "responsemetadata",
           "cursor", "cursors", "result", "data", "info", "listmeta", "pages")
TOKENS = ("nexttoken", "nextpagetoken", "nextcursor", "nextmarker", "nextcontinuationtoken", "continuationtoken", "continue",
          "nextpage", "nextkey", "nextpagecursor", "marker", "cursor", "nextstart", "paginationtoken", "pagetoken", "lastevaluatedkey")
ASKED = ("pagetoken", "nexttoken", "cursor", "token", "marker", "continuationtoken", "continue", "nextcursor", "nextmarker",
         "pagecursor", "after", "afterid", "startingafter", "nextpagetoken", "paginationtoken", "page", "next", "until")


@dataclass
class Paging:
    """One way to continue a list.

    `style` is `token`, `address`, `number`, `offset`, `header` or `none`; `found` is where the answer has its token, address
    or number; `place` and `name` say where the next request has it.
    """

    style: str = "none"
    found: tuple[str, ...] = ()
    place: str = ""
    name: str = ""
    total: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    start: int = 1
    numeric: bool = False
    counts_rows: bool = False


def _takes(method: Method, names: list[str]) -> tuple[str, str] | None:
    """The first of the inputs that a method has, and its place."""
    fields = method.document.properties(method.body) if method.body is not None else {}
    for wanted in names:
        for one in method.params:
            if one.place in ("query", "header") and plain(one.name) == wanted:
                return one.place, one.name
        for field in fields:
            if plain(field) == wanted:
                return "body", field
    return None


def _envelope(method: Method, schema: Any, rows: list[str]) -> dict[tuple[str, ...], Any]:
    """What stands beside the rows: paths of keys, up to three deep through objects that speak of the list."""
    document = method.document
    found: dict[tuple[str, ...], Any] = {}

    def walk(schema: Any, path: tuple[str, ...]) -> None:
        for name, value in document.properties(schema).items():
            here = (*path, name)
            if list(here) == rows:
                continue
            kind = document.kind(value)
            if kind == "object" and len(here) < 3:
                found[here] = value
                if plain(name) in HOLDERS or plain(name) in ("next",) or list(here) == rows[: len(here)]:
                    walk(value, here)
            elif kind != "array":
                found[here] = value

    if document.kind(schema) != "array":
        walk(schema, ())
    return found


def _declared(method: Method, envelope: dict[tuple[str, ...], Any]) -> Paging | None:
    request, response = method.setting("pagination", "requestToken"), method.setting("pagination", "responseToken")
    if not request and not response:
        return None
    request, response = request or {"key": "pageToken"}, response or {"key": "nextPageToken"}
    key, place = str(response.get("key") or ""), str(request.get("location") or "query")
    if response.get("location") == "header":
        return Paging(style="header")
    found = tuple(json_path(key))
    if found not in envelope:
        return Paging()
    if place == "request":
        return Paging(style="address", found=found)
    name = str(request.get("key"))
    if method.setting("pagination", "algorithm") == "page_number":
        total = tuple(json_path(str((method.setting("pagination", "responseTerminator") or {}).get("key") or "")))
        return Paging(style="number", found=found, place=place, name=name, total=total)
    numeric = method.document.kind(envelope[found]) in ("integer", "number")
    more = next((path for path in envelope if plain(path[-1]) in ("hasmore", "istruncated")), ())
    return Paging(style="token", found=found, place=place, name=name, more=more, numeric=numeric)


def of(method: Method, schema: Any, rows: list[str]) -> Paging:
    """How the lists of a method go on."""
    envelope = _envelope(method, schema, rows)
    declared = _declared(method, envelope)
    if declared:
        return declared
    if method.provider in ("github", "okta"):
        return Paging(style="header")
    document = method.document

    def scalar(path: tuple[str, ...]) -> bool:
        return document.kind(envelope[path]) in ("string", "integer", "number", "any")

    more = next((path for path in envelope if plain(path[-1]) in ("hasmore", "more", "istruncated", "hasnextpage", "hasnext")
                 and document.kind(envelope[path]) in ("boolean", "string")), ())
    for path in envelope:
        if plain(path[-1]) in ADDRESSES and document.kind(envelope[path]) in ("string", "any"):
            return Paging(style="address", found=path)
    for path in envelope:
        last = plain(path[-1])
        if last == "next" and document.kind(envelope[path]) == "string":
            token = _takes(method, list(ASKED))
            if token:
                return Paging(style="token", found=path, place=token[0], name=token[1])
            return Paging(style="address", found=path)
        if path[-2:-1] and plain(path[-2]) == "next" and last in ("href", "url", "uri") and scalar(path):
            return Paging(style="address", found=path)
    for wanted in TOKENS:
        for path in envelope:
            if plain(path[-1]) != wanted or not scalar(path):
                continue
            same = [wanted, wanted.removeprefix("next")] + list(ASKED)
            token = _takes(method, [one for one in same if one])
            if token:
                numeric = document.kind(envelope[path]) in ("integer", "number")
                return Paging(style="token", found=path, place=token[0], name=token[1], more=more, numeric=numeric)
    last = next((path for path in envelope if plain(path[-1]) == "lastid"), None)
    after = _takes(method, ["after", "afterid", "startingafter"])
    if last and after and more:
        return Paging(style="token", found=last, place=after[0], name=after[1], more=more)
    number = _takes(method, ["page", "pagenumber", "pageno"])
    pages = next((path for path in envelope if plain(path[-1]) in ("totalpages", "pagecount", "numpages", "lastpage")), ())
    total = next((path for path in envelope if plain(path[-1]) in (
        "total", "totalcount", "totalresults", "totalitems", "totalsize", "totalrecords")
        and document.kind(envelope[path]) in ("integer", "number")), ())
    offset = _takes(method, ["offset", "skip", "startindex", "startat"])
    if number and (pages or total or more):
        default = next((one.default for one in method.params if one.name == number[1]), None)
        start = int(default) if isinstance(default, int) and default in (0, 1) else 1
        return Paging(style="number", place=number[0], name=number[1], total=pages or total, more=() if pages or total else more,
                      counts_rows=not pages, start=start)
    if offset and (total or more):
        start = 1 if plain(offset[1]) == "startindex" else 0
        return Paging(style="offset", place=offset[0], name=offset[1], total=total, more=() if total else more,
                      counts_rows=True, start=start)
    if number and document.kind(schema) == "array":
        return Paging(style="header")
    return Paging()


def in_xml(method: Method) -> Paging:
    """How a list goes on whose answer is XML without a schema: by the token that its request takes."""
    answers = {"marker": "Marker", "nexttoken": "NextToken", "continuationtoken": "NextContinuationToken",
               "paginationtoken": "PaginationToken"}
    for one in method.params:
        found = answers.get(plain(one.name))
        if one.place == "query" and found:
            if found == "Marker" and method.protocol == "rest-xml":
                found = "NextMarker"
            more = ("IsTruncated",) if found != "NextToken" else ()
            return Paging(style="token", found=(found,), place="query", name=one.name, more=more)
    return Paging()
