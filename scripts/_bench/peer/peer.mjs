// The peer: bbc/sqs-consumer with a handler that does the same as branchline for a new pull
// request or a push. It verifies the signature, parses the body, claims the row, creates or starts
// the pipeline and records it. As the documentation of sqs-consumer advises for throughput, it
// receives and deletes in batches, with as many consumers as `concurrency` needs.
//
//   node peer.mjs ENDPOINT CONCURRENCY SAMPLES
//
// It lacks what a daemon needs besides: rules, claims that expire, retries, an audit trail, and log
// lines.

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  CodePipelineClient,
  CreatePipelineCommand,
  ListTagsForResourceCommand,
  StartPipelineExecutionCommand,
} from "@aws-sdk/client-codepipeline";
import {
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";

const SECRET = "It's a Secret to Everybody";
const BATCH = 10;

const [endpoint, concurrency, samples] = process.argv.slice(2);
const queueUrl = `${endpoint}/123456789012/webhooks`;
// The default of 50 connections per client would be the bottleneck.
const maxSockets = Math.max(50, Number(concurrency));
const httpAgent = { keepAlive: true, maxSockets };
const settings = { endpoint, region: "eu-west-1", requestHandler: { httpAgent } };
const dynamodb = new DynamoDBClient(settings);
const codepipeline = new CodePipelineClient(settings);
const sqs = new SQSClient(settings);

// The requests of branchline for one pull request, whose number is replaced in each copy.
const requests = Object.entries(JSON.parse(readFileSync(samples, "utf8")));
const sample = Object.fromEntries(requests.map(([kind, text]) => [kind, JSON.parse(text)]));
const known = {
  opened: sample.create.pipeline.name.match(/\d+$/)[0],
  synchronize: sample.push_start.name.match(/\d+$/)[0],
};

function withNumber(value, known, number) {
  if (typeof value === "string") return value.replaceAll(known, number);
  if (Array.isArray(value)) return value.map((one) => withNumber(one, known, number));
  if (value === null || typeof value !== "object") return value;
  const copy = {};
  for (const key of Object.keys(value)) copy[key] = withNumber(value[key], known, number);
  return copy;
}

function verify(message) {
  const sent = Buffer.from(message.MessageAttributes["X-Hub-Signature-256"].StringValue);
  const digest = createHmac("sha256", SECRET).update(message.Body).digest("hex");
  const expected = Buffer.from(`sha256=${digest}`);
  if (sent.length !== expected.length || !timingSafeEqual(sent, expected)) {
    throw new Error("wrong signature");
  }
}

async function handle(message) {
  verify(message);
  const event = JSON.parse(message.Body);
  if (event.repository.full_name !== "acme/api") return message;
  const number = String(event.number);
  const copy = (kind) => withNumber(sample[kind], known[event.action], number);
  const transact = ({ TransactItems }) =>
    dynamodb.send(new TransactWriteItemsCommand({ TransactItems }));
  if (event.action === "opened") {
    const claimed = transact(copy("claim"));
    const read = sample.read && dynamodb.send(new GetItemCommand(copy("read")));
    await Promise.all([claimed, read]);
    await codepipeline.send(new CreatePipelineCommand(copy("create")));
    await transact(copy("record"));
  } else if (event.action === "synchronize") {
    await dynamodb.send(new BatchGetItemCommand(copy("push_read")));
    await dynamodb.send(new PutItemCommand(copy("push_claim")));
    await codepipeline.send(new ListTagsForResourceCommand(copy("push_tags")));
    await codepipeline.send(new StartPipelineExecutionCommand(copy("push_start")));
    await transact(copy("push_record"));
  }
  return message;
}

const consumers = Math.ceil(Number(concurrency) / BATCH);
for (let count = 0; count < consumers; count += 1) {
  const consumer = Consumer.create({
    queueUrl,
    sqs,
    batchSize: Math.ceil(Number(concurrency) / consumers),
    visibilityTimeout: 60,
    messageAttributeNames: ["All"],
    messageSystemAttributeNames: ["SentTimestamp", "ApproximateReceiveCount"],
    handleMessageBatch: (messages) => Promise.all(messages.map(handle)),
  });
  consumer.on("error", (error) => console.error(error));
  consumer.start();
}
