// One case of an official JavaScript client against a running server: node run.mjs BASE_URL CASE. Exits 1 with what went wrong.
import assert from "node:assert/strict";

import { createOpenAI } from "@ai-sdk/openai";
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool as agentTool } from "@openai/agents";
import { generateText, stepCountIs, streamText, tool as aiTool } from "ai";
import OpenAI from "openai";
import { z } from "zod";

const [, , baseURL, name] = process.argv;
const MODEL = "tiny";
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0 });
const sdk = createOpenAI({ baseURL, apiKey: "none" });

const parameters = {
  type: "object",
  properties: { city: { type: "string", maxLength: 8 } },
  required: ["city"],
  additionalProperties: false,
};
const city = z.object({ city: z.string().max(8) });
const flat = { type: "function", name: "get_weather", description: "The weather of a city", parameters, strict: false };
const nested = { type: "function", function: { name: "get_weather", description: "The weather of a city", parameters } };

const cases = {
  async "openai chat"() {
    const answer = await client.chat.completions.create({ model: MODEL, messages: [{ role: "user", content: "hi" }], max_tokens: 8 });
    assert.equal(answer.usage.completion_tokens, 8);
    assert.ok(answer.choices[0].message.content);
  },

  async "openai chat stream"() {
    const body = { model: MODEL, messages: [{ role: "user", content: "hi" }], max_tokens: 8, temperature: 0 };
    const whole = await client.chat.completions.create(body);
    let text = "";
    for await (const chunk of await client.chat.completions.create({ ...body, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? "";
    }
    assert.equal(text, whole.choices[0].message.content);
  },

  async "openai chat tools"() {
    const answer = await client.chat.completions.create({
      model: MODEL,
      messages: [{ role: "user", content: "Weather in Seoul?" }],
      tools: [nested],
      tool_choice: "required",
      max_tokens: 200,
    });
    const [call] = answer.choices[0].message.tool_calls;
    assert.equal(call.function.name, "get_weather");
    assert.equal(typeof JSON.parse(call.function.arguments).city, "string");
  },

  async "openai responses"() {
    const first = await client.responses.create({ model: MODEL, input: "hi", max_output_tokens: 8, temperature: 0 });
    assert.ok(first.output_text);
    assert.equal(first.usage.output_tokens, 8);
    const second = await client.responses.create({ model: MODEL, input: "and?", previous_response_id: first.id, max_output_tokens: 8 });
    assert.equal(second.previous_response_id, first.id);
    const items = [];
    for await (const item of client.responses.inputItems.list(second.id, { limit: 1, order: "asc" })) items.push(item);
    assert.equal(items.length, 3);
    assert.deepEqual((await client.responses.retrieve(first.id)).output, first.output);
    await client.responses.delete(first.id);
    await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
  },

  async "openai responses stream"() {
    const body = { model: MODEL, input: "hi", max_output_tokens: 8, temperature: 0 };
    const whole = await client.responses.create(body);
    let text = "";
    let last;
    for await (const event of await client.responses.create({ ...body, stream: true })) {
      if (event.type === "response.output_text.delta") text += event.delta;
      last = event;
    }
    assert.equal(text, whole.output_text);
    assert.equal(last.type, "response.incomplete");
  },

  async "openai responses tools"() {
    const stream = client.responses.stream({
      model: MODEL,
      input: "Weather in Seoul?",
      tools: [flat],
      tool_choice: "required",
      max_output_tokens: 200,
    });
    let text = "";
    stream.on("response.function_call_arguments.delta", (event) => (text += event.delta));
    const final = await stream.finalResponse();
    const call = final.output.find((item) => item.type === "function_call");
    assert.equal(call.name, "get_weather");
    assert.ok(text.startsWith(call.arguments));
  },

  async "ai text"() {
    for (const model of [sdk.responses(MODEL), sdk.chat(MODEL)]) {
      const answer = await generateText({ model, prompt: "hi", maxOutputTokens: 8 });
      assert.ok(answer.text);
      assert.equal(answer.usage.outputTokens, 8);
      assert.equal(answer.finishReason, "length");
    }
  },

  async "ai stream"() {
    const answer = streamText({ model: sdk.responses(MODEL), prompt: "hi", maxOutputTokens: 8 });
    let text = "";
    for await (const part of answer.textStream) text += part;
    assert.ok(text);
    assert.equal(text, await answer.text);
  },

  // The second step names the items of the first by reference: the store resolves them.
  async "ai tools"() {
    const cities = [];
    const weather = aiTool({
      description: "The weather of a city",
      inputSchema: city,
      execute: async (input) => {
        cities.push(input.city);
        return "12 °C";
      },
    });
    const answer = await generateText({
      model: sdk.responses(MODEL),
      prompt: "Weather in Seoul?",
      tools: { get_weather: weather },
      toolChoice: "required",
      prepareStep: ({ stepNumber }) => (stepNumber > 0 ? { toolChoice: "none" } : {}),
      stopWhen: stepCountIs(2),
      maxOutputTokens: 200,
    });
    assert.ok(cities.length >= 1);
    assert.equal(answer.steps.length, 2);
  },

  async "agents run"() {
    setTracingDisabled(true);
    const cities = [];
    const weather = agentTool({
      name: "get_weather",
      description: "The weather of a city",
      parameters: city,
      execute: async (input) => {
        cities.push(input.city);
        return "12 °C";
      },
    });
    const agent = new Agent({
      name: "Weather",
      instructions: "Say what the weather is like.",
      model: MODEL,
      tools: [weather],
      // An answer that is cut would be an error here, so <|im_end|> is made likely.
      modelSettings: { toolChoice: "required", temperature: 1, providerData: { seed: 5, logit_bias: { 319: 4 } } },
    });
    const runner = new Runner({ modelProvider: new OpenAIProvider({ openAIClient: client, useResponses: true }) });
    // The model chooses freely after the first call, so a model of random weights may call again.
    const result = await runner.run(agent, "Weather in Seoul?", { maxTurns: 8 });
    assert.ok(cities.length >= 1);
    assert.equal(typeof result.finalOutput, "string");
  },
};

if (name === "list") {
  console.log(JSON.stringify(Object.keys(cases)));
} else {
  assert.ok(cases[name], `no case ${name}`);
  await cases[name]();
  console.log("ok");
}
