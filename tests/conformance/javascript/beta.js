// Every route of @azure-rest/ai-personalizer against URL and KEY; prints what each answered as JSON.
"use strict";

const createClient = require("@azure-rest/ai-personalizer").default;

const [url, key] = process.argv.slice(2);
const opened = (secret) => createClient(url, { key: secret }, { allowInsecureConnection: true });
const actions = ["tea", "soup", "cake"].map((id) => ({ id, features: [{ hot: id === "tea" }] }));
const slots = [
  { id: "hero", baselineAction: "tea", excludedActions: ["soup"] },
  { id: "side", baselineAction: "soup" },
];

async function main() {
  const client = opened(key);
  const found = {};
  const put = async (name, call) => {
    const answer = await call;
    const body = typeof answer.body === "string" ? answer.body.length : answer.body;
    found[name] = { status: Number(answer.status), body, headers: answer.headers };
    return answer.body;
  };
  const span = { startTime: "2020-01-01T00:00:00Z", endTime: "2100-01-01T00:00:00Z" };

  await put("rank", client.path("/rank").post({ body: { eventId: "js 1/x", actions, excludedActions: ["tea"] } }));
  const eventPath = (path) => client.path(path, "js 1/x");
  await put("reward", eventPath("/events/{eventId}/reward").post({ body: { value: 0.5 } }));
  await put("activate", eventPath("/events/{eventId}/activate").post());
  await put("multiSlotRank", client.path("/multislot/rank").post({ body: { eventId: "m", actions, slots } }));
  const reward = [{ slotId: "hero", value: 1 }];
  await put("multiSlotReward", client.path("/multislot/events/{eventId}/reward", "m").post({ body: { reward } }));
  await put("multiSlotActivate", client.path("/multislot/events/{eventId}/activate", "m").post());

  const configuration = await put("getConfiguration", client.path("/configurations/service").get());
  await put("putConfiguration", client.path("/configurations/service").put({ body: configuration }));
  const policy = await put("getPolicy", client.path("/configurations/policy").get());
  await put("putPolicy", client.path("/configurations/policy").put({ body: policy }));
  await put("resetPolicy", client.path("/configurations/policy").delete());

  const evaluation = { name: "js", ...span, enableOfflineExperimentation: false, policies: [] };
  const created = await put("createEvaluation", client.path("/evaluations").post({ body: evaluation }));
  await put("listEvaluations", client.path("/evaluations").get());
  let got;
  for (let n = 0; n < 300; n += 1) {
    got = await put("getEvaluation", client.path("/evaluations/{evaluationId}", created.id).get());
    if (got.status !== "pending") break;
    await new Promise((done) => setTimeout(done, 100));
  }
  const body = { evaluationId: created.id, policyName: "Online" };
  await put("applyEvaluation", client.path("/configurations/applyFromEvaluation").post({ body }));
  await put("deleteEvaluation", client.path("/evaluations/{evaluationId}", created.id).delete());

  await put("logsProperties", client.path("/logs/properties").get());
  await put("modelProperties", client.path("/model/properties").get());
  await put("resetModel", client.path("/model").delete());
  await put("signedModel", client.path("/model").get({ queryParameters: { signed: true } }));
  await put("deleteLogs", client.path("/logs").delete());
  const bytes = { body: "bytes", contentType: "application/octet-stream" };
  await put("importModel", client.path("/model").put(bytes));
  await put("interactions", client.path("/logs/interactions").post(bytes));
  await put("observations", client.path("/logs/observations").post(bytes));

  await put("empty", client.path("/rank").post({ body: { actions: [] } }));
  await put("stranger", opened("nobody's key").path("/rank").post({ body: { actions } }));
  console.log(JSON.stringify(found));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
