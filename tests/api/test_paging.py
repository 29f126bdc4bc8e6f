"""Lists that go over several pages, and links that must not be followed."""

import pytest

from custom_components.ring_partner.api import RingClient, RingUnavailableError, Subscription
from custom_components.ring_partner.api.jsonapi import MAX_PAGES

from .conftest import ScriptedRing, answer
from .documents import CHIME, DOORBELL, FLOOD, Json, JsonObject, devices

PATH = "/v1/devices?include=status,capabilities,configurations,location"


def page(house: dict[str, JsonObject], following: Json = None) -> bytes:
    return answer(body=devices(house) | {"links": {"self": "/v1/devices", "next": following}})


async def test_all_pages_are_one_account(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(
        page({"door": DOORBELL}, "/v1/devices?page[cursor]=2%2Fb"),
        page({"flood": FLOOD}, {"href": f"{ring.url}/v1/devices?include=status&page%5Bcursor%5D=3"}),
        page({"chime": CHIME}),
    )
    found = await client.async_get_devices()
    assert {name: device.status.online for name, device in found.items()} == {
        "door": True,
        "flood": True,
        "chime": False,
    }
    assert [seen.target for seen in ring.seen] == [
        PATH,
        "/v1/devices?page%5Bcursor%5D=2/b&include=status,capabilities,configurations,location",
        "/v1/devices?include=status&page%5Bcursor%5D=3",
    ]


async def test_what_is_included_on_another_page_is_found(ring: ScriptedRing, client: RingClient) -> None:
    document = devices({"door": DOORBELL})
    included = document["included"]
    document |= {"included": [], "links": {"next": "/v1/devices?page[cursor]=2"}}
    ring.says(answer(body=document), answer(body=devices({"flood": FLOOD}) | {"included": included}))
    assert (await client.async_get_devices())["door"].status.online is True


@pytest.mark.parametrize("following", [None, 7, "", [], {}, {"href": 3}, True])
async def test_a_page_without_a_link_is_the_last(ring: ScriptedRing, client: RingClient, following: Json) -> None:
    ring.says(page({"door": DOORBELL}, following))
    assert list(await client.async_get_devices()) == ["door"]
    assert len(ring.seen) == 1


async def test_an_empty_page_is_the_last(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page({"door": DOORBELL}, "/v1/devices?page[cursor]=2"), page({}, "/v1/devices?page[cursor]=3"))
    assert list(await client.async_get_devices()) == ["door"]
    assert len(ring.seen) == 2


async def test_a_page_seen_before_is_not_asked_for_again(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page({"door": DOORBELL}, "/v1/devices?page[cursor]=2#a"), page({"flood": FLOOD}, "?page[cursor]=2#b"))
    assert list(await client.async_get_devices()) == ["door", "flood"]
    assert len(ring.seen) == 2


async def test_a_list_that_never_ends_is_ended(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(*(page({f"d{n}": FLOOD}, f"/v1/devices?page[cursor]={n}") for n in range(MAX_PAGES + 5)))
    assert len(await client.async_get_devices()) == MAX_PAGES
    assert len(ring.seen) == MAX_PAGES


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1:1/v1/devices?page[cursor]=2",
        "http://localhost/v1/devices",
        "//ring.example/v1/devices",
        "https://ring.example/v1/devices",
        "{ring}:80/v1/devices",
        "http://user:word@{host}/v1/devices",
        "{ring}@ring.example/v1/devices",
        "/v2/devices",
        "/oauth/token",
        "/v1/../oauth/token",
        "/v1/%2e%2e/oauth/token",
        "/v1/%2e%2e%2foauth",
        "/v1/\\ring.example",
        "\\\\ring.example/v1/devices",
        "http://[::1",
        "file:///v1/devices",
        "javascript:alert(1)",
    ],
)
async def test_the_token_follows_no_link_to_another_place(ring: ScriptedRing, client: RingClient, link: str) -> None:
    link = link.format(ring=ring.url, host=ring.url.removeprefix("http://"))
    ring.says(page({"door": DOORBELL}, link))
    assert list(await client.async_get_devices()) == ["door"]
    assert [seen.target for seen in ring.seen] == [PATH]


async def test_a_link_of_odd_characters_is_one_request(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page({"door": DOORBELL}, "/v1/devices?page[cursor]=a b\r\nx-evil: 1"), page({}))
    await client.async_get_devices()
    assert len(ring.seen) == 2
    assert "x-evil" not in ring.seen[1].headers


async def test_half_an_account_is_an_outage(ring: ScriptedRing, client: RingClient) -> None:
    ring.says(page({"door": DOORBELL}, "/v1/devices?page[cursor]=2"), answer(503))
    with pytest.raises(RingUnavailableError):
        await client.async_get_devices()


async def test_subscriptions_name_their_devices(ring: ScriptedRing, client: RingClient) -> None:
    trial = {"type": "subscriptions", "id": "two", "attributes": {"sub_type": "trial", "plan_id": None}}
    paid: JsonObject = {
        "type": "subscriptions",
        "id": "one",
        "attributes": {"sub_type": "paid", "status": "active", "plan_id": "plan", "expires_at": "2026-02-21T00:00:00Z"},
        "relationships": {
            "devices": {"data": [{"type": "devices", "id": "door"}, {"type": "device", "id": "flood"}, 3]}
        },
    }
    ring.says(
        answer(body={"data": [paid], "links": {"next": "/v1/accounts/me/subscriptions?page[cursor]=x"}}),
        answer(body={"data": [trial, {"attributes": {}}, "garbage"]}),
    )
    first, second = await client.async_get_subscriptions()
    assert (first.id, first.sub_type, first.status, first.plan_id) == ("one", "paid", "active", "plan")
    assert first.expires_at is not None
    assert first.expires_at.isoformat() == "2026-02-21T00:00:00+00:00"
    assert first.device_ids == ("door", "flood")
    assert second == Subscription(id="two", sub_type="trial")
