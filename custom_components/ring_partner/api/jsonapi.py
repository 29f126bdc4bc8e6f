"""JSON:API documents as Ring writes them: resources, what is included, and the next page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from yarl import URL

from .values import Json, JsonObject, as_id, as_list, as_object, as_text

MAX_PAGES: Final = 100

type Identifier = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource, with every attribute and relationship it came with; `type` is empty when Ring's is unusable."""

    type: str
    id: str
    attributes: JsonObject
    relationships: JsonObject

    @classmethod
    def parse(cls, value: Json) -> Self | None:
        """Return the resource, or None without an id to know it by."""
        body = as_object(value)
        resource_id = as_id(body.get("id"))
        if resource_id is None:
            return None
        return cls(
            type=as_text(body.get("type")) or "",
            id=resource_id,
            attributes=as_object(body.get("attributes")),
            relationships=as_object(body.get("relationships")),
        )

    def related(self, name: str) -> tuple[Identifier, ...]:
        """Return the (type, id) of what a relationship points to, whether to one or to many."""
        data = as_object(self.relationships.get(name)).get("data")
        targets = data if isinstance(data, list) else [data]
        found = (Resource.parse(target) for target in targets)
        return tuple((target.type, target.id) for target in found if target is not None)


@dataclass(frozen=True, slots=True)
class Document:
    """The resources of one or several pages; of two with the same identity the later one counts."""

    data: tuple[Resource, ...] = ()
    included: Mapping[Identifier, Resource] = field(default_factory=dict)

    def attributes_of(self, resource: Resource, name: str) -> JsonObject:
        """Return the attributes of the one included resource that a relationship points to, or an empty object."""
        for identifier in resource.related(name):
            if (found := self.included.get(identifier)) is not None:
                return found.attributes
        return {}


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to a request for a list."""

    data: list[Json]
    included: list[Json]
    next: str | None

    @classmethod
    def parse(cls, body: Json) -> Self | None:
        """Return the page, or None when this is no list: an account without devices has an empty one."""
        document = as_object(body)
        data = document.get("data")
        if not isinstance(data, list):
            return None
        following = as_object(document.get("links")).get("next")
        if isinstance(following, dict):
            following = following.get("href")
        return cls(data=data, included=as_list(document.get("included")), next=as_text(following))


def one(body: Json) -> Document | None:
    """Return the document of a single resource, or None when there is none in it."""
    document = as_object(body)
    resource = Resource.parse(document.get("data"))
    return None if resource is None else Document((resource,), _by_identity(as_list(document.get("included"))))


def joined(pages: Iterable[Page], wanted: str) -> Document:
    """Return the resources of type `wanted` on all pages, and what came with them."""
    pages = list(pages)
    resources = (Resource.parse(entry) for page in pages for entry in page.data)
    # A device whose type is damaged is still a device; one of a type not asked for is not.
    data = {resource.id: resource for resource in resources if resource is not None and resource.type in (wanted, "")}
    return Document(tuple(data.values()), _by_identity(entry for page in pages for entry in page.included))


def next_url(current: URL, link: str) -> URL | None:
    """Return where `links.next` leads, or None where the bearer token must not go: another origin, outside /v1/.

    Ring's cursor links have been seen without the filters of the first request, so those are carried over.
    """
    try:
        url = current.join(URL(link)).with_fragment(None)
    except ValueError:
        return None
    if (url.scheme, url.host, url.port, url.user) != (current.scheme, current.host, current.port, None):
        return None
    if not url.path.startswith("/v1/") or ".." in url.path or "\\" in url.path:
        return None
    missing = {name: value for name, value in current.query.items() if name not in url.query and "page[" not in name}
    return url.extend_query(missing) if missing else url


def _by_identity(entries: Iterable[Json]) -> dict[Identifier, Resource]:
    resources = (Resource.parse(entry) for entry in entries)
    return {(resource.type, resource.id): resource for resource in resources if resource is not None}
