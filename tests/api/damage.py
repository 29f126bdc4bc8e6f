"""Ways to damage a document: anything instead of a value, or nothing."""

from copy import deepcopy

from hypothesis import strategies as st

from .documents import Json

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -1, 255, 2**63])
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(st.characters(codec=None), max_size=12)
    | st.sampled_from(["true", "on", "1970-01-01T00:00:00Z", "", "/v1/devices", "\ud800", "devices"])
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def places(value: Json, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value in a document."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, member in members for place in places(member, (*path, key)))]


def damaged(value: Json, path: tuple[str | int, ...], replacement: Json, *, drop: bool) -> Json:
    """A copy of `value` with what is at `path` gone or replaced."""
    if not path:
        return replacement
    copy = deepcopy(value)
    at = copy
    for key in path[:-1]:
        at = at[key]
    if drop:
        del at[path[-1]]
    else:
        at[path[-1]] = replacement
    return copy
