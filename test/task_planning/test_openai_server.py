# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The client of language-model servers, against a real server that misbehaves on purpose."""

import email.utils
import json
import logging
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from robot_planner.errors import InvalidInputError, RobotPlannerError
from robot_planner.task_planning import openai_server
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.language_model import (
    LANGUAGE_MODELS,
    DeadlineError,
    GenerationCancelledError,
    LanguageModelError,
)
from robot_planner.task_planning.openai_server import OpenAiServer, ServerConfig
from robot_planner.task_planning.plan import ObjectRef
from robot_planner.task_planning.scene import Scene

KEY = "sk-secret-0123456789"
PLAN = "[WALK] <kitchen> (1)\nEND"
PIECES = ["[WALK]", " <kitchen>", " (1)", "\nEND"]


class Server(ThreadingHTTPServer):
    """Answers the n-th request by the n-th script (the last one for ever) and keeps what was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.scripts, self.asked, self.closed, self.sent = [], [], threading.Event(), threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        script = self.server.scripts[min(len(self.server.asked), len(self.server.scripts)) - 1]
        self.close_connection = True
        try:
            script(self)
        except OSError:
            self.server.closed.set()

    def head(self, code=200, content_type="text/event-stream", **headers):
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def event(self, event):
        self.wfile.write(b"data: " + (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n\n")
        self.wfile.flush()
        self.server.sent.set()

    def wait_for_close(self):
        if self.connection.recv(1) == b"":
            self.server.closed.set()

    def log_message(self, *words):
        pass


def chunk(text, **more):
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None} | more]}


def fail(code, body=b"", **headers):
    def script(handler):
        handler.head(code, "application/json", Content_Length=str(len(body)), **headers)
        handler.wfile.write(body)

    return script


def stream(*events, done=True, then=lambda handler: None):
    def script(handler):
        handler.head()
        for event in events:
            handler.event(event)
        if done:
            handler.event(b"[DONE]")
        then(handler)

    return script


GOOD = stream(*map(chunk, PIECES), chunk("", finish_reason="stop"))


@pytest.fixture
def server():
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def client(server, **options):
    defaults = {"backoff_seconds": 0.01, "seconds": 60.0, "first_token_seconds": 30.0}
    return OpenAiServer(ServerConfig(server.url, "tiny", **(defaults | options)))


def test_a_plan_is_streamed(server):
    usage = {
        "prompt_tokens": 40, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 30},
        "completion_tokens_details": {"accepted_prediction_tokens": 7},
    }  # fmt: skip
    scored = [chunk(p, logprobs={"content": [{"token": p, "logprob": -0.5}]}) for p in PIECES]
    server.scripts = [stream(*scored, chunk("", finish_reason="stop"), {"choices": [], "usage": usage})]
    found = client(server).generate("Task: ", "Plan:\n", seed=7, temperature=0.3, max_tokens=99)
    assert found.text == PLAN and found.log_probability == -2.0
    assert (found.prompt_tokens, found.reused_tokens, found.new_tokens, found.draft_tokens) == (40, 30, 12, 7)
    assert 0 < found.first_token_seconds <= found.seconds
    path, headers, body = server.asked[0]
    assert path == "/v1/chat/completions" and "Authorization" not in headers
    assert body["messages"][-1] == {"role": "user", "content": "Task: Plan:\n"}
    wanted = {"model": "tiny", "stream": True, "seed": 7, "temperature": 0.3, "max_tokens": 99, "logprobs": True}
    assert wanted.items() <= body.items() and "prediction" not in body


def test_plain_completion_sends_the_prompt_as_it_is(server):
    pieces = [{"choices": [{"text": p, "logprobs": {"token_logprobs": [-1.0]}}]} for p in PIECES]
    server.scripts = [stream(*pieces)]
    found = client(server, endpoint="completion").generate("Task: ", "Plan:\n")
    assert (found.text, found.log_probability, found.new_tokens) == (PLAN, -4.0, 4)
    path, _, body = server.asked[0]
    assert path == "/v1/completions" and body["prompt"] == "Task: Plan:\n" and "messages" not in body


def test_what_is_said_after_the_plan_is_not_waited_for(server):
    server.scripts = [stream(*map(chunk, PIECES), chunk("\nI hope"), done=False, then=Handler.wait_for_close)]
    assert client(server).generate("x").text == PLAN
    assert server.closed.wait(20)


def test_a_text_that_was_cut_short_is_returned_as_it_is(server):
    server.scripts = [stream(chunk("[WALK] <kit"), chunk("", finish_reason="length"))]
    assert client(server).generate("x", max_tokens=3).text == "[WALK] <kit"


def test_chunked_transfer_comments_and_thoughts_are_understood(server):
    def script(handler):
        handler.head(Transfer_Encoding="chunked")
        parts = [b": ping\n\n", b"event: delta\n", b'data: {"choices": [{"delta": {"reasoning_content": "hm"}}]}\n\n']
        parts += [b"data: " + json.dumps(chunk(p)).encode() + b"\r\n\r\n" for p in PIECES] + [b"data: [DONE]\n\n"]
        text = b"".join(parts)
        for at in range(0, len(text), 7):
            handler.wfile.write(f"{len(text[at : at + 7]):x}\r\n".encode() + text[at : at + 7] + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    server.scripts = [script]
    assert client(server).generate("x").text == PLAN


# -- faults ----------------------------------------------------------------------------------------------------------


def test_a_slow_first_token_has_a_limit_of_its_own(server):
    server.scripts = [lambda handler: (handler.head(), handler.wait_for_close())]
    with pytest.raises(LanguageModelError, match=r"no token came within 0\.1 s"):
        client(server, first_token_seconds=0.1).generate("x")
    assert server.closed.wait(20) and len(server.asked) == 1


def test_a_slow_stream_has_a_limit_for_the_whole(server):
    server.scripts = [stream(chunk("[WALK]"), done=False, then=Handler.wait_for_close)]
    with pytest.raises(LanguageModelError, match=r"not whole within 0\.3 s"):
        client(server, seconds=0.3).generate("x")
    assert server.closed.wait(20)


def test_a_server_that_does_not_accept_is_not_waited_for_longer_than_said():
    with Server() as silent, pytest.raises(LanguageModelError, match="no token came"):  # it listens, nobody serves
        client(silent, first_token_seconds=0.1).generate("x")


def test_the_limit_of_the_first_token_does_not_hold_for_later_ones(server, monkeypatch):
    ahead, take = [0.0], openai_server.Answer.take

    def taken(answer, line):
        take(answer, line)
        ahead[0] = 100.0 if answer.begun else 0.0

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + ahead[0])
    monkeypatch.setattr(openai_server, "time", clock)
    monkeypatch.setattr(openai_server.Answer, "take", taken)
    server.scripts = [GOOD]
    assert client(server, seconds=500.0).generate("x").text == PLAN


def test_the_callers_deadline_ends_a_stream(server):
    server.scripts = [stream(chunk("[WALK]"), done=False, then=Handler.wait_for_close)]
    with pytest.raises(DeadlineError):
        client(server).generate("x", deadline=time.monotonic() + 0.2)
    assert server.closed.wait(20)


@pytest.mark.parametrize("begun", [True, False])
def test_a_cancel_closes_the_connection(server, begun):
    events = [chunk("[WALK]")] if begun else []

    def script(handler):
        handler.head()
        for event in events:
            handler.event(event)
        server.sent.set()
        handler.wait_for_close()

    server.scripts = [script]
    with pytest.raises(GenerationCancelledError):
        client(server).generate("x", cancelled=server.sent.is_set)
    assert server.closed.wait(20)


def reset(handler):
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    raise ConnectionResetError


@pytest.mark.parametrize("then", [lambda handler: None, reset], ids=["closed", "reset"])
def test_a_server_that_dies_midway_is_not_asked_again(server, then):
    server.scripts = [stream(chunk("[WALK]"), chunk(" <kit"), done=False, then=then), GOOD]
    with pytest.raises(LanguageModelError, match=r"closed before the answer was whole \(after 2 tokens\)"):
        client(server).generate("x")
    assert len(server.asked) == 1


def test_a_server_that_dies_before_its_first_token_is_asked_again(server):
    server.scripts = [stream(done=False), lambda handler: None, GOOD]
    assert client(server).generate("x").text == PLAN
    assert len(server.asked) == 3


def test_a_server_that_is_not_there_is_tried_some_times():
    with Server() as gone:
        pass
    with pytest.raises(LanguageModelError, match="ConnectionRefusedError.*tried 3 times"):
        client(gone, retries=2).generate("x")


@pytest.mark.parametrize(
    ("garbage", "words"),
    [
        (b"data: {]\n\n", "no JSON"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "no JSON"),
        (b"\x00\xff\xfe garbage\n", "no event"),
        (b'data: {"choices": 3}\n\n', "another protocol"),
        (b'data: {"choices": [{"delta": {"content": 7}}]}\n\n', "another protocol"),
        (b"data: [1, 2]\n\n", "another protocol"),
        (b'data: {"hello": 1}\n\n', "another protocol"),
        (b'data: {"error": {"message": "out of memory"}}\n\n', "the server says: out of memory"),
    ],
)
@pytest.mark.parametrize("begun", [True, False])
def test_garbage_is_one_clear_error(server, garbage, words, begun):
    def script(handler):
        handler.head()
        if begun:
            handler.event(chunk("[WALK]"))
        handler.wfile.write(garbage)

    server.scripts = [script]
    with pytest.raises(LanguageModelError, match=words) as raised:
        client(server).generate("x")
    assert len(server.asked) == 1 and len(str(raised.value)) < 500 and str(raised.value).isprintable()


def test_what_is_no_http_is_one_clear_error(server):
    server.scripts = [lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")]
    with pytest.raises(LanguageModelError, match="BadStatusLine"):
        client(server, retries=1).generate("x")


def test_an_answer_that_is_no_stream_is_refused(server):
    server.scripts = [fail(200, b'{"choices": []}')]
    with pytest.raises(LanguageModelError, match="'application/json' came instead"):
        client(server).generate("x")


@pytest.mark.parametrize("line", [b"data: " + json.dumps(chunk("[WALK] ")).encode() + b"\n\n", b"x" * 1000, b"\n"])
def test_endless_tokens_are_cut_off(server, line):
    def script(handler):
        handler.head()
        while True:
            handler.wfile.write(line)

    server.scripts = [script]
    with pytest.raises(LanguageModelError, match="more than 20000 bytes"):
        client(server, max_bytes=20_000).generate("x")
    assert server.closed.wait(20) and len(server.asked) == 1


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again(server, code):
    server.scripts = [fail(code), fail(code), GOOD]
    assert client(server).generate("x").text == PLAN
    assert len(server.asked) == 3


def test_a_server_that_fails_for_ever_is_given_up(server):
    server.scripts = [fail(500, b'{"error": {"message": "broken\\u0007\\n pipe"}}')]
    with pytest.raises(LanguageModelError, match="HTTP 500: broken pipe; tried 3 times"):
        client(server, retries=2).generate("x")
    assert len(server.asked) == 3


def test_retry_after_is_kept(server):
    server.scripts = [fail(429, Retry_After="1"), GOOD]
    begun = time.monotonic()
    assert client(server).generate("x").text == PLAN
    assert time.monotonic() - begun >= 1.0


@pytest.mark.parametrize("as_date", [False, True])
def test_a_wait_longer_than_there_is_time_is_not_begun(server, as_date):
    wait = email.utils.formatdate(time.time() + 3600, usegmt=True) if as_date else "3600"
    server.scripts = [fail(429, b"slow down", Retry_After=wait), GOOD]
    with pytest.raises(LanguageModelError, match="HTTP 429: slow down; to wait 3.* s is longer"):
        client(server).generate("x")
    assert len(server.asked) == 1


@pytest.mark.parametrize("wait", ["-5", "soon", "nan", "", "Wed, 99 Foo 2020", "0"])
def test_a_retry_after_that_makes_no_sense_is_passed_over(server, wait):
    server.scripts = [fail(429, Retry_After=wait), GOOD]
    assert client(server).generate("x").text == PLAN


def test_a_cancel_ends_a_wait(server):
    server.scripts = [fail(429, Retry_After="50")]
    with pytest.raises(GenerationCancelledError):
        client(server).generate("x", cancelled=lambda: bool(server.asked))


@pytest.mark.parametrize("code", [400, 401, 404])
def test_a_refusal_is_not_tried_again(server, code):
    server.scripts = [fail(code, b"no such model"), GOOD]
    with pytest.raises(LanguageModelError, match=f"HTTP {code}: no such model"):
        client(server).generate("x")
    assert len(server.asked) == 1


def test_redirects_are_refused(server):
    server.scripts = [fail(307, Location=server.url + "/elsewhere"), GOOD]
    with pytest.raises(LanguageModelError, match="redirects are refused"):
        client(server).generate("x")
    assert len(server.asked) == 1


# -- key and grammar -------------------------------------------------------------------------------------------------


def test_the_key_is_sent_and_never_shown(server, monkeypatch, caplog, capsys):
    monkeypatch.setenv("TEST_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    server.scripts = [fail(500, f"you sent {KEY}".encode()), fail(401, f'{{"error": {{"message": "{KEY}"}}}}'.encode())]
    model = client(server, key_variable="TEST_KEY")
    with pytest.raises(LanguageModelError, match=r"HTTP 401: \*\*\*") as raised:
        model.generate("x")
    assert [headers["Authorization"] for _, headers, _ in server.asked] == [f"Bearer {KEY}"] * 2
    shown = [repr(model), repr(vars(model)), model.name, str(raised.value), caplog.text, *capsys.readouterr()]
    assert "you sent ***" in caplog.text and not any(KEY in text for text in shown)


@pytest.mark.parametrize("key", ["", f"{KEY}\r\nX-Other: 1", KEY + "é"])
def test_a_key_that_is_none_is_refused_without_showing_it(server, monkeypatch, key):
    monkeypatch.setenv("TEST_KEY", key)
    with pytest.raises(LanguageModelError, match="TEST_KEY holds no key") as raised:
        client(server, key_variable="TEST_KEY").generate("x")
    assert KEY not in str(raised.value) and not server.asked


def grammar():
    domain = load_domain("household")
    room = next(name for name in domain.types if name == "room")
    return Grammar(Scene(domain, {ObjectRef("kitchen", 1): room}))


@pytest.mark.parametrize(
    ("kind", "wanted", "path"),
    [
        ("vllm", "auto", ("structured_outputs", "grammar")),
        ("vllm", "regex", ("structured_outputs", "regex")),
        ("vllm", "json_schema", ("structured_outputs", "json")),
        ("llama.cpp", "auto", ("grammar",)),
        ("llama.cpp", "json_schema", ("json_schema",)),
        ("ollama", "auto", ("response_format", "json_schema", "schema")),
        ("openai", "auto", ("response_format", "json_schema", "schema")),
    ],
)
def test_each_kind_of_server_is_told_the_grammar_in_its_words(server, kind, wanted, path):
    as_json = wanted == "json_schema" or kind in ("ollama", "openai")
    text = '{"steps": [{"action": "WALK", "objects": ["<kitchen> (1)"]}]}' if as_json else PLAN
    server.scripts = [stream(*map(chunk, text))]
    found = client(server, kind=kind, grammar_format=wanted).generate("x", grammar=grammar())
    assert found.text == PLAN
    value = server.asked[0][2]
    for name in path:
        value = value[name]
    assert "WALK" in json.dumps(value) and "kitchen" in json.dumps(value)


def test_no_grammar_is_told_where_none_is_wanted(server):
    server.scripts = [GOOD]
    assert client(server, kind="vllm", grammar_format="none").generate("x", grammar=grammar()).text == PLAN
    assert "structured_outputs" not in server.asked[0][2]


def test_json_that_was_cut_short_is_returned_as_it_is(server):
    server.scripts = [stream(chunk('{"steps": ['), chunk("", finish_reason="length"))]
    assert client(server, kind="ollama").generate("x", grammar=grammar()).text == '{"steps": ['


def test_a_draft_is_sent_as_a_prediction_on_demand(server):
    server.scripts = [GOOD]
    client(server, predict_draft=True).generate("x", draft=PLAN)
    assert server.asked[0][2]["prediction"] == {"type": "content", "content": PLAN}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "file:///etc/passwd"}, "allowed: http"),
        ({"url": "http://user:hunter2@host/v1"}, "no user, password"),
        ({"url": "http://host:99999/v1"}, "allowed: http"),
        ({"kind": "magic"}, "openai, vllm, llama.cpp, ollama"),
        ({"endpoint": "magic"}, "chat, completion"),
        ({"kind": "ollama", "grammar_format": "gbnf"}, "allowed: auto, none, json_schema"),
        ({"seconds": 0.0}, "above 0"),
        ({"retries": -1}, "0 and more"),
    ],
)
def test_options_that_cannot_be_are_refused(options, words):
    with pytest.raises(InvalidInputError, match=words) as raised:
        ServerConfig(**options)
    assert "hunter2" not in str(raised.value)


def test_it_is_registered_by_name():
    assert isinstance(LANGUAGE_MODELS.make("openai-server"), OpenAiServer)
    assert issubclass(LanguageModelError, RobotPlannerError)
