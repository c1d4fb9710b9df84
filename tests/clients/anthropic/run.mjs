// One case of Anthropic's JavaScript client against a running server: ANTHROPIC_BASE_URL=http://... node run.mjs CASE. Exits 1 with what
// went wrong. The address has no /v1: this client adds it.
import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";

const [, , name] = process.argv;
const MODEL = process.env.ONDOL_MODEL ?? "tiny";
const client = new Anthropic({ baseURL: process.env.ANTHROPIC_BASE_URL, apiKey: process.env.ANTHROPIC_API_KEY ?? "none", maxRetries: 0 });

const weather = {
  name: "get_weather",
  description: "The weather of a city",
  input_schema: {
    type: "object",
    properties: { city: { type: "string", maxLength: 8 } },
    required: ["city"],
    additionalProperties: false,
  },
};
const hi = { model: MODEL, max_tokens: 8, temperature: 0, messages: [{ role: "user", content: "hi" }] };
const ask = { ...hi, max_tokens: 200, tools: [weather], tool_choice: { type: "any" }, messages: [{ role: "user", content: "Weather in Seoul?" }] };

const textOf = (message) => message.content.filter((block) => block.type === "text").map((block) => block.text).join("");
const thinkingOf = (message) => message.content.filter((block) => block.type === "thinking").map((block) => block.thinking).join("");
const callOf = (message) => message.content.find((block) => block.type === "tool_use");

async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("the request was not refused");
}

const cases = {
  async "create"() {
    const { data: message, request_id } = await client.messages.create({ ...hi, system: "Be brief." }).withResponse();
    assert.equal(message.type, "message");
    assert.equal(message.role, "assistant");
    assert.equal(message.model, MODEL);
    assert.match(message.id, /^msg_/);
    assert.ok(textOf(message) + thinkingOf(message));
    assert.ok(["max_tokens", "end_turn"].includes(message.stop_reason));
    assert.ok(message.usage.input_tokens + message.usage.cache_read_input_tokens > 0);
    assert.ok(message.usage.output_tokens > 0 && message.usage.output_tokens <= 8);
    assert.ok(request_id);
  },

  async "blocks and turns"() {
    const message = await client.messages.create({
      ...hi,
      system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
      messages: [
        { role: "user", content: [{ type: "text", text: "a" }, { type: "text", text: "b" }] },
        { role: "assistant", content: [{ type: "text", text: "c" }] },
        { role: "user", content: "d" },
      ],
    });
    assert.ok(message.usage.output_tokens > 0);
  },

  async "stream events"() {
    const whole = await client.messages.create(hi);
    const types = [];
    let text = "";
    let usage;
    for await (const event of await client.messages.create({ ...hi, stream: true })) {
      types.push(event.type);
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") text += event.delta.text;
      if (event.type === "message_delta") usage = event.usage;
    }
    assert.equal(text, textOf(whole));
    assert.equal(types[0], "message_start");
    assert.deepEqual(types.slice(-2), ["message_delta", "message_stop"]);
    assert.equal(usage.output_tokens, whole.usage.output_tokens);
    assert.ok(usage.input_tokens + usage.cache_read_input_tokens > 0);
  },

  async "stream helper"() {
    const whole = await client.messages.create(hi);
    const blocks = [];
    const stream = client.messages.stream(hi).on("contentBlock", (block) => blocks.push(block));
    const final = await stream.finalMessage();
    assert.deepEqual(blocks, final.content);
    assert.equal(textOf(final), textOf(whole));
    assert.equal(final.stop_reason, whole.stop_reason);
  },

  async "stop sequences"() {
    const text = textOf(await client.messages.create(hi));
    const stop = [...text].slice(1, 3).join("") || "never";
    const message = await client.messages.create({ ...hi, stop_sequences: [stop] });
    assert.ok(!textOf(message).includes(stop));
    assert.ok(["stop_sequence", "end_turn", "max_tokens"].includes(message.stop_reason));
  },

  async "tools round trip"() {
    const first = await client.messages.create(ask);
    const call = callOf(first);
    assert.equal(first.stop_reason, "tool_use");
    assert.equal(call.name, "get_weather");
    assert.equal(typeof call.input.city, "string");
    const second = await client.messages.create({
      ...ask,
      max_tokens: 8,
      tool_choice: { type: "none" },
      messages: [
        ...ask.messages,
        { role: "assistant", content: first.content },
        {
          role: "user",
          content: first.content
            .filter((block) => block.type === "tool_use")
            .map((block) => ({ type: "tool_result", tool_use_id: block.id, content: [{ type: "text", text: "12 °C" }] })),
        },
      ],
    });
    assert.equal(callOf(second), undefined);
  },

  async "tools stream"() {
    let json = "";
    const stream = client.messages.stream({ ...ask, tool_choice: { type: "tool", name: "get_weather" } });
    stream.on("streamEvent", (event) => {
      if (event.type === "content_block_delta" && event.delta.type === "input_json_delta") json += event.delta.partial_json;
    });
    const final = await stream.finalMessage();
    const call = callOf(final);
    assert.equal(call.name, "get_weather");
    assert.equal(typeof call.input.city, "string");
    assert.ok(json.startsWith("{"));
    assert.equal(final.stop_reason, "tool_use");
  },

  async "structured output"() {
    const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"], additionalProperties: false };
    const message = await client.messages.create({
      ...hi,
      max_tokens: 64,
      thinking: { type: "disabled" },
      output_config: { format: { type: "json_schema", schema } },
    });
    assert.equal(typeof JSON.parse(textOf(message)).ok, "boolean");
  },

  async "count tokens"() {
    const { model, messages } = hi;
    const short = await client.messages.countTokens({ model, messages });
    const long = await client.messages.countTokens({ model, messages, system: "Be brief.", tools: [weather] });
    assert.ok(short.input_tokens > 0);
    assert.ok(long.input_tokens > short.input_tokens);
    const message = await client.messages.create(hi);
    assert.equal(message.usage.input_tokens + message.usage.cache_read_input_tokens, short.input_tokens);
  },

  async "errors"() {
    const bad = await rejection(client.messages.create({ ...hi, max_tokens: "many" }));
    assert.ok(bad instanceof Anthropic.BadRequestError);
    assert.equal(bad.type, "invalid_request_error");
    assert.match(bad.message, /max_tokens/);
    assert.ok(bad.requestID);
    const missing = await rejection(client.messages.create({ ...hi, model: "no-such-model" }));
    assert.ok(missing instanceof Anthropic.NotFoundError);
    assert.equal(missing.type, "not_found_error");
    const server = await rejection(client.messages.create({ ...hi, tools: [{ type: "web_search_20250305", name: "web_search" }] }));
    assert.ok(server instanceof Anthropic.BadRequestError);
    assert.match(server.message, /web_search_20250305/);
    const streamed = await rejection(client.messages.create({ ...hi, stream: true, messages: [] }));
    assert.ok(streamed instanceof Anthropic.BadRequestError);
    const counted = await rejection(client.messages.countTokens({ model: "no-such-model", messages: hi.messages }));
    assert.ok(counted instanceof Anthropic.NotFoundError);
  },

  async "names what it ignores"() {
    const { response } = await client.messages.create({ ...hi, thinking: { type: "enabled", budget_tokens: 1024 } }).withResponse();
    assert.match(response.headers.get("x-ondol-ignored"), /thinking\.budget_tokens/);
  },
};

try {
  await cases[name]();
  console.log("ok");
} catch (error) {
  console.error(error);
  process.exit(1);
}
