"""Watch whether the URLs that Ring's developer console holds for an account still lead to this Home Assistant."""

from homeassistant.const import EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import HomeAssistant, callback

from .const import CONF_SIGNING_KEY, CONF_TEMPORARY_URL, CONF_WEBHOOK_URL
from .endpoints import PORTAL_FIELDS, Endpoint, async_listen_cloud, async_urls, url_name
from .models import RingConfigEntry
from .repairs import AccountIssue, clear, report


@callback
def watch_urls(hass: HomeAssistant, entry: RingConfigEntry, url: str | None) -> None:
    """Look again when the external URL, Home Assistant Cloud, its remote UI or a cloudhook changes.

    `url` is the webhook's URL that is in use; another one reloads the account.
    """
    key: str | None = entry.data.get(CONF_SIGNING_KEY)
    if key is None:
        return

    async def async_compare() -> None:
        if await async_webhook_url(hass, entry, url) != url:
            hass.config_entries.async_schedule_reload(entry.entry_id)

    @callback
    def changed(_what: object) -> None:
        entry.async_create_background_task(hass, async_compare(), "ring_partner URLs")

    entry.async_on_unload(hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, changed))
    entry.async_on_unload(async_listen_cloud(hass, key, changed))


async def async_webhook_url(hass: HomeAssistant, entry: RingConfigEntry, known: str | None = None) -> str | None:
    """Return where Ring can push to, if anywhere, and report URLs in Ring's developer console that no longer work.

    `known` is the webhook's URL that is in use. An account that was linked through a temporary URL does without pushes
    until there is a public URL.
    """
    key: str | None = entry.data.get(CONF_SIGNING_KEY)
    shown: dict[str, str] = {name: entry.data[name] for name in PORTAL_FIELDS if name in entry.data}
    is_temporary = CONF_TEMPORARY_URL in entry.data
    asked = [each for each in Endpoint if each is Endpoint.EVENTS or url_name(each) in shown]
    in_use = shown if known is None else {CONF_WEBHOOK_URL: known} | shown
    urls = {} if key is None else await async_urls(hass, key, in_use, asked)
    url = urls.get(CONF_WEBHOOK_URL)
    if url is None and CONF_WEBHOOK_URL in shown and not is_temporary:
        report(hass, entry, AccountIssue.NO_PUBLIC_URL)
    else:
        clear(hass, entry, AccountIssue.NO_PUBLIC_URL)
    changed = {name: value for name, value in urls.items() if shown.get(name, value) != value}
    if changed:
        report(hass, entry, AccountIssue.URL_CHANGED, urls=changed)
    else:
        clear(hass, entry, AccountIssue.URL_CHANGED)
    return url
