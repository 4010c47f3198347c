// The peer: bbc/sqs-consumer with a handler that does for a webhook what branchline does for a new pull request: prove it,
// read it, claim the row, make the pipeline, record it. As the documentation of sqs-consumer advises for throughput, it
// takes batches and deletes them as batches, and there are as many consumers as it takes to fill `concurrency`.
//
//   node peer.mjs ENDPOINT CONCURRENCY SAMPLES
//
// It is spared what a daemon needs beside: rules, claims that expire, retries, an audit trail worth the name, log lines.

import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { CodePipelineClient, CreatePipelineCommand } from "@aws-sdk/client-codepipeline";
import { DynamoDBClient, TransactWriteItemsCommand } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";

const SECRET = "It's a Secret to Everybody";
const BATCH = 10;

const [endpoint, concurrency, samples] = process.argv.slice(2);
const queueUrl = `${endpoint}/123456789012/webhooks`;
// The default of 50 connections a client would be the bottleneck.
const maxSockets = Math.max(50, Number(concurrency));
const settings = { endpoint, region: "eu-west-1", requestHandler: { httpAgent: { keepAlive: true, maxSockets } } };
const dynamodb = new DynamoDBClient(settings);
const codepipeline = new CodePipelineClient(settings);
const sqs = new SQSClient(settings);

// The daemon's own requests for one pull request, in which its number is found and replaced.
const requests = Object.entries(JSON.parse(readFileSync(samples, "utf8")));
const sample = Object.fromEntries(requests.map(([kind, text]) => [kind, JSON.parse(text)]));
const known = sample.create.pipeline.name.match(/\d+$/)[0];

function about(value, number) {
  if (typeof value === "string") return value.replaceAll(known, number);
  if (Array.isArray(value)) return value.map((one) => about(one, number));
  if (value === null || typeof value !== "object") return value;
  const copy = {};
  for (const key of Object.keys(value)) copy[key] = about(value[key], number);
  return copy;
}

function transaction(request, number) {
  return new TransactWriteItemsCommand({ TransactItems: about(request.TransactItems, number) });
}

function prove(message) {
  const signature = Buffer.from(message.MessageAttributes["X-Hub-Signature-256"].StringValue);
  const proof = Buffer.from(`sha256=${createHmac("sha256", SECRET).update(message.Body).digest("hex")}`);
  if (signature.length !== proof.length || !timingSafeEqual(signature, proof)) throw new Error("not GitHub's");
}

async function handle(message) {
  prove(message);
  const event = JSON.parse(message.Body);
  if (event.action !== "opened" || event.repository.full_name !== "acme/api") return message;
  const number = String(event.number);
  await dynamodb.send(transaction(sample.claim, number));
  await codepipeline.send(new CreatePipelineCommand(about(sample.create, number)));
  await dynamodb.send(transaction(sample.record, number));
  return message;
}

const consumers = Math.ceil(Number(concurrency) / BATCH);
for (let place = 0; place < consumers; place += 1) {
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
