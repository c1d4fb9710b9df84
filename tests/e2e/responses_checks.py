"""What every response object and every stream of the Responses API must fulfil, whatever the model says."""

import json

import pydantic
from openai.types.responses import Response, ResponseStreamEvent

EVENT = pydantic.TypeAdapter(ResponseStreamEvent)

# ResponseResource of Open Responses 2026-04-24: what must be there, null or not.
RESPONSE_FIELDS = {
    "id", "object", "created_at", "completed_at", "status", "incomplete_details", "model", "previous_response_id", "instructions",
    "output", "error", "tools", "tool_choice", "truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty",
    "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage", "max_output_tokens", "max_tool_calls", "store",
    "background", "service_tier", "metadata", "safety_identifier", "prompt_cache_key", "user",
}  # fmt: skip
ITEM_FIELDS = {
    "message": {"id", "status", "role", "content"},
    "function_call": {"id", "call_id", "name", "arguments", "status"},
    "reasoning": {"id", "summary", "content"},
}
PREFIX = {"message": "msg_", "function_call": "fc_", "reasoning": "rs_"}
DELTAS = {
    "response.output_text.delta": ("response.output_text.done", "text"),
    "response.reasoning_text.delta": ("response.reasoning_text.done", "text"),
    "response.function_call_arguments.delta": ("response.function_call_arguments.done", "arguments"),
}
LAST = {"completed": "response.completed", "incomplete": "response.incomplete", "failed": "response.failed"}


def check_response(data):
    """The object as the official client's model and as Open Responses have it; returns that model."""
    assert not RESPONSE_FIELDS - data.keys()
    assert data["object"] == "response"
    assert data["id"].startswith("resp_")
    assert data["created_at"] == int(data["created_at"])  # a float in the official model
    assert (data["status"] == "completed") == (data["completed_at"] is not None)
    assert (data["status"] == "incomplete") == (data["incomplete_details"] is not None)
    assert (data["status"] == "failed") == (data["error"] is not None)
    assert {"effort", "summary"} <= data["reasoning"].keys()
    assert "format" in data["text"]
    for name in ("temperature", "top_p", "presence_penalty", "frequency_penalty"):
        assert isinstance(data[name], int | float)
    for tool in data["tools"]:
        assert {"type", "name", "description", "parameters", "strict"} <= tool.keys()
    for item in data["output"]:
        check_item(item)
    if data["usage"]:
        assert data["usage"]["total_tokens"] == data["usage"]["input_tokens"] + data["usage"]["output_tokens"]
    return Response.model_validate(data)


def check_item(item):
    assert not ITEM_FIELDS[item["type"]] - item.keys()
    assert item["id"].startswith(PREFIX[item["type"]])
    if item["type"] == "message":
        for part in item["content"]:
            assert {"type", "text", "annotations", "logprobs"} <= part.keys()


def read_events(lines):
    """Lines of a stream of server-sent events to their data; the event's name is its type."""
    events, name = [], None
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            events.append(json.loads(line.removeprefix("data: ")))
            assert events[-1]["type"] == name
        else:
            assert line == ""
    return events


def check_events(events):
    """Order, numbers and sums of a whole stream; returns the final response as a dict."""
    for number, event in enumerate(events):
        assert event["sequence_number"] == number
        EVENT.validate_python(event)
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    assert all(event["response"]["status"] == "in_progress" for event in events[:2])
    final = events[-1]["response"]
    assert events[-1]["type"] == LAST[final["status"]]
    assert len({event["response"]["id"] for event in events if "response" in event}) == 1
    check_response(final)

    open_item, sums, done = None, "", []
    for event in events[2:-1]:
        kind = event["type"]
        assert event["output_index"] == len(done)
        if kind == "response.output_item.added":
            assert open_item is None
            open_item, sums = event["item"], ""
            assert open_item["status"] == "in_progress"
            continue
        assert open_item is not None
        assert event.get("item_id", open_item["id"]) == open_item["id"]
        if kind in DELTAS:
            sums += event["delta"]
        elif kind == "response.output_item.done":
            assert event["item"]["id"] == open_item["id"]
            done.append(event["item"])
            open_item = None
        for finished, field in DELTAS.values():
            if kind == finished:
                assert event[field] == sums
    assert open_item is None
    assert done == final["output"]
    return final


def stream(server, body):
    with server.http.stream("POST", "/v1/responses", json=body | {"stream": True}) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        return read_events(list(answer.iter_lines()))
