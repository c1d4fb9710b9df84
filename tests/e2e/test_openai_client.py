"""What an application sees through the official client."""

import math

import openai
import pytest

QUESTION = [{"role": "system", "content": "Be warm."}, {"role": "user", "content": "What is 온돌?"}]
END_OF_TURN = "319"  # <|im_end|>


def ask(client, **options):
    return client.chat.completions.create(**{"model": "tiny", "messages": QUESTION, "temperature": 0, "max_tokens": 24} | options)


def test_models(client):
    models = client.models.list().data
    assert [model.id for model in models] == ["tiny"]
    assert client.models.retrieve("tiny").object == "model"
    with pytest.raises(openai.NotFoundError) as error:
        client.models.retrieve("other")
    assert error.value.code == "model_not_found"


def test_chat(client):
    answer = ask(client)
    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == "tiny"
    assert answer.system_fingerprint
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 24
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 24
    assert answer.usage.prompt_tokens_details.cached_tokens <= answer.usage.prompt_tokens


def test_chat_without_a_limit_ends_by_itself(client):
    answer = ask(client, max_tokens=openai.omit, temperature=1, seed=5, logit_bias={END_OF_TURN: 4})
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens > 0


def test_stream_says_the_same(client):
    whole = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == whole.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1] if chunk.choices[0].finish_reason] == ["length"]
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens
    assert len({chunk.id for chunk in chunks}) == 1


def test_stream_without_usage(client):
    chunks = list(ask(client, stream=True))
    assert all(len(chunk.choices) == 1 for chunk in chunks)


def test_stream_helper(client):
    stop = ask(client).choices[0].message.content[5:8]
    with client.chat.completions.stream(model="tiny", messages=QUESTION, temperature=0, stop=stop) as stream:
        stream.until_done()
        streamed = stream.get_final_completion().choices[0]
    assert streamed.message.content == ask(client, stop=stop).choices[0].message.content
    assert streamed.finish_reason == "stop"


def test_end_of_turn_stops(client):
    answer = ask(client, logit_bias={END_OF_TURN: 100})
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content == ""
    assert answer.usage.completion_tokens == 1
    endless = ask(client, logit_bias={END_OF_TURN: 100}, extra_body={"ignore_eos": True})
    assert endless.choices[0].finish_reason == "length"
    assert endless.usage.completion_tokens == 24


def test_stop_strings_at_every_place(client):
    text = ask(client).choices[0].message.content
    for at in range(len(text) - 1):
        stop = text[at : at + 2]
        expected = text[: text.index(stop)]
        answer = ask(client, stop=stop)
        assert answer.choices[0].message.content == expected
        assert answer.choices[0].finish_reason == "stop"
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in ask(client, stop=["never so", stop], stream=True))
        assert streamed == expected


def test_seed_makes_the_same_answer(client):
    options = {"temperature": 1, "top_p": 0.95, "extra_body": {"top_k": 100, "min_p": 0.001, "repetition_penalty": 1.1}}
    first = ask(client, seed=7, **options).choices[0].message.content
    assert first == ask(client, seed=7, **options).choices[0].message.content
    others = {ask(client, seed=seed, **options).choices[0].message.content for seed in range(8, 12)}
    assert others != {first}
    unseeded = {ask(client, **options).choices[0].message.content for _ in range(4)}
    assert len(unseeded) > 1


def test_logprobs(client):
    answer = ask(client, logprobs=True, top_logprobs=5, max_tokens=12)
    tokens = answer.choices[0].logprobs.content
    assert len(tokens) == 12
    assert b"".join(bytes(token.bytes) for token in tokens).decode(errors="replace") == answer.choices[0].message.content
    for token in tokens:
        assert len(token.top_logprobs) == 5
        values = [candidate.logprob for candidate in token.top_logprobs]
        assert values == sorted(values, reverse=True)
        assert token.token == token.top_logprobs[0].token, "greedy takes the best"
        assert token.logprob == values[0]
        assert sum(math.exp(value) for value in values) <= 1.0001
    streamed = [
        token
        for chunk in ask(client, logprobs=True, max_tokens=12, stream=True)
        if chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content
    ]
    assert [(token.token, token.logprob) for token in streamed] == [(token.token, token.logprob) for token in tokens]


