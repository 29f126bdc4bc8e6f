"""A repair's dialog, as the frontend drives it."""

from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.ring_partner.const import DOMAIN


async def fix(hass_client: ClientSessionGenerator, issue_id: str) -> str:
    """Open a repair about URLs, submit it, and return the URLs it has shown."""
    client = await hass_client()
    answer = await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue_id})
    form = await answer.json()
    done = await client.post(f"/api/repairs/issues/fix/{form['flow_id']}", json={})
    assert (await done.json())["type"] == "create_entry"
    urls: str = form["description_placeholders"]["urls"]
    return urls
