# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""One HTTP request whose answer comes line by line, can be waited for in small pieces and given up at once.

A thread of its own does all that blocks: looking up the name, connecting, sending, reading. Whoever waits asks it for
what has come and closes the connection whenever it likes, which wakes the thread. Redirects are not followed, proxies
not used.
"""

import http.client
import queue
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from robot_planner.errors import InvalidInputError


@dataclass(frozen=True)
class Status:
    """The head of the answer."""

    code: int
    content_type: str
    retry_after: str


@dataclass(frozen=True)
class Line:
    """One line of the answer, without its end."""

    data: bytes


@dataclass(frozen=True)
class End:
    """There is no more."""

    failure: str = ""
    """Why the answer is not whole."""
    hopeless: bool = False
    """Another try would fail alike."""


Arrival = Status | Line | End


class _TooLongError(ValueError):
    pass


def check_url(url: str) -> str:
    """The URL without a slash at its end; raises InvalidInputError, which does not repeat credentials."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        sound = False
    if not sound or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInputError("not a server's address; allowed: http://HOST:PORT/PATH or https://HOST/PATH")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidInputError("a server's address has no user, password, query or fragment")
    return url.rstrip("/")


class HttpStream:
    """A POST request under way."""

    def __init__(
        self, url: str, body: bytes, headers: Mapping[str, str], connect_seconds: float, max_bytes: int
    ) -> None:
        self._arrivals: queue.Queue[Arrival] = queue.Queue(1000)
        self._lock, self._closed = threading.Lock(), False
        self._socket: socket.socket | None = None
        work = (url, body, dict(headers), connect_seconds, max_bytes)
        threading.Thread(target=self._work, args=work, name="language model", daemon=True).start()

    def next(self, seconds: float) -> Arrival | None:
        """What comes next; None if nothing has come within this time."""
        try:
            return self._arrivals.get(timeout=seconds)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Ends the connection now, wherever it stands."""
        with self._lock:
            self._closed = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)  # wakes whoever reads or writes

    def _work(self, url: str, body: bytes, headers: dict[str, str], connect_seconds: float, max_bytes: int) -> None:
        parts = urlsplit(url)
        host, port = str(parts.hostname), parts.port
        connection = http.client.HTTPConnection(host, port, timeout=connect_seconds)
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, port, timeout=connect_seconds, context=context)
        end = End()
        try:
            connection.connect()
            with self._lock:
                self._socket = connection.sock
                if self._closed:
                    return
            connection.sock.settimeout(None)  # how long to wait is said by whoever waits
            connection.request("POST", parts.path, body, headers)
            self._read(connection.getresponse(), max_bytes)
        except ConnectionResetError:
            pass  # a server that dies with bytes unread resets the connection: it has closed, no less than by FIN
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            hopeless = isinstance(error, (_TooLongError, ssl.SSLCertVerificationError))
            end = End(f"{type(error).__name__}: {reason}".removeprefix("_TooLongError: "), hopeless)
        finally:
            with self._lock:
                self._socket = None
            connection.close()
            self._put(end)

    def _put(self, arrival: Arrival) -> None:
        while not self._closed:
            with suppress(queue.Full):
                return self._arrivals.put(arrival, timeout=0.1)

    def _read(self, response: http.client.HTTPResponse, max_bytes: int) -> None:
        content_type, retry_after = response.getheader("Content-Type", ""), response.getheader("Retry-After", "")
        self._put(Status(response.status, content_type, retry_after))
        left = max_bytes
        while line := response.readline(left + 1):
            left -= len(line)
            if left < 0:
                raise _TooLongError(f"the answer has more than {max_bytes} bytes")
            self._put(Line(line.rstrip(b"\r\n")))
        if response.length:  # what Content-Length had promised and did not come
            raise http.client.IncompleteRead(b"", response.length)
