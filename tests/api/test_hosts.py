"""Where requests go, and the one way to send them elsewhere."""

import pytest
from yarl import URL

from custom_components.ring_partner.api import RingHosts


@pytest.mark.parametrize("environ", [{}, {"RING_PARTNER_CLOUD": ""}, {"RING_PARTNER_CLOUD": " "}])
def test_ring_is_ring_unless_said_otherwise(environ: dict[str, str]) -> None:
    hosts = RingHosts.from_environment(environ)
    assert hosts == RingHosts()
    assert not hosts.is_local
    assert hosts.api == URL("https://api.amazonvision.com")
    assert hosts.token_url == URL("https://oauth.ring.com/oauth/token")
    assert hosts.authorize_url == URL("https://account.ring.com/account/integrations/partner-link/authorize")


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:8080", "http://127.9.9.9", "http://[::1]:8080", "http://localhost:1", "https://[::1]"]
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_one_origin_on_this_machine_takes_the_place_of_all_hosts(origin: str, slash: str) -> None:
    hosts = RingHosts.from_environment({"RING_PARTNER_CLOUD": origin + slash})
    assert hosts.is_local
    assert str(hosts.api) == origin
    assert str(hosts.token_url) == f"{origin}/oauth/token"
    assert str(hosts.authorize_url) == f"{origin}/account/integrations/partner-link/authorize"


def test_another_host_has_to_be_https() -> None:
    assert not RingHosts.from_environment({"RING_PARTNER_CLOUD": "https://ring.example"}).is_local


@pytest.mark.parametrize(
    "origin",
    [
        "http://ring.example",
        "http://192.168.1.2:8080",
        "http://128.0.0.1",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "http://0.0.0.0:8080",
        "http://[::]:8080",
        "http://[fe80::1]",
        "ftp://127.0.0.1",
        "127.0.0.1:8080",
        "localhost",
        "//127.0.0.1",
        "http://",
        "http://127.0.0.1:8080/v1",
        "http://127.0.0.1:8080/?x=1",
        "http://127.0.0.1:8080#x",
        "http://user:word@127.0.0.1:8080",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "http://[::1",
    ],
)
def test_no_token_travels_readable_or_to_something_that_is_no_origin(origin: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - yarl's own words for some
        RingHosts.from_environment({"RING_PARTNER_CLOUD": origin})
