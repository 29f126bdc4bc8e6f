"""The cloud as a server on a loopback socket."""

from types import TracebackType
from typing import Self

from aiohttp import web

from . import api, authorize, control, control_events, integrations, media_control, media_routes, oauth, pages, whep
from .gateway import WORLD, authenticated
from .media import REGIONS
from .middleware import edge, misbehave, record
from .model import Account
from .values import ConflictError
from .world import World


class RingCloud(World):
    """A Ring cloud on this machine: `async with RingCloud() as cloud`, or start and stop."""

    _runner: web.AppRunner | None = None
    _media_runners: tuple[web.AppRunner, ...] = ()

    async def start(self, host: str = "127.0.0.1", port: int = 0, media_port: int = 0) -> None:
        """Listen; `url` says where, `media_url` where the media are."""
        if self._runner is not None:
            raise ConflictError("the cloud is already running")
        regions = [
            await _serve(media_routes.media_application(self), host, region_port)
            for region_port in (media_port, *(0,) * (REGIONS - 1))
        ]
        self._media_runners = tuple(runner for runner, _ in regions)
        try:
            self._runner, url = await _serve(_application(self), host, port)
        except OSError:
            await self._stop_listening()
            raise
        self.listen()
        self.deliveries.start()
        self.url, self.media_urls = url, tuple(media_url for _, media_url in regions)
        self.media_url = self.media_urls[0]

    async def stop(self) -> None:
        """Stop listening; state survives, so that a later start is the same cloud again."""
        self.faults.clear()
        self.media.transfers.clear()
        # First of all, and at once: a client that connects while the listener closes would wait for ever.
        await self._stop_listening()
        await self.media.files.close()
        await self.live.stop()
        await self.deliveries.stop()
        await self.sender.close()

    async def _stop_listening(self) -> None:
        for runner in (self._runner, *self._media_runners):
            if runner is not None:
                await runner.cleanup()
        self._runner, self._media_runners = None, ()

    def authorize(self, account: Account, url: str) -> str:
        """Open an authorize URL, sign in and allow, without a browser: return where it would go."""
        return authorize.authorize(self, account, url)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


async def _serve(application: web.Application, host: str, port: int) -> tuple[web.AppRunner, str]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, f"http://{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}"


def _application(cloud: World) -> web.Application:
    app = web.Application(middlewares=[record, media_routes.travel, edge, misbehave])
    app[WORLD] = cloud
    app.router.add_post("/oauth/token", oauth.token)
    app.router.add_get(authorize.PATH, authorize.show, allow_head=False)
    app.router.add_get(authorize.SIGN_IN, authorize.show_sign_in, allow_head=False)
    # Whoever has no browser decides at once, without the redirect.
    for path in (authorize.PATH, authorize.SIGN_IN):
        app.router.add_post(path, authorize.decide)
    for method, path, handler in (*api.ROUTES, *integrations.ROUTES, *media_routes.ROUTES, *whep.ROUTES):
        app.router.add_route(method, path, authenticated(handler))
    app.router.add_route("*", "/oauth/{tail:.*}", oauth.no_such_route)
    app.router.add_route("*", "/v1/devices/{device_id}/events", api.forbidden_route)
    app.router.add_route("*", "/v1/{tail:.*}", api.no_such_route)
    for method, path, control_handler in (*control.ROUTES, *control_events.ROUTES, *media_control.ROUTES):
        app.router.add_route(method, path, control.controlled(control_handler))
    app.router.add_route("*", "/control/{tail:.*}", control.controlled(control.no_such_control))
    app.router.add_get("/", pages.index)
    app.router.add_get("/page/{name}", pages.asset)
    return app
