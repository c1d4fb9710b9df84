"""The Responses API through the official client, and its JSON against that client's own models."""

import openai
import pytest
from responses_checks import check_events, check_response, stream

END_OF_TURN = "319"  # <|im_end|>
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string", "maxLength": 8}}, "required": ["city"]},
}


def ask(client, **options):
    return client.responses.create(**{"model": "tiny", "input": "What is 온돌?", "temperature": 0, "max_output_tokens": 12} | options)


def ended(**options):
    """A request whose answer ends by itself, at once."""
    return options | {"max_output_tokens": openai.omit, "extra_body": {"logit_bias": {END_OF_TURN: 100}}}


def test_an_answer(client):
    answer = ask(client, instructions="Be warm.", metadata={"k": "v"}, user="u")
    check_response(answer.to_dict())
    assert answer.status == "incomplete"
    assert answer.incomplete_details.reason == "max_output_tokens"
    assert answer.output_text
    assert answer.output[0].status == "incomplete"
    assert answer.usage.output_tokens == 12
    assert answer.instructions == "Be warm."
    assert answer.metadata == {"k": "v"}
    assert answer.user == "u"
    assert answer.temperature == 0
    assert answer.model == "tiny"
    done = ask(client, **ended())
    assert done.status == "completed"
    check_response(done.to_dict())


def test_the_same_prompt_as_a_chat_completion(client):
    chat = client.chat.completions.create(
        model="tiny",
        messages=[{"role": "system", "content": "Be warm."}, {"role": "user", "content": "a"}],
        temperature=0,
        max_tokens=12,
    )
    answer = ask(client, instructions="Be warm.", input="a")
    assert answer.output_text == chat.choices[0].message.content
    assert answer.usage.input_tokens == chat.usage.prompt_tokens
    listed = ask(client, input=[{"role": "developer", "content": "Be warm."}, {"role": "user", "content": "a"}])
    assert listed.output_text == answer.output_text


def test_stream_says_the_same(client, server):
    whole = ask(client)
    with client.responses.stream(model="tiny", input="What is 온돌?", temperature=0, max_output_tokens=12) as events:
        told = list(events)
    assert told[0].type == "response.created"
    assert told[-1].type == "response.incomplete"
    text = "".join(event.delta for event in told if event.type == "response.output_text.delta")
    assert text == whole.output_text == told[-1].response.output_text
    assert told[-1].response.usage.output_tokens == whole.usage.output_tokens
    check_events(stream(server, {"model": "tiny", "input": "What is 온돌?", "temperature": 0, "max_output_tokens": 12}))


def test_stream_helper_gives_the_final_response(client):
    with client.responses.stream(model="tiny", input="a", extra_body={"logit_bias": {END_OF_TURN: 100}}) as events:
        final = events.get_final_response()
    assert final.status == "completed"


def test_a_conversation_continues(client):
    first = ask(client, input="first", instructions="Be warm.")
    second = ask(client, input="second", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    by_hand = ask(
        client,
        store=False,
        input=[
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": first.output_text},
            {"role": "user", "content": "second"},
        ],
    )
    assert second.output_text == by_hand.output_text
    assert second.usage.input_tokens == by_hand.usage.input_tokens, "the instructions of the first turn are gone"
    by_items = ask(client, input=[{"role": "user", "content": "first"}, *first.output, {"role": "user", "content": "second"}])
    assert by_items.output_text == second.output_text
    referring = ask(
        client,
        input=[
            {"role": "user", "content": "first"},
            {"type": "item_reference", "id": first.output[0].id},
            {"role": "user", "content": "second"},
        ],
    )
    assert referring.output_text == second.output_text


def test_stored_responses(client):
    first = ask(client, input="first")
    got = client.responses.retrieve(first.id)
    assert got.to_dict() == first.to_dict()
    second = ask(client, input=[{"role": "user", "content": [{"type": "input_text", "text": "second"}]}], previous_response_id=first.id)
    items = client.responses.input_items.list(second.id, order="asc")
    assert [item.content[0].text for item in items.data] == ["first", first.output_text, "second"]
    newest = client.responses.input_items.list(second.id, limit=1)
    assert newest.data[0].id == items.data[-1].id
    paged = [item.id for item in client.responses.input_items.list(second.id, limit=1, order="asc")]
    assert paged == [item.id for item in items.data], "the client follows has_more"
    with pytest.raises(openai.BadRequestError):
        client.responses.cancel(first.id)
    client.responses.delete(first.id)
    for gone in (client.responses.retrieve, client.responses.delete, client.responses.cancel, client.responses.input_items.list):
        with pytest.raises(openai.NotFoundError):
            gone(first.id)
    assert client.responses.retrieve(second.id).id == second.id, "what followed stays"


def test_not_stored(client):
    answer = ask(client, store=False)
    assert answer.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, previous_response_id=answer.id)
    assert error.value.code == "previous_response_not_found"


