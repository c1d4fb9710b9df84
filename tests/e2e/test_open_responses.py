"""The compliance cases of Open Responses (2026-04-24), one test for each, with the same requests and checks.

The requests say in addition what makes a model of random weights end its answer or call a tool; a real model does so by itself.
"""

import pytest
from responses_checks import check_events, check_response, stream

ENDS = {"temperature": 1, "seed": 5, "logit_bias": {"319": 4}}  # <|im_end|> becomes likely
CALLS = {"tool_choice": "required"}
TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Get the current weather for a location",
    "parameters": {
        "type": "object",
        "properties": {"location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA", "maxLength": 16}},
        "required": ["location"],
    },
}


def user(text):
    return {"type": "message", "role": "user", "content": text}


def ask(server, **fields):
    answer = server.http.post("/v1/responses", json={"model": "tiny"} | fields)
    assert answer.status_code == 200, answer.text
    data = answer.json()
    check_response(data)
    assert data["output"]
    return data


def test_basic_response(server):
    assert ask(server, input=[user("Say hello in exactly 3 words.")], **ENDS)["status"] == "completed"


def test_streaming_response(server):
    events = stream(server, {"model": "tiny", "input": [user("Count from 1 to 5.")]} | ENDS)
    assert events
    assert check_events(events)["status"] == "completed"


def test_system_prompt(server):
    system = {"type": "message", "role": "system", "content": "You are a pirate. Always respond in pirate speak."}
    assert ask(server, input=[system, user("Say hello.")], **ENDS)["status"] == "completed"


def test_tool_calling(server):
    data = ask(server, input=[user("What's the weather like in San Francisco?")], tools=[TOOL], **CALLS)
    assert "function_call" in {item["type"] for item in data["output"]}


def test_tool_calling_streaming(server):
    events = stream(server, {"model": "tiny", "input": [user("What's the weather like in San Francisco?")], "tools": [TOOL]} | CALLS)
    check_events(events)
    kinds = {event["type"] for event in events}
    assert {"response.function_call_arguments.delta", "response.function_call_arguments.done"} <= kinds
    for kind in ("response.output_item.added", "response.output_item.done"):
        assert any(event["type"] == kind and event["item"]["type"] == "function_call" for event in events)


def test_image_input_is_refused(server):
    """The one case that is not met: the models here read text only, and say so."""
    image = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    content = [{"type": "input_text", "text": "What do you see?"}, image]
    answer = server.http.post("/v1/responses", json={"model": "tiny", "input": [user(content)]})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "input[0].content[1].type"
    assert "text only" in answer.json()["error"]["message"]


def test_multi_turn(server):
    turns = [
        user("My name is Alice."),
        {"type": "message", "role": "assistant", "content": "Hello Alice! Nice to meet you. How can I help you today?"},
        user("What is my name?"),
    ]
    assert ask(server, input=turns, **ENDS)["status"] == "completed"


@pytest.mark.parametrize("kind", ["file_search", "web_search"])
def test_hosted_tools_are_refused(server, kind):
    """Opt-in cases of the suite; this server runs no tools of its own."""
    answer = server.http.post("/v1/responses", json={"model": "tiny", "input": "hi", "tools": [{"type": kind}]})
    assert answer.status_code == 400
    assert kind in answer.json()["error"]["message"]
