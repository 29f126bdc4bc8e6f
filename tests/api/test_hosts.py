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


# --- Media ----------------------------------------------------------------------------------------------------------

SIGNED = "https://download-us-east-1.prod.phoenix.devices.amazon.dev/v1/download?security_token=a%2Fb%2B&req_id=1"


@pytest.mark.parametrize(
    "location",
    [SIGNED, "https://media.api.amazonvision.com/v1/download?x=%C3%A9", "https://a.b-1.amazonvision.com:443/"],
)
def test_media_are_fetched_from_rings_hosts_exactly_as_signed(location: str) -> None:
    assert str(RingHosts().media_url(location)).removesuffix("/") == location.replace(":443", "").removesuffix("/")


@pytest.mark.parametrize(
    "location",
    [
        "",
        "https://example.com/",
        "https://amazonvision.com/",
        "https://xamazonvision.com/",
        "https://media.amazonvision.com.example.com/",
        "https://media.amazonvision.com./",
        "https://.amazonvision.com/",
        "https://example.com\\.amazonvision.com/",
        "https://example.com%2f.amazonvision.com/",
        "https://example.com/.amazonvision.com",
        "https://example.com?.amazonvision.com",
        "https://example.com#.amazonvision.com",
        "https://user:word@media.amazonvision.com/",
        "https://@media.amazonvision.com/",
        "https://media.amazonvision.com:8443/",
        "https://media.amazonvision.com:x/",
        "https://[::1/",
        "http://media.amazonvision.com/",
        "ftp://media.amazonvision.com/",
        "//example.com/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://192.168.1.1/",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "https://media.amazonvision.com/a b",
        "https://media.amazonvision.com/\u00e9",
        "https://\uff4dedia.amazonvision.com/",
    ],
)
def test_media_are_fetched_from_nobody_else(location: str) -> None:
    assert RingHosts().media_url(location) is None


@pytest.mark.parametrize(
    ("location", "is_good"),
    [
        ("http://127.0.0.1:9/v1/download?x=1", True),
        ("/v1/download", True),
        ("http://user@127.0.0.1:9/", False),
        ("http://192.168.1.1/", False),
        (SIGNED, False),
        ("file:///etc/passwd", False),
    ],
)
def test_media_of_a_local_cloud_stay_on_this_machine(location: str, is_good: bool) -> None:
    local = RingHosts.from_environment({"RING_PARTNER_CLOUD": "http://127.0.0.1:8080"})
    assert (local.media_url(location) is not None) is is_good
