-- wrk's side of the benchmark: slate requests of 10 actions with 5 features each, 3 slots; 2,000 different bodies a thread,
-- made before the clock starts so that the client takes little of the machine.
-- Arguments after `--`: API key, loop. Prints one line "RESULT {json}" at the end.

local topics = { "sport", "politics", "science", "travel", "food", "music" }
local forms = { "news", "essay", "photo", "video" }
local key, loop

local function action(number)
  return string.format(
    '{"id":"item-%d","features":{"topic":"%s","form":"%s","age_h":%.1f,"length":%d,"is_new":%s}}',
    number, topics[number % 6 + 1], forms[number % 4 + 1], number % 72 / 2, 200 + number % 900,
    number % 2 == 0 and "true" or "false")
end

local function body()
  local first, actions = math.random(0, 499), {}
  for i = 1, 10 do
    actions[i] = action((first + i * 37) % 500)
  end
  return string.format(
    '{"loop":"%s","user":"u-%d","context":{"device":"%s","hour":%d,"tier":"%s"},"actions":[%s],"slots":3}',
    loop, math.random(1, 100000), math.random() < 0.5 and "phone" or "desktop", math.random(0, 23),
    math.random() < 0.2 and "gold" or "plain", table.concat(actions, ","))
end

local requests, sent = {}, 0

local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("seed", threads)
end

function init(args)
  key, loop = args[1], args[2]
  math.randomseed(seed)
  wrk.method = "POST"
  wrk.headers["Authorization"] = "Bearer " .. key
  wrk.headers["Content-Type"] = "application/json"
  for i = 1, 2000 do
    requests[i] = wrk.format(nil, "/v1/slates", nil, body())
  end
end

function request()
  sent = sent % #requests + 1
  return requests[sent]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"n_requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"n_refused":%d,"n_broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
