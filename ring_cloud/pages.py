"""The page for people, from the directory `page` beside this file."""

from pathlib import Path

from aiohttp import hdrs, web

_DIRECTORY = Path(__file__).parent / "page"
_CONTENT_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_HEADERS = {
    hdrs.CACHE_CONTROL: "no-store",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "strict-origin",
    "X-Content-Type-Options": "nosniff",
}


def _serve(name: str) -> web.Response:
    # Only names that a listing of the directory shows: no path of a request ever reaches the file system.
    files = {file.name: file for file in _DIRECTORY.iterdir() if file.is_file()} if _DIRECTORY.is_dir() else {}
    file = files.get(name)
    if file is None or file.suffix not in _CONTENT_TYPES:
        raise web.HTTPNotFound
    content_type = _CONTENT_TYPES[file.suffix]
    charset = None if content_type == "image/png" else "utf-8"
    return web.Response(body=file.read_bytes(), content_type=content_type, charset=charset, headers=_HEADERS)


async def index(_request: web.Request) -> web.Response:
    """Answer the page itself."""
    return _serve("index.html")


async def asset(request: web.Request) -> web.Response:
    """Answer what the page is made of."""
    return _serve(request.match_info["name"])