def test_completions(client):
    answer = client.completions.create(model="tiny", prompt="The floor", temperature=0, max_tokens=8, logprobs=2)
    choice = answer.choices[0]
    assert answer.object == "text_completion"
    assert choice.finish_reason == "length"
    assert answer.usage.completion_tokens == 8
    assert len(choice.logprobs.tokens) == 8
    assert choice.logprobs.text_offset[0] == 0
    assert all(len(top) == 2 for top in choice.logprobs.top_logprobs)
    chunks = list(client.completions.create(model="tiny", prompt=["The floor"], temperature=0, max_tokens=8, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == choice.text
    default = client.completions.create(model="tiny", prompt="The floor", temperature=0, extra_body={"ignore_eos": True})
    assert default.usage.completion_tokens == 16


def test_completion_of_token_ids(client):
    text = client.completions.create(model="tiny", prompt="abc", temperature=0, max_tokens=8)
    ids = client.completions.create(model="tiny", prompt=[ord(char) for char in "abc"], temperature=0, max_tokens=8)
    assert ids.choices[0].text == text.choices[0].text
    assert ids.usage.prompt_tokens == 3


def test_prefix_cache_is_counted_and_changes_nothing(client):
    messages = [{"role": "user", "content": "Every room pays its own share. " * 20}]
    first = ask(client, messages=messages)
    second = ask(client, messages=messages)
    assert second.choices[0].message.content == first.choices[0].message.content
    assert second.usage.prompt_tokens == first.usage.prompt_tokens
    assert second.usage.prompt_tokens_details.cached_tokens > first.usage.prompt_tokens // 2


def test_thinking_switch_reaches_the_template(client):
    plain = ask(client, max_tokens=1).usage.prompt_tokens
    switched = ask(client, max_tokens=1, extra_body={"chat_template_kwargs": {"enable_thinking": False}})
    assert switched.usage.prompt_tokens > plain


@pytest.mark.parametrize(
    ("options", "exception", "param", "code"),
    [
        ({"model": "gpt-5"}, openai.NotFoundError, "model", "model_not_found"),
        ({"temperature": 3}, openai.BadRequestError, "temperature", "invalid_type"),
        ({"n": 17}, openai.BadRequestError, "n", "invalid_type"),
        ({"tools": [{"type": "web_search"}]}, openai.BadRequestError, "tools[0].type", "unsupported_parameter"),
        ({"response_format": {"type": "xml"}}, openai.BadRequestError, "response_format.type", None),
        ({"messages": []}, openai.BadRequestError, "messages", None),
        ({"messages": [{"role": "user", "content": "long " * 40_000}]}, openai.BadRequestError, "messages", "context_length_exceeded"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            openai.BadRequestError,
            "messages[0].content[0].type",
            "unsupported_parameter",
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_errors_are_the_clients_exceptions(client, options, exception, param, code, stream):
    with pytest.raises(exception) as error:
        ask(client, stream=stream, **options)
    assert error.value.param == param
    assert error.value.code == code
    assert error.value.request_id
    assert error.value.body["message"]


def test_request_id_and_ignored_fields(client):
    raw = client.chat.completions.with_raw_response.create(
        model="tiny",
        messages=QUESTION,
        max_tokens=1,
        extra_headers={"x-request-id": "my-own.1"},
        extra_body={"verbosity": "low", "shoe_size": 43},
    )
    assert raw.headers["x-request-id"] == "my-own.1"
    assert raw.headers["x-ondol-ignored"] == "verbosity,shoe_size"
    assert raw.parse().usage.completion_tokens == 1
