"""The cloud as a server on a loopback socket."""

from types import TracebackType
from typing import Self

from aiohttp import web

from . import api, authorize, control, control_events, integrations, oauth, pages
from .gateway import WORLD, authenticated
from .middleware import edge, misbehave, record
from .model import Account
from .values import ConflictError
from .world import World


class RingCloud(World):
    """A Ring cloud on this machine: `async with RingCloud() as cloud`, or start and stop."""

    _runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; `url` says where."""
        if self._runner is not None:
            raise ConflictError("the cloud is already running")
        runner = web.AppRunner(_application(self), access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.listen()
        self.deliveries.start()
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening; state survives, so that a later start is the same cloud again."""
        self.faults.clear()
        # First of all, and at once: a client that connects while the listener closes would wait for ever.
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None
        await self.deliveries.stop()
        await self.sender.close()

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


def _application(cloud: World) -> web.Application:
    app = web.Application(middlewares=[record, edge, misbehave])
    app[WORLD] = cloud
    app.router.add_post("/oauth/token", oauth.token)
    app.router.add_get(authorize.PATH, authorize.show, allow_head=False)
    app.router.add_post(authorize.PATH, authorize.decide)
    for method, path, handler in (*api.ROUTES, *integrations.ROUTES):
        app.router.add_route(method, path, authenticated(handler))
    app.router.add_route("*", "/oauth/{tail:.*}", oauth.no_such_route)
    app.router.add_route("*", "/v1/devices/{device_id}/events", api.forbidden_route)
    app.router.add_route("*", "/v1/{tail:.*}", api.no_such_route)
    for method, path, control_handler in (*control.ROUTES, *control_events.ROUTES):
        app.router.add_route(method, path, control.controlled(control_handler))
    app.router.add_route("*", "/control/{tail:.*}", control.controlled(control.no_such_control))
    app.router.add_get("/", pages.index)
    app.router.add_get("/page/{name}", pages.asset)
    return app
