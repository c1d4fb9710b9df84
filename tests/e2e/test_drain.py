"""SIGTERM: what is being answered ends well, what comes later is told to go elsewhere, and a second signal does not wait."""

import json
import signal
import socket
import subprocess
import urllib.parse

import pytest
from conftest import serve
from test_robust import ENDLESS, wait_until

PATIENCE_S = 30


class Stream:
    """An answer that is being streamed, read line by line on a connection of its own."""

    def __init__(self, server, max_tokens=None):
        body = ENDLESS | {"stream": True, "stream_options": {"include_usage": True}} | ({"max_tokens": max_tokens} if max_tokens else {})
        self.socket = connect(server)
        self.socket.sendall(request("POST", "/v1/chat/completions", json.dumps(body)))
        self.bytes = self.socket.recv(65536)
        assert b" 200 " in self.bytes.splitlines()[0], self.bytes

    def rest(self):
        """To the end of the connection."""
        while piece := self.socket.recv(65536):
            self.bytes += piece
        return self.bytes


def connect(server):
    at = urllib.parse.urlparse(server.url)
    connected = socket.create_connection((at.hostname, at.port), timeout=PATIENCE_S)
    connected.settimeout(PATIENCE_S)
    return connected


def request(method, path, body=""):
    return (
        f"{method} {path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )


def read_all(connection):
    out = b""
    while piece := connection.recv(65536):
        out += piece
    return out


@pytest.fixture
def draining():
    """A server whose end the test itself brings about."""
    started = []

    def start(*options):
        context = serve("--threads", "1", "--kv-bytes", "64M", *options)
        server = context.__enter__()
        started.append((context, server))
        return server

    yield start
    for context, server in started:
        server.process.kill()
        with pytest.raises(AssertionError, match="the server died"):
            server.process.wait()
            context.__exit__(None, None, None)


def test_streams_in_progress_end_and_the_exit_is_clean(draining):
    server = draining("--drain", "60")
    idle = connect(server)
    idle.sendall(request("GET", "/health"))
    assert b" 200 " in idle.recv(65536)
    streams = [Stream(server, max_tokens=2000) for _ in range(3)]
    server.process.send_signal(signal.SIGTERM)
    assert read_all(idle) == b"", "a kept connection without a request is closed at once"
    for stream in streams:
        whole = stream.rest()
        assert b"data: [DONE]" in whole and whole.endswith(b"0\r\n\r\n")
        assert b'"completion_tokens":2000,' in whole
    assert server.process.wait(timeout=PATIENCE_S) == 0


def test_a_request_that_comes_while_it_drains_gets_503_and_close(draining):
    server = draining("--drain", "60")
    late = {}
    for path, body in {"/v1/chat/completions": json.dumps(ENDLESS), "/v1/completions": '{"model":"tiny","prompt":"a"}'}.items():
        text = request("POST", path, body)
        late[path] = (connect(server), text[-1:])
        late[path][0].sendall(text[:-1])  # under way when the signal comes
    ready = connect(server)
    ready.sendall(request("GET", "/ready")[:-1])
    health = connect(server)
    health.sendall(request("GET", "/health")[:-1])
    wait_until(lambda: server.metric("ondol_http_connections") >= 5, "the half requests have not arrived")
    stream = Stream(server)
    server.process.send_signal(signal.SIGTERM)

    def refused():
        try:
            connect(server).close()
        except OSError:
            return True
        return False

    wait_until(refused, "it still listens")
    for connection, end in late.values():
        connection.sendall(end)
        answer = read_all(connection)
        assert b" 503 " in answer.splitlines()[0] and b"connection: close" in answer.lower() and b"retry-after:" in answer.lower()
        assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]["code"] == "not_ready"
    ready.sendall(b"\n")
    assert b" 503 " in read_all(ready).splitlines()[0]
    health.sendall(b"\n")
    answer = read_all(health)
    assert b" 200 " in answer.splitlines()[0] and b"connection: close" in answer.lower()
    assert server.process.poll() is None, "it waits for the stream"
    stream.socket.close()
    assert server.process.wait(timeout=PATIENCE_S) == 0


def test_the_drain_time_ends_an_endless_answer(draining):
    server = draining("--drain", "1")
    stream = Stream(server)
    server.process.send_signal(signal.SIGINT)
    assert not stream.rest().endswith(b"0\r\n\r\n"), "the client can tell that it is not whole"
    assert server.process.wait(timeout=PATIENCE_S) == 0


def test_a_second_signal_stops_at_once(draining):
    server = draining("--drain", "3600")
    stream = Stream(server)
    server.process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        server.process.wait(timeout=0.2)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=PATIENCE_S) == 128 + signal.SIGTERM
    stream.socket.close()
