"""Requests that two programs might read in two ways, senders that are slow, and a crowd that only holds connections."""

import concurrent.futures
import contextlib
import json
import resource
import socket
import struct
import threading
import urllib.parse

import pytest
from conftest import serve
from test_robust import ENDLESS, PATIENCE_S, idle, wait_until

IDLE = 2000
LEAVING, WAVE = 500, 50
HEAD = "POST /v1/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"


def connect(server):
    at = urllib.parse.urlparse(server.url)
    connection = socket.create_connection((at.hostname, at.port), timeout=PATIENCE_S)
    connection.settimeout(PATIENCE_S)
    return connection


def exchange(server, data):
    """What the server says until it closes."""
    with connect(server) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        out = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                out += piece
    return out


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + "Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + "Content-Length: 0\r\nContent-Length: 44\r\n\r\n" + SMUGGLED,
        HEAD + "Content-Length: 0, 44\r\n\r\n" + SMUGGLED,
        HEAD + "Content-Length: +0\r\n\r\n" + SMUGGLED,
        HEAD + "Content-Length: 0x0\r\n\r\n" + SMUGGLED,
        HEAD + "Content-Length: -1\r\n\r\n" + SMUGGLED,
        HEAD + "Content-Length : 0\r\n\r\n" + SMUGGLED,
        HEAD + "X: a\r\n Content-Length: 44\r\n\r\n" + SMUGGLED,
        HEAD + "X: a\r\n\tfolded\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
        HEAD + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + "Transfer-Encoding\x00: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        HEAD + "Transfer-Encoding: chunked\r\n\r\n0\n\n" + SMUGGLED,
        HEAD + "Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n" + SMUGGLED,
        HEAD + "Transfer-Encoding: chunked\r\n\r\n2\r\nabX0\r\n\r\n" + SMUGGLED,
        HEAD + "A: b\rContent-Length: 44\r\n\r\n" + SMUGGLED,
        HEAD.replace("HTTP/1.1", "HTTP/1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        "GET /v1/models HTTP/1.1\r\nHost: h\r\nHost: other\r\n\r\n" + SMUGGLED,
        "GET /v1/models HTTP/1.1\nHost: h\n\n" + SMUGGLED,
    ],
)
def test_what_may_be_read_in_two_ways_ends_the_connection(server, text):
    answer = exchange(server, text.encode("latin-1"))
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert answer.split()[1] in (b"400", b"501"), answer
    assert b"connection: close" in answer.lower()
    assert b"smuggled" not in answer


def test_pipelined_requests_are_answered_in_order(server):
    requests = b""
    for i in range(100):
        body = b"{" if i % 3 else b"[]"  # 400 from a worker thread, between answers that are given at once
        requests += b"GET /version HTTP/1.1\r\nHost: h\r\nX-Request-Id: get-%d\r\n\r\n" % i
        requests += HEAD.encode() + b"X-Request-Id: post-%d\r\nContent-Length: %d\r\n\r\n%s" % (i, len(body), body)
    requests += b"GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    with connect(server) as connection:
        connection.sendall(requests)
        answers = b""
        while piece := connection.recv(65536):
            answers += piece
    ids = [line.split()[1].decode() for line in answers.splitlines() if line.lower().startswith(b"x-request-id: ")]
    assert ids[:-1] == [f"{kind}-{i}" for i in range(100) for kind in ("get", "post")]


def test_a_request_that_comes_byte_by_byte_is_answered(server):
    body = json.dumps({"model": "tiny", "prompt": "a", "max_tokens": 1})
    with connect(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in (HEAD + f"Content-Length: {len(body)}\r\n\r\n{body}").encode():
            connection.sendall(bytes([byte]))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_idle_and_slow_connections_do_not_keep_others_out(server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < IDLE + 500:
        pytest.skip(f"needs {IDLE + 500} open files; the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, IDLE + 500), hard))
    with contextlib.ExitStack() as stack:
        for i in range(IDLE):
            connection = stack.enter_context(connect(server))
            if i % 2:
                connection.sendall(HEAD.encode()[: i % len(HEAD)])  # half of them in the middle of a header
        wait_until(lambda: server.metric("ondol_http_connections") >= IDLE, "not all are accepted")
        memory = rss_bytes(server)
        answer = server.http.post("/v1/completions", json={"model": "tiny", "prompt": "a", "max_tokens": 4})
        assert answer.status_code == 200, answer.text
        assert server.http.get("/health").status_code == 200
    wait_until(lambda: server.metric("ondol_http_connections") < 100, "they are not let go")
    print(f"{IDLE} idle connections; the process holds {memory >> 20} MiB")


def leave_in_waves(server, count):
    """Streams that are begun together and left in the middle: by closing, or as a killed process does, with a reset."""
    body = json.dumps(ENDLESS | {"stream": True})
    request = HEAD.replace("/v1/completions", "/v1/chat/completions") + f"Content-Length: {len(body)}\r\n\r\n{body}"
    for _ in range(0, count, WAVE):
        with contextlib.ExitStack() as stack:
            wave = [stack.enter_context(connect(server)) for _ in range(WAVE)]
            for connection in wave:
                connection.sendall(request.encode())
            for i, connection in enumerate(wave):
                if i % 5:  # the rest leave before they have heard anything
                    assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
                if i % 2:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_500_clients_that_leave_mid_stream_leave_nothing_behind():
    with serve("--threads", "1", "--kv-bytes", "16M") as server, concurrent.futures.ThreadPoolExecutor(3) as pool:
        leave_in_waves(server, 2 * WAVE)  # buffers grow once
        wait_until(lambda: idle(server), "the work of clients that left goes on")

        def ask(room):
            messages = [{"role": "user", "content": f"room {room}"}]
            more = {"max_tokens": 100, "temperature": 0, "stream": True, "extra_body": {"ignore_eos": True}}
            return list(server.client.chat.completions.create(model="tiny", messages=messages, **more))

        def text(room):
            chunks = ask(room)
            assert chunks[-1].choices[0].finish_reason == "length"
            return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

        alone = [text(room) for room in range(3)]
        all_left = threading.Event()

        def stay(room):
            answers = []
            while not all_left.is_set():
                answers.append(text(room))
            return answers

        before = rss_bytes(server)
        staying = [pool.submit(stay, room) for room in range(3)]
        try:
            leave_in_waves(server, LEAVING)
        finally:
            all_left.set()
        for room, answers in enumerate(staying):
            assert set(answers.result()) == {alone[room]}, "an answer changed while others left"
        wait_until(lambda: idle(server), "the work of clients that left goes on")
        wait_until(lambda: server.metric("ondol_http_connections") < 10, "their connections stay")
        after = rss_bytes(server)
        done = sum(len(answers.result()) for answers in staying)
        print(f"{LEAVING} left, {done} answers meanwhile; the process holds {before / 2**20:.1f} MiB before, {after / 2**20:.1f} MiB after")
        assert after < before + (4 << 20)


def rss_bytes(server):
    with open(f"/proc/{server.process.pid}/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