def test_a_stream_can_be_cancelled(client):
    # No limit and no end of turn: it goes on until someone stops it.
    options = {"max_output_tokens": openai.omit, "extra_body": {"ignore_eos": True}}
    events = ask(client, stream=True, **options)
    response_id = next(iter(events)).response.id
    assert client.responses.retrieve(response_id).status == "in_progress"
    assert client.responses.cancel(response_id).status == "cancelled"
    try:
        last = list(events)[-1].type
    except openai.APIError:  # the connection may just end
        last = "response.failed"
    assert last == "response.failed"
    assert client.responses.retrieve(response_id).status == "cancelled"


def test_logprobs(client):
    answer = ask(client, top_logprobs=2, include=["message.output_text.logprobs"])
    tokens = answer.output[0].content[0].logprobs
    assert len(tokens) == 12
    assert all(len(token.top_logprobs) == 2 for token in tokens)
    streamed = [
        token
        for event in ask(client, stream=True, include=["message.output_text.logprobs"])
        if event.type == "response.output_text.delta"
        for token in event.logprobs
    ]
    assert [token.token for token in streamed] == [token.token for token in tokens]


def test_a_tool_call_and_its_answer(client):
    first = ask(client, tools=[WEATHER], tool_choice="required", max_output_tokens=200)
    check_response(first.to_dict())
    calls = [item for item in first.output if item.type == "function_call"]
    assert calls and calls[0].name == "get_weather"
    assert calls[0].call_id
    outputs = [{"type": "function_call_output", "call_id": call.call_id, "output": "12 °C"} for call in calls]
    second = ask(client, previous_response_id=first.id, input=outputs, tools=[WEATHER])
    assert second.output
    resent = ask(client, input=[{"role": "user", "content": "What is 온돌?"}, *first.output, *outputs], tools=[WEATHER], store=False)
    assert resent.usage.input_tokens == second.usage.input_tokens
    with pytest.raises(openai.BadRequestError) as error:
        ask(client, previous_response_id=first.id, input="and now?")
    assert "No tool output found" in error.value.message


def test_structured_output(client):
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["n"]}
    text = {"format": {"type": "json_schema", "name": "number", "schema": schema | {"additionalProperties": False}, "strict": True}}
    answer = ask(client, text=text, max_output_tokens=200)
    check_response(answer.to_dict())
    assert answer.text.format.name == "number"
    assert answer.output_text.lstrip().startswith("{")


@pytest.mark.parametrize(
    ("options", "exception", "param"),
    [
        ({"model": "gpt-5"}, openai.NotFoundError, "model"),
        ({"temperature": 3}, openai.BadRequestError, "temperature"),
        ({"background": True}, openai.BadRequestError, "background"),
        ({"conversation": "conv_1"}, openai.BadRequestError, "conversation"),
        ({"tools": [{"type": "web_search"}]}, openai.BadRequestError, "tools[0].type"),
        ({"previous_response_id": "resp_none"}, openai.BadRequestError, "previous_response_id"),
        ({"input": [{"type": "item_reference", "id": "msg_none"}]}, openai.NotFoundError, "input[0]"),
        ({"input": []}, openai.BadRequestError, "input"),
        ({"input": "long " * 40_000}, openai.BadRequestError, "input"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]},
            openai.BadRequestError,
            "input[0].content[0].type",
        ),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_errors_are_the_clients_exceptions(client, options, exception, param, is_stream):
    with pytest.raises(exception) as error:
        ask(client, stream=is_stream, **options)
    assert error.value.param == param
    assert error.value.body["message"]


def test_ignored_fields_are_named(client):
    raw = client.responses.with_raw_response.create(
        model="tiny", input="a", max_output_tokens=1, text={"verbosity": "low"}, extra_body={"shoe_size": 43}
    )
    assert set(raw.headers["x-ondol-ignored"].split(",")) >= {"text.verbosity", "shoe_size"}
