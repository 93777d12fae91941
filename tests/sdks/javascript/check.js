// What the JavaScript SDK offers, used once each; a line per use that begins with "ok" or "FAIL".
import dapr from "@dapr/dapr";

const {
  AbstractActor, ActorId, ActorProxyBuilder, CommunicationProtocolEnum, DaprClient, DaprServer, DaprWorkflowClient,
  HttpMethod, Temporal, WorkflowRuntime,
} = dapr;
const { APP_ID, APP_PORT, DAPR_HTTP_PORT, DAPR_GRPC_PORT } = process.env;
const http = { daprHost: "127.0.0.1", daprPort: DAPR_HTTP_PORT, communicationProtocol: CommunicationProtocolEnum.HTTP };
const grpc = { daprHost: "127.0.0.1", daprPort: DAPR_GRPC_PORT, communicationProtocol: CommunicationProtocolEnum.GRPC };

async function check(name, use) {
  try {
    const got = await use();
    console.log(got ? "ok" : "FAIL", name, JSON.stringify(got));
  } catch (error) {
    console.log("FAIL", name, String(error));
  }
}

async function until(condition, milliseconds = 8000) {
  const end = Date.now() + milliseconds;
  while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
  return condition();
}

const events = [], batches = [], ticks = [], turns = [];

class Counter extends AbstractActor {
  async add(number) {
    const state = this.getStateManager();
    const [found, value] = await state.tryGetState("count");
    await state.setState("count", (found ? value : 0) + number);
    await state.saveState();
    return (found ? value : 0) + number;
  }
  async start() {
    const soon = Temporal.Duration.from({ milliseconds: 200 }), later = Temporal.Duration.from({ seconds: 3 });
    await super.registerActorTimer("timer", "onTimer", soon, soon, later, 5);
    await super.registerActorReminder("reminder", soon, soon, later, 7);
  }
  async stop() {
    await super.unregisterActorReminder("reminder");
    await super.unregisterActorTimer("timer");
  }
  async onTimer(data) { turns.push(["timer", data]); }
  async receiveReminder(data) { turns.push(["reminder", data]); }
}

const server = new DaprServer({ serverHost: "127.0.0.1", serverPort: APP_PORT, clientOptions: http });
await server.pubsub.subscribe("pubsub", "orders", async (event) => { events.push(event); });
await server.pubsub.subscribeBulk("pubsub", "batches", async (event) => { batches.push(event); });
await server.invoker.listen("hello", async (request) => ({ heard: request.body }), { method: HttpMethod.POST });
await server.binding.receive("tick", async () => { ticks.push(1); });
await server.actor.init();
server.actor.registerActor(Counter);
await server.start();
await until(() => false, 500); // subscriptions are read once the application answers

for (const options of [http, grpc]) {
  const client = new DaprClient(options), by = (name) => `${options === http ? "http" : "grpc"} ${name}`;
  await check(by("state"), async () => {
    await client.state.save("statestore", [{ key: "a", value: { x: 1 } }, { key: "b", value: "text" }]);
    return (await client.state.get("statestore", "a")).x === 1 && (await client.state.getBulk("statestore", ["a", "b"]));
  });
  await check(by("transaction"), async () => {
    const operations = [
      { operation: "upsert", request: { key: "k", value: "v" } }, { operation: "delete", request: { key: "a" } },
    ];
    await client.state.transaction("statestore", operations);
    return (await client.state.get("statestore", "k")) === "v";
  });
  await check(by("lock"), async () => {
    const taken = await client.lock.lock("lockstore", "door", "me", 10);
    return taken.success && (await client.lock.unlock("lockstore", "door", "me")).status === 0;
  });
  await check(by("secret"), async () => (await client.secret.get("secrets", "APP_ID")).APP_ID === APP_ID);
  await check(by("metadata"), async () => (await client.metadata.set("x", "y")) && (await client.metadata.get()).id === APP_ID);
  await check(by("health"), () => client.health.isHealthy());
  await check(by("publish"), async () => {
    const before = events.length;
    await client.pubsub.publish("pubsub", "orders", { n: 1 });
    await client.pubsub.publishBulk("pubsub", "orders", ["one", { n: 2 }]);
    return until(() => events.length === before + 3);
  });
  await check(by("bulk subscribe"), async () => {
    const before = batches.length;
    await client.pubsub.publishBulk("pubsub", "batches", ["x", "y"]);
    return until(() => batches.length > before);
  });
  await check(by("invoke"), async () => "heard" in (await client.invoker.invoke(APP_ID, "hello", HttpMethod.POST, { hi: 1 })));
}

await check("input binding", () => until(() => ticks.length));
const actor = new ActorProxyBuilder(Counter, new DaprClient(http)).build(new ActorId("one"));
await check("actor state", async () => (await actor.add(2)) === 2 && (await actor.add(3)) === 5);
await check("actor timers and reminders", async () => {
  await actor.start();
  const fired = await until(() => new Set(turns.map(String)).size === 2);
  await actor.stop();
  return fired && turns;
});
const client = new DaprClient(grpc);
await check("configuration", async () => "items" in (await client.configuration.get("settings", ["a"])));
await check("crypto", async () => {
  const key = { componentName: "vault", keyName: "rsa.pem", keyWrapAlgorithm: "RSA" };
  const document = await client.crypto.encrypt(Buffer.from("hello"), key);
  return (await client.crypto.decrypt(document, { componentName: "vault" })).toString() === "hello";
});
await check("workflow", async () => {
  const plus = async (_, number) => number + 1;
  const sum = async function* (context, count) {
    let total = 0;
    for (let number = 1; number <= count; number++) total += yield context.callActivity(plus, number);
    yield context.createTimer(0.1);
    yield context.waitForExternalEvent("go");
    return total;
  };
  const worker = new WorkflowRuntime(grpc), workflows = new DaprWorkflowClient(grpc);
  worker.registerWorkflowWithName("sum", sum).registerActivityWithName("plus", plus);
  await worker.start();
  const id = await workflows.scheduleNewWorkflow("sum", 4);
  await workflows.raiseEvent(id, "go");
  const state = await workflows.waitForWorkflowCompletion(id, true, 10);
  await worker.stop();
  await workflows.stop();
  return state.serializedOutput === "14";
});
process.exit(0);
