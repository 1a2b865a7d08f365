// Every operation of @azure/cognitiveservices-personalizer against URL and KEY; prints what each answered as JSON.
"use strict";

const { ApiKeyCredentials } = require("@azure/ms-rest-js");
const { PersonalizerClient } = require("@azure/cognitiveservices-personalizer");

const [url, key] = process.argv.slice(2);
const opened = (secret) =>
  new PersonalizerClient(new ApiKeyCredentials({ inHeader: { "Ocp-Apim-Subscription-Key": secret } }), url);
const actions = ["tea", "soup", "cake"].map((id) => ({ id, features: [{ hot: id === "tea" }] }));
const told = (answer) => ({ status: answer._response.status, body: answer._response.parsedBody });
const refused = async (call) => {
  try {
    await call;
    return { status: 0 };
  } catch (error) {
    return { status: error.statusCode, body: error.body };
  }
};

async function main() {
  const client = opened(key);
  const found = {};
  const contextFeatures = [{ user: { tier: "gold" } }];
  found.rank = told(await client.rank({ eventId: "js 1/x", contextFeatures, actions, excludedActions: ["tea"] }));
  found.deferred = told(await client.rank({ actions, deferActivation: true }));
  found.reward = told(await client.events.reward("js 1/x", { value: 1 }));
  found.activate = told(await client.events.activate(found.deferred.body.eventId));
  found.empty = await refused(client.rank({ actions: [] }));
  found.stranger = await refused(opened("nobody's key").rank({ actions }));
  console.log(JSON.stringify(found));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
