"""A FHIR document as it came: its text, its resources, and a way to look at elements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from nhicard.insurer.eprescriptions.problems import Problem, Refused
from nhicard.insurer.eprescriptions.tables import systems

LARGEST: Final = 1024 * 1024
_DEEPEST: Final = 60  # levels of members and lists; a sheet has about ten
_MOST_PROBLEMS: Final = 50
_UNNAMED: Final = "元素 element"


@dataclass(frozen=True, slots=True)
class Found:
    """An element and where it is."""

    value: Any
    at: str


@dataclass(frozen=True)
class Document:
    """A Bundle of type document. ``text``: as sent. ``bundle``: its content; decimals are text, as they were sent."""

    text: str
    bundle: Mapping[str, Any]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content, whatever its spaces and the order of its members."""
        canonical = json.dumps(self.bundle, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def resources(self, kind: str) -> list[Found]:
        """The resources of this type, in order."""
        return [
            Found(entry["resource"], f"Bundle.entry[{place}].resource")
            for place, entry in enumerate(self.bundle["entry"])
            if entry["resource"]["resourceType"] == kind
        ]

    def under(self, path: str) -> Iterator[tuple[Found, list[Found]]]:
        """For each parent of the path's last step: the parent, and the elements that the path means in it."""
        kind, *steps = path.split(".")
        for resource in self.resources(kind):
            parents = [resource]
            for step in steps[:-1]:
                parents = [child for parent in parents for child in children(parent, step)]
            for parent in parents:
                yield parent, list(children(parent, steps[-1]))

    def all(self, path: str) -> list[Found]:
        """Every element of the path."""
        return [each for _, elements in self.under(path) for each in elements]

    def values(self, path: str) -> list[str]:
        """Every value of the path as text."""
        return [str(each.value) for each in self.all(path)]

    def first(self, path: str) -> str:
        """The path's first value as text, empty where there is none."""
        return next(iter(self.values(path)), "")


def children(parent: Found, step: str) -> Iterator[Found]:
    """The elements of a step (``tables.Element.path``)."""
    name, _, wish = step.rstrip("]").partition("[")
    if not isinstance(parent.value, dict):
        return
    value = parent.value.get(name)
    each = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
    for place, element in each:
        if element is not None and (not wish or is_of(element, wish)):
            yield Found(element, f"{parent.at}.{name}" + ("" if place is None else f"[{place}]"))


def is_of(element: Any, wish: str) -> bool:
    """Whether the element is of the kind in a step's brackets."""
    if not isinstance(element, dict):
        return False
    member, equals, value = wish.partition("=")
    if equals:
        return bool(element.get(member) == value)
    name, _, code = wish.partition("|")
    inner = element.get("code")
    codings = [
        element,
        *(element.get("coding") or ()),
        *((inner.get("coding") or ()) if isinstance(inner, dict) else ()),
    ]
    uris = systems()[name]
    return any(
        (coding.get("system") or coding.get("url")) in uris and (not code or coding.get("code") == code)
        for coding in codings
    )


def read(content: bytes) -> Document:
    """The document, right by FHIR's own rules. Raises Refused."""
    if len(content) > LARGEST:
        raise Refused(Problem("too-large"))
    try:
        text = content.decode()
        bundle = json.loads(text, parse_float=str, parse_constant=_no_constant)
        text_again = json.loads(text)
        json.dumps(bundle, ensure_ascii=False).encode()  # half a character is no text
    except (ValueError, RecursionError):
        raise Refused(Problem("not-json")) from None
    if _is_deeper(bundle, _DEEPEST):
        raise Refused(Problem("not-json"))
    if not _is_document(bundle):
        raise Refused(Problem("not-document", "Bundle"))
    if faults := _faults(text_again):
        raise Refused(*faults)
    return Document(text, bundle)


def _no_constant(_: str) -> None:
    raise ValueError


def _is_deeper(value: Any, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        inner = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list))]
        level = [child for members in inner for child in members]
    return bool(level)


def _is_document(bundle: Any) -> bool:
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle" or bundle.get("type") != "document":
        return False
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        return False
    kinds = [
        entry["resource"].get("resourceType")
        if isinstance(entry, dict) and isinstance(entry.get("resource"), dict)
        else None
        for entry in entries
    ]
    return kinds[0] == "Composition" and all(isinstance(kind, str) for kind in kinds)


def _faults(bundle: Any) -> list[Problem]:
    """What the library's models of FHIR refuse; its messages may quote the value and are not passed on."""
    from fhir.resources.R4B.bundle import Bundle
    from pydantic import ValidationError

    try:
        Bundle.model_validate(bundle)
    except ValidationError as found:
        faults = [
            Problem("fhir", _expression(fault["loc"]), {"rule": fault["type"]})
            for fault in found.errors(include_input=False, include_context=False, include_url=False)
        ]
        return faults[:_MOST_PROBLEMS]
    except (AttributeError, LookupError, TypeError, ValueError):
        return [Problem("fhir", "Bundle", {"rule": _UNNAMED})]  # an unknown type of resource, among others
    return []


def _expression(place: tuple[Any, ...]) -> str:
    return "Bundle" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
