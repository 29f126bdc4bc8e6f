"""A STUN server on this machine, as far away as one on the internet: it tells a browser how the world sees it."""

import asyncio
from typing import Any, override

from aioice.stun import Class, Message, Method, parse_message

# Another address than the browser's own, as a router's is: what nothing has translated it would not mention.
SEEN_AS = "127.0.0.1"


class StunServer(asyncio.DatagramProtocol):
    """Answers binding requests after `delay` seconds: `async with StunServer() as stun`."""

    def __init__(self, delay: float = 0.0) -> None:
        """Prepare; entering starts it on a free port."""
        self._delay = delay
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> str:
        """Return the server's URL."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        port: int = transport.get_extra_info("sockname")[1]
        return f"stun:127.0.0.1:{port}"

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        if self._transport is not None:
            self._transport.close()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.DatagramTransport):
            self._transport = transport

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        try:
            request = parse_message(data)
        except ValueError:
            return
        if request.message_method is Method.BINDING and request.message_class is Class.REQUEST:
            answer = Message(Method.BINDING, Class.RESPONSE, transaction_id=request.transaction_id)
            answer.attributes["XOR-MAPPED-ADDRESS"] = (SEEN_AS, addr[1])
            asyncio.get_running_loop().call_later(self._delay, self._send, bytes(answer), addr)

    def _send(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, addr)
